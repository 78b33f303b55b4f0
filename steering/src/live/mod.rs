//! The handle that other rooms hold: the current snapshot, and what a person would want to watch.
//!
//! [`Live::snapshot`] is all that answering reads. The rest is for people and machines that look on: [`Live::status`] (what
//! the control loop last knew, swapped as one), [`Live::feed`] (events as they happen), [`Live::history`] (decisions over
//! the last quarter of an hour), [`Live::sessions`] (which playback is on which pathway). Only the control loop writes it,
//! save for `sessions` and the counters, which answering touches.

mod feed;
mod history;
mod orders;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use fairway_policies::Policy;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

pub use feed::{Entry, Feed};
pub use history::{Decided, History, Point};
pub use orders::Outcome;

use crate::{
    cells::CellRow,
    demand::{Deliveries, Demand},
    health::Tally,
    lock::lock,
    overrides::Overrides,
    recorder::Recorder,
    sessions::{Attributed, Sessions},
    snapshot::Snapshot,
};

/// What the control loop knows beside the snapshot, at one moment. Parts are shared, so that a new one is cheap.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The newest cells there are, of every audience, bucket by bucket.
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
    /// Where answers go that are to be recorded.
    pub recorder: Recorder,
    /// What operators force; [`Live::force`] and [`Live::clear`] change it.
    pub overrides: Overrides,
    pub(crate) history: Mutex<History>,
    pub(crate) reload: Notify,
    /// The version of the current snapshot.
    swaps: watch::Sender<u64>,
    hosts: ArcSwap<HashMap<String, Attributed>>,
}

impl Live {
    /// A handle on this snapshot, with nothing known beside it; events are numbered from `now`.
    pub fn new(snapshot: Snapshot, now: DateTime<Utc>) -> Self {
        Self {
            hosts: ArcSwap::from_pointee(hosts(&snapshot)),
            swaps: watch::Sender::new(snapshot.version),
            snapshot: ArcSwap::from_pointee(snapshot),
            status: ArcSwap::default(),
            feed: Feed::new(now),
            sessions: Sessions::default(),
            answers: Answers::default(),
            deliveries: Arc::default(),
            recorder: Recorder::new(now),
            overrides: Overrides::default(),
            history: Mutex::default(),
            reload: Notify::new(),
        }
    }

    /// The same with these overrides.
    pub(crate) fn with(self, overrides: Overrides) -> Self {
        Self { overrides, ..self }
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

    /// The version of the current snapshot, as it is swapped: for those who prepare something of it.
    pub fn swaps(&self) -> watch::Receiver<u64> {
        self.swaps.subscribe()
    }

    /// Swaps the snapshot in, as the control loop does. Hosts follow where policies did.
    pub fn publish(&self, snapshot: Snapshot, policies_changed: bool) {
        if policies_changed {
            self.hosts.store(Arc::new(hosts(&snapshot)));
        }
        let (at, after) = (snapshot.made_at, Arc::new(snapshot));
        let (before, version) = (self.snapshot.swap(after.clone()), after.version);
        self.recorder.swapped(before, after, at);
        self.swaps.send_replace(version);
    }
}

/// Which pathway each host is of. Walked backwards, so that the first service wins.
fn hosts(snapshot: &Snapshot) -> HashMap<String, Attributed> {
    let pathways = |policy: &Arc<Policy>| {
        let policy = policy.clone();
        (0..policy.pathways.len()).rev().flat_map(move |i| {
            let on = Attributed { policy: policy.clone(), pathway: i as u8 };
            policy.pathways[i].hosts().map(move |host| (host, on.clone())).collect::<Vec<_>>()
        })
    };
    snapshot.services.iter().rev().flat_map(|service| pathways(&service.policy)).collect()
}
