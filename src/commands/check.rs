//! `fairway check`: start-up stopped early. It reads what a node would read, by the same functions.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use fairway_dns::Zones;
use fairway_policies::{Policy, parse};
use fairway_steering::sources::{self, SourceError};

use crate::exit::{Code, Failure};

/// Checks each path; prints every problem there is.
pub fn run(paths: &[PathBuf]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let (mut message, mut count) = (String::new(), 0);
    let mut problem = |text: String| {
        message.push_str(text.trim_end());
        message.push_str("\n\n");
        count += 1;
    };
    for path in paths {
        if path.is_dir() {
            match sources::read(path) {
                Ok(policies) => {
                    policies.iter().try_for_each(|policy| tell(&mut out, policy))?;
                    match Zones::load(path) {
                        Ok(zones) => unsteered(&policies, &zones).into_iter().for_each(&mut problem),
                        Err(error) => problem(format!("error: {error}")),
                    }
                }
                Err(refused) => refused.0.iter().map(render).for_each(&mut problem),
            }
        } else {
            match check_file(path) {
                Ok(policy) => tell(&mut out, &policy)?,
                Err(problems) => problems.into_iter().for_each(&mut problem),
            }
        }
    }
    if count == 0 {
        return Ok(());
    }
    let plural = if count == 1 { "" } else { "s" };
    message.push_str(&format!("{count} problem{plural}"));
    Err(Failure { code: Code::BadInput, message })
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
pub fn render(error: &SourceError) -> String {
    match error {
        SourceError::Problem(problem) => problem.render(),
        other => format!("error: {other}"),
    }
}
