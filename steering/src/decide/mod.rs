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

mod scope;
mod spread;
mod steps;
#[cfg(test)]
mod tests;
mod trace;

use std::net::IpAddr;

use arrayvec::ArrayVec;
use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::{Located, Place};
use fairway_policies::{
    Pathway, Policy,
    model::{MAX_PATHWAYS, PathwayAnswer},
};
use ipnet::{IpNet, Ipv4Net};
use serde::Serialize;

use crate::{
    health::Health,
    snapshot::{Service, Snapshot},
};
pub(crate) use spread::seed;
use steps::Chain;
pub use trace::{Reason, StepReport, Trace};

/// How long after a change of verdict an answer counts as unsettled.
const SETTLING: TimeDelta = TimeDelta::seconds(60);
/// Seconds; no answer lives shorter.
const TTL_FLOOR: u32 = 5;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Its address, or that of its network as a resolver told it; `None` when only a place is asked about
    /// ([`Client::at`]), which is then outside every CIDR.
    pub address: Option<IpAddr>,
    /// Where it is, and for which prefix that holds; see [`Snapshot::client`].
    pub located: Located,
    /// How it asks.
    pub via: Via,
    /// What keeps it on one pathway under `weights`: its session where one is known; else its prefix is taken.
    pub session: Option<&'a str>,
}

impl<'a> Client<'a> {
    /// Someone at `place`, wherever in it: the question of explain and of policy tests. Its decision's `holds` is 0.0.0.0/0
    /// and means nothing.
    pub fn at(place: Place, via: Via, session: Option<&'a str>) -> Self {
        Self { address: None, located: Located { place, prefix: IpNet::V4(Ipv4Net::default()) }, via, session }
    }
}

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Authoritative DNS.
    Dns,
    /// HLS content steering.
    Hls,
    /// DASH content steering.
    Dash,
    /// The decision as JSON.
    Http,
}

impl Via {
    /// The word: `dns`, `hls`, `dash`, `http`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Hls => "hls",
            Self::Dash => "dash",
            Self::Http => "http",
        }
    }
}

/// One pathway of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// Index in the policy's pathways.
    pub pathway: u8,
    /// Equals have the same tier; 0 is the best.
    pub tier: u8,
    /// Share inside its tier; 0 where no `weights` step spoke.
    pub weight: u32,
}

/// What to answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Eligible pathways, best first; never empty for a policy that has one its fences allow.
    pub ranked: ArrayVec<Choice, MAX_PATHWAYS>,
    /// Set aside as unfit, least bad first: the end of a steering list.
    pub aside: ArrayVec<u8, MAX_PATHWAYS>,
    /// Seconds.
    pub ttl: u32,
    /// The addresses for which this same decision holds, or for [`Via::Dns`] what [`Decision::for_dns`] gives of it: the
    /// scope of a DNS answer. /0 where no step looked at the client.
    pub holds: IpNet,
    /// Nothing was healthy, so all were kept.
    pub panic: bool,
}

impl Decision {
    /// The one pathway whose records DNS answers: the first ranked one that has any. When none of those has, the first set
    /// aside that has: a record that may not work is better than none, which resolvers would remember as such.
    pub fn for_dns<'p>(&self, policy: &'p Policy) -> Option<(u8, &'p PathwayAnswer)> {
        self.indexes()
            .filter_map(|i| Some((i, &policy.pathways.get(usize::from(i))?.answer)))
            .find(|(_, answer)| **answer != PathwayAnswer::None)
    }

    /// Every pathway that the fences allow, best first, those set aside last: a steering list. It has two entries or more
    /// wherever the policy and its fences have, so that a player can fail over by itself.
    pub fn priority<'p>(&self, policy: &'p Policy) -> impl Iterator<Item = &'p Pathway> {
        self.indexes().filter_map(|i| policy.pathways.get(usize::from(i)))
    }

    fn indexes(&self) -> impl Iterator<Item = u8> {
        self.ranked.iter().map(|c| c.pathway).chain(self.aside.iter().copied())
    }
}

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
    let verdict = |pathway: u8| &service.verdicts[usize::from(pathway)];
    decision.ranked.iter().any(|c| verdict(c.pathway).health != Health::Up)
        || decision.indexes().any(|pathway| now - verdict(pathway).since < SETTLING)
}
