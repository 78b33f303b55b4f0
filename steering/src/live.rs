//! The handle that other rooms hold: the current snapshot, and what a person would want to watch. (Skeleton.)

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use fairway_policies::model::MAX_PATHWAYS;
use serde::{Deserialize, Serialize};

use crate::{health::Verdict, snapshot::Snapshot};

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
}

/// Something a person would want to know, as it happens.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A pathway's verdict changed.
    Verdict { at: DateTime<Utc>, service: String, pathway: String, from: Verdict, to: Verdict },
    /// A pathway passed another for an audience, or fell back behind it.
    Standing { at: DateTime<Utc>, service: String, audience: String, ahead: String, behind: String, why: String },
    /// Policies were reloaded.
    Reloaded { at: DateTime<Utc>, services: usize },
    /// A reload was refused; the old policies stay. `problems` is the text that `fairway check` prints.
    ReloadRefused { at: DateTime<Utc>, problems: String },
    /// A pathway's demand crossed its trigger, upward or back down.
    Scaling { at: DateTime<Utc>, service: String, pathway: String, over: bool, bits_per_second: u64, capacity: u64 },
    /// The store stopped or came back.
    Store { at: DateTime<Utc>, up: bool, detail: String },
}

/// What the node knows now.
#[derive(Debug)]
pub struct Live {
    /// Load it once per answer.
    pub snapshot: ArcSwap<Snapshot>,
}

impl Live {
    /// The current snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }
}
