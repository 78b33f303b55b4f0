//! The questions that the control loop and the dashboard ask. All are answered from the cells, never from beacons: their
//! cost grows with the audiences seen in the window, not with the traffic.

use std::time::Duration;

use clickhouse::Row;
use serde::Deserialize;

use crate::{Store, StoreError, statement::literal};

/// Seconds in a bucket of `cells_10s`.
const BUCKET_SECONDS: u32 = 10;
/// A chart has at most so many steps; more would be finer than its pixels.
const CHART_STEPS: u32 = 120;

/// Columns of `cells_10s` that are plain sums.
const SUMS: [&str; 16] = [
    "watched_ms",
    "stalled_ms",
    "starts",
    "start_failures",
    "startup_count",
    "startup_ln",
    "startup_ln2",
    "requests",
    "request_errors",
    "ttfb_count",
    "ttfb_ln",
    "ttfb_ln2",
    "throughput_count",
    "throughput_ln",
    "throughput_ln2",
    "bits",
];

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

/// Sums of the logarithms of values that spread over orders of magnitude.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogSums {
    /// How many values.
    pub count: u64,
    /// Σ ln x.
    pub sum: f64,
    /// Σ (ln x)².
    pub squares: f64,
}

/// The statistics of one pathway for one audience over one bucket of ten seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCell {
    /// Service id.
    pub service: String,
    /// Pathway id.
    pub pathway: String,
    /// For whom.
    pub level: Level,
    /// When the bucket begins, Unix seconds.
    pub bucket: i64,
    /// Distinct sessions.
    pub sessions: u64,
    /// Of those, that had a request fail.
    pub failed_sessions: u64,
    /// Milliseconds watched.
    pub watched_ms: u64,
    /// Milliseconds stalled.
    pub stalled_ms: u64,
    /// Playbacks begun.
    pub starts: u64,
    /// Of those, failed before the first picture.
    pub start_failures: u64,
    /// Startup times, ms.
    pub startup: LogSums,
    /// Requests told of.
    pub requests: u64,
    /// Of those, failed.
    pub request_errors: u64,
    /// Times to first byte, ms.
    pub ttfb: LogSums,
    /// Throughputs that players measured, bit/s.
    pub throughput: LogSums,
    /// Bits of media played.
    pub bits: u64,
    /// Unix milliseconds of the newest beacon in it.
    pub newest_ms: i64,
}

/// One pathway in one step of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
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

/// A row of the query for cells. `depth` tells how much of the place was kept: 0 all of it, 1 no network, 2 no country,
/// 3 nothing.
#[derive(Row, Deserialize)]
struct CellAnswer {
    service: String,
    pathway: String,
    continent: String,
    country: String,
    asn: u32,
    depth: u8,
    at: u32,
    sessions: u64,
    failed_sessions: u64,
    watched_ms: u64,
    stalled_ms: u64,
    starts: u64,
    start_failures: u64,
    startup: (u64, f64, f64),
    requests: u64,
    request_errors: u64,
    ttfb: (u64, f64, f64),
    throughput: (u64, f64, f64),
    bits: u64,
    newest_ms: i64,
}

impl CellAnswer {
    /// `None` where the place is not known at that level: nobody can be in an unknown country.
    fn level(&self) -> Option<Level> {
        match self.depth {
            0 => (!self.country.is_empty() && self.asn != 0).then(|| Level::CountryAsn(self.country.clone(), self.asn)),
            1 => (!self.country.is_empty()).then(|| Level::Country(self.country.clone())),
            2 => (!self.continent.is_empty()).then(|| Level::Continent(self.continent.clone())),
            _ => Some(Level::World),
        }
    }
}

#[derive(Row, Deserialize)]
struct PointAnswer {
    at: u32,
    pathway: String,
    sessions: u64,
    watched_ms: u64,
    stalled_ms: u64,
    requests: u64,
    request_errors: u64,
    bits: u64,
}

