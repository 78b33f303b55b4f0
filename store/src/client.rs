//! The store's client. (Skeleton.)

use bytes::Bytes;
use clickhouse::RowOwned;

use crate::{Engine, StoreError, StoreMetrics};

/// A ClickHouse that somebody else runs.
#[derive(Clone, Debug)]
pub struct External {
    /// `http://host:8123`.
    pub url: String,
    /// Who we are there.
    pub user: String,
    /// Empty: none.
    pub password: String,
    /// Must exist; our tables go there.
    pub database: String,
}

/// The client that every other room holds; clones are cheap and share everything.
#[derive(Clone)]
pub struct Store {
    _metrics: StoreMetrics,
}

impl Store {
    /// Speaks to the embedded engine, wherever it is after each restart.
    pub fn embedded(_engine: &Engine, metrics: StoreMetrics) -> Self {
        Self { _metrics: metrics }
    }
    /// Speaks to a ClickHouse that somebody else runs.
    pub fn external(_to: External, metrics: StoreMetrics) -> Self {
        Self { _metrics: metrics }
    }
    /// Brings the schema to this version. Safe to repeat.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not yet".into()))
    }
    /// Inserts a batch of encoded [`crate::BeaconRow`]s, once however often it is called with this `token`: into the
    /// base table and into the cells. `token` must be bound to the content: other rows under the same token are dropped.
    pub async fn insert(&self, _token: &str, _rows: Bytes) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not yet".into()))
    }
    /// The rows of a query; `T` derives `clickhouse::Row` and serde's `Deserialize`.
    pub async fn rows<T: RowOwned + clickhouse::RowRead>(&self, _sql: &str) -> Result<Vec<T>, StoreError> {
        Err(StoreError::Unavailable("not yet".into()))
    }
}
