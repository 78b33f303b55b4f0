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
//! **Viewers' requests.** Of those in the window, half failed: down. A tenth: degraded, which is kept and said, because to
//! move everyone for what may be one viewer's network is the `rank` step's matter, per audience. (A tenth is where NS1 and
//! Openmix call a platform unavailable, over five minutes; our window is ten times shorter, so the same number must not
//! be an eviction.) Under [`MIN_REQUESTS`] there is no opinion: of 50 requests with a true error rate of 1 %, five fail
//! once in 2,000 windows and twenty-five never. A level is left only under *half* its threshold, so a ratio on the line
//! does not flutter.
//!
//! **Recovery.** A pathway that viewers found down loses its viewers, and with them the evidence: silence is all that ever
//! comes. So silence clears it, after a hold of [`HOLD`] from the last bad window, for the probes to contradict. If it
//! was still broken, viewers find out within a window, and each relapse doubles the hold, up to [`HOLD_LIMIT`]: a pathway
//! broken for all but probes costs a small and shrinking share of viewers a failed request, instead of all of them every minute. After
//! [`HOLD_LIMIT`] without a relapse the hold is short again. A *clear* window (enough requests, few errors) is evidence
//! and clears at once. When the store is down there are no fresh cells: that is silence too, not a frozen verdict.
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
#[cfg(test)]
mod tests;
mod verdicts;

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use probe::{Outcome, ProbeError};
pub(crate) use probe::{Probes, http_client, innermost};
pub use verdicts::{Tally, Verdicts, Watch};

/// Viewers' requests in one window from which on they speak; the page above says why.
pub const MIN_REQUESTS: u64 = 50;
/// Failed over all, from which on a pathway is degraded.
pub const DEGRADED_AT: f64 = 0.10;
/// Failed over all, from which on it is down.
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
    /// Works badly: kept, but said.
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
