//! The handle that other rooms hold: the current snapshot, and what a person would want to watch.
//!
//! [`Live::snapshot`] is all that answering reads. The rest is for people and machines that look on: [`Live::status`] (what
//! the control loop last knew, swapped as one), [`Live::feed`] (events as they happen), [`Live::history`] (decisions over
//! the last quarter of an hour), [`Live::sessions`] (which playback is on which pathway). Only the control loop writes it,
//! save for `sessions` and the counters, which answering touches.

mod feed;
mod history;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use fairway_policies::{Policy, model::MAX_PATHWAYS};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub use feed::{Entry, Feed};
pub use history::{Decided, History, Point};

use crate::{
    cells::{Audience, CellRow},
    demand::{Deliveries, Demand},
    health::{Tally, Verdict},
    sessions::Sessions,
    snapshot::Snapshot,
};

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

/// Something a person would want to know, as it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// What the control loop knows beside the snapshot, at one moment. Parts are shared, so that a new one is cheap.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The newest cells there are, of every audience.
    pub cells: Arc<Vec<CellRow>>,
    /// When they were fetched; `None` before the first time.
    pub cells_at: Option<DateTime<Utc>>,
    /// Whether the last fetch went well.
    pub store: StoreState,
    /// Load per pathway, from the world's cells; by service, then in policy order.
    pub demand: Arc<Vec<Demand>>,
    /// Outcomes of probes since the node's start; by service, then in policy order.
    pub probes: Arc<Vec<Tally>>,
    /// The reload that was refused, until one succeeds.
    pub refusal: Option<Arc<Refusal>>,
}

impl Status {
    /// The cells of the whole world, one per pathway.
    pub fn world(&self) -> impl Iterator<Item = &CellRow> {
        self.cells.iter().filter(|row| row.audience == Audience::World)
    }
}

/// How the store does, as the control loop sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "store", rename_all = "snake_case")]
pub enum StoreState {
    /// No fetch of cells has ended yet.
    #[default]
    Unknown,
    /// The last one went well.
    Up,
    /// It did not, and this is why.
    Down { detail: String },
}

/// A reload that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// When.
    pub at: DateTime<Utc>,
    /// The text that `fairway check` prints.
    pub problems: String,
}

/// Answers of the HTTP steering service, by status.
#[derive(Debug, Default)]
pub struct Answers {
    /// 200.
    pub ok: AtomicU64,
    /// 404: no such service.
    pub unknown_service: AtomicU64,
}

/// A pathway of a service, as something was attributed to it.
#[derive(Clone, Debug)]
pub struct Attributed {
    /// The service's policy.
    pub policy: Arc<Policy>,
    /// Index in its pathways.
    pub pathway: u8,
}

impl Attributed {
    /// Service id.
    pub fn service(&self) -> &str {
        &self.policy.service
    }
    /// Pathway id.
    pub fn pathway(&self) -> &str {
        self.policy.pathways.get(usize::from(self.pathway)).map_or("", |p| &p.id)
    }
}

/// What the node knows now.
#[derive(Debug)]
pub struct Live {
    /// Load it once per answer.
    pub snapshot: ArcSwap<Snapshot>,
    /// Load it once per page.
    pub status: ArcSwap<Status>,
    /// Events as they happen, and the last ones.
    pub feed: Feed,
    /// Which playback is on which pathway.
    pub sessions: Sessions,
    /// Answers of the HTTP steering service.
    pub answers: Answers,
    /// Scaling events told to the webhook.
    pub deliveries: Arc<Deliveries>,
    pub(crate) history: Mutex<History>,
    pub(crate) reload: Notify,
    hosts: ArcSwap<HashMap<String, Attributed>>,
}

impl Live {
    /// A handle on this snapshot, with nothing known beside it; events are numbered from `now`.
    pub fn new(snapshot: Snapshot, now: DateTime<Utc>) -> Self {
        Self {
            hosts: ArcSwap::from_pointee(hosts(&snapshot)),
            snapshot: ArcSwap::from_pointee(snapshot),
            status: ArcSwap::default(),
            feed: Feed::new(now),
            sessions: Sessions::default(),
            answers: Answers::default(),
            deliveries: Arc::default(),
            history: Mutex::default(),
            reload: Notify::new(),
        }
    }

    /// The current snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// What the control loop last knew.
    pub fn status(&self) -> Arc<Status> {
        self.status.load_full()
    }

    /// Whether the node can answer: it has a compiled snapshot. True from the moment that the control loop has started.
    pub fn ready(&self) -> bool {
        self.snapshot.load().version > 0
    }

    /// Asks the control loop to read the policies again now, changed or not. What came of it is told in the feed, and a
    /// refusal stands in [`Status::refusal`].
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Decisions over the last quarter of an hour, the oldest point first.
    pub fn history(&self) -> Vec<Point> {
        lock(&self.history).points()
    }

    /// The pathway whose content is at this host (of a request's URL, without port). Of two services that share a host, the
    /// first by id: ask [`Live::pathway_of_session`] first where a session is known.
    pub fn pathway_of_host(&self, host: &str) -> Option<Attributed> {
        self.hosts.load().get(host).cloned()
    }

    /// The pathway that the session of this CMCD `sid` last told the steering service it used, or was first given.
    pub fn pathway_of_session(&self, sid: &str) -> Option<Attributed> {
        self.sessions.get(sid).map(|seen| seen.on)
    }

    /// Swaps the snapshot in. Hosts follow where policies did.
    pub(crate) fn publish(&self, snapshot: Snapshot, policies_changed: bool) {
        if policies_changed {
            self.hosts.store(Arc::new(hosts(&snapshot)));
        }
        self.snapshot.store(Arc::new(snapshot));
    }
}

/// Which pathway each host is of. Walked backwards, so that the first service wins.
fn hosts(snapshot: &Snapshot) -> HashMap<String, Attributed> {
    let pathways = |policy: &Arc<Policy>| {
        let policy = policy.clone();
        (0..policy.pathways.len()).rev().map(move |i| {
            (policy.pathways[i].host().to_ascii_lowercase(), Attributed { policy: policy.clone(), pathway: i as u8 })
        })
    };
    snapshot.services.iter().rev().flat_map(|service| pathways(&service.policy)).collect()
}

/// A poisoned lock here only means that a page was being made while its thread died: the data is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
