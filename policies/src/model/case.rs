//! `[[test]]`: what an author expects of a policy, as data. Indexes are the policy's pathways.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use fairway_geo::Place;

use super::{Device, Metric, PathSet, Protocol, Stream};

/// How far a share may be off what a test expects: four standard deviations of ten thousand clients.
pub const SHARE_TOLERANCE: f64 = 0.02;

/// One test: who asks, in what circumstances, and what must come of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it shows, in the author's words; no other test of the policy has the same.
    pub name: String,
    /// The line of its `[[test]]`, from 1.
    pub line: u32,
    /// Who asks.
    pub client: CaseClient,
    /// In what circumstances.
    pub given: Given,
    /// What must come of it.
    pub expect: Expect,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseClient {
    /// Its address, for CIDR conditions and hashing. It does not tell the place: tests know no geo data.
    pub address: Option<IpAddr>,
    /// Where it is. What a narrower part implies is filled in: a subdivision's country, a country's continent.
    pub place: Place,
    /// How it asks; HLS where not given.
    pub protocol: Option<Protocol>,
    /// On what it plays.
    pub device: Option<Device>,
    /// What it watches.
    pub content: Option<String>,
    /// Live or on demand.
    pub stream: Option<Stream>,
    /// Its session.
    pub session: Option<String>,
}

/// In what circumstances.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// When; [`Given::NOON`] where not given.
    pub time: DateTime<Utc>,
    /// These do not work; the others do.
    pub down: PathSet,
    /// These are drained by an operator.
    pub drained: PathSet,
    /// These work badly.
    pub degraded: PathSet,
    /// What viewers saw.
    pub cells: Vec<CaseCell>,
    /// Load now, bit/s by pathway.
    pub load: Vec<(usize, u64)>,
    /// Delivered this month, TB by pathway.
    pub volume: Vec<(usize, f64)>,
}

impl Given {
    /// The time of a test that does not say it, as TOML: noon of an ordinary Monday, in the middle of a month.
    pub const NOON: &str = "2026-06-15T12:00:00Z";
}

/// What viewers of one pathway saw.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseCell {
    /// Of this pathway.
    pub pathway: usize,
    /// For whom: the narrowest audience of this place; all parts unknown is the world.
    pub place: Place,
    /// How many.
    pub sessions: u32,
    /// What they saw, in the metric's unit: shares 0…1, ms, bit/s.
    pub values: Vec<(Metric, f64)>,
}

/// What must come of it; what is not said is not looked at. Something is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// First in the list.
    pub first: Option<usize>,
    /// The whole order of those not set aside.
    pub order: Option<Vec<usize>>,
    /// These are not answered at all.
    pub never: PathSet,
    /// These are set aside.
    pub aside: PathSet,
    /// Of many clients like this one, the share that gets each pathway first, 0…1, within [`SHARE_TOLERANCE`].
    pub share: Vec<(usize, f64)>,
    /// Words of the account that explain gives of the first pathway, in upper or lower case.
    pub reason: Option<String>,
    /// Seconds.
    pub ttl: Option<u32>,
    /// Whether everything is kept since too little is healthy.
    pub panic: Option<bool>,
}
