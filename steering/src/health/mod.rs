//! Verdicts: is a pathway fit to be answered?
//!
//! **Signals.** Two, which see different things. *Probes* are the node's own requests to one address: quick, there when
//! nobody watches, but blind to what they do not ask for. *Viewers' requests*, told by beacons and summed in the world's
//! cell, see every object over every network, but only where there is traffic, and a beacon or a cell window late. Neither
//! replaces the other, so each holds an opinion of its own and the **worse one is the verdict**.
//!
//! **Probes.** `fall` failures in a row are down, `rise` successes in a row are up again; nothing in between changes
//! anything, so one lost packet does not. While the run is still too short to speak, the next probe comes after half the
//! interval. With an interval of 2 s (±10 %, so that probes spread), a timeout of 1 s and `fall = 2`, a pathway that refuses
//! connections is down 3.3 s later at worst, and one that goes silent 4.3 s later.
//!
//! **Viewers' requests.** Of those in the window, half failed: they speak against the pathway. A tenth: degraded, which is kept and said, because to
//! move everyone for what may be one viewer's network is the `rank` step's matter, per audience. (A tenth is where NS1 and
//! Openmix call a platform unavailable, over five minutes; our window is ten times shorter, so the same number must not
//! be an eviction.) Under [`MIN_REQUESTS`] there is no opinion: of 50 requests with a true error rate of 1 %, five fail
//! once in 2,000 windows and twenty-five never. A level is left only under *half* its threshold, so a ratio on the line
//! does not flutter.
//!
//! **Availability.** Half of the requests in half a minute is a pathway that has fallen over; one that loses an eighth of them
//! for an hour never gets there. So a policy may name a share of viewers' requests that must succeed over a longer time
//! (`availability`: NS1 and Openmix ask for 90 % over five minutes). Counts of ten seconds are kept for as long, in a ring.
//! The rule speaks when failures pass the allowed share by more than chance explains, [`STANDARD_ERRORS`] of them: of 500
//! requests of which a tenth may fail, from 71 on and not from 51; of 50, from 12 on. Looked at every two seconds for weeks,
//! less would evict a pathway that is exactly as good as was asked. Under [`MIN_REQUESTS`] it has no opinion. It clears
//! when under half of what may fail does. **What has spoken is spent**: counts that spoke against a pathway are not heard again,
//! nor are those from before it came back; else five bad minutes would evict it for ten, and again at its first request.
//!
//! **Probes evict, viewers' errors take away by halves.** A probe that fails says that nothing is there; it would fail as well
//! for one viewer as for all. Viewers' requests may fail *because* there are so many of them: then to evict is to send the
//! whole crowd to the next, which falls over in its turn, until all are down and everyone is sent everywhere again. (In
//! simulation loads swing between nothing and twice the capacity.) So what speaks against a pathway takes away a part of its
//! clients: the share for whom it counts as fit, 1 until then, is halved, or falls to what share of requests went well where
//! that is less than half; it is *degraded* as long as some are left. Half is the most that an overload near its threshold
//! can want, since half of the requests were served; and one that served a tenth has no use for half of its crowd.
//! Then, while it goes on, the next half: on what is left a quarter of failures is enough, and only buckets that began since are
//! heard, so that a step comes every ten seconds. That is before all have followed the step before (they follow within a
//! TTL), so it goes too far sometimes; in simulation, to wait for them is worse, since a crowd on the rise is met too late.
//! Between a tenth and a quarter nothing moves: there the pathway carries what it can, and whom to prefer for it is `rank`'s
//! matter. Below a tenth the share grows again, as on the ramp below, and doubles in a fifth of the policy's `ramp`. Under
//! the share that a ramp begins with nobody is left, and it is *down*.
//!
//! One that is truly broken for viewers while its probes pass is told from an overloaded one by not getting better. If it
//! serves nobody it is down at the first window that says so, some fifteen seconds after it broke, as ever. If it serves a tenth,
//! nine tenths of its clients are sent away by that window and the rest ten seconds later. If half, nine tenths are by the fourth,
//! half a minute later, and all by the sixth. The availability rule below takes away in the same way, at its own pace.
//! Where the policy's `ramp` is zero there are no halves: all go at once and come back at once.
//!
//! **Recovery, by opinion.** A pathway that viewers found down loses its viewers, and with them the evidence: silence is all that
//! ever comes. So silence clears it, after a hold of [`HOLD`] from the last bad window, for the probes to contradict. If it
//! was still broken, viewers find out, and each relapse doubles the hold, up to [`HOLD_LIMIT`]: a pathway broken for all but
//! probes costs a small and shrinking share of viewers a failed request, instead of all of them every minute. After
//! [`HOLD_LIMIT`] without a relapse the hold is short again. A *clear* window (enough requests, few errors) is evidence
//! and clears at once. When the store is down there are no fresh cells: that is silence too, not a frozen verdict.
//!
//! **Recovery, by ramp.** Whatever found it down, it is not back for all at once: those who come back in one breath meet
//! cold caches, and if it is still broken, all of them meet that. On the ramp (the policy's `ramp`, as a whole) there is first a
//! *trial*: a thirty-second of the sessions that can afford a failure, because they have media in store, and others every few
//! seconds, so that nobody is tried twice. A thirty-second, because a thousand viewers then give the dozen requests that speak
//! ([`MIN_REQUESTS_RAMPING`]) within one window, and a million do not fall over anyone. [`TRIAL`] is as long as the evidence
//! takes: a player polls within a TTL, plays, reports within ten seconds, and is summed and read three seconds
//! later. Then the share *doubles*, five times over the rest of the ramp. Linear growth would expose a fifth of
//! all viewers at a fifth of the way; doubling adds no more than has just proven to work, which is what bounds the harm, and
//! it is kind to caches, which fill from the first viewers. The default of three minutes gives a doubling half a minute,
//! as long as the evidence takes; on a ramp of one minute it is the trial that proves, and the rest only spreads the crowd. It goes in
//! small steps, at most an eighth at a time, so that no step is a crowd either.
//!
//! *What viewers say decides.* On a ramp [`MIN_REQUESTS_RAMPING`] requests speak, and a quarter of them failed speaks against
//! it: it was down a moment ago, so the benefit of the doubt that a good pathway has is not due, and a level is left only under
//! half its threshold. Errors take away half of the share, as above; on trial, or where too little is left, it is down
//! again, with a doubled hold, and the next return begins with the trial. More than a tenth: the ramp stands still. Good: it
//! goes on; it is no faster, for what is proven is a share, not the whole. Silence, as long as the hold: it goes on, by time. So where nobody can be
//! tried (DNS tells no sessions, so nobody of whom a buffer is known; or nobody watches), the trial passes unused and the first
//! thirty-second of all prefixes is the trial in effect: slower evidence, the same bound. *Probes* that fail end it as they
//! end anything. Without evidence of its own a ramp must not stand still: a pathway nobody uses would never be back.
//!
//! *When nobody else is left* there is no ramp to spread viewers over: where no fit pathway of the service is there for
//! everyone, all of them are moved on by the time that the one furthest on its way has left. After an outage of all, the first
//! to return is back at once, and the second ramps up beside it. Where viewers speak against all, shares thus say how each
//! does against the best of them; an overload of everything is shared out and takes nobody away, and is no panic. The others'
//! viewers would otherwise be kept on pathways that are known to fail. What an operator forces up
//! is up at once: see [`overrides`](crate::overrides). *After a restart* a ramp goes on where it was, and the time away does
//! not count, since nobody listened; a trial begins anew. A pathway of which nothing is known (new, or a fresh node) has
//! not been down, and has no ramp.
//!
//! **Cold start.** Up, [`Cause::Unprobed`]: a node that has seen nothing must answer, and the policy's order is the best
//! guess there is. After a restart the saved verdicts hold until the signals speak: what was down needs its `rise`, or its
//! hold anew.
//!
//! **Ties.** Where both opinions are equally bad the probes' cause is shown: it names the error. If everything is down,
//! the `healthy` step keeps everything (panic): a failing origin or a failing node must not become an outage.
//!
//! A verdict's evidence is what tripped it and stays so until it changes; [`Verdict::since`] is when its health last changed.

