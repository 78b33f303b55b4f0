//! The task that asks when it is time.
//!
//! One task holds the state of every question; each question that is asked is a short task of its own, [`MOST_ASKED`] of them
//! at a time, so that a slow resolver delays nobody else's turn and a start with many hosts is no burst. Which is asked
//! next, and when, is `known`'s to say; here are only the clock, the hosts that are wanted, and what is told of it.
//!
//! A host that is no longer wanted is forgotten at once, with its addresses: if it is wanted again it is asked for again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
};

use super::{
    Addresses, FlattenCounters, FlattenSettings, Flattened,
    ask::{Family, ask},
    known::{Known, Outcome},
    views::ViewId,
};

/// Questions under way at a time.
const MOST_ASKED: usize = 64;

/// The time, and waiting for it: a test's own, or the machine's.
pub trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> DateTime<Utc>;
    /// Waits until [`Clock::now`] is at this, in Unix milliseconds, or later.
    fn until(&self, at_ms: i64) -> impl Future<Output = ()> + Send;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn until(&self, at_ms: i64) {
        let left_ms = u64::try_from(at_ms - self.now().timestamp_millis()).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(left_ms)).await;
    }
}

/// What one question asks for.
type Question = (Arc<str>, ViewId, Family);

/// The task's state.
pub(super) struct Keeper<C, R> {
    settings: FlattenSettings,
    clock: C,
    chance: R,
    published: watch::Sender<Arc<Flattened>>,
    counters: Arc<FlattenCounters>,
    known: BTreeMap<Question, Known>,
    asked: JoinSet<Outcome>,
    /// What those under way ask.
    questions: HashMap<Id, Question>,
}

impl<C: Clock, R: FnMut() -> f64 + Send + 'static> Keeper<C, R> {
    pub(super) fn new(
        settings: FlattenSettings,
        clock: C,
        chance: R,
        published: watch::Sender<Arc<Flattened>>,
        counters: Arc<FlattenCounters>,
    ) -> Self {
        let (known, asked, questions) = (BTreeMap::new(), JoinSet::new(), HashMap::new());
        Self { settings, clock, chance, published, counters, known, asked, questions }
    }

    /// Goes on until nobody wants anything more.
    pub(super) async fn run(mut self, mut wanted: watch::Receiver<Arc<BTreeSet<String>>>) {
        loop {
            let due_ms = self.ask();
            tokio::select! {
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let hosts = wanted.borrow_and_update().clone();
                    self.follow(&hosts);
                    self.publish();
                }
                Some(done) = self.asked.join_next_with_id() => {
                    let mut changed = self.take(done);
                    while let Some(done) = self.asked.try_join_next_with_id() {
                        changed |= self.take(done);
                    }
                    self.tell_age();
                    if changed {
                        self.publish();
                    }
                }
                () = self.clock.until(due_ms.unwrap_or(i64::MAX)), if due_ms.is_some() => {}
            }
        }
    }

    /// Forgets hosts that are not wanted, and takes up new ones, which are due at once.
    fn follow(&mut self, hosts: &BTreeSet<String>) {
        self.known.retain(|(host, ..), _| hosts.contains(&**host));
        let due_ms = self.clock.now().timestamp_millis();
        for host in hosts {
            let host = Arc::<str>::from(host.as_str());
            for view in 0..self.settings.views.count() {
                for family in Family::ALL {
                    let question = (host.clone(), view as ViewId, family);
                    if !self.known.contains_key(&question) {
                        // One that was wanted before may still be under way.
                        let is_asked = self.questions.values().any(|asked| *asked == question);
                        self.known.insert(question, Known::new(due_ms, is_asked));
                    }
                }
            }
        }
    }

    /// Asks what is due, as far as there is room; when the next will be, if there is.
    fn ask(&mut self) -> Option<i64> {
        let now_ms = self.clock.now().timestamp_millis();
        let mut room = MOST_ASKED.saturating_sub(self.asked.len());
        let mut next: Option<i64> = None;
        for (question, known) in &mut self.known {
            if known.is_asked {
                continue;
            }
            if known.due_ms > now_ms {
                next = Some(next.map_or(known.due_ms, |next| next.min(known.due_ms)));
            } else if room > 0 {
                room -= 1;
                known.is_asked = true;
                let (resolvers, subnet) = (self.settings.resolvers.clone(), self.settings.views.subnet(question.1));
                let (turn, (host, _, family)) = (known.turn(), question.clone());
                let task = async move { ask(&resolvers, turn, &host, family, subnet).await };
                self.questions.insert(self.asked.spawn(task).id(), question.clone());
            }
        }
        next
    }

    /// Takes up an answer; whether addresses changed.
    fn take(&mut self, done: Result<(Id, Outcome), JoinError>) -> bool {
        let (id, outcome) = match done {
            Ok(done) => done,
            // The library's fault, and of this question only.
            Err(error) => {
                tracing::error!(%error, "resolving a CDN's host broke off");
                (error.id(), Outcome::Failed)
            }
        };
        let Some(question) = self.questions.remove(&id) else { return false };
        let counter = if outcome == Outcome::Failed { &self.counters.failed } else { &self.counters.answered };
        counter.fetch_add(1, Ordering::Relaxed);
        let (now_ms, chance) = (self.clock.now().timestamp_millis(), (self.chance)());
        let Some(known) = self.known.get_mut(&question) else { return false };
        known.is_asked = false;
        let (host, view, family) = &question;
        let (before, was_tried) = (known.kept.clone(), known.tried);
        let changed = known.take(outcome, now_ms, chance);
        if before.is_some() && changed {
            let addresses = known.kept.as_ref().map(|kept| &kept.addresses);
            let view = self.settings.views.name(*view);
            tracing::info!(%host, view, ?family, ?addresses, "a CDN's addresses changed");
        } else if !was_tried && known.kept.is_none() {
            tracing::warn!(%host, view = self.settings.views.name(*view), ?family, "a CDN's host is not resolved");
        }
        changed
    }

    fn publish(&self) {
        let mut flattened = Flattened::default();
        for ((host, view, family), known) in &self.known {
            let (tried, views) = flattened.hosts.entry(host.clone()).or_insert((true, Vec::new()));
            *tried &= known.tried;
            let view = usize::from(*view);
            if views.len() <= view {
                views.resize(view + 1, Addresses::default());
            }
            views[view][*family as usize] = known.kept.clone();
        }
        self.published.send_replace(Arc::new(flattened));
    }

    fn tell_age(&self) {
        let in_force = self.known.values().filter(|known| known.kept.is_some());
        let oldest = in_force.filter_map(|known| known.at_ms).min();
        self.counters.oldest_at_ms.store(oldest.unwrap_or(0), Ordering::Relaxed);
    }
}
