//! From the spool into the store.
//!
//! Segments go in order, one insert each, under a token that is bound to the segment's name and content. A segment is deleted
//! only once the store has acknowledged it; a crash in between sends the same bytes under the same token again, which the
//! store recognises. While the store is away the same insert is repeated for ever, at growing intervals; what the store
//! refuses for good is set aside with the reason, so that it does not hold up what follows.
//!
//! With nothing sealed, the drain asks for what has been written every [`TICK`]: that is how long a beacon waits at most
//! on a quiet node before its insert begins. When there is much to do, segments fill up and follow each other without a
//! pause, and inserts grow with the load.

use std::{
    future::Future,
    io,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use fairway_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::{Metrics, Why},
    spool::{Segment, Spool},
};

/// How long rows wait for company. Cells are wanted every second or two, and the engine likes few inserts better than many.
const TICK: Duration = Duration::from_millis(400);
/// Between attempts while the store is away: from the first, doubling, to the last. A restarted engine is back in seconds.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Linux's error number for a sector that cannot be read. It will not get better; what else reading may fail of (rights,
/// too many open files, a volume that is not mounted) does.
const EIO: i32 = 5;

/// Takes batches of rows.
pub trait Sink: Send + Sync + 'static {
    /// Inserts `rows` once, however often it is called with this `token`.
    fn insert(&self, token: &str, rows: Bytes) -> impl Future<Output = Result<(), SinkError>> + Send;
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Repeat it later: it may or may not have been taken.
    #[error("{0}")]
    Later(String),
    /// It never will be.
    #[error("{0}")]
    Never(String),
}

impl Sink for Store {
    async fn insert(&self, token: &str, rows: Bytes) -> Result<(), SinkError> {
        Store::insert(self, token, rows).await.map_err(|error| match error {
            // A schema that does not fit is mended by an upgrade of the node or of the tables; the rows are good.
            StoreError::Unavailable(_) | StoreError::Schema(_) => SinkError::Later(error.to_string()),
            StoreError::Refused(_) => SinkError::Never(error.to_string()),
        })
    }
}

/// Runs until `shutdown`. What is left by then stays in the spool for the next run.
pub(crate) async fn run(spool: Spool, sink: impl Sink, metrics: Metrics, shutdown: CancellationToken) {
    shutdown.run_until_cancelled(forever(&spool, &sink, &metrics)).await;
}

async fn forever(spool: &Spool, sink: &impl Sink, metrics: &Metrics) {
    loop {
        let Some(segment) = spool.oldest() else {
            tokio::time::sleep(TICK).await;
            spool.seal().await;
            continue;
        };
        let mut patience = Patience::default();
        while let Err(problem) = deliver(spool, &segment, sink, metrics).await {
            patience.after(&segment, &problem, metrics).await;
        }
        spool.done(&segment);
        report(spool, metrics);
    }
}

/// The wait between attempts.
struct Patience(Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(BACK_OFF.0)
    }
}

impl Patience {
    async fn after(&mut self, segment: &Segment, problem: &Waits, metrics: &Metrics) {
        if self.0 == BACK_OFF.0 {
            tracing::warn!(segment = segment.name, %problem, "a segment waits");
        }
        metrics.retries.inc();
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(BACK_OFF.1);
    }
}

/// What keeps a segment where it is.
#[derive(Debug, thiserror::Error)]
enum Waits {
    #[error("the store does not take it: {0}")]
    Store(String),
    #[error("the spool's folder: {0}")]
    Disk(#[from] io::Error),
}

/// Brings one segment to its end: delivered, or set aside.
async fn deliver(spool: &Spool, segment: &Segment, sink: &impl Sink, metrics: &Metrics) -> Result<(), Waits> {
    report(spool, metrics);
    let content = match on_disk(segment, Segment::read).await {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::error!(segment = segment.name, "a segment is gone: somebody has deleted it");
            return Ok(());
        }
        Err(error) if error.raw_os_error() == Some(EIO) => {
            return set_aside(segment, "corrupt", format!("cannot be read: {error}"), metrics).await;
        }
        Err(error) => return Err(error.into()),
    };
    if content.foreign {
        let reason = "written by a version of Fairway with other columns".into();
        return set_aside(segment, "refused", reason, metrics).await;
    }
    if content.row_count > 0 {
        match sink.insert(&content.token, content.rows.clone()).await {
            Ok(()) => metrics.stored_rows.inc_by(content.row_count),
            Err(SinkError::Later(problem)) => return Err(Waits::Store(problem)),
            Err(SinkError::Never(reason)) => return set_aside(segment, "refused", reason, metrics).await,
        };
    }
    if content.torn > 0 {
        tracing::warn!(segment = segment.name, bytes = content.torn, "a segment ended in an unfinished write");
    }
    if content.damaged > 0 {
        let reason = format!("{} bytes are damaged; {} rows were delivered", content.damaged, content.row_count);
        return set_aside(segment, "corrupt", reason, metrics).await;
    }
    Ok(on_disk(segment, Segment::remove).await?)
}

async fn set_aside(segment: &Segment, why: &'static str, reason: String, metrics: &Metrics) -> Result<(), Waits> {
    let told = reason.clone();
    let path = on_disk(segment, move |segment| segment.set_aside(why, &told)).await?;
    metrics.set_aside.get_or_create(&Why { why }).inc();
    tracing::error!(path = %path.display(), reason, "a segment is set aside");
    Ok(())
}

fn report(spool: &Spool, metrics: &Metrics) {
    metrics.spool_segments.set(spool.waiting() as i64);
    let age = spool.oldest().and_then(|segment| SystemTime::now().duration_since(segment.since).ok());
    metrics.spool_lag_seconds.set(age.map_or(0, |age| age.as_secs() as i64));
}

/// Works on a thread that may wait for the disk: the others answer players.
async fn on_disk<T: Send + 'static>(
    segment: &Segment,
    work: impl FnOnce(&Segment) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let segment = segment.clone();
    tokio::task::spawn_blocking(move || work(&segment)).await.map_err(io::Error::other)?
}