mod probe;
mod recovery;
mod rules;
#[cfg(test)]
mod tests;
mod verdicts;
mod viewers;

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use fairway_policies::explain::lasting;
use serde::{Deserialize, Serialize};

pub use probe::{Outcome, ProbeError};
pub(crate) use probe::{Probes, http_client, innermost};
pub use recovery::{FIRST_SHARE, TRIAL, began, ramp, trial};
pub use rules::Rules;
pub use verdicts::{Tally, Verdicts, Watch};
pub use viewers::{BUCKET, Count};

/// Viewers' requests in one window from which on they speak; the page above says why.
pub const MIN_REQUESTS: u64 = 50;
/// And while the pathway is on its way back.
pub const MIN_REQUESTS_RAMPING: u64 = 10;
/// By how many standard errors availability must be under the policy's threshold: chance does that once in 700 looks.
pub const STANDARD_ERRORS: f64 = 3.0;
/// Failed over all, from which on a pathway is degraded.
pub const DEGRADED_AT: f64 = 0.10;
/// Failed over all, from which on viewers speak against it: some of them are taken away from it, or all.
pub const DOWN_AT: f64 = 0.50;
/// How long silence must last to clear what viewers said, the first time.
pub const HOLD: Duration = Duration::from_secs(30);
/// And at most.
pub const HOLD_LIMIT: Duration = Duration::from_secs(480);

