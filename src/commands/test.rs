//! `fairway test`: what a policy's author expects, held against what is decided.

use std::{
    io::{self, Write},
    sync::Arc,
};

use fairway_policies::Problem;
use fairway_steering::cases::{self, Outcome, Report};
use serde::Serialize;

use super::{count, files};
use crate::{
    cli::Test,
    exit::{Code, Failure},
};

/// What came of one file.
#[derive(Serialize)]
struct Tested {
    file: String,
    #[serde(flatten)]
    report: Report,
}

/// Runs the tests of each file; prints those that fail, with their explanation, and what no test reached.
pub fn run(args: &Test) -> Result<(), Failure> {
    let (files, mut problems) = files::read(&args.paths);
    let mut tested = Vec::new();
    for file in &files {
        match file.policy() {
            Ok(policy) => tested.push(Tested { file: file.name(), report: cases::run(&Arc::new(policy)) }),
            Err(found) => problems.extend(found.iter().map(Problem::render)),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::of_texts(&problems));
    }
    let mut out = io::stdout().lock();
    if args.json {
        let json = serde_json::to_string_pretty(&tested).map_err(io::Error::other)?;
        writeln!(out, "{json}")?;
    } else {
        tell(&mut out, &tested, args.coverage)?;
    }
    let failed: usize = tested.iter().map(|tested| tested.report.failed().count()).sum();
    match failed {
        0 => Ok(()),
        failed => Err(Failure { code: Code::BadInput, message: format!("{} failed", count(failed, "test")) }),
    }
}

fn tell(out: &mut impl Write, tested: &[Tested], coverage: bool) -> io::Result<()> {
    for Tested { file, report } in tested {
        report.failed().try_for_each(|outcome| tell_miss(out, file, outcome))?;
    }
    let mut covered = true;
    for Tested { file, report } in tested.iter().filter(|_| coverage) {
        for unreached in &report.unreached {
            covered = false;
            let place = format!("{file}:{}", unreached.line);
            writeln!(out, "{place}: step {}, {}: {}", unreached.step, unreached.title, unreached.branch.missing())?;
        }
    }
    if !covered {
        writeln!(out)?;
    }
    let tests: usize = tested.iter().map(|tested| tested.report.outcomes.len()).sum();
    let failed: usize = tested.iter().map(|tested| tested.report.failed().count()).sum();
    let passed = match (tests, failed) {
        (0, _) => "there are none".into(),
        (_, 0) => "all passed".into(),
        _ => format!("{} passed, {failed} failed", tests - failed),
    };
    let reached = if coverage && covered { ", and they reach all that the steps can do" } else { "" };
    writeln!(out, "{} in {}: {passed}{reached}", count(tests, "test"), count(tested.len(), "file"))
}

/// A test that failed: what was expected, what came, and why.
fn tell_miss(out: &mut impl Write, file: &str, outcome: &Outcome) -> io::Result<()> {
    writeln!(out, "failed: {}\n  --> {file}:{}", outcome.name, outcome.line)?;
    for miss in &outcome.misses {
        writeln!(out, "  {:7} expected {}\n          came     {}", miss.key, miss.expected, miss.came)?;
    }
    writeln!(out)?;
    if let Some(explanation) = &outcome.explanation {
        for line in explanation.render_text().lines() {
            let line = if line.is_empty() { String::new() } else { format!("    {line}") };
            writeln!(out, "{line}")?;
        }
    }
    writeln!(out)
}
