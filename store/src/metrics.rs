//! What is counted.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// The store's metrics; clones share them.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    /// 1 while the engine answers.
    pub engine_up: Gauge,
    /// Times the engine's process was started after its first start.
    pub engine_restarts: Counter,
    /// Inserts by outcome.
    pub inserts: Family<Outcome, Counter>,
    /// Bytes of rows acknowledged.
    pub inserted_bytes: Counter,
    /// Seconds an insert took, whatever its outcome.
    pub insert_seconds: Histogram,
    /// Seconds a query took, whatever its outcome.
    pub query_seconds: Histogram,
    /// Queries that failed.
    pub query_failures: Counter<u64, AtomicU64>,
}

/// How an insert ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Outcome {
    /// `ok`, `unavailable` or `refused`.
    pub outcome: &'static str,
}

/// From a millisecond to ten seconds and more.
const SECONDS: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

impl StoreMetrics {
    /// Registers them all as `fairway_store_*`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            engine_up: Gauge::default(),
            engine_restarts: Counter::default(),
            inserts: Family::default(),
            inserted_bytes: Counter::default(),
            insert_seconds: Histogram::new(SECONDS),
            query_seconds: Histogram::new(SECONDS),
            query_failures: Counter::default(),
        };
        let r = registry;
        r.register("store_engine_up", "1 while the store engine answers", metrics.engine_up.clone());
        r.register("store_engine_restarts", "Restarts of the store engine", metrics.engine_restarts.clone());
        r.register("store_inserts", "Inserts by outcome", metrics.inserts.clone());
        r.register("store_inserted_bytes", "Bytes of rows acknowledged", metrics.inserted_bytes.clone());
        r.register("store_insert_seconds", "Time an insert took", metrics.insert_seconds.clone());
        r.register("store_query_seconds", "Time a query took", metrics.query_seconds.clone());
        r.register("store_query_failures", "Queries that failed", metrics.query_failures.clone());
        metrics
    }
}
