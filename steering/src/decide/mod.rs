//! One decision function for DNS, HTTP, explain and replay.
//!
//! # How a decision is made
//! A client is reduced to an [`Asker`]: which steps' conditions it meets, and the hashes by which it is told from others. All
//! pathways start in one tier, in file order. What operators force comes first; then the policy's steps are applied in order,
//! each to what the one before left; a step whose condition the asker does not meet does nothing. Two lists result: `ranked`,
//! which is answered, and `aside`, the unfit, which only end a steering list. Read [`decide`] first, then `chain` (what stands
//! between two steps), `steps` (what each kind does), `phase` (who is among whom, by hashing), `asker`, `scope` (for whom a
//! decision holds), `shares` (how likely each answer is) and `admitted` (whom full pathways admit, by these).
//!
//! # Signals
//! Only the service, the asker and the time given. So the same question has the same answer on every node that holds the
//! same snapshot, and a traced decision is the very decision that is answered: tracing adds reports, never a branch. What
//! everyone at a place has in common is worked out once for each snapshot ([`Row`]) by the same chain, stopped early; a
//! traced decision goes the whole way instead, and comes out the same. Time windows and the ends of overrides are looked at
//! when deciding, so that they pass also while nobody makes snapshots.
//!
//! # Cold start
//! Nothing probed, nothing measured: verdicts are up, standings are empty, and the chain degenerates to what the
//! operator wrote (file order, `prefer`, `weights`), which is the best guess there is.
//!
//! # When nothing is left
//! A verdict is an opinion, a fence is an order. Whenever verdicts would leave nobody to answer (or fewer than the policy
//! wants), all whom the fences allow are kept and the decision says `panic`: a wrong verdict on everything (a broken prober,
//! most often) must not become an outage. The same where operators force all away, by a glob too wide most likely. A
//! fenced-out pathway stays out even then.
//!
//! # Recovery
//! Whatever changes for many at once changes for a growing share of them (`phase`): a pathway that comes back, a lead, what a
//! full pathway admits. Who waits is answered as if the change had not begun.
//!
//! # Ties
//! Steps reorder stably, so among equals the earlier step, and at last the file, decides. Chance never does: `weights` and
//! `stick` spread clients by hashing, so a client stays where it is.
//!
//! # Time to live
//! The policy's `ttl` while all in the answer is settled, its `ttl_min` while something is not. What has just changed is the
//! likeliest to change again, and those who were moved together load the next pathway together; a shorter life brings them
//! back sooner, at the price of more queries for as long as it lasts. Two lives and no ramp between them: a person who reads
//! either in an answer knows which of two states it was made in. Unsettled is:
//! - a pathway, ranked or aside, whose verdict changed less than [`SETTLING`] ago, and one ranked that is not up (degraded,
//!   or kept in panic). A minute, because the rise and fall counts of probes every few seconds are settled well within it;
//! - an operator's word for this place, for as long: what is forced in a hurry is often taken back, or followed by more;
//! - a ramp or a lead under way among those that stood, whether or not this client is among its share: the next move may be
//!   its own. For the same reason a pathway that does not admit everybody, where this client comes to it.
//!
//! An operator's `up`, `down` or `drained` stands in the place of the verdict, which then does not matter here either. What
//! `explore` does is planned, and no news. Neither life is under 5 s: resolvers and players do not honour less, and hls.js
//! loops on 0.

mod admitted;
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

pub use admitted::admitted;
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
    let settling = SETTLING.num_milliseconds();
    if chain.nothing_is_said()
        && chain.service.prepared.all_up_since_ms.is_some_and(|since| chain.now_ms - since >= settling)
    {
        return chain.now_ms < chain.unsettled_until_ms; // what follows comes to the same, pathway by pathway
    }
    let since_ms = |pathway: u8| chain.service.inputs.verdicts[usize::from(pathway)].since.timestamp_millis();
    let young = |pathway: u8| !chain.is_said(pathway) && chain.now_ms - since_ms(pathway) < settling;
    chain.now_ms < chain.unsettled_until_ms
        || chain.ranked.iter().any(|c| chain.health(c.pathway) != Health::Up || young(c.pathway))
        || chain.aside.iter().any(|pathway| young(*pathway))
}
