//! The questions that the control loop and the dashboard ask. (Skeleton.)

use std::time::Duration;

use crate::{Store, StoreError};

/// The audience that a stored cell is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// One network in one country.
    CountryAsn(String, u32),
    /// One country, ISO 3166-1 alpha-2.
    Country(String),
    /// One continent, GeoNames' two letters.
    Continent(String),
    /// Everyone, also those whose place is unknown.
    World,
}

/// The statistics of one pathway for one audience over the window asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCell {
    /// Service id.
    pub service: String,
    /// Pathway id.
    pub pathway: String,
    /// For whom.
    pub level: Level,
    /// Distinct sessions.
    pub sessions: u64,
    /// Milliseconds watched.
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
    /// Of those, failed.
    pub request_errors: u64,
    /// Median time to first byte, ms; 0 when none was told.
    pub ttfb_ms: f32,
    /// Bits of media played.
    pub bits: u64,
    /// Unix milliseconds of the newest beacon in it.
    pub newest_ms: i64,
}

/// One pathway in one step of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesPoint {
    /// Start of the step, Unix seconds.
    pub at: i64,
    /// Pathway id.
    pub pathway: String,
    /// Distinct sessions in the step.
    pub sessions: u64,
    /// Milliseconds watched.
    pub watched_ms: u64,
    /// Milliseconds stalled.
    pub stalled_ms: u64,
    /// Requests told of.
    pub requests: u64,
    /// Of those, failed.
    pub request_errors: u64,
    /// Bits of media played.
    pub bits: u64,
}

impl SeriesPoint {
    /// Stalled over watched; `None` where nobody watched.
    pub fn stall_ratio(&self) -> Option<f64> {
        (self.watched_ms > 0).then(|| self.stalled_ms as f64 / self.watched_ms as f64)
    }
    /// Failed over told; `None` where no request was told of.
    pub fn request_error_ratio(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.request_errors as f64 / self.requests as f64)
    }
}

impl Store {
    /// Every cell at every level, of beacons received over the last `window`.
    pub async fn cells(&self, _window: Duration) -> Result<Vec<StoredCell>, StoreError> {
        Err(StoreError::Unavailable("not yet".into()))
    }
    /// A service's quality by pathway over the last `minutes`, oldest first, and the seconds from one step to the next.
    pub async fn qoe_series(&self, _service: &str, _minutes: u32) -> Result<(u32, Vec<SeriesPoint>), StoreError> {
        Err(StoreError::Unavailable("not yet".into()))
    }
}
