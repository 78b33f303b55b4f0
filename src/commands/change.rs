//! `fairway plan`, `apply` and `rollback`: policies of a live node are changed with care.
//!
//! The node does it all: it alone knows what is in force and what was decided. These commands ask it, and show.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use fairway_policies::FILE_ENDING;
use fairway_steering::{
    plan::{Applied, Plan, Proposal},
    revisions::Revision,
};
use serde_json::json;

use crate::{admin::Admin, cli, exit::Failure};

/// Says what the files would mean.
pub fn plan(args: &cli::Plan) -> Result<(), Failure> {
    let proposal = proposal(&args.paths)?;
    super::on_runtime(async |_| {
        let plan: Plan = Admin::at(&args.at)?.post("/api/v1/plans", &proposal).await?;
        let mut out = io::stdout().lock();
        if args.json {
            serde_json::to_writer_pretty(&mut out, &plan).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            write!(out, "{}", plan.render_text())?;
            if !plan.is_empty() {
                let really = if plan.breaches.is_empty() { "" } else { " --yes-really" };
                writeln!(out, "to make this change:  fairway apply {} --message \"…\"{really}", plan.id)?;
            }
        }
        if plan.is_empty() { Ok(()) } else { Err(Failure::changes()) }
    })
}

/// Makes a planned change.
pub fn apply(args: &cli::Apply) -> Result<(), Failure> {
    let cli::Apply { plan, message, author, yes_really, at } = args;
    let body = json!({ "plan": plan, "author": author, "message": message, "confirmed": yes_really });
    super::on_runtime(async |_| said(&Admin::at(at)?.post("/api/v1/revisions", &body).await?))
}

/// Brings an earlier revision back, or lists them.
pub fn rollback(args: &cli::Rollback) -> Result<(), Failure> {
    let cli::Rollback { to, list, message, author, at } = args;
    super::on_runtime(async |_| {
        let admin = Admin::at(at)?;
        if *list {
            return listed(&admin.get::<Vec<Revision>>("/api/v1/revisions", &[]).await?);
        }
        let body =
            json!({ "to": to, "author": author.as_deref().unwrap_or(""), "message": message.as_deref().unwrap_or("") });
        said(&admin.post("/api/v1/rollback", &body).await?)
    })
}

fn said(Applied { revision, before, services }: &Applied) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if services.is_empty() {
        writeln!(out, "nothing changed: revision {revision} is the same")?;
    } else {
        writeln!(out, "revision {revision} is in force: {} changed", services.join(", "))?;
        writeln!(out, "to undo it:  fairway rollback --to {before}")?;
    }
    Ok(())
}

fn listed(revisions: &[Revision]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for revision in revisions {
        let at = revision.at.format("%Y-%m-%d %H:%M:%S UTC");
        writeln!(out, "{:>6}  {at}  {}: {}", revision.number, revision.author, revision.message)?;
    }
    Ok(())
}

fn proposal(paths: &[PathBuf]) -> Result<Proposal, Failure> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| Failure::bad_input(format!("{path}: {error}"))
    };
    let (mut files, mut whole) = (BTreeMap::new(), false);
    let mut add = |path: &Path| {
        let text = fs::read_to_string(path).map_err(failed(path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match files.insert(name.clone(), text) {
            None => Ok(()),
            Some(_) => Err(Failure::bad_input(format!("{name} is named twice"))),
        }
    };
    for path in paths {
        if !path.is_dir() {
            add(path)?;
            continue;
        }
        whole = true;
        for entry in fs::read_dir(path).map_err(failed(path))? {
            let path = entry.map_err(failed(path))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(FILE_ENDING) && !name.starts_with('.') {
                add(&path)?;
            }
        }
    }
    Ok(Proposal { files, whole })
}
