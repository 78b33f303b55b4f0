//! The control loop: gathers what is known, and swaps the snapshot when it changed.
//!
//! **Who waits for whom.** Everything slow is a task that sends what it found: one per probe, one that fetches cells, one
//! that watches the policy folder, one that saves, one that tells the webhook. The loop alone holds state; it takes one message at a time
//! and never waits for any of them. A store that hangs delays cells and nothing else.
//!
//! **When a snapshot is made.** At once when a verdict, a standing or a policy changed: a fault reaches the
//! answers some microseconds after the probe that found it, not at the next tick. The tick (every second) is for what
//! depends on time alone: decision history, status, looking at the policy folder, saving.
//!
//! **Cells: [`WINDOW`] and `FETCH_EVERY`.** Players report every ten seconds or so, and the store keeps cells in buckets
//! of ten seconds. Thirty seconds hears each player about three times, so that one lost report does not look like silence;
//! and a pathway that fails every request has failed half of those in the window fifteen seconds after it began. A minute would
//! have twice the samples and half that speed; samples are what the wider audiences are for. Beacons are seconds old
//! already, so a fetch every two seconds loses nothing that matters and halves the store's work.
//!
//! **Start.** Policies are read first, and one that is broken refuses the start: nothing answers yet, so nothing is lost. Then
//! what was saved is put under them, and the first snapshot stands before any probe or cell: the node answers as it did when
//! it ended. A saved snapshot that cannot be read is said and left aside, for a cold start is better than none.
//!
//! **Reload.** When a file's time or size changed, or when asked. Broken: the old policies stay, all of them, since half a reload
//! is a state that nobody wrote; the refusal stands in [`Status`](crate::live::Status) until a reload succeeds. What is known of pathways
//! that stay is kept.
//!
//! **The store is down.** The last cells stay, with their age; standings stay, for no news is no reason to move anyone;
//! viewers count as silent, so that what they last said of a pathway clears in time (see [`health`](crate::health)). When it
//! is back it first knows nothing of the time it was away; that is no news either, so until the beacons that waited are in
//! (at most a window long), standings and demand stay.
//!
//! **Overrides** are given by operators at any time, and the loop is woken: answers follow some microseconds later, and who
//! gave one is answered when they do ([`Live::force`]). At the tick those whose time is over end, and ramps go on.
//!
//! **Saving.** At once when a verdict or an order changed, else at most every [`SAVE_EVERY`]: numbers alone are worth little
//! after a restart and not worth an fsync a second. And at the end.

mod gather;
mod orders;
mod save;
mod state;
#[cfg(test)]
mod tests;
mod traffic;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use chrono::Utc;
use fairway_geo::GeoTable;
use tokio::{sync::mpsc, task::JoinHandle, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    cells::CellSource,
    demand::Webhook,
    health::Probes,
    live::Live,
    overrides::{self, Overrides},
    revisions::Revisions,
    snapshot::{LoadError, Saved},
    sources::{self, Look, Refused},
};
use gather::Found;
pub use gather::WINDOW;
use save::Saver;
use state::State;

/// From one tick to the next.
const TICK: Duration = Duration::from_secs(1);
/// From one fetch of cells to the next.
const FETCH_EVERY: Duration = Duration::from_secs(2);
/// At most so often is a snapshot saved in which only numbers changed.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// What is found waits here for the loop; a full queue slows its finders down, which is right.
const QUEUE: usize = 64;

/// Where the loop finds things, and whom it tells.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of `*.policy.toml` files.
    pub policies: PathBuf,
    /// `snapshot.json` and `overrides.json` are here; made if missing.
    pub data_dir: PathBuf,
    /// Who is told when demand crosses a trigger.
    pub webhook: Option<Url>,
    /// Where what is found in the folder is remembered.
    pub revisions: Arc<Revisions>,
}

/// Why the node cannot start. The operator's to mend; a retry changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something is wrong with the policies; the text is all of it.
    #[error("{0}")]
    Policies(Refused),
    /// What operators forced cannot be read.
    #[error("{0}")]
    Overrides(overrides::LoadError),
    /// The data folder cannot be made.
    #[error("{}: {error}", path.display())]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// No HTTPS to the webhook, for want of root certificates most likely.
    #[error("the webhook cannot be called: {0}")]
    Webhook(reqwest::Error),
}

/// Starts the loop. When this returns there is a snapshot to answer from. The task ends some time after `shutdown`, when the
/// last snapshot is saved. A rustls crypto provider must have been installed, for probes.
pub async fn start(
    config: Config,
    geo: Arc<GeoTable>,
    cells: impl CellSource,
    shutdown: CancellationToken,
) -> Result<(Arc<Live>, JoinHandle<()>), StartError> {
    let now = Utc::now();
    tokio::fs::create_dir_all(&config.data_dir)
        .await
        .map_err(|error| StartError::DataDir { path: config.data_dir.clone(), error })?;
    let look = Look::at(&config.policies);
    let policies = sources::read(&config.policies).map_err(StartError::Policies)?;
    gather::remember(&config.revisions, &policies);
    let file = config.data_dir.join("snapshot.json");
    let saved = Saved::load(&file).unwrap_or_else(|error: LoadError| {
        tracing::warn!(%error, "the saved snapshot is left aside: verdicts and standings start from nothing");
        None
    });
    let overrides = Overrides::open(config.data_dir.join("overrides.json"), now).map_err(StartError::Overrides)?;
    let (found, mut finds) = mpsc::channel(QUEUE);
    let (probed, mut outcomes) = mpsc::channel(QUEUE);
    let probes = Probes::new(probed, now.timestamp_micros().unsigned_abs());
    let (mut state, live) = State::start(policies, saved, overrides, geo, probes, now);
    state.webhook =
        Webhook::start(config.webhook, live.deliveries.clone(), shutdown.clone()).map_err(StartError::Webhook)?;

    let mut ordered = live.overrides.watch();
    let loop_live = live.clone();
    let task = tokio::spawn(async move {
        let fetching = gather::fetch(cells, FETCH_EVERY, found.clone());
        let watching = gather::watch(config.policies, config.revisions, look, TICK, loop_live, found);
        let (fetching, watching) = (gather::spawn(fetching), gather::spawn(watching));
        let mut saver = Saver::new(file, SAVE_EVERY);
        let mut ticker = tokio::time::interval(TICK);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some((pathway, outcome)) = outcomes.recv() => state.probed(&pathway, &outcome, Utc::now()),
                Some(find) = finds.recv() => match find {
                    Found::Cells(cells) => state.fetched(cells, Utc::now()),
                    Found::Policies(policies, revision) => state.read(policies, revision, Utc::now()),
                },
                Ok(()) = ordered.changed() => state.take_orders(),
                _ = ticker.tick() => {
                    state.tick(Utc::now());
                    saver.tick(state.live()).await;
                }
            }
            if let Some(swap) = state.publish(Utc::now()) {
                saver.note(swap);
            }
        }
        drop((fetching, watching));
        saver.finish(state.live()).await;
    });
    Ok((live, task))
}
