//! Recorded decisions: which, how, and how one is made again.
//!
//! # What is recorded
//! - *A sample* of all answers, drawn by count (see [`counters`](crate::counters)) as densely as the budget allows
//!   (`sample`): each record knows for how many it stands, so that what is made of them (a plan) weighs true.
//! - *Answers that failed*: nothing to answer, or nothing healthy (panic). They have a budget of their own, as large, so
//!   that "all of them" holds until they are a flood, which tells nothing more than its sample does.
//! - *Every explanation* that somebody asked for: so that what an SRE saw can be shown to others, by its id, as it was.
//! - *Changes*: what a new snapshot answers otherwise, one record for each audience (`changes`). Who looks for "when were
//!   the Germans moved, and why" finds the very first decision after it, with the reason and its numbers.
//!
//! # What a record holds
//! What was decided, for people and queries; and all that it takes to decide it again: the [`Asker`](crate::client::Asker)
//! (without address or session), the time, the policy's hash (its text is kept once by that), and the *slice* of the inputs that
//! this decision read. Not a table of whole inputs by snapshot version: a version comes every two seconds while there are viewers, and holds
//! the standings of thousands of audiences, so that a day's would be gigabytes a service whether anything is recorded or not;
//! the slice is one lineage's, a kilobyte or two, alike from one record to the next, and compresses to some per cent. So what is stored is bounded by
//! the budget, one TTL governs all of it, and a record is whole wherever it is copied to.
//!
//! # Bit for bit
//! The hot path hands over the snapshot, the asker and the time, and the recorder decides once more from these: decisions are pure,
//! so it is the same decision. A replay does that again from the record. Numbers are written as their shortest exact
//! text. Where another build decides otherwise, the replay says in which parts.
//!
//! # What answering pays
//! One relaxed load and a comparison, on the count that it makes anyway; for what is drawn, a pointer's copy and a bounded
//! queue's slot. Nothing here is ever waited for. A full queue, a full waiting room (the store is away) and a store that refuses all
//! count as dropped, and the node goes on.
//!
//! # Defaults
//! 20 records a second and node, kept 24 hours: 1.7 million a day at most, a few hundred megabytes in the store, and an
//! hour's 72,000 tell a share of one in a thousand to within a fifth of itself. A day is the time in which somebody asks
//! "what happened last night"; who is asked later sets more.

mod changes;
mod recorded;
mod sample;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

pub use recorded::{Answer, Candidate, Difference, Recorded, Replay, ReplayError, Why, known_by};
pub use writer::{RecordSink, RecordsRefused};

pub use crate::recorder::{Answered, DecisionId, NoDecisionId, Occasion, Recorder};
use crate::{
    live::Live,
    recorder::{Noted, Told},
    snapshot::Snapshot,
};
use sample::densities;

/// How often the sample's density follows the traffic.
const TICK: Duration = Duration::from_secs(1);

/// Records what `live` decides, until `end`: of the sample at most `budget` a second, 0 for none of it.
pub fn start(
    live: Arc<Live>,
    sink: impl RecordSink,
    budget: f64,
    end: CancellationToken,
) -> impl Future<Output = ()> + Send {
    let told = live.recorder.receiver();
    async move {
        let Some(told) = told else {
            tracing::error!("decisions are recorded already");
            return;
        };
        let (made, writing) = mpsc::channel(writer::WAITING);
        let making = make(live.clone(), told, made, budget, end.clone());
        tokio::join!(making, writer::run(writing, sink, live, end));
    }
}

/// Makes records of what is noted, and keeps the sample as dense as the budget allows.
async fn make(
    live: Arc<Live>,
    mut told: mpsc::Receiver<Told>,
    made: mpsc::Sender<writer::Made>,
    budget: f64,
    end: CancellationToken,
) {
    let mut ticker = tokio::time::interval(TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut traffic = Traffic::default();
    let hand_on = |noted: Noted| {
        let text = noted.service.policy.text.clone();
        if made.try_send((Recorded::of(noted), text)).is_err() {
            live.recorder.dropped.fetch_add(1, Ordering::Relaxed);
        }
    };
    let hear = |told: Told| match told {
        Told::Decision(noted) => hand_on(*noted),
        Told::Swapped { before, after, at } => {
            changes::between(&before, &after, at, || live.recorder.id(at)).into_iter().for_each(hand_on);
        }
    };
    loop {
        tokio::select! {
            () = end.cancelled() => break,
            now = ticker.tick() => traffic.follow(&live.snapshot(), budget, now.into()),
            Some(told) = told.recv() => hear(told),
        }
    }
    live.snapshot().services.iter().for_each(|service| service.counters.sample(None, None));
    while let Ok(told) = told.try_recv() {
        hear(told);
    }
}

/// What each service answered, when last looked at.
#[derive(Debug, Default)]
struct Traffic {
    at: Option<Instant>,
    /// By service: answers, and those that failed.
    totals: HashMap<String, (u64, u64)>,
}

impl Traffic {
    /// Sets how densely each service is sampled from now on. One that is new is not known to be large.
    fn follow(&mut self, snapshot: &Snapshot, budget: f64, now: Instant) {
        if budget <= 0.0 {
            return;
        }
        let seconds = self.at.replace(now).map_or(1.0, |at| (now - at).as_secs_f64().max(0.001));
        let (mut answered, mut failed) = (Vec::new(), Vec::new());
        for service in &snapshot.services {
            let (all, bad) = service.counters.totals();
            let (all_before, bad_before) =
                self.totals.insert(service.policy.service.clone(), (all, bad)).unwrap_or((all, bad));
            answered.push(all.saturating_sub(all_before) as f64 / seconds);
            failed.push(bad.saturating_sub(bad_before) as f64 / seconds);
        }
        let densities = densities(&answered, budget).into_iter().zip(densities(&failed, budget));
        for (service, (k, failed)) in snapshot.services.iter().zip(densities) {
            service.counters.sample(Some(k), Some(failed));
        }
        self.totals.retain(|id, _| snapshot.service(id).is_some());
    }
}
