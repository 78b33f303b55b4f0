//! From the recorder to the store: in batches, each once, and never more than [`WAITING`] that wait.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::recorded::Recorded;
use crate::live::Live;

/// Records that wait for the store at most: a minute and more of the default budget, some 20 MB.
pub(super) const WAITING: usize = 4096;
/// Records go in together: the store would rather have few large inserts.
const BATCH: usize = 1024;
/// How long the first of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// From a failure to the next try.
const RETRY: Duration = Duration::from_secs(1);
/// A policy's text is written again so often while it decides, so that it outlives the decisions made by it.
const TEXTS_EVERY: Duration = Duration::from_secs(3600);
/// What is still there at the end, all of it, is given so long.
const LAST_TRY: Duration = Duration::from_secs(2);

/// Where records go; the command gives it the store. Tokens name batches: the same again is the same batch.
pub trait RecordSink: Send + Sync + 'static {
    /// Writes these.
    fn write(&self, token: &str, records: &[Recorded]) -> impl Future<Output = Result<(), RecordsRefused>> + Send;
    /// Keeps these texts at least an hour longer than records are kept: service, and the policy's text.
    fn keep(&self, policies: &[(String, Arc<str>)]) -> impl Future<Output = Result<(), RecordsRefused>> + Send;
}

/// The records were not taken.
#[derive(Debug, thiserror::Error)]
#[error("records are not taken: {why}")]
pub struct RecordsRefused {
    /// Why.
    pub why: String,
    /// Whether the same may be taken later.
    pub temporary: bool,
}

/// A record, with its policy's text.
pub(super) type Made = (Recorded, Arc<str>);

/// Writes what comes until nothing can come any more.
pub(super) async fn run(
    mut made: mpsc::Receiver<Made>,
    sink: impl RecordSink,
    live: Arc<Live>,
    end: CancellationToken,
) {
    let mut texts: HashMap<String, Instant> = HashMap::new();
    let mut batch = Vec::with_capacity(BATCH);
    let mut last = None;
    while made.recv_many(&mut batch, BATCH).await > 0 {
        if batch.len() < BATCH && !end.is_cancelled() {
            let more = async { while batch.len() < BATCH && made.recv_many(&mut batch, BATCH).await > 0 {} };
            tokio::select! {
                _ = timeout(LINGER, more) => {}
                () = end.cancelled() => {}
            }
        }
        let written = write(&batch, &mut texts, &sink, &end, &mut last).await;
        let counter = if written { &live.recorder.recorded } else { &live.recorder.dropped };
        counter.fetch_add(batch.len() as u64, Ordering::Relaxed);
        batch.clear();
    }
}

/// Again and again until it is done, refused for good, or the end has come. Texts go first: a decision without its policy
/// cannot be made again.
async fn write(
    batch: &[Made],
    texts: &mut HashMap<String, Instant>,
    sink: &impl RecordSink,
    end: &CancellationToken,
    last: &mut Option<Instant>,
) -> bool {
    let (records, policies): (Vec<_>, Vec<_>) = batch.iter().map(|(record, text)| (record.clone(), text)).unzip();
    let now = Instant::now();
    texts.retain(|_, written| now - *written < TEXTS_EVERY);
    let mut due: HashMap<&str, (String, Arc<str>)> = HashMap::new();
    for (record, text) in records.iter().zip(policies).filter(|(record, _)| !texts.contains_key(&record.policy)) {
        due.entry(&record.policy).or_insert_with(|| (record.service.clone(), text.clone()));
    }
    let token = records.first().map_or_else(String::new, |first| format!("decisions-{}-{}", first.id, records.len()));
    let kept: Vec<_> = due.values().cloned().collect();
    let once = async || {
        if !kept.is_empty() {
            sink.keep(&kept).await?;
        }
        sink.write(&token, &records).await
    };
    let written = loop {
        let ended = end.is_cancelled();
        let outcome = match ended {
            true => timeout_at(*last.get_or_insert_with(|| Instant::now() + LAST_TRY), once())
                .await
                .unwrap_or_else(|_| Err(RecordsRefused { why: "the node ends".into(), temporary: false })),
            // One that was cut off is tried once more, under the same token.
            false => tokio::select! {
                outcome = once() => outcome,
                () = end.cancelled() => continue,
            },
        };
        match outcome {
            Ok(()) => break true,
            Err(error) if error.temporary && !ended => {
                tracing::debug!(%error, records = records.len(), "decisions wait for the store");
                tokio::select! {
                    () = sleep(RETRY) => {}
                    () = end.cancelled() => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, records = records.len(), "some decisions are not recorded");
                break false;
            }
        }
    };
    if written {
        let keys: Vec<String> = due.keys().map(|policy| (*policy).to_owned()).collect();
        texts.extend(keys.into_iter().map(|policy| (policy, now)));
    }
    written
}
