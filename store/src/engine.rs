//! The child process. (Skeleton.)

use std::{ffi::OsString, path::PathBuf, time::SystemTime};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::StoreMetrics;

/// How to start the child.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The executable: this one.
    pub program: PathBuf,
    /// Its arguments, as in `store --path data/store`.
    pub args: Vec<OsString>,
}

/// Where the engine stands.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineState {
    /// Being started.
    Starting,
    /// Answers at this URL.
    Up { url: String },
    /// Not running; will be started again.
    Down { why: String, since: SystemTime },
}

/// Supervises the child; the last clone's drop kills it.
#[derive(Debug)]
pub struct Engine {
    state: watch::Receiver<EngineState>,
}

impl Engine {
    /// Starts the child and keeps it running until `shutdown`.
    pub fn start(_options: EngineOptions, _metrics: StoreMetrics, _shutdown: CancellationToken) -> Self {
        let (_, state) = watch::channel(EngineState::Starting);
        Self { state }
    }
    /// Its state, as it changes.
    pub fn state(&self) -> watch::Receiver<EngineState> {
        self.state.clone()
    }
    /// Waits until the child has closed its files and is gone. Cancel `shutdown` first.
    pub async fn stopped(self) {}
}
