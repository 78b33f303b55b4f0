//! `[[test]]`: what an author expects of a policy, as data.

use chrono::{DateTime, Utc};
use fairway_geo::Place;
use std::net::IpAddr;

use super::{Device, Metric, Protocol, Stream};

/// One test: who asks, in what circumstances, and what must come of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// What it shows, in the author's words.
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
    /// Where it is.
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

/// In what circumstances. Indexes are the policy's pathways.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// When; 2026-01-01T12:00:00Z where not given.
    pub time: Option<DateTime<Utc>>,
    /// `down`, `drained` or `degraded`; the others are up.
    pub down: Vec<u8>,
    /// Drained by an operator.
    pub drained: Vec<u8>,
    /// Works badly.
    pub degraded: Vec<u8>,
    /// What viewers saw.
    pub cells: Vec<CaseCell>,
    /// Load now, bit/s by pathway.
    pub load: Vec<(u8, u64)>,
    /// Delivered this month, TB by pathway.
    pub volume: Vec<(u8, f64)>,
}

/// What viewers of one pathway saw: of the client's country, unless a wider or narrower audience is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseCell {
    /// Of this pathway.
    pub pathway: u8,
    /// For whom: all parts unknown is the world; else the narrowest audience of this place.
    pub place: Place,
    /// How many.
    pub sessions: u64,
    /// What they saw.
    pub values: Vec<(Metric, f64)>,
}

/// What must come of it; what is not said is not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// First in the list.
    pub first: Option<u8>,
    /// The whole order of those not set aside.
    pub order: Option<Vec<u8>>,
    /// These are not answered at all.
    pub never: Vec<u8>,
    /// These are set aside.
    pub aside: Vec<u8>,
    /// Of many clients like this one, the share that gets each pathway first, 0…1, and how far off it may be.
    pub share: Vec<(u8, f64)>,
    /// Words of the reason that explain gives for the first pathway, or for a pathway named.
    pub reason: Option<String>,
    /// Seconds.
    pub ttl: Option<u32>,
    /// Everything is kept since nothing is healthy.
    pub panic: Option<bool>,
}
