//! One decision function for DNS, HTTP, explain and replay.
//!
//! # How a decision is made
//! All pathways start in one tier, in file order. The policy's steps are applied in order, each to what the one before
//! left; a step whose condition the client does not meet does nothing. Two lists result: `ranked`, which is answered,
//! and `aside`, the unfit, which only end a steering list. Read [`decide`] first, then `steps` (one function for each kind
//! of step), `scope` (for whom a decision holds) and `spread` (how clients are shared out).
//!
//! # Signals
//! Only the snapshot, the client and the time given. So the same question has the same answer on every node that holds the
//! same snapshot, and a traced decision is the very decision that is answered: tracing adds reports, never a branch.
//!
//! # Cold start
//! Nothing probed, nothing measured: verdicts are up, standings are empty, and the chain degenerates to what the
//! operator wrote (file order, `prefer`, `weights`), which is the best guess there is.
//!
//! # When nothing is left
//! A verdict is an opinion, a fence is an order. Whenever verdicts would leave nobody to answer, all whom the fences
//! allow are kept and the decision says `panic`: a wrong verdict on everything (a broken prober, most often) must not
//! become an outage. A fenced-out pathway stays out even then.
//!
//! # Ties
//! Steps reorder stably, so among equals the earlier step, and at last the file, decides. Chance never does: `weights`
//! spreads clients by hashing, so a client stays where it is.
//!
//! # Time to live
//! The policy's, halved while the answer is unsettled: while a pathway in it (ranked or aside) changed its verdict less
//! than [`SETTLING`] ago, or one that is ranked is not up (degraded, or kept in panic). What has just changed is the
//! likeliest to change again, and those who were moved together load the next pathway together; a shorter life brings them
//! back sooner, at the price of twice the queries for a minute. A minute, because the rise and fall counts of probes every few
//! seconds are settled well within it.
//! Never under [`TTL_FLOOR`]: resolvers and players do not honour less, and hls.js loops on 0.

mod decision;
mod scope;
mod spread;
mod steps;
#[cfg(test)]
mod tests;
mod trace;

use chrono::{DateTime, TimeDelta, Utc};

pub use decision::{Choice, Decision};
use steps::Chain;
pub use trace::{Reason, StepReport, Trace};

use crate::{
    client::Client,
    health::Health,
    snapshot::{Service, Snapshot},
};

/// How long after a change of verdict an answer counts as unsettled.
const SETTLING: TimeDelta = TimeDelta::seconds(60);
/// Seconds; no answer lives shorter.
const TTL_FLOOR: u32 = 5;

/// Decides for a service of `snapshot`. Pure: the same snapshot, client and time give the same decision. Untraced it
/// allocates nothing.
pub fn decide<T: Trace>(
    snapshot: &Snapshot,
    service: &Service,
    client: &Client<'_>,
    now: DateTime<Utc>,
    trace: &mut T,
) -> Decision {
    debug_assert!(snapshot.services.iter().any(|s| std::ptr::eq(s, service)), "a service of another snapshot");
    let mut chain = Chain::new(service, client, T::WANTED);
    for (index, step) in service.policy.steps.iter().enumerate() {
        let before = if T::WANTED { chain.ranked.to_vec() } else { Vec::new() };
        let audience = chain.apply(index, step);
        if T::WANTED {
            let (after, reasons) = (chain.ranked.to_vec(), chain.notes.take());
            trace.report(StepReport { step: index, before, after, reasons, audience });
        }
    }
    let Chain { ranked, aside, panic, scope, .. } = chain;
    let mut decision = Decision { ranked, aside, ttl: service.policy.ttl, holds: scope.holds(client), panic };
    if unsettled(service, &decision, now) {
        decision.ttl = (decision.ttl / 2).max(TTL_FLOOR);
    }
    decision
}

/// Whether a pathway in the answer is shaky; see the page above.
fn unsettled(service: &Service, decision: &Decision, now: DateTime<Utc>) -> bool {
    let verdict = |pathway: u8| &service.inputs.verdicts[usize::from(pathway)];
    decision.ranked.iter().any(|c| verdict(c.pathway).health != Health::Up)
        || decision.indexes().any(|pathway| now - verdict(pathway).since < SETTLING)
}
