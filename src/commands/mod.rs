//! One file a command.

pub mod change;
pub mod check;
pub mod demo;
pub mod dnssec;
pub mod explain;
mod files;
pub mod fmt;
pub mod override_;
pub mod run;
pub mod schema;
pub mod store;
pub mod test;

use std::{fs, future::Future, path::Path};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::{
    Environment, cli,
    config::{Config, Layers},
    exit::Failure,
};

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "fairway.toml";

/// Reads the configuration's layers.
fn layers(args: &cli::Run, environment: &Environment) -> Result<Layers, Failure> {
    let path = args.config.as_deref();
    let file = match path.or_else(|| Path::new(DEFAULT_FILE).exists().then_some(Path::new(DEFAULT_FILE))) {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|e| Failure::bad_input(format!("{}: {e}", path.display())))?;
            Some((path.to_string_lossy().into_owned(), text))
        }
        None => None,
    };
    let file = file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    Layers::read(file, environment.clone()).map_err(|problems| Failure::problems(&problems))
}

/// Reads the configuration.
fn config(args: &cli::Run, environment: &Environment) -> Result<Config, Failure> {
    Config::from_layers(&layers(args, environment)?).map_err(|problems| Failure::problems(&problems))
}

/// Log lines go to standard error; what a command says goes to standard output.
fn start_log(filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| Failure::bad_input(format!("`log`: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    Ok(())
}

/// Runs `work` on a runtime of its own; its token is cancelled by SIGTERM or SIGINT.
fn on_runtime<F>(work: impl FnOnce(CancellationToken) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    // The only provider that is linked in; a second installation would be a bug of ours.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("TLS was already set up");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let asked = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            asked.cancel();
        });
        work(shutdown).await
    })
}

/// `1 warning`, `2 warnings`.
fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