/// Fitness of a pathway, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Works.
    #[default]
    Up,
    /// Works badly: kept, for some or for all, but said.
    Degraded,
    /// Does not work.
    Down,
    /// Taken out by an operator.
    Drained,
}

impl Health {
    /// All of them, best first.
    pub const ALL: [Health; 4] = [Self::Up, Self::Degraded, Self::Down, Self::Drained];

    /// The word: `up`, `degraded`, `down`, `drained`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Drained => "drained",
        }
    }
}

/// Fitness with its cause and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// How fit.
    pub health: Health,
    /// Why.
    pub cause: Cause,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl Verdict {
    /// Of a pathway that nothing is known of.
    pub fn unknown(now: DateTime<Utc>) -> Self {
        Self { health: Health::Up, cause: Cause::Unprobed, since: now }
    }
}

/// For how many a pathway counts as fit: how far it is back after it was down, or what viewers' errors have left it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ramp {
    /// The share of clients for whom it counts as fit, 0…1. 1: all of them.
    pub share: f32,
    /// Still on trial: only sessions that can afford a failure are among them, others than a moment ago.
    pub trial: bool,
}

impl Default for Ramp {
    fn default() -> Self {
        Self { share: 1.0, trial: false }
    }
}

/// Why a verdict is what it is, with the numbers it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// Nothing has been seen of it, yet or lately: taken to be up.
    Unprobed,
    /// `count` probes in a row went well.
    ProbesPassed { count: u32 },
    /// `count` probes in a row failed, the last with `error`.
    ProbesFailed { count: u32, error: String },
    /// Of `requests` that viewers told of in the last window, `errors` failed.
    RequestErrors { errors: u64, requests: u64 },
    /// Of `requests` that viewers told of over the policy's `over_s` seconds, `errors` failed: fewer than `least` succeeded.
    Availability { errors: u64, requests: u64, least: f64, over_s: u64 },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unprobed => f.write_str("no probe result, and too few requests by viewers to judge by"),
            Self::ProbesPassed { count: 1 } => f.write_str("a probe passed"),
            Self::ProbesPassed { count } => write!(f, "{count} probes in a row passed"),
            Self::ProbesFailed { count: 1, error } => write!(f, "a probe failed: {error}"),
            Self::ProbesFailed { count, error } => write!(f, "{count} probes in a row failed: {error}"),
            Self::RequestErrors { errors, requests } => write!(f, "{errors} of viewers' {requests} requests failed"),
            Self::Availability { errors, requests, least, over_s } => {
                let succeeded = 100.0 * (1.0 - *errors as f64 / (*requests).max(1) as f64);
                write!(
                    f,
                    "{succeeded:.1} % of viewers' {requests} requests succeeded over {}, under {} %",
                    lasting(*over_s as f64),
                    (least * 1000.0).round() / 10.0
                )
            }
        }
    }
}

/// A pathway of a service, by ids; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathKey {
    /// Service id.
    pub service: Arc<str>,
    /// Pathway id.
    pub pathway: Arc<str>,
}

impl PathKey {
    /// Of these ids.
    pub fn new(service: &str, pathway: &str) -> Self {
        Self { service: service.into(), pathway: pathway.into() }
    }
}
