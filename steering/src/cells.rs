//! Cells: what beacons say of one pathway for one audience.

use std::{fmt, future::Future, time::Duration};

use fairway_geo::{Asn, Continent, Country, Place};
use serde::{Deserialize, Serialize};

/// A level of place that cells are kept at, from the narrowest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// One network in one country.
    CountryAsn(Country, Asn),
    /// One country.
    Country(Country),
    /// One continent.
    Continent(Continent),
    /// Everyone.
    World,
}

impl Audience {
    /// The audiences that a client at `place` belongs to, the narrowest first; the last is always the world.
    pub fn of(place: &Place) -> impl Iterator<Item = Audience> + use<> {
        let narrow = place.country.zip(place.asn).map(|(c, a)| Self::CountryAsn(c, a));
        [narrow, place.country.map(Self::Country), place.continent.map(Self::Continent), Some(Self::World)]
            .into_iter()
            .flatten()
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CountryAsn(country, asn) => write!(f, "{country} {asn}"),
            Self::Country(country) => country.fmt(f),
            Self::Continent(continent) => write!(f, "continent {continent}"),
            Self::World => f.write_str("world"),
        }
    }
}

/// The statistics of one pathway for one audience over the window asked for. Sums, so that ratios are ratios of sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Distinct sessions.
    pub sessions: u64,
    /// Milliseconds watched: startup, playing, stalled; not paused.
    pub watched_ms: u64,
    /// Milliseconds stalled.
    pub stalled_ms: u64,
    /// Playbacks begun.
    pub starts: u64,
    /// Of those, failed before the first picture.
    pub start_failures: u64,
    /// Median startup time, ms; 0 when nobody started.
    pub startup_ms: f32,
    /// Requests told of.
    pub requests: u64,
    /// Of those, failed: status ≥ 400, or none.
    pub request_errors: u64,
    /// Median time to first byte, ms; 0 when none was told.
    pub ttfb_ms: f32,
    /// Bits of media played: Σ bitrate × time played.
    pub bits: u64,
    /// Unix milliseconds of the newest beacon in it.
    pub newest_ms: i64,
}

/// A cell with what it is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRow {
    /// Service id.
    pub service: String,
    /// Pathway id.
    pub pathway: String,
    /// For whom.
    pub audience: Audience,
    /// The statistics.
    pub cell: Cell,
}

/// Where the control loop gets its cells; the command gives it the store.
pub trait CellSource: Send + Sync + 'static {
    /// Every cell at every level, over the last `window`.
    fn cells(&self, window: Duration) -> impl Future<Output = Result<Vec<CellRow>, CellsUnavailable>> + Send;
}

/// The cells could not be had now; the loop goes on with those it has, and says how old they are.
#[derive(Debug, thiserror::Error)]
#[error("no cells: {0}")]
pub struct CellsUnavailable(pub String);
