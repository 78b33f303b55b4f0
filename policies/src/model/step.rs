//! The kinds of step, as data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{PathSet, when::When};
use crate::explain::Unit;

/// One filter in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// For which clients and when; everyone and always when empty.
    pub when: When,
    /// The line of its `[[step]]` in the file, from 1: explain points there.
    pub line: u32,
}

/// What a step does. The chain's pathways stand in *tiers*: those of one tier are equals, an earlier tier is preferred.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// Sets aside what is down or drained.
    Healthy(Healthy),
    /// Only, or never, these pathways.
    Fence(Fence),
    /// These pathways first, in tiers.
    Prefer(Prefer),
    /// The nearer pathway first.
    Nearest(Nearest),
    /// A pathway that viewers' beacons show to be clearly better passes those before it.
    Rank(Rank),
    /// Among equals, the cheaper first.
    Cheapest(Cheapest),
    /// Shares inside each tier.
    Weights(Weights),
    /// What a pathway cannot carry goes to the next.
    Capacity(Capacity),
    /// A small share goes elsewhere, to learn.
    Explore(Explore),
    /// By what clients are hashed, and so kept where they are.
    Stick(Stick),
    /// At most so many pathways.
    Limit(Limit),
}

/// `healthy`: pathways that are down or drained are set aside; they stay the last resort of a steering list. If too few
/// are left, all are kept (panic): a wrong verdict on everything must not be an outage.
#[derive(Clone, Debug, PartialEq)]
pub struct Healthy {
    /// All are kept when fewer than this share of those that stood would be left, 0…1; 0: when none would.
    pub panic: f64,
    /// Viewers' requests under a threshold over a window count as down.
    pub availability: Option<Availability>,
    /// How long a pathway that was down takes until everyone may use it again; zero: at once.
    pub ramp: Duration,
}

/// When too few of viewers' requests succeed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Availability {
    /// Succeeded over told, 0…1; under it the pathway counts as down.
    pub least: f64,
    /// Over how long.
    pub over: Duration,
}

/// `fence`: for the clients that match, only these pathways; a fenced-out pathway is never answered, whatever fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Fence {
    /// What may be used (`only`), or the complement of `never`.
    pub allowed: PathSet,
}

/// `prefer`: for the clients that match, these tiers go before all else.
#[derive(Clone, Debug, PartialEq)]
pub struct Prefer {
    /// First tier first. No pathway is in two.
    pub tiers: Vec<PathSet>,
}

/// `nearest`: by great-circle distance between the client and each pathway's location. Those without a location come last;
/// a client whose place is not known is left alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// Kilometres added to each pathway's distance, by index; negative brings it nearer.
    pub bias: Vec<f64>,
    /// Kilometres within which two distances are the same.
    pub same: f64,
}

/// `rank`: by what viewers saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Rank {
    /// What is compared, and how several metrics become one verdict.
    pub by: Compare,
    /// How many sessions' worth of samples make half an estimate: with fewer, the wider audience's word weighs more.
    pub min_sessions: u32,
    /// After so long a sample weighs half.
    pub half_life: Duration,
    /// How much better a challenger must be to pass, 0…1: 0.33 is a third less stalling.
    pub margin: f64,
    /// How much better it must remain to stay ahead, 0…`margin`.
    pub tie: f64,
    /// The share of an audience that moves at a time, 0…1.
    pub pace: f64,
    /// From one move of an audience to the next, at least.
    pub settle: Duration,
}

/// How `rank` compares.
#[derive(Clone, Debug, PartialEq)]
pub enum Compare {
    /// The most important first: a tie on one is decided by the next.
    InOrder(Vec<Metric>),
    /// All at once, each with its weight (> 0).
    Weighted(Vec<(Metric, f64)>),
}

impl Compare {
    /// The metrics, in the order written.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> + '_ {
        let (ordered, weighted): (&[Metric], &[(Metric, f64)]) = match self {
            Self::InOrder(metrics) => (metrics, &[]),
            Self::Weighted(metrics) => (&[], metrics),
        };
        ordered.iter().copied().chain(weighted.iter().map(|(metric, _)| *metric))
    }
}

/// A quality that cells tell of a pathway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Time stalled over time watched, 0…1 (CTA-2066).
    StallRatio,
    /// Playbacks that failed before the first picture, over those begun, 0…1.
    StartFailures,
    /// Requests that failed (status ≥ 400, or none), over all, 0…1.
    RequestErrors,
    /// Typical startup time, ms.
    StartupTime,
    /// Typical time to first byte, ms.
    Ttfb,
    /// Delivered bitrate, bit/s: bits played over media time. More is better.
    Bitrate,
    /// Typical throughput that players measured, bit/s. More is better.
    Throughput,
}

impl Metric {
    /// All of them, by the name they have in a policy.
    pub const ALL: [(&'static str, Metric); 7] = [
        ("stall_ratio", Self::StallRatio),
        ("start_failures", Self::StartFailures),
        ("request_errors", Self::RequestErrors),
        ("startup_time", Self::StartupTime),
        ("ttfb", Self::Ttfb),
        ("bitrate", Self::Bitrate),
        ("throughput", Self::Throughput),
    ];

    /// As a person says it.
    pub fn text(self) -> &'static str {
        match self {
            Self::StallRatio => "stall ratio",
            Self::StartFailures => "start failures",
            Self::RequestErrors => "request errors",
            Self::StartupTime => "startup time",
            Self::Ttfb => "time to first byte",
            Self::Bitrate => "bitrate",
            Self::Throughput => "throughput",
        }
    }

    /// What its values are in.
    pub fn unit(self) -> Unit {
        match self {
            Self::StallRatio | Self::StartFailures | Self::RequestErrors => Unit::Share,
            Self::StartupTime | Self::Ttfb => Unit::Milliseconds,
            Self::Bitrate | Self::Throughput => Unit::BitsPerSecond,
        }
    }

    /// Whether more of it is better.
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::Bitrate | Self::Throughput)
    }
}

/// `cheapest`: the first tier, ordered by what one more terabyte costs now.
#[derive(Clone, Debug, PartialEq)]
pub struct Cheapest {
    /// Prices that differ by less than this share are the same, 0…1.
    pub tie: f64,
}

/// `weights`: a share by number inside each tier; clients are spread by rendezvous hashing, so that one stays where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// By pathway index; one that is not named has 0 and comes after those of its tier that are.
    pub shares: Vec<u32>,
}

/// `capacity`: of the clients that a pathway would get, only so many as it can carry; the rest go to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// The share of the declared capacity that may be filled, 0…1.
    pub fill: f64,
}

/// `explore`: a share of each audience gets another pathway first, so that what is known of it stays fresh.
#[derive(Clone, Debug, PartialEq)]
pub struct Explore {
    /// Of the clients, 0…1.
    pub share: f64,
    /// After so long it is other clients' turn.
    pub every: Duration,
}

/// `stick`: what clients are hashed by, from here on in the chain; equals without weights are split evenly.
#[derive(Clone, Debug, PartialEq)]
pub struct Stick {
    /// By this.
    pub by: StickBy,
}

/// What a client is hashed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StickBy {
    /// Its session; its prefix where none is known.
    Session,
    /// Its address prefix: /24 or /48.
    Prefix,
    /// What it watches; its session, else its prefix, where that is not known.
    Content,
}

/// `limit`: the first so many; the others are not answered, and those set aside fill up what is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// 1 at least.
    pub to: u32,
}
