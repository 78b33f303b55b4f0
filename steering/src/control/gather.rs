//! The tasks that find things out for the loop. Each ends when the loop does.

use std::{future::Future, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use fairway_policies::Policy;
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    cells::{self, Audience, CellRow, CellSource, CellsUnavailable},
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
    Cells(Result<Fetched, CellsUnavailable>),
    /// And the revision that they are.
    Policies(Result<Vec<Policy>, Refused>, Option<Signed>),
}

/// A fetch of cells, with what the loop looks for in it: there are many, and each fetch has nearly all of the one before.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetched {
    pub(super) rows: Arc<Vec<CellRow>>,
    /// Indexes of those that are not as they were a fetch ago.
    news: Vec<usize>,
    /// Indexes of those that are of everyone.
    world: Vec<usize>,
    at: DateTime<Utc>,
}

impl Fetched {
    fn after(before: &Self, rows: Vec<CellRow>, at: DateTime<Utc>) -> Self {
        let mut news = cells::news(&before.rows, &rows);
        // What was of the future then, by this clock, was not heard then.
        let early = (0..rows.len()).filter(|row| rows[*row].bucket > before.at.timestamp());
        let early: Vec<usize> = early.collect();
        if !early.is_empty() {
            news.extend(early);
            news.sort_unstable();
            news.dedup();
        }
        let world = (0..rows.len()).filter(|row| rows[*row].audience == Audience::World).collect();
        Self { rows: Arc::new(rows), news, world, at }
    }

    pub(super) fn news(&self) -> impl Iterator<Item = &CellRow> {
        self.news.iter().map(|row| &self.rows[*row])
    }

    pub(super) fn world(&self) -> impl Iterator<Item = &CellRow> {
        self.world.iter().map(|row| &self.rows[*row])
    }
}

impl From<Vec<CellRow>> for Fetched {
    fn from(rows: Vec<CellRow>) -> Self {
        Self::after(&Self::default(), rows, DateTime::UNIX_EPOCH)
    }
}

/// Runs a task that stops when the handle is dropped.
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// Fetches cells, one fetch at a time. What is in them is looked through here, and not on the loop; and a fetch is held until
/// the second after it is asked for, so that it is here, most likely, that its million rows are freed.
pub(super) async fn fetch(source: impl CellSource, every: Duration, found: mpsc::Sender<Found>) {
    let mut ticker = interval(every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Fetched::default();
    let mut older = Fetched::default();
    loop {
        ticker.tick().await;
        drop(std::mem::take(&mut older));
        let cells = timeout(FETCH_TIMEOUT, source.cells(WINDOW)).await;
        let cells = cells
            .unwrap_or_else(|_| Err(CellsUnavailable(format!("the store did not answer within {FETCH_TIMEOUT:?}"))));
        let cells = cells.map(|rows| {
            let fetched = Fetched::after(&last, rows, Utc::now());
            older = std::mem::replace(&mut last, fetched.clone());
            fetched
        });
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
