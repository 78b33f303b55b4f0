//! `fairway dnssec`: words around the changes that [`ZoneKeys`] makes.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use fairway_dashboard::format::{date_minutes, span};
use fairway_dns::dnssec::{Announced, KeyError, KeyId, Phase, Status, Task, ZoneKeys};
use serde_json::{Value, json};

use crate::{
    Environment,
    cli::{self, Dnssec},
    exit::{Code, Failure},
};

/// Does it, and says how things stand.
pub fn run(what: &Dnssec, environment: &Environment, now: DateTime<Utc>) -> Result<(), Failure> {
    let data_dir = |config: &Option<PathBuf>| -> Result<PathBuf, Failure> {
        let run = cli::Run { config: config.clone(), show_config: false };
        Ok(super::config(&run, environment)?.data_dir)
    };
    let open = |of: &cli::ZoneOf| Ok::<_, Failure>(ZoneKeys::open(&data_dir(&of.config)?, &of.zone)?);
    let mut out = io::stdout().lock();
    let status = match what {
        Dnssec::Status(args) => return status(&mut out, &data_dir(&args.config)?, args, now),
        Dnssec::Ds(of) => {
            let status = open(of)?.status(now);
            if let (Announced::Nothing, Some(until)) = (&status.plan.announced, status.plan.until) {
                eprintln!("not for the parent before {} UTC", date_minutes(until.timestamp_millis()));
            }
            return Ok(status.ds.iter().try_for_each(|ds| writeln!(out, "{ds}"))?);
        }
        Dnssec::Init(args) => {
            ZoneKeys::init(&data_dir(&args.of.config)?, &args.of.zone, args.algorithm, now)?.status(now)
        }
        Dnssec::Roll(args) => {
            let mut keys = open(&args.of)?;
            keys.roll(args.algorithm, args.emergency, now)?;
            keys.status(now)
        }
        Dnssec::DsSeen(args) => {
            let mut keys = open(&args.of)?;
            keys.ds_seen(args.ttl, now)?;
            keys.status(now)
        }
        Dnssec::Unsign(of) => {
            let mut keys = open(of)?;
            keys.unsign(now)?;
            keys.status(now)
        }
    };
    tell(&mut out, &status, now)?;
    Ok(writeln!(out, "\nReload the node (SIGHUP), and copy the zone's keys to each other node that serves it.")?)
}

fn status(out: &mut impl Write, data_dir: &Path, args: &cli::KeysStatus, now: DateTime<Utc>) -> Result<(), Failure> {
    let zones = match &args.zone {
        Some(zone) => vec![ZoneKeys::open(data_dir, zone)?],
        None => ZoneKeys::all(data_dir)?,
    };
    let zones: Vec<Status> = zones.iter().map(|zone| zone.status(now)).collect();
    if args.json {
        let zones: Vec<Value> = zones.iter().map(as_json).collect();
        serde_json::to_writer_pretty(&mut *out, &zones).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    if zones.is_empty() {
        return Ok(writeln!(out, "no zone is signed; `fairway dnssec init ZONE` makes a zone's first key")?);
    }
    for (i, zone) in zones.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        tell(out, zone, now)?;
    }
    Ok(())
}

/// A zone, as people read it.
fn tell(out: &mut impl Write, status: &Status, now: DateTime<Utc>) -> io::Result<()> {
    let (zone, plan) = (&status.origin, &status.plan);
    writeln!(out, "{zone}: {}, {}", plan.phase, meaning(plan.phase))?;
    for key in &status.keys {
        writeln!(out, "  key    {key}: {}", does(status, *key))?;
    }
    if let Some(until) = plan.until.map(|until| until.timestamp_millis()) {
        let left = span(until - now.timestamp_millis());
        writeln!(out, "  next   {} UTC (in {left}), by itself: {}", date_minutes(until), next(plan.phase))?;
    }
    match plan.task {
        None if plan.until.is_some() => writeln!(out, "  to do  nothing yet")?,
        None => writeln!(out, "  to do  nothing")?,
        Some(Task::SubmitDs(_)) => {
            writeln!(
                out,
                "  to do  have the parent publish this DS record and no other (CDS and CDNSKEY ask for it too):"
            )?;
            status.ds.iter().try_for_each(|ds| writeln!(out, "           {ds}"))?;
            writeln!(
                out,
                "         when all its servers have it: fairway dnssec ds-seen {zone} --ttl <TTL of the DS>"
            )?;
        }
        Some(Task::WithdrawDs) => {
            writeln!(
                out,
                "  to do  have the parent remove every DS record of {zone} (CDS and CDNSKEY ask for it too)"
            )?;
            writeln!(
                out,
                "         when none of its servers has one: fairway dnssec ds-seen {zone} --ttl <TTL of the DS>"
            )?;
        }
    }
    Ok(())
}

/// What a key is in use for.
fn does(status: &Status, key: KeyId) -> String {
    let plan = &status.plan;
    let asked = matches!(&plan.announced, Announced::Keys(keys) if keys.contains(&key));
    let uses =
        [(plan.published.contains(&key), "in DNSKEY"), (plan.signing.contains(&key), "signs"), (asked, "in CDS")];
    let uses: Vec<_> = uses.into_iter().filter_map(|(used, word)| used.then_some(word)).collect();
    if uses.is_empty() { "not in use".into() } else { uses.join(", ") }
}

fn meaning(phase: Phase) -> &'static str {
    match phase {
        Phase::Introducing => "signed, while caches may still hold unsigned answers",
        Phase::Submitting => "the parent has yet to publish the DS of the key",
        Phase::Secure => "signed, and known to be",
        Phase::Presigning => "the new algorithm's signatures are spreading, before its key is shown",
        Phase::Publishing => "the new key is spreading to caches, before anything needs it",
        Phase::Retiring => "the parent has the new DS; the old key stays until caches have let go of it",
        Phase::Cleaning => "the old key is no longer shown; it signs until caches have forgotten it",
        Phase::Withdrawing => "the parent has yet to remove the DS; everything stays signed until then",
        Phase::Expiring => "the DS is gone; the zone stays signed until no cache has one",
        Phase::Unsigned => "without signatures",
    }
}

fn next(phase: Phase) -> &'static str {
    match phase {
        Phase::Introducing => "CDS asks the parent for the DS; it may have it then, not before",
        Phase::Presigning => "the new key is shown in DNSKEY",
        Phase::Publishing => "the new key signs, and CDS asks the parent for it",
        Phase::Retiring => "the old key is no longer shown",
        Phase::Cleaning => "the old key no longer signs, and the roll is over",
        Phase::Expiring => "the zone is served without signatures",
        // These wait for somebody, or for nothing.
        Phase::Submitting | Phase::Secure | Phase::Withdrawing | Phase::Unsigned => "",
    }
}

fn as_json(status: &Status) -> Value {
    let plan = &status.plan;
    let names = |keys: &[KeyId]| keys.iter().map(KeyId::to_string).collect::<Vec<_>>();
    json!({
        "zone": status.origin, "phase": plan.phase.to_string(), "keys": names(&status.keys),
        "published": names(&plan.published), "signing": names(&plan.signing), "ds": status.ds,
        "until": plan.until,
        "task": plan.task.map(|task| match task {
            Task::SubmitDs(_) => "publish_ds",
            Task::WithdrawDs => "remove_ds",
        }),
    })
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::File { .. } | KeyError::NoRandomness(_) => Failure::unavailable(error),
            KeyError::Unwritten(_) => Failure { code: Code::Bug, message: format!("error: {error}") },
            _ => Failure::bad_input(error),
        }
    }
}
