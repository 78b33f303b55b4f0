//! CDNs' host names at the apex of a zone, where no CNAME can be: their addresses, resolved in the background.
//!
//! A pathway may be given by a host name of its CDN. Elsewhere that is answered as a CNAME; at an apex, beside SOA and NS, the
//! host's own addresses are (what others call ALIAS, ANAME or flattening). They are looked up ahead of any query, so that
//! answering one touches nothing but memory: an answer never waits for a resolver, and a resolver's failure is not ours.
//!
//! ```text
//! hosts at an apex (from the policies) ─▶ keeper ─▶ Flattened (immutable) ─▶ steered names
//!                                          │ ▲
//!                                          ▼ │
//!                                     resolvers, as each view
//! ```
//! Read `known` first (how long addresses live, what a failure and a denial do), then `views` (as whom CDNs are
//! asked), `ask` (one question), `keeper` (the task that asks when it is time), `resolvers` (whom, where nobody says).
//!
//! # What is published
//! A [`Flattened`]: by host and view, the addresses of each family. A new one, and a notice, whenever addresses change; where
//! only their lifetime does, that is set in place, since it changes every few seconds and nothing else would. Who answers
//! counts it down by [`Flattened::kept`] and [`known::Kept::ttl`].

mod ask;
mod keeper;
pub(crate) mod known;
mod resolvers;
#[cfg(test)]
mod tests;
mod views;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use ask::Family;
use keeper::Keeper;
pub use keeper::{Clock, SystemClock};
use known::Kept;
pub use resolvers::from_resolv_conf;
pub(crate) use views::{DEFAULT_VIEW, PlacedViews, ViewId};
pub use views::{ViewSettings, Views, ViewsError};

/// As whom, and of whom, addresses are asked for.
#[derive(Clone, Debug)]
pub struct FlattenSettings {
    /// Recursive resolvers, the preferred first; with none, nothing is ever known.
    pub resolvers: Vec<SocketAddr>,
    /// As whom.
    pub views: Views,
}

/// The addresses of one host by family, in one view; `None`: not known.
pub(crate) type Addresses = [Option<Arc<Kept>>; Family::ALL.len()];

/// What is known of all hosts at one moment.
#[derive(Clone, Debug, Default)]
pub struct Flattened {
    /// By host: whether each view was tried, and its addresses.
    hosts: BTreeMap<Arc<str>, (bool, Vec<Addresses>)>,
}

/// Counts of resolution, for metrics.
#[derive(Debug, Default)]
pub struct FlattenCounters {
    /// Questions that were answered, be it by a denial.
    pub answered: AtomicU64,
    /// Questions that no resolver could answer.
    pub failed: AtomicU64,
    /// When the addresses in force that nobody has confirmed for longest were confirmed, in Unix milliseconds; 0: there are
    /// none.
    pub oldest_at_ms: AtomicI64,
}

/// The task that resolves; dropped, it stops.
#[derive(Debug)]
pub struct Flattener {
    wanted: watch::Sender<Arc<BTreeSet<String>>>,
    flattened: watch::Receiver<Arc<Flattened>>,
    counters: Arc<FlattenCounters>,
    _task: AbortOnDropHandle<()>,
}

impl Flattened {
    /// The addresses of a host in a view: the view's own, and where they are not known (yet), the default view's.
    pub(crate) fn kept(&self, host: &str, view: ViewId, family: Family) -> Option<&Arc<Kept>> {
        let (_, views) = self.hosts.get(host)?;
        let of = |view: ViewId| views.get(usize::from(view))?[family as usize].as_ref();
        of(view).or_else(|| of(DEFAULT_VIEW))
    }

    /// By host, the addresses in each view in turn; their life is over.
    #[cfg(test)]
    pub(crate) fn of(known: &[(&str, [Option<&[&str]>; Family::ALL.len()])]) -> Self {
        let mut flattened = Self::default();
        for (host, families) in known {
            let kept = families.map(|addresses| addresses.map(Kept::of));
            flattened.hosts.entry((*host).into()).or_insert((true, Vec::new())).1.push(kept);
        }
        flattened
    }

    /// How many views there are.
    pub(crate) fn views(&self) -> usize {
        self.hosts.values().map(|(_, views)| views.len()).max().unwrap_or(0)
    }
}

impl FlattenCounters {
    /// For how long the addresses in force that were confirmed longest ago have not been, in seconds; `None`: there are none.
    pub fn oldest_age_seconds(&self, now: DateTime<Utc>) -> Option<f64> {
        match self.oldest_at_ms.load(Ordering::Relaxed) {
            0 => None,
            at_ms => Some((now.timestamp_millis() - at_ms) as f64 / 1000.0),
        }
    }
}

impl Flattener {
    /// Starts the task, on the runtime that this is called in. `chance` gives numbers within 0…1.
    pub fn start(settings: FlattenSettings, clock: impl Clock, chance: impl FnMut() -> f64 + Send + 'static) -> Self {
        let counters = Arc::<FlattenCounters>::default();
        let (wanted, wants) = watch::channel(Arc::default());
        let (published, flattened) = watch::channel(Arc::default());
        let keeper = Keeper::new(settings, clock, chance, published, counters.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(keeper.run(wants)));
        Self { wanted, flattened, counters, _task: task }
    }

    /// Keeps the addresses of exactly these hosts (lower case, no trailing dot) from now on. Those of hosts that stay are kept.
    pub fn want(&self, hosts: BTreeSet<String>) {
        self.wanted.send_if_modified(|wanted| {
            let other = **wanted != hosts;
            if other {
                *wanted = Arc::new(hosts);
            }
            other
        });
    }

    /// What is known, now and with every change.
    pub fn flattened(&self) -> watch::Receiver<Arc<Flattened>> {
        self.flattened.clone()
    }

    /// Waits until every wanted host has been tried once in every view: a node that answers before has nothing to say at the
    /// apex. It takes as long as resolvers do, and bounded: each is given up after seconds. `false`: the task is no
    /// more, and there was nothing to wait for.
    pub async fn tried(&self) -> bool {
        let wanted = self.wanted.borrow().clone();
        let tried = |flattened: &Arc<Flattened>| {
            wanted.iter().all(|host| flattened.hosts.get(host.as_str()).is_some_and(|(tried, _)| *tried))
        };
        self.flattened.clone().wait_for(tried).await.is_ok()
    }

    /// What was counted.
    pub fn counters(&self) -> &Arc<FlattenCounters> {
        &self.counters
    }
}
