//! One decision function for DNS, HTTP, explain and replay. (Skeleton: the types other rooms build on.)

use arrayvec::ArrayVec;
use chrono::{DateTime, Utc};
use fairway_geo::Located;
use fairway_policies::model::MAX_PATHWAYS;
use ipnet::IpNet;
use serde::Serialize;

use crate::{
    health::Verdict,
    snapshot::{Service, Snapshot},
    standing::Known,
};

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Where it is, and for which prefix that holds; see [`Snapshot::client`].
    pub located: Located,
    /// How it asks.
    pub via: Via,
    /// What keeps it on one pathway under `weights`: its session where one is known; else its prefix is taken.
    pub session: Option<&'a str>,
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
    /// Set aside as unfit, least bad first: the end of a steering list, never a DNS answer.
    pub aside: ArrayVec<u8, MAX_PATHWAYS>,
    /// Seconds.
    pub ttl: u32,
    /// The addresses for which this same decision holds: the scope of a DNS answer. /0 where no step looked at the client.
    pub holds: IpNet,
    /// Nothing was healthy, so all were kept.
    pub panic: bool,
}

/// Why a step did what it did to one pathway. To explain and to record; text is made of it at the edge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// Its verdict lets it stand.
    Fit(Verdict),
    /// Set aside for its verdict.
    Unfit(Verdict),
    /// Unfit, but so are all.
    Panic(Verdict),
    /// The fence lets it through.
    Inside,
    /// The fence keeps it out.
    Outside,
    /// Preferred, in this tier of the step.
    Preferred { tier: u8 },
    /// Not among the preferred.
    NotPreferred,
    /// Compared with the others and where it was: nobody passed it, it passed nobody.
    Holds { known: Option<Known> },
    /// Passed `over`: better by more than the margin.
    Passed { over: Vec<u8>, known: Option<Known> },
    /// Was passed by `by`.
    PassedBy { by: Vec<u8>, known: Option<Known> },
    /// Given this share.
    Share { weight: u32 },
    /// The step is not for this client.
    NotForClient,
}

/// What one step did; `reasons` has one entry for each pathway that stood before it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// Index in the policy's steps.
    pub step: usize,
    /// Who stood before it, best first.
    pub before: Vec<Choice>,
    /// Who stood after it.
    pub after: Vec<Choice>,
    /// Pathway index and why.
    pub reasons: Vec<(u8, Reason)>,
}

/// Looks over the decision's shoulder. `()` looks away, at no cost; `Vec<StepReport>` keeps all.
pub trait Trace {
    /// Whether reports are wanted: none is built otherwise.
    const WANTED: bool;
    /// One step is done.
    fn report(&mut self, report: StepReport);
}

impl Trace for () {
    const WANTED: bool = false;
    fn report(&mut self, _: StepReport) {}
}

impl Trace for Vec<StepReport> {
    const WANTED: bool = true;
    fn report(&mut self, report: StepReport) {
        self.push(report);
    }
}

/// Decides. Pure: the same snapshot, client and time give the same decision.
pub fn decide(_snapshot: &Snapshot, service: &Service, client: &Client<'_>, _now: DateTime<Utc>, _trace: &mut impl Trace) -> Decision {
    let ranked = (0..service.policy.pathways.len()).map(|i| Choice { pathway: i as u8, tier: 0, weight: 0 }).collect();
    Decision { ranked, aside: ArrayVec::new(), ttl: service.policy.ttl, holds: client.located.prefix, panic: false }
}
