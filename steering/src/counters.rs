//! What was decided, counted: touched by every answer, read by the control loop and the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use fairway_policies::model::MAX_PATHWAYS;

/// Decisions counted by pathway that came first, since the node's start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Answered over DNS, by pathway index.
    pub dns: [AtomicU64; MAX_PATHWAYS],
    /// Answered over HTTP, by pathway index.
    pub http: [AtomicU64; MAX_PATHWAYS],
}

impl Counters {
    /// One DNS answer whose first pathway is `pathway`.
    pub fn dns(&self, pathway: u8) {
        self.dns[usize::from(pathway) % MAX_PATHWAYS].fetch_add(1, Ordering::Relaxed);
    }
    /// One HTTP answer whose first pathway is `pathway`.
    pub fn http(&self, pathway: u8) {
        self.http[usize::from(pathway) % MAX_PATHWAYS].fetch_add(1, Ordering::Relaxed);
    }
    /// Counts on from these, DNS and HTTP.
    pub(crate) fn set(&self, pathway: usize, (dns, http): (u64, u64)) {
        let set = |counts: &[AtomicU64; MAX_PATHWAYS], count| {
            if let Some(counter) = counts.get(pathway) {
                counter.store(count, Ordering::Relaxed);
            }
        };
        set(&self.dns, dns);
        set(&self.http, http);
    }
    /// What both count for `pathway` now: DNS, HTTP.
    pub fn read(&self, pathway: usize) -> (u64, u64) {
        let read = |counts: &[AtomicU64; MAX_PATHWAYS]| counts.get(pathway).map_or(0, |c| c.load(Ordering::Relaxed));
        (read(&self.dns), read(&self.http))
    }
}
