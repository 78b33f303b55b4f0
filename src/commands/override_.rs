//! `fairway override`: what operators force on a live node. When a command ends, the node's answers follow.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use fairway_dashboard::{
    format::{date_minutes, percent, span},
    model::{Affected, Force, Override, OverrideDone},
};
use serde_json::json;
use url::form_urlencoded::byte_serialize;

use crate::{
    admin::Admin,
    cli::{self, ClearOverride, ListOverrides, SetOverride},
    exit::Failure,
};

/// Sets, lists or clears.
pub fn run(what: &cli::Override, now: DateTime<Utc>) -> Result<(), Failure> {
    super::on_runtime(async |_| match what {
        cli::Override::Set(args) => set(args, now).await,
        cli::Override::List(args) => list(args, now).await,
        cli::Override::Clear(args) => clear(args).await,
    })
}

async fn set(args: &SetOverride, now: DateTime<Utc>) -> Result<(), Failure> {
    let mut body = json!({
        "service": args.service, "pathway": args.pathway,
        "force": args.state.force, "share": args.state.share,
        "asn": args.asn.map(|asn| asn.0),
        "author": args.author, "reason": args.reason,
        "expires_ms": args.until.map(|until| until.after(now).timestamp_millis()), "for_s": args.lasts,
    });
    let place =
        [("continent", args.continent.map(|c| c.to_string())), ("country", args.country.map(|c| c.to_string()))];
    for (key, code) in place {
        if let Some(code) = code {
            body[key] = code.into();
        }
    }
    let done: OverrideDone = Admin::at(&args.at)?.post("/api/v1/overrides", &body).await?;
    let mut out = io::stdout().lock();
    if args.json {
        return json_out(&mut out, &done);
    }
    let forced = &done.forced;
    let until = match forced.expires_ms {
        Some(at) => format!("until {} UTC", date_minutes(at)),
        None => "until it is cleared".into(),
    };
    let place = if forced.place == "everywhere" { String::new() } else { format!(" for {}", forced.place) };
    writeln!(out, "override {}: {}{place} {until}", forced.id, state(forced))?;
    affected(&mut out, &done)?;
    Ok(writeln!(out, "to take it back:  fairway override clear {}", forced.id)?)
}

async fn list(args: &ListOverrides, now: DateTime<Utc>) -> Result<(), Failure> {
    let list: Vec<Override> = Admin::at(&args.at)?.get("/api/v1/overrides", &[]).await?;
    let mut out = io::stdout().lock();
    if args.json {
        return json_out(&mut out, &list);
    }
    if list.is_empty() {
        return Ok(writeln!(out, "nothing is forced")?);
    }
    let head = ["ID", "SERVICE", "PATHWAY", "STATE", "FOR", "SINCE (UTC)", "UNTIL (UTC)", "BY", "WHY"];
    let row = |forced: &Override| {
        let until = match forced.expires_ms {
            Some(at) => format!("{} ({} left)", date_minutes(at), span(at - now.timestamp_millis())),
            None => "cleared".into(),
        };
        vec![
            forced.id.to_string(),
            forced.service.clone(),
            forced.pathway.clone(),
            state(forced),
            forced.place.clone(),
            date_minutes(forced.since_ms),
            until,
            forced.author.clone(),
            forced.reason.clone(),
        ]
    };
    let rows = std::iter::once(head.map(str::to_owned).to_vec()).chain(list.iter().map(row));
    table(&mut out, rows)?;
    Ok(writeln!(out, "A later one goes before an earlier.")?)
}

async fn clear(args: &ClearOverride) -> Result<(), Failure> {
    let author: String = byte_serialize(args.author.as_bytes()).collect();
    let path = format!("/api/v1/overrides/{}?author={author}", args.id);
    let done: OverrideDone = Admin::at(&args.at)?.delete(&path).await?;
    let mut out = io::stdout().lock();
    let forced = &done.forced;
    writeln!(out, "override {} is cleared: {} was {}, by {}", forced.id, forced.pathway, state(forced), forced.author)?;
    affected(&mut out, &done)
}

fn state(forced: &Override) -> String {
    match (forced.force, forced.share) {
        (Force::Up, _) => "up".into(),
        (Force::Down, _) => "down".into(),
        (Force::Drained, _) => "drained".into(),
        (Force::Share, share) => percent(f64::from(share.unwrap_or_default())),
    }
}

/// The pathways that it speaks of with what is found of them, and what its author should know.
fn affected(out: &mut impl Write, done: &OverrideDone) -> Result<(), Failure> {
    let found = |a: &Affected| {
        let found = format!("found {}: {}", a.health.word().to_lowercase(), a.cause);
        vec![format!("  {}", a.service), a.pathway.clone(), found]
    };
    table(out, done.forced.affects.iter().map(found))?;
    done.warnings.iter().try_for_each(|warning| writeln!(out, "warning: {warning}"))?;
    Ok(())
}

fn json_out(out: &mut impl Write, value: &impl serde::Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Columns as wide as they need to be, two spaces apart; the last as it is.
fn table(out: &mut impl Write, rows: impl Iterator<Item = Vec<String>>) -> io::Result<()> {
    let rows: Vec<Vec<String>> = rows.collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = if column + 1 == row.len() { 0 } else { width(column).unwrap_or(0) + 2 };
            line += &format!("{cell:width$}");
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}
