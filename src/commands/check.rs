//! `fairway check`: start-up stopped early. It reads what a node would read, by the same functions.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use fairway_dns::Zones;
use fairway_policies::{Policy, parse};
use fairway_steering::sources::{self, Refused, SourceError};

use crate::exit::Failure;

/// Checks each path; prints every problem there is.
pub fn run(paths: &[PathBuf]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut problems = Vec::new();
    for path in paths {
        if path.is_dir() {
            match sources::read(path) {
                Ok(policies) => {
                    policies.iter().try_for_each(|policy| tell(&mut out, policy))?;
                    match Zones::load(path) {
                        Ok(zones) => problems.extend(unsteered(&policies, &zones)),
                        Err(error) => problems.push(format!("error: {error}")),
                    }
                }
                Err(refused) => problems.extend(refused.0.iter().map(render)),
            }
        } else {
            match check_file(path) {
                Ok(policy) => tell(&mut out, &policy)?,
                Err(found) => problems.extend(found),
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::of_texts(&problems)) }
}

fn check_file(path: &Path) -> Result<Policy, Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|error| vec![format!("error: {}: {error}", path.display())])?;
    parse(&path.to_string_lossy(), &text).map_err(|problems| problems.iter().map(|p| p.render()).collect())
}

fn tell(out: &mut impl Write, policy: &Policy) -> io::Result<()> {
    let (pathways, steps) = (policy.pathways.len(), policy.steps.len());
    writeln!(out, "{}: {pathways} pathways, {steps} steps, steers {}", policy.service, policy.names.join(", "))
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

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Failure::of_texts(&refused.0.iter().map(render).collect::<Vec<_>>())
    }
}
