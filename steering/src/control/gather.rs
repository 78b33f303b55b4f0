//! The tasks that find things out for the loop. Each ends when the loop does.

use std::{future::Future, path::PathBuf, sync::Arc, time::Duration};

use chrono::Utc;
use fairway_policies::Policy;
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    cells::{CellRow, CellSource, CellsUnavailable},
    event::Signed,
    live::Live,
    revisions::{self, Revision, Revisions},
    sources::{self, Look, Refused},
};

/// Over which cells are asked for; the page in [`super`] says why.
pub const WINDOW: Duration = Duration::from_secs(30);
/// A store that has not answered by now counts as down; the next fetch is the retry.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// What a task found.
pub(super) enum Found {
    Cells(Result<Vec<CellRow>, CellsUnavailable>),
    /// And the revision that they are.
    Policies(Result<Vec<Policy>, Refused>, Option<Signed>),
}

/// Runs a task that stops when the handle is dropped.
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// Fetches cells, one fetch at a time.
pub(super) async fn fetch(source: impl CellSource, every: Duration, found: mpsc::Sender<Found>) {
    let mut ticker = interval(every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticker.tick().await;
        let cells = timeout(FETCH_TIMEOUT, source.cells(WINDOW)).await;
        let cells = cells
            .unwrap_or_else(|_| Err(CellsUnavailable(format!("the store did not answer within {FETCH_TIMEOUT:?}"))));
        if found.send(Found::Cells(cells)).await.is_err() {
            return;
        }
    }
}

/// Keeps these policies as a revision, if they are not the one in force, and tells which they are. Blocks. Memory is not
/// worth an answer: where it fails, that is said and all goes on.
pub(super) fn remember(revisions: &Revisions, policies: &[Policy]) -> Option<Signed> {
    if let Err(error) = revisions.found(revisions::files(policies), Utc::now()) {
        tracing::warn!(%error, "what the policies are now is not kept as a revision");
        return None;
    }
    revisions.newest().map(|Revision { number, author, message, .. }| Signed { number, author, message })
}

/// Reads the policies when the folder looks different from `seen`, or when asked to.
pub(super) async fn watch(
    folder: PathBuf,
    revisions: Arc<Revisions>,
    mut seen: Look,
    every: Duration,
    live: Arc<Live>,
    found: mpsc::Sender<Found>,
) {
    let mut ticker = interval(every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            _ = ticker.tick() => false,
            () = live.reload.notified() => true,
        };
        let (folder, revisions, before) = (folder.clone(), revisions.clone(), seen.clone());
        // Looked at before it is read: a change in between is seen at the next look.
        let looked = spawn_blocking(move || {
            let look = Look::at(&folder);
            let read = (asked || look != before).then(|| sources::read(&folder));
            let sound = read.as_ref().and_then(|read| read.as_ref().ok());
            let revision = sound.and_then(|policies| remember(&revisions, policies));
            (look, read, revision)
        });
        let Ok((look, read, revision)) = looked.await else { return };
        seen = look;
        if let Some(policies) = read
            && found.send(Found::Policies(policies, revision)).await.is_err()
        {
            return;
        }
    }
}
