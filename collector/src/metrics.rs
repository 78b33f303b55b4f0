//! What is counted. Labels are names from a fixed list: no session, host or address is ever one.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// The collector's metrics; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Records by outcome: `accepted`, `duplicate`, or the cause of refusal.
    pub records: Family<Outcome, Counter>,
    /// Requests by mode and outcome: `ok`, `partly`, or the error's name.
    pub requests: Family<Request, Counter>,
    /// Sessions remembered.
    pub sessions: Gauge,
    /// Commits to disk.
    pub commits: Counter,
    /// Seconds that one took.
    pub commit_seconds: Histogram,
    /// Commits that failed.
    pub spool_failures: Counter,
    /// Bytes that wait in the spool.
    pub spool_bytes: Gauge,
    /// Sealed segments that wait.
    pub spool_segments: Gauge,
    /// Seconds since the oldest of them was begun; 0 where none waits.
    pub spool_lag_seconds: Gauge,
    /// Segments set aside, by why: `corrupt`, `refused`.
    pub set_aside: Family<Why, Counter>,
    /// Rows that the store has acknowledged.
    pub stored_rows: Counter,
    /// Inserts that will be repeated.
    pub retries: Counter,
}

/// How a record ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Outcome {
    /// Its name.
    pub outcome: &'static str,
}

/// How a request came, and how it ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Request {
    /// `cmcd_events`, `cmcd_headers`, `cmcd_query`, `json`; `none` where that could not be told.
    pub mode: &'static str,
    /// Its name.
    pub outcome: &'static str,
}

/// Why a segment was set aside.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Why {
    /// Its name.
    pub why: &'static str,
}

/// Seconds: from half a millisecond to one second and more.
const COMMIT: [f64; 8] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1.0];

impl Metrics {
    /// Registers them all as `fairway_collector_*`.
    pub fn register(registry: &mut Registry) -> Self {
        let m = Self {
            records: Family::default(),
            requests: Family::default(),
            sessions: Gauge::default(),
            commits: Counter::default(),
            commit_seconds: Histogram::new(COMMIT),
            spool_failures: Counter::default(),
            spool_bytes: Gauge::default(),
            spool_segments: Gauge::default(),
            spool_lag_seconds: Gauge::default(),
            set_aside: Family::default(),
            stored_rows: Counter::default(),
            retries: Counter::default(),
        };
        let r = registry.sub_registry_with_prefix("collector");
        r.register("records", "Beacon records by outcome", m.records.clone());
        r.register("requests", "Beacon requests by mode and outcome", m.requests.clone());
        r.register("sessions", "Sessions remembered", m.sessions.clone());
        r.register("commits", "Commits of the spool to disk", m.commits.clone());
        r.register("commit_seconds", "Time a commit took", m.commit_seconds.clone());
        r.register("spool_failures", "Commits that failed", m.spool_failures.clone());
        r.register("spool_bytes", "Bytes that wait in the spool", m.spool_bytes.clone());
        r.register("spool_segments", "Sealed segments that wait for the store", m.spool_segments.clone());
        r.register("spool_lag_seconds", "Age of the oldest segment that waits", m.spool_lag_seconds.clone());
        r.register("segments_set_aside", "Segments set aside, by why", m.set_aside.clone());
        r.register("stored_rows", "Rows acknowledged by the store", m.stored_rows.clone());
        r.register("insert_retries", "Inserts that had to be repeated", m.retries.clone());
        m
    }
}
