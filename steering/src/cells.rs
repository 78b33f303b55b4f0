//! Cells: what beacons say of one pathway for one audience.

use std::{collections::hash_map::Entry, fmt, future::Future, sync::Arc, time::Duration};

use fairway_geo::{Asn, Continent, Country, Place};
use fairway_policies::{Metric, Policy};
use rustc_hash::FxHashMap;
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

    /// The next wider audience; a country of no known continent is part of the world. `None` for the world.
    pub fn parent(self) -> Option<Audience> {
        match self {
            Self::CountryAsn(country, _) => Some(Self::Country(country)),
            Self::Country(country) => Some(country.continent().map_or(Self::World, Self::Continent)),
            Self::Continent(_) => Some(Self::World),
            Self::World => None,
        }
    }

    /// This audience and all that it is part of, the narrowest first.
    pub fn lineage(self) -> impl Iterator<Item = Audience> {
        std::iter::successors(Some(self), |audience| audience.parent())
    }
}

/// `country DE`, `AS3320 in DE`, `continent EU`, `world`.
impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CountryAsn(country, asn) => write!(f, "{asn} in {country}"),
            Self::Country(country) => write!(f, "country {country}"),
            Self::Continent(continent) => write!(f, "continent {continent}"),
            Self::World => f.write_str("world"),
        }
    }
}

/// Values that spread over orders of magnitude, as sums of their natural logarithms: these add up over cells and fade
/// over time as counts do, and tell what is typical (the geometric mean, which is the median where values are spread
/// log-normally, as times and rates in networks nearly are) and how sure that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Logs {
    /// How many.
    pub count: f64,
    /// Σ ln x.
    pub sum: f64,
    /// Σ (ln x)².
    pub squares: f64,
}

impl Logs {
    /// The typical value; `None` of nothing.
    pub fn typical(&self) -> Option<f32> {
        (self.count > 0.0).then(|| (self.sum / self.count).exp() as f32)
    }

    /// Adds others to them.
    pub fn add(&mut self, other: &Logs) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }
}

/// The statistics of one pathway for one audience over ten seconds. Sums, so that ratios are ratios of sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Distinct sessions.
    pub sessions: u64,
    /// Of those, that had a request fail.
    #[serde(default)]
    pub failed_sessions: u64,
    /// Milliseconds watched: startup, playing, stalled; not paused.
    pub watched_ms: u64,
    /// Milliseconds stalled.
    pub stalled_ms: u64,
    /// Playbacks begun.
    pub starts: u64,
    /// Of those, failed before the first picture.
    pub start_failures: u64,
    /// Startup times, ms.
    pub startup: Logs,
    /// Requests told of.
    pub requests: u64,
    /// Of those, failed: status ≥ 400, or none.
    pub request_errors: u64,
    /// Times to first byte, ms.
    pub ttfb: Logs,
    /// Throughputs that players measured, bit/s.
    pub throughput: Logs,
    /// Bits of media played: Σ bitrate × time played.
    pub bits: u64,
    /// Unix milliseconds of the newest beacon in it.
    pub newest_ms: i64,
}

impl Cell {
    /// What it says of this quality; `None` where it saw nothing of the kind.
    pub fn value(&self, metric: Metric) -> Option<f32> {
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| (part as f64 / whole as f64) as f32);
        match metric {
            Metric::StallRatio => ratio(self.stalled_ms, self.watched_ms),
            Metric::StartFailures => ratio(self.start_failures, self.starts),
            Metric::RequestErrors => ratio(self.request_errors, self.requests),
            Metric::StartupTime => self.startup.typical(),
            Metric::Ttfb => self.ttfb.typical(),
            Metric::Throughput => self.throughput.typical(),
            Metric::Bitrate => {
                let played_ms = self.watched_ms.saturating_sub(self.stalled_ms);
                ratio(self.bits, played_ms).map(|bits_per_ms| bits_per_ms * 1000.0)
            }
        }
    }
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
    /// When its ten seconds begin, Unix seconds: a whole multiple of ten.
    pub bucket: i64,
    /// The statistics.
    pub cell: Cell,
}

