//! The words of a policy, as data. Every value here has been checked: a [`Policy`] cannot be half right.

mod case;
mod step;
mod when;
mod window;

use std::{net::IpAddr, sync::Arc, time::Duration};

use fairway_geo::Coordinates;
use serde::{Deserialize, Serialize};

pub use case::{Case, CaseCell, CaseClient, Expect, Given, SHARE_TOLERANCE};
pub use step::{
    Availability, Capacity, Cheapest, Compare, Explore, Fence, Healthy, Limit, Metric, Nearest, Prefer, Rank, Step,
    StepKind, Stick, StickBy, Weights,
};
pub use when::{Device, Matcher, Protocol, Region, Stream, When};
pub use window::Window;

/// How many pathways one service may have. A set of them is then one machine word, and a decision fits on the stack.
pub const MAX_PATHWAYS: usize = 32;

/// How many steps one policy may have. Which of them are for a client is then one machine word.
pub const MAX_STEPS: usize = 64;

/// One service: its names, its pathways, and how to choose among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The service's id, `[A-Za-z0-9._-]+`; equal to the file's stem.
    pub service: String,
    /// The file as it was written: what a revision is known by, and what is kept of it.
    pub text: Arc<str>,
    /// Steered DNS names, lower case, without the trailing dot. May be empty (HTTP steering only).
    pub names: Vec<String>,
    /// Whether DNS decides for the client that a resolver tells of (RFC 7871), where it tells one; else for the resolver.
    pub client_subnet: bool,
    /// Seconds an answer may be kept while nothing in it is unsettled: 5…3600.
    pub ttl: u32,
    /// Seconds it may be kept while something is: 5…`ttl`.
    pub ttl_min: u32,
    /// In file order, which is the order of preference where no step says otherwise. 1…[`MAX_PATHWAYS`], ids unique.
    pub pathways: Vec<Pathway>,
    /// Applied in order.
    pub steps: Vec<Step>,
    /// What the author expects of it; `fairway test` runs these.
    pub tests: Vec<Case>,
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
    /// What its HTTPS and SVCB records say that it speaks (RFC 9460 §7.1), in the author's order; empty: it has none. Only
    /// beside addresses, and with an `https` URL.
    pub alpn: Vec<Alpn>,
    /// How the node finds out by itself whether it works.
    pub probe: Option<Probe>,
    /// Bits per second it can carry.
    pub capacity: Option<u64>,
    /// The share of `capacity` at which the autoscaling trigger fires, 0…1.
    pub scale_at: f64,
    /// Where it is; for `nearest`.
    pub location: Option<Coordinates>,
    /// What its traffic costs; for `cheapest`, and for what a plan projects.
    pub cost: Option<Cost>,
}

/// What a pathway's traffic costs in one calendar month (UTC), in whatever currency all pathways share.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// Volume tiers, ascending by `above`; the first begins at 0. Each price holds for the volume above its start.
    pub tiers: Vec<CostTier>,
    /// Terabytes (10¹² bytes) that are paid for whether used or not.
    pub commit_min: Option<f64>,
    /// Terabytes that must not be passed.
    pub commit_max: Option<f64>,
}

/// A price from some volume on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostTier {
    /// Terabytes this month from which on it holds.
    pub above: f64,
    /// Per terabyte.
    pub per_tb: f64,
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

    /// Whether its content is fetched over TLS.
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }

    /// The port of [`Pathway::url`], where that is not its scheme's own.
    pub fn port(&self) -> Option<u16> {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
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

/// A protocol that content is fetched by, as the handshake of TLS names it (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// HTTP/3, RFC 9114.
    H3,
    /// HTTP/2, RFC 9113.
    H2,
    /// HTTP/1.1, RFC 9112.
    Http11,
}

impl Alpn {
    /// The word, which is its ALPN identifier: `h3`, `h2`, `http/1.1`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::H3 => "h3",
            Self::H2 => "h2",
            Self::Http11 => "http/1.1",
        }
    }
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
