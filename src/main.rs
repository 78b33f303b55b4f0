//! The `fairway` command: command line, configuration, and the wiring of the rooms. No logic of its own.
//!
//! Read [`cli`] for what can be asked, [`node`] for how the rooms are joined into a running node, [`bridges`] for the few
//! lines by which rooms that may not import each other still meet, [`admin`] for how a command asks a live node, and [`config`] for what a node can be told.

mod admin;
mod bridges;
mod cli;
mod commands;
mod config;
mod exit;
mod listeners;
mod node;

use std::{collections::BTreeMap, process::ExitCode};

use clap::Parser;

use crate::{
    cli::{Cli, Command},
    exit::{Code, Failure},
};

/// The environment, read once.
type Environment = BTreeMap<String, String>;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Code::Usage } else { Code::Done };
            // Nothing can be done about a closed terminal.
            error.print().ok();
            return ExitCode::from(code as u8);
        }
    };
    let environment: Environment =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    let done = match cli.command {
        Command::Run(args) => commands::run::run(&args, &environment),
        Command::Demo(args) => commands::demo::run(&args, &environment),
        Command::Check(args) => commands::check::run(&args, &environment, chrono::Utc::now()),
        Command::Fmt(args) => commands::fmt::run(&args),
        Command::Test(args) => commands::test::run(&args),
        Command::Schema => commands::schema::run(),
        Command::Explain(args) => commands::explain::run(&args, &environment),
        Command::Plan(args) => commands::change::plan(&args),
        Command::Apply(args) => commands::change::apply(&args),
        Command::Rollback(args) => commands::change::rollback(&args),
        Command::Override(what) => commands::override_::run(&what, chrono::Utc::now()),
        Command::Dnssec(what) => commands::dnssec::run(&what, &environment, chrono::Utc::now()),
        Command::Store(args) => commands::store::run(&args, &environment),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                eprintln!("{}", failure.message.trim_end());
            }
            ExitCode::from(failure.code as u8)
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            // Who reads what we print has seen enough, as `head` has.
            std::io::ErrorKind::BrokenPipe => Failure { code: Code::Done, message: String::new() },
            _ => Failure { code: Code::Bug, message: format!("error: {error}") },
        }
    }
}
