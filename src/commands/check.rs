//! `fairway check`: start-up stopped early. It reads what a node would read, by the same functions, and says more of it.
//!
//! Files that are named are checked as they are, on any machine. Without names, or with `--config`, it is a node that is
//! checked: its configuration, and the certificate, keys, policies and zones that this names.

use std::{
    io::{self, Write},
    path::Path,
};

use chrono::{DateTime, Utc};
use fairway_dns::Zones;
use fairway_policies::{Policy, Problem, lint};
use fairway_steering::sources::{self, Refused, SourceError};

use super::{
    count,
    files::{self, File},
};
use crate::{
    Environment, cli,
    cli::Check,
    exit::{Code, Failure},
    node::prepare::dns_files,
};

/// Checks each path; prints every problem there is.
pub fn run(args: &Check, environment: &Environment, now: DateTime<Utc>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut paths = args.paths.clone();
    let mut of_node = None;
    if args.config.is_some() || paths.is_empty() {
        let run = cli::Run { config: args.config.clone(), show_config: false };
        let config = super::config(&run, environment)?;
        of_node = dns_files(&config).err().map(|failure| failure.message);
        if paths.is_empty() {
            paths.push(config.policies);
        }
    }
    let (files, mut errors) = files::read(&paths);
    errors.extend(of_node);
    let mut warnings = Vec::new();
    for file in &files {
        match file.policy() {
            Ok(policy) => {
                tell(&mut out, &policy)?;
                warnings.extend(lint(&file.name(), &policy, now.into()).iter().map(Problem::render));
            }
            Err(problems) => errors.extend(problems.iter().map(Problem::render)),
        }
    }
    for folder in paths.iter().filter(|path| path.is_dir()) {
        let (wrong, doubtful) = together(folder, &files);
        errors.extend(wrong);
        warnings.extend(doubtful);
    }

    let warned = warnings.len();
    let mut problems = warnings;
    problems.extend(errors);
    match (problems.len() - warned, warned) {
        (0, 0) => Ok(()),
        (0, warned) if !args.deny_warnings => {
            problems.iter().for_each(|problem| eprintln!("{}\n", problem.trim_end()));
            eprintln!("{}", count(warned, "warning"));
            Ok(())
        }
        (errors, warned) => {
            let counts = [count(errors, "error"), count(warned, "warning")];
            let counts: Vec<_> = counts.into_iter().filter(|count| !count.starts_with("0 ")).collect();
            Err(Failure { code: Code::BadInput, message: told(&problems) + &counts.join(", ") })
        }
    }
}

/// What is wrong with the files of a folder together, each of which may be right in itself; and what had better be otherwise.
fn together(folder: &Path, files: &[File]) -> (Vec<String>, Vec<String>) {
    let policies: Vec<Policy> =
        files.iter().filter(|file| file.path.parent() == Some(folder)).filter_map(|file| file.policy().ok()).collect();
    let mut errors: Vec<String> = sources::names_twice(&policies).iter().map(render).collect();
    let mut warnings = Vec::new();
    match Zones::load(folder) {
        Ok(zones) => {
            errors.extend(unsteered(&policies, &zones));
            warnings.extend(zones.iter().flat_map(|zone| &zone.warnings).map(|warning| format!("warning: {warning}")));
        }
        Err(error) => errors.push(format!("error: {error}")),
    }
    (errors, warnings)
}

fn tell(out: &mut impl Write, policy: &Policy) -> io::Result<()> {
    let parts = [("pathway", policy.pathways.len()), ("step", policy.steps.len()), ("test", policy.tests.len())];
    let parts: Vec<String> = parts.into_iter().map(|(word, number)| count(number, word)).collect();
    let names =
        if policy.names.is_empty() { "HTTP only".into() } else { format!("steers {}", policy.names.join(", ")) };
    writeln!(out, "{}: {}, {names}", policy.service, parts.join(", "))
}

/// Steered names that no zone here would answer.
fn unsteered(policies: &[Policy], zones: &Zones) -> Vec<String> {
    let names = policies.iter().flat_map(|policy| policy.names.iter().map(move |name| (policy, name)));
    names
        .filter(|(_, name)| !zones.covers(name))
        .map(|(policy, name)| {
            format!("error: {}: {name} is in none of the zone files here: DNS would refuse it", policy.service)
        })
        .collect()
}

/// As a diagnostic, where the file's line is known.
fn render(error: &SourceError) -> String {
    match error {
        SourceError::Problem(problem) => problem.render(),
        other => format!("error: {other}"),
    }
}

fn told(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("{}\n\n", problem.trim_end())).collect()
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Failure::of_texts(&refused.0.iter().map(render).collect::<Vec<_>>())
    }
}
