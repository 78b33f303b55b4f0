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

mod asker;
mod chain;
mod decision;
mod phase;
mod row;
mod scope;
mod shares;
mod steps;
#[cfg(test)]
mod tests;
mod trace;

use chrono::{DateTime, Utc};

pub(crate) use asker::in_place;
pub(crate) use chain::{Chain, SETTLING};
pub use decision::{Choice, Decision};
use phase::{Draws, Hashed};
pub use row::Row;
pub use shares::shares;
pub use trace::{Reason, StepReport, Trace};

use crate::{
    client::{Asker, Client},
    health::Health,
    snapshot::{Service, Snapshot},
};

/// Decides for a service of `snapshot`. Pure: the same snapshot, client and time give the same decision. Untraced it
/// allocates nothing.
pub fn decide<T: Trace>(
    snapshot: &Snapshot,
    service: &Service,
    client: &Client<'_>,
    now: DateTime<Utc>,
    trace: &mut T,
) -> Decision {
    debug_assert!(snapshot.services.iter().any(|s| std::ptr::eq(&**s, service)), "a service of another snapshot");
    let asker = service.asker(client, now);
    let class = client.located.id.and_then(|place| service.rows.class(&snapshot.geo, place));
    run(service, &asker, class.and_then(|class| class.row.as_ref()), Hashed, now, trace)
}

/// Decides for an asker, such as was recorded: the same as [`decide`] for the client that it was made of. It
/// has no address, so nobody can tell for whom else it holds.
pub fn decide_for<T: Trace>(service: &Service, asker: &Asker, now: DateTime<Utc>, trace: &mut T) -> Decision {
    run(service, asker, None, Hashed, now, trace)
}

/// Runs the chain: from `row` on, if that is still good and nobody wants to see the steps before it, else whole.
fn run<T: Trace, D: Draws>(
    service: &Service,
    asker: &Asker,
    row: Option<&Row>,
    draws: D,
    now: DateTime<Utc>,
    trace: &mut T,
) -> Decision {
    let mut chain = match row.filter(|row| !T::WANTED && now.timestamp_millis() < row.until_ms) {
        Some(row) => Chain::resume(service, asker, draws, now, row),
        None => {
            let mut chain = Chain::start(service, asker, draws, now, T::WANTED);
            chain.begin(trace);
            chain
        }
    };
    chain.go_on(trace);
    let ttl = if is_unsettled(&chain) { service.policy.ttl_min } else { service.policy.ttl };
    Decision { ranked: chain.ranked, aside: chain.aside, ttl, panic: chain.panic, asked: chain.asked }
}

/// Whether something in the answer may soon be otherwise; see the page above.
fn is_unsettled<D: Draws>(chain: &Chain<'_, D>) -> bool {
    let since_ms = |pathway: u8| chain.service.inputs.verdicts[usize::from(pathway)].since.timestamp_millis();
    let young = |pathway: u8| !chain.is_said(pathway) && chain.now_ms - since_ms(pathway) < SETTLING.num_milliseconds();
    chain.now_ms < chain.unsettled_until_ms
        || chain.ranked.iter().any(|c| chain.health(c.pathway) != Health::Up || young(c.pathway))
        || chain.aside.iter().any(|pathway| young(*pathway))
}