impl Cell {
    /// Adds what another ten seconds of the same pathway and audience saw. Sessions go on from one ten seconds to the next, so
    /// the most that were seen at once are what both have; those that came while others left are not counted.
    pub fn add(&mut self, other: &Cell) {
        let Cell {
            sessions,
            failed_sessions,
            watched_ms,
            stalled_ms,
            starts,
            start_failures,
            requests,
            request_errors,
            bits,
            ..
        } = other;
        self.sessions = self.sessions.max(*sessions);
        self.failed_sessions = self.failed_sessions.max(*failed_sessions);
        self.watched_ms += watched_ms;
        self.stalled_ms += stalled_ms;
        self.starts += starts;
        self.start_failures += start_failures;
        self.requests += requests;
        self.request_errors += request_errors;
        self.bits += bits;
        self.startup.add(&other.startup);
        self.ttfb.add(&other.ttfb);
        self.throughput.add(&other.throughput);
        self.newest_ms = self.newest_ms.max(other.newest_ms);
    }
}

/// The rows of each pathway and audience as one, over all their buckets (its own is then their first), in the order in which
/// they first come.
pub fn summed<'a>(rows: impl IntoIterator<Item = &'a CellRow>) -> Vec<CellRow> {
    let mut sums: Vec<CellRow> = Vec::new();
    let mut index: FxHashMap<(&str, &str, Audience), usize> = FxHashMap::default();
    for row in rows {
        match index.entry((&row.service, &row.pathway, row.audience)) {
            Entry::Occupied(at) => {
                let sum = &mut sums[*at.get()];
                sum.cell.add(&row.cell);
                sum.bucket = sum.bucket.min(row.bucket);
            }
            Entry::Vacant(at) => {
                at.insert(sums.len());
                sums.push(row.clone());
            }
        }
    }
    sums
}

/// Sorts rows out to the services that they are of, in the order of `policies`, each with the index of its pathway; rows of
/// services and pathways that are not in any policy are left out.
pub fn sorted<'a>(
    policies: &[Arc<Policy>],
    rows: impl IntoIterator<Item = &'a CellRow>,
) -> Vec<Vec<(usize, &'a CellRow)>> {
    let mut sorted = vec![Vec::new(); policies.len()];
    let index = policies.iter().enumerate().flat_map(|(s, policy)| {
        let pathways = policy.pathways.iter().enumerate();
        pathways.map(move |(p, pathway)| ((policy.service.as_str(), pathway.id.as_str()), (s, p)))
    });
    let index: FxHashMap<_, _> = index.collect();
    // Rows of one pathway mostly follow each other.
    let mut last = None;
    for row in rows {
        let of = (row.service.as_str(), row.pathway.as_str());
        let found = match last {
            Some((before, found)) if before == of => found,
            _ => index.get(&of).copied(),
        };
        last = Some((of, found));
        if let Some((service, pathway)) = found {
            sorted[service].push((pathway, row));
        }
    }
    sorted
}

/// The indexes of the rows that are not, the very same, among those of `before`. Both are taken to be by service, pathway,
/// audience and bucket, ascending; in another order more are news, and none is missed.
pub fn news(before: &[CellRow], rows: &[CellRow]) -> Vec<usize> {
    // What they are of, when they are in that order.
    fn of(row: &CellRow) -> (&str, &str, Audience, i64) {
        (&row.service, &row.pathway, row.audience, row.bucket)
    }
    // The numbers first: they lie in the row, and the names elsewhere.
    let same = |a: &CellRow, b: &CellRow| a.cell == b.cell && of(a) == of(b);
    let mut left = before.iter().peekable();
    let is_news = |row: &CellRow| {
        while let Some(before) = left.peek() {
            if same(before, row) {
                left.next();
                return false;
            }
            if of(before) >= of(row) {
                break;
            }
            left.next();
        }
        true
    };
    let mut is_news = is_news;
    (0..rows.len()).filter(|at| is_news(&rows[*at])).collect()
}

/// Where the control loop gets its cells; the command gives it the store.
pub trait CellSource: Send + Sync + 'static {
    /// Every cell at every level, of the last `window` in whole buckets; by service, pathway, audience and bucket, best.
    fn cells(&self, window: Duration) -> impl Future<Output = Result<Vec<CellRow>, CellsUnavailable>> + Send;
}