impl Store {
    /// Every cell at every level, bucket by bucket, of beacons received over the last `window` (in whole buckets of 10 s,
    /// the one that it begins in included). The store's clock is meant. The newest buckets are still filling.
    pub async fn cells(&self, window: Duration) -> Result<Vec<StoredCell>, StoreError> {
        // Sets of sessions are merged once, in the narrowest audiences, and their sizes added up from there: a session is in
        // one place, and one that changes it within ten seconds may count twice. Merging them at every level took five
        // times as long. grouping(x) is 1 where x was summed over.
        let sql = format!(
            "SELECT service, pathway, continent, country, asn,
                toUInt8(multiIf(grouping(asn) = 0, 0, grouping(country) = 0, 1, grouping(continent) = 0, 2, 3)) AS depth,
                toUInt32(toUnixTimestamp(bucket)) AS at,
                sum(narrow.sessions) AS sessions,
                sum(narrow.failed_sessions) AS failed_sessions,
                sum(narrow.watched_ms) AS watched_ms,
                sum(narrow.stalled_ms) AS stalled_ms,
                sum(narrow.starts) AS starts,
                sum(narrow.start_failures) AS start_failures,
                (sum(startup_count), sum(startup_ln), sum(startup_ln2)) AS startup,
                sum(narrow.requests) AS requests,
                sum(narrow.request_errors) AS request_errors,
                (sum(ttfb_count), sum(ttfb_ln), sum(ttfb_ln2)) AS ttfb,
                (sum(throughput_count), sum(throughput_ln), sum(throughput_ln2)) AS throughput,
                sum(narrow.bits) AS bits,
                toUnixTimestamp64Milli(max(narrow.newest)) AS newest_ms
            FROM (
                SELECT bucket, service, pathway, continent, country, asn, uniqMerge(cells_10s.sessions) AS sessions,
                    uniqMerge(cells_10s.failed_sessions) AS failed_sessions, {sums},
                    max(cells_10s.newest) AS newest
                FROM cells_10s
                WHERE bucket >= toStartOfInterval(now() - {seconds}, INTERVAL {BUCKET_SECONDS} SECOND)
                GROUP BY bucket, service, pathway, continent, country, asn
            ) AS narrow
            GROUP BY GROUPING SETS
                ((bucket, service, pathway, country, asn), (bucket, service, pathway, country),
                 (bucket, service, pathway, continent), (bucket, service, pathway))
            ORDER BY service, pathway, depth, continent, country, asn, at",
            sums = SUMS.map(|sum| format!("sum(cells_10s.{sum}) AS {sum}")).join(", "),
            seconds = window.as_secs(),
        );
        let rows = self.rows::<CellAnswer>(&sql).await?;
        Ok(rows.into_iter().filter_map(|row| Some((row.level()?, row))).map(stored).collect())
    }

    /// A service's quality by pathway over the last `minutes`, oldest first, and the seconds from one step to the next. A
    /// step in which a pathway had no beacon is not there. The newest step is still filling.
    pub async fn qoe_series(&self, service: &str, minutes: u32) -> Result<(u32, Vec<SeriesPoint>), StoreError> {
        let step = step_seconds(minutes);
        let sql = format!(
            "SELECT toUInt32(toUnixTimestamp(toStartOfInterval(bucket, INTERVAL {step} SECOND))) AS at, pathway,
                uniqMerge(cells_10s.sessions) AS sessions,
                sum(cells_10s.watched_ms) AS watched_ms,
                sum(cells_10s.stalled_ms) AS stalled_ms,
                sum(cells_10s.requests) AS requests,
                sum(cells_10s.request_errors) AS request_errors,
                sum(cells_10s.bits) AS bits
            FROM cells_10s
            WHERE service = {service} AND bucket >= toStartOfInterval(now() - {seconds}, INTERVAL {step} SECOND)
            GROUP BY at, pathway
            ORDER BY at, pathway",
            service = literal(service),
            seconds = u64::from(minutes) * 60,
        );
        let points = self.rows::<PointAnswer>(&sql).await?.into_iter().map(|p| SeriesPoint {
            at: p.at.into(),
            pathway: p.pathway,
            sessions: p.sessions,
            watched_ms: p.watched_ms,
            stalled_ms: p.stalled_ms,
            requests: p.requests,
            request_errors: p.request_errors,
            bits: p.bits,
        });
        Ok((step, points.collect()))
    }
}

fn stored((level, row): (Level, CellAnswer)) -> StoredCell {
    let logs = |(count, sum, squares)| LogSums { count, sum, squares };
    StoredCell {
        service: row.service,
        pathway: row.pathway,
        level,
        bucket: row.at.into(),
        sessions: row.sessions,
        failed_sessions: row.failed_sessions,
        watched_ms: row.watched_ms,
        stalled_ms: row.stalled_ms,
        starts: row.starts,
        start_failures: row.start_failures,
        startup: logs(row.startup),
        requests: row.requests,
        request_errors: row.request_errors,
        ttfb: logs(row.ttfb),
        throughput: logs(row.throughput),
        bits: row.bits,
        newest_ms: row.newest_ms,
    }
}

/// The smallest multiple of a bucket that shows `minutes` in at most [`CHART_STEPS`] steps.
fn step_seconds(minutes: u32) -> u32 {
    minutes.saturating_mul(60).div_ceil(CHART_STEPS).next_multiple_of(BUCKET_SECONDS).max(BUCKET_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charts_step_is_whole_buckets() {
        assert_eq!([1, 15, 20, 21, 60].map(step_seconds), [10, 10, 10, 20, 30]);
        assert_eq!(step_seconds(0), 10);
    }
}
