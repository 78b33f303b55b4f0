//! How many queries, of what kind, what became of them, and how long it took.
//!
//! | series (under the registry's prefix) | by |
//! |---|---|
//! | `dns_queries_total` | transport, type, rcode, ecs: what was answered |
//! | `dns_dropped_total` | reason: datagrams that got no reply |
//! | `dns_truncated_total` | why: replies that sent the client to TCP |
//! | `dns_cookies_total` | cookie: what answered queries had for one |
//! | `dns_places_total` | continent, of clients for whom something was decided |
//! | `dns_latency_seconds` | transport: from a query's receipt to its reply's sending |
//! | `dns_connections_open`, `dns_connections_total`, `dns_connections_closed_total` | transport; outcome; why |
//! | `dns_accept_exhausted_total`, `dns_transfers_total`, `dns_signatures_total` | |
//! | `dns_notices_total` | outcome: datagrams sent, and zones acknowledged, refused or given up |
//! | `dns_query_log_lines_total` | outcome |
//!
//! What services were answered with is counted once, by the room that decides: `decisions_total{via="dns"}`. Every label's values are
//! a closed list (see [`labels`]); of `dns_queries_total` only what has happened is told, since most combinations never do.

mod block;
mod histogram;
pub(crate) mod labels;
mod scrape;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicU64};

use prometheus_client::registry::Registry;

pub use self::{
    block::{Block, Counted},
    labels::{Cookie, Dropped, Truncated},
};
use crate::{querylog, server::limits, transfer::notify};

/// All that is counted.
#[derive(Debug)]
pub struct Metrics {
    blocks: Mutex<Vec<Arc<Block>>>,
    shared: Arc<Block>,
    /// Of connections.
    pub connections: Arc<limits::Counters>,
    /// Of the query log.
    pub query_log: Arc<querylog::Counts>,
    /// Of what secondaries are told.
    pub notices: Arc<notify::Counts>,
    /// Signatures made.
    pub signatures: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        let shared = Arc::new(Block::new(true));
        Self {
            blocks: Mutex::new(vec![shared.clone()]),
            shared,
            connections: Arc::default(),
            query_log: Arc::default(),
            notices: Arc::default(),
            signatures: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// New counters, registered.
    pub fn register(registry: &mut Registry) -> Arc<Self> {
        let metrics = Arc::new(Self::default());
        registry.register_collector(Box::new(scrape::Scraped(metrics.clone())));
        metrics
    }

    /// Counters for one thread: no other may count with them at the same time.
    pub fn block(&self) -> Arc<Block> {
        let block = Arc::new(Block::new(false));
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).push(block.clone());
        block
    }

    /// Counters for all others.
    pub fn shared(&self) -> &Arc<Block> {
        &self.shared
    }

    /// All there are now.
    fn blocks(&self) -> Vec<Arc<Block>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
