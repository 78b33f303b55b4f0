//! Which clients a step is for, and when.

use chrono::{DateTime, Datelike, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use fairway_geo::{Asn, Continent, Country, Subdivision};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

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

/// A time at which a step applies: everything given must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// On these days of the week, in `zone`; empty: every day. A span over midnight belongs to the day it began.
    pub days: Vec<Weekday>,
    /// From this time of day on, in `zone`, up to the other; the same twice, or neither: all day. `from` after `to` goes over
    /// midnight.
    pub hours: Option<(NaiveTime, NaiveTime)>,
    /// Where clock and calendar are read.
    pub zone: Tz,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Not from this instant on.
    pub until: Option<DateTime<Utc>>,
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

impl Window {
    /// Whether it is open at this instant. Times of day are what clocks there show: an hour that is shown twice in a night
    /// is in it twice, and one that is not shown is not.
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        if self.since.is_some_and(|since| at < since) || self.until.is_some_and(|until| at >= until) {
            return false;
        }
        let local = at.with_timezone(&self.zone);
        let (day, time) = (local.weekday(), local.time());
        let on = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        match self.hours {
            Some((from, to)) if from < to => on(day) && from <= time && time < to,
            Some((from, to)) if from > to => (time >= from && on(day)) || (time < to && on(day.pred())),
            _ => on(day),
        }
    }
}

impl Protocol {
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

impl Device {
    /// All of them.
    pub const ALL: [Device; 5] = [Self::Tv, Self::Phone, Self::Tablet, Self::Desktop, Self::Console];

    /// The word: `tv`, `phone`, `tablet`, `desktop`, `console`.
    pub fn word(self) -> &'static str {
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
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Vod => "vod",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_open_by_the_clocks_of_its_zone() {
        let berlin = Window {
            days: vec![Weekday::Fri],
            hours: NaiveTime::from_hms_opt(18, 0, 0).zip(NaiveTime::from_hms_opt(2, 0, 0)),
            zone: chrono_tz::Europe::Berlin,
            since: None,
            until: "2026-07-10T17:00:00Z".parse().ok(),
        };
        let open = |at: &str| berlin.holds(at.parse().unwrap());
        assert!(open("2026-01-02T17:00:00Z") && !open("2026-01-02T16:59:59Z"), "18:00 in winter");
        assert!(open("2026-07-03T16:00:00Z") && !open("2026-07-03T15:59:59Z"), "and in summer");
        assert!(open("2026-01-03T00:59:59Z") && !open("2026-01-03T01:00:00Z"), "Saturday's first hours are Friday's");
        assert!(!open("2026-01-02T00:30:00Z"), "but Friday's own are Thursday's");
        assert!(open("2026-07-10T16:59:59Z") && !open("2026-07-10T17:00:00Z"), "and then never again");
        let always = Window { days: vec![], hours: None, until: None, ..berlin };
        assert!(always.holds(DateTime::UNIX_EPOCH));
    }
}
