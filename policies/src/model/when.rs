//! Which clients a step is for, and when.

use std::fmt;

use fairway_geo::{Asn, Continent, Country, Subdivision};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Window;

/// Which clients a step is for. The kinds of condition must all hold; within one, any value matches, and no value of its
/// `_not` does. What is not known of a client matches nothing, and so is no value of a `_not` either.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    /// Continents.
    pub continent: Matcher<Continent>,
    /// Countries.
    pub country: Matcher<Country>,
    /// Subdivisions of countries, as `US-CA`.
    pub subdivision: Matcher<Region>,
    /// Autonomous systems.
    pub asn: Matcher<Asn>,
    /// Address prefixes.
    pub cidr: Matcher<IpNet>,
    /// How it asks.
    pub protocol: Matcher<Protocol>,
    /// On what it plays.
    pub device: Matcher<Device>,
    /// Beginnings of the content's id.
    pub content: Matcher<String>,
    /// Live or on demand.
    pub stream: Option<Stream>,
    /// At these times; any of them.
    pub time: Vec<Window>,
}

/// One kind of condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Matcher<T> {
    /// Any of these; empty: anything.
    pub any: Vec<T>,
    /// None of these.
    pub not: Vec<T>,
}

impl<T> Default for Matcher<T> {
    fn default() -> Self {
        Self { any: Vec::new(), not: Vec::new() }
    }
}

impl<T> Matcher<T> {
    /// Whether it asks nothing.
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.not.is_empty()
    }

    /// Whether it holds where `is` tells which of its values are the client's.
    pub fn holds(&self, is: impl Fn(&T) -> bool) -> bool {
        (self.any.is_empty() || self.any.iter().any(&is)) && !self.not.iter().any(is)
    }
}

impl<T: PartialEq> Matcher<T> {
    /// Whether it holds for a client of which this is known.
    pub fn holds_for(&self, actual: Option<T>) -> bool {
        self.holds(|value| actual.as_ref() == Some(value))
    }
}

/// A subdivision of a country (ISO 3166-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region {
    /// Of this country.
    pub country: Country,
    /// Without the country.
    pub subdivision: Subdivision,
}

/// `US-CA`.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.country, self.subdivision)
    }
}

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Authoritative DNS.
    Dns,
    /// HLS content steering.
    Hls,
    /// DASH content steering.
    Dash,
    /// The decision as JSON, redirects, manifests.
    Http,
}

/// What a client plays on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// Television sets and the boxes and sticks beside them.
    Tv,
    /// Telephones.
    Phone,
    /// Tablets.
    Tablet,
    /// Browsers on computers.
    Desktop,
    /// Games consoles.
    Console,
}

/// What kind of stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Live.
    Live,
    /// On demand.
    Vod,
}

impl When {
    /// Whether it holds for everyone at any time.
    pub fn is_always(&self) -> bool {
        !self.asks_place() && !self.asks_client() && self.time.is_empty()
    }

    /// Whether it asks where the client is (so that an answer holds only for the place's prefix).
    pub fn asks_place(&self) -> bool {
        !(self.continent.is_empty() && self.country.is_empty() && self.subdivision.is_empty() && self.asn.is_empty())
    }

    /// Whether it asks what is told of one client only: address, protocol, device, content, stream.
    pub fn asks_client(&self) -> bool {
        !(self.cidr.is_empty() && self.protocol.is_empty() && self.device.is_empty() && self.content.is_empty())
            || self.stream.is_some()
    }
}

impl Protocol {
    /// The word: `dns`, `hls`, `dash`, `http`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Hls => "hls",
            Self::Dash => "dash",
            Self::Http => "http",
        }
    }
}

impl Device {
    /// All of them.
    pub const ALL: [Device; 5] = [Self::Tv, Self::Phone, Self::Tablet, Self::Desktop, Self::Console];

    /// The word: `tv`, `phone`, `tablet`, `desktop`, `console`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tv => "tv",
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Desktop => "desktop",
            Self::Console => "console",
        }
    }
}

impl Stream {
    /// The word: `live`, `vod`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Vod => "vod",
        }
    }
}
