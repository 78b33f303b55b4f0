//! Saves snapshots, one at a time, off the loop.

use std::{
    io, mem,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::{JoinHandle, spawn_blocking};

use crate::{live::Live, snapshot::Saved};

/// What a swap changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swap {
    /// A verdict, an order, a policy: worth saving now.
    Answers,
    /// Only the numbers behind them.
    Numbers,
}

/// Knows when to save.
#[derive(Debug)]
pub(super) struct Saver {
    file: PathBuf,
    every: Duration,
    due: Option<Instant>,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl Saver {
    /// The first snapshot of a start is due at once: its number is taken.
    pub(super) fn new(file: PathBuf, every: Duration) -> Self {
        Self { file, every, due: Some(Instant::now()), running: None }
    }

    /// A snapshot was swapped in.
    pub(super) fn note(&mut self, swap: Swap) {
        let now = Instant::now();
        let due = if swap == Swap::Answers { now } else { now + self.every };
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Saves if it is time and the last save has ended.
    pub(super) async fn tick(&mut self, live: &Arc<Live>) {
        if self.running.as_ref().is_some_and(JoinHandle::is_finished) {
            self.end().await;
        }
        if self.running.is_none() && self.due.is_some_and(|due| due <= Instant::now()) {
            self.begin(live);
        }
    }

    /// Saves what is not saved yet, and waits for it.
    pub(super) async fn finish(&mut self, live: &Arc<Live>) {
        self.end().await;
        if self.due.is_some() {
            self.begin(live);
            self.end().await;
        }
    }

    fn begin(&mut self, live: &Arc<Live>) {
        self.due = None;
        let (snapshot, file) = (live.snapshot(), self.file.clone());
        self.running = Some(spawn_blocking(move || Saved::of(&snapshot).save(&file)));
    }

    /// Waits for the running save. One that failed leaves the file before it, and is due again after a while.
    async fn end(&mut self) {
        let Some(running) = mem::take(&mut self.running) else { return };
        if let Err(error) = running.await.map_err(io::Error::other).flatten() {
            tracing::warn!(file = %self.file.display(), %error, "the snapshot was not saved");
            self.note(Swap::Numbers);
        }
    }
}
