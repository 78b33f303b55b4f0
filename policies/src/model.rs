//! The words of a policy, as data. Every value here has been checked: a [`Policy`] cannot be half right.

use std::{net::IpAddr, time::Duration};

use fairway_geo::{Asn, Continent, Country};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::explain::Unit;

/// How many pathways one service may have. A set of them is then one machine word, and a decision fits on the stack.
pub const MAX_PATHWAYS: usize = 32;

/// One service: its names, its pathways, and how to choose among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The service's id, `[A-Za-z0-9._-]+`; equal to the file's stem.
    pub service: String,
    /// Steered DNS names, lower case, without the trailing dot. May be empty (HTTP steering only).
    pub names: Vec<String>,
    /// Seconds an answer may be kept: 5…3600.
    pub ttl: u32,
    /// In file order, which is the order of preference where no step says otherwise. 1…[`MAX_PATHWAYS`], ids unique.
    pub pathways: Vec<Pathway>,
    /// Applied in order.
    pub steps: Vec<Step>,
}

impl Policy {
    /// The index of the pathway of this id.
    pub fn pathway(&self, id: &str) -> Option<usize> {
        self.pathways.iter().position(|pathway| pathway.id == id)
    }
}

/// One way to fetch the service's content: a CDN or an origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Pathway {
    /// `[A-Za-z0-9._-]+`.
    pub id: String,
    /// Where its content is, `http://` or `https://`, ending in `/`. Its host attributes beacons to this pathway.
    pub url: String,
    /// What DNS answers: addresses, or else a canonical name.
    pub answer: PathwayAnswer,
    /// How the node finds out by itself whether it works.
    pub probe: Option<Probe>,
    /// Bits per second it can carry.
    pub capacity: Option<u64>,
    /// The share of `capacity` at which the autoscaling trigger fires, 0…1.
    pub scale_at: f64,
}

impl Pathway {
    /// The host of [`Pathway::url`], without port.
    pub fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or(""),
            None => authority.split(':').next().unwrap_or(""),
        }
    }

    /// Every host by which a request reaches this pathway: the name in its URL, lower case, and its addresses by number.
    pub fn hosts(&self) -> impl Iterator<Item = String> + '_ {
        let addresses = match &self.answer {
            PathwayAnswer::Addresses(addresses) => &addresses[..],
            PathwayAnswer::Cname(_) | PathwayAnswer::None => &[],
        };
        std::iter::once(self.host().to_ascii_lowercase()).chain(addresses.iter().map(IpAddr::to_string))
    }

    /// Whether `host` (no port, an address without brackets) is one of [`Pathway::hosts`]. Allocates nothing: asked for
    /// every beacon that tells of a request.
    pub fn is_at(&self, host: &str) -> bool {
        let by_address = |addresses: &[IpAddr]| host.parse().is_ok_and(|ip: IpAddr| addresses.contains(&ip));
        self.host().eq_ignore_ascii_case(host)
            || matches!(&self.answer, PathwayAnswer::Addresses(addresses) if by_address(addresses))
    }
}

/// What DNS says for a pathway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathwayAnswer {
    /// A and AAAA records.
    Addresses(Vec<IpAddr>),
    /// A CNAME record's target, lower case, without the trailing dot.
    Cname(String),
    /// Not steered by DNS.
    None,
}

/// A health probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What is asked.
    pub target: ProbeTarget,
    /// From one probe's start to the next.
    pub interval: Duration,
    /// After which it has failed.
    pub timeout: Duration,
    /// Successes in a row that make it up.
    pub rise: u32,
    /// Failures in a row that make it down.
    pub fall: u32,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeTarget {
    /// GET this URL (connecting to the pathway's first address where it has one, so that no resolver is asked); healthy on 2xx or 3xx.
    Http(String),
    /// Open a TCP connection to this `host:port`.
    Tcp(String),
}

/// A set of pathways of one policy: bit *i* is `policy.pathways[i]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PathSet(pub u32);