/// The cells could not be had now; the loop goes on with those it has, and says how old they are.
#[derive(Debug, thiserror::Error)]
#[error("no cells: {0}")]
pub struct CellsUnavailable(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{now, policy, row};

    #[test]
    fn an_audience_has_a_lineage() {
        let text = |audience: Audience| audience.lineage().map(|a| a.to_string()).collect::<Vec<_>>().join(" < ");
        let germany: Country = "DE".parse().unwrap();
        assert_eq!(text(Audience::CountryAsn(germany, Asn(3320))), "AS3320 in DE < country DE < continent EU < world");
        assert_eq!(text(Audience::Country("ZZ".parse().unwrap())), "country ZZ < world", "no country of any continent");
        let place = Place { country: Some(germany), continent: Some(Continent::Eu), ..Place::default() };
        assert!(Audience::of(&place).eq(Audience::Country(germany).lineage()));
        assert!(Audience::of(&Place::default()).eq([Audience::World]));
    }

    #[test]
    fn rows_are_sorted_by_service_and_pathway() {
        let live = policy(&["a", "b"], "");
        let vod = Arc::new(Policy { service: "vod".into(), ..(*policy(&["b"], "")).clone() });
        let mut rows = vec![
            row("b", Audience::World, 30, 0.5, now()),
            row("gone", Audience::World, 31, 0.5, now()),
            row("a", Audience::Continent(Continent::Eu), 32, 0.5, now()),
        ];
        rows.push(CellRow { service: "vod".into(), ..row("b", Audience::World, 33, 0.5, now()) });
        rows.push(CellRow { service: "other".into(), ..rows[0].clone() });
        rows.push(row("b", Audience::World, 34, 0.5, now()));
        let sorted = sorted(&[vod, live], &rows);
        let of = |s: usize| sorted[s].iter().map(|(p, row)| (*p, row.cell.sessions)).collect::<Vec<_>>();
        assert_eq!((of(0), of(1)), (vec![(0, 33)], vec![(1, 30), (0, 32), (1, 34)]));
    }

    #[test]
    fn news_is_what_is_not_as_it_was() {
        let rows = |counts: [u64; 4]| -> Vec<CellRow> {
            let of = [("a", 0), ("a", 10), ("b", 0), ("b", 10)].into_iter().zip(counts);
            let there = of.filter(|(_, sessions)| *sessions > 0);
            let after = chrono::TimeDelta::seconds;
            there.map(|((p, s), sessions)| row(p, Audience::World, sessions, 0.1, now() + after(s))).collect()
        };
        let before = rows([1, 2, 0, 4]);
        assert_eq!(news(&before, &before), [0; 0]);
        assert_eq!(news(&[], &before), [0, 1, 2]);
        assert_eq!(news(&before, &rows([1, 3, 0, 4])), [1], "another cell");
        assert_eq!(news(&before, &rows([1, 2, 3, 4])), [2], "one more");
        assert_eq!(news(&before, &rows([0, 2, 0, 4])), [0; 0], "one less");
        let turned: Vec<_> = before.iter().rev().cloned().collect();
        assert!(news(&before, &turned).contains(&2), "in another order: too much rather than too little");
    }

    #[test]
    fn buckets_are_summed() {
        let ten = chrono::TimeDelta::seconds(10);
        let rows = [
            row("a", Audience::World, 30, 0.2, now()),
            row("b", Audience::World, 7, 0.0, now()),
            row("a", Audience::World, 50, 0.1, now() - ten),
            row("a", Audience::Continent(Continent::Eu), 4, 0.0, now()),
        ];
        let summed = summed(&rows);
        assert_eq!((summed.len(), &summed[1], &summed[2]), (3, &rows[1], &rows[3]));
        let sum = &summed[0];
        assert_eq!((sum.bucket, sum.cell.newest_ms), ((now() - ten).timestamp(), now().timestamp_millis()));
        assert_eq!(
            (sum.cell.sessions, sum.cell.starts),
            (50, 80),
            "most of them watched all along; starts are new each time"
        );
        let stalled = 60_000.0 + 50_000.0;
        assert_eq!(sum.cell.value(Metric::StallRatio), Some((stalled / 800_000.0) as f32), "a ratio of sums");
    }

    #[test]
    fn a_cell_that_saw_nothing_of_a_kind_says_nothing_of_it() {
        let all = |cell: Cell| Metric::ALL.map(|(_, metric)| cell.value(metric));
        assert_eq!(all(Cell { sessions: 99, ..Cell::default() }), [None; 7]);
        let logs = |value: f64| Logs { count: 2.0, sum: 2.0 * value.ln(), squares: 2.0 * value.ln().powi(2) };
        let seen =
            Cell { watched_ms: 200, stalled_ms: 10, starts: 4, start_failures: 1, requests: 10, ..Cell::default() };
        let seen = Cell { bits: 380_000, startup: logs(850.0), ttfb: logs(40.0), throughput: logs(9e6), ..seen };
        let values = all(seen).map(|value| value.map(f32::round));
        let shares = (seen.value(Metric::StallRatio), seen.value(Metric::StartFailures));
        assert_eq!(shares, (Some(0.05), Some(0.25)));
        assert_eq!(values[2..], [Some(0.0), Some(850.0), Some(40.0), Some(2e6), Some(9e6)]);
    }
}