impl PathSet {
    /// Whether pathway `index` is in the set.
    pub fn contains(self, index: usize) -> bool {
        self.0 >> index & 1 == 1
    }
    /// The first `len` pathways: all of a policy that has so many.
    pub fn all(len: usize) -> Self {
        (0..len.min(MAX_PATHWAYS)).collect()
    }
    /// Those in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// Those here but not there.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
    /// Adds pathway `index`.
    pub fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }
    /// How many.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The indexes, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..MAX_PATHWAYS).filter(move |i| self.contains(*i))
    }
}

impl FromIterator<usize> for PathSet {
    fn from_iter<I: IntoIterator<Item = usize>>(indexes: I) -> Self {
        let mut set = Self::default();
        indexes.into_iter().for_each(|i| set.insert(i));
        set
    }
}

/// One filter in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// For which clients; everyone when empty.
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
    /// A pathway that viewers' beacons show to be clearly better passes those before it.
    Rank(Rank),
    /// Shares inside each tier.
    Weights(Weights),
}

/// `healthy`: pathways that are down or drained are set aside; they stay the last resort of a steering list. If none is
/// left, all are kept (panic): a wrong verdict on everything must not be an outage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Healthy {}

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

/// `rank`: by what viewers saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Rank {
    /// The metrics compared, the most important first: a tie on one is decided by the next.
    pub by: Vec<Metric>,
    /// A cell speaks from so many sessions on.
    pub min_sessions: u32,
    /// How much better a challenger must be to pass, 0…1: 0.33 is a third less stalling.
    pub margin: f64,
    /// How much better it must remain to stay ahead, 0…`margin`.
    pub tie: f64,
}

/// A quality that cells tell of a pathway; smaller is better for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Time stalled over time watched, 0…1 (CTA-2066).
    StallRatio,
    /// Playbacks that failed before the first picture, over those begun, 0…1.
    StartFailures,
    /// Requests that failed (status ≥ 400, or none), over all, 0…1.
    RequestErrors,
    /// Median startup time, ms.
    StartupTime,
    /// Median time to first byte, ms.
    Ttfb,
}

impl Metric {
    /// All of them, by the name they have in a policy.
    pub const ALL: [(&'static str, Metric); 5] = [
        ("stall_ratio", Self::StallRatio),
        ("start_failures", Self::StartFailures),
        ("request_errors", Self::RequestErrors),
        ("startup_time", Self::StartupTime),
        ("ttfb", Self::Ttfb),
    ];

    /// As a person says it.
    pub fn text(self) -> &'static str {
        match self {
            Self::StallRatio => "stall ratio",
            Self::StartFailures => "start failures",
            Self::RequestErrors => "request errors",
            Self::StartupTime => "startup time",
            Self::Ttfb => "time to first byte",
        }
    }

    /// What its values are in.
    pub fn unit(self) -> Unit {
        match self {
            Self::StallRatio | Self::StartFailures | Self::RequestErrors => Unit::Share,
            Self::StartupTime | Self::Ttfb => Unit::Milliseconds,
        }
    }
}

/// `weights`: a share by number inside each tier; clients are spread by rendezvous hashing, so that one stays where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// By pathway index; one that is not named has 0 and comes after those of its tier that are.
    pub shares: Vec<u32>,
}

/// Which clients a step is for. The kinds of condition must all hold; within one, any value matches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    /// Continents.
    pub continent: Vec<Continent>,
    /// Countries.
    pub country: Vec<Country>,
    /// Autonomous systems.
    pub asn: Vec<Asn>,
    /// Address prefixes.
    pub cidr: Vec<IpNet>,
}

impl When {
    /// Whether it holds for everyone.
    pub fn is_always(&self) -> bool {
        self.continent.is_empty() && self.country.is_empty() && self.asn.is_empty() && self.cidr.is_empty()
    }
    /// Whether it asks where the client is (so that an answer holds only for the place's prefix).
    pub fn asks_place(&self) -> bool {
        !(self.continent.is_empty() && self.country.is_empty() && self.asn.is_empty())
    }
}
