//! Decisions per service, pathway and protocol over the last quarter of an hour, in points of ten seconds.
//!
//! The control loop samples the counters at each tick and adds what they grew by to the current point. Kept by id, not by
//! index, so that a reload which moves pathways does not move their past.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::snapshot::Snapshot;

/// One point holds so many seconds: fine enough to see a switch, coarse enough to be a smooth line.
const POINT_SECONDS: i64 = 10;
/// So many points are kept: fifteen minutes.
const POINTS: usize = 90;

/// What was decided in ten seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When it begins: a whole multiple of ten seconds.
    pub at: DateTime<Utc>,
    /// By service and pathway, those with any decision.
    pub decided: Vec<Decided>,
}

/// Decisions whose first pathway was this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// Service id.
    pub service: String,
    /// Pathway id.
    pub pathway: String,
    /// Over DNS.
    pub dns: u64,
    /// Over HTTP.
    pub http: u64,
}

/// The points, and the counts that they were last measured from.
#[derive(Debug, Default)]
pub struct History {
    points: VecDeque<Point>,
    last: HashMap<(String, String), (u64, u64)>,
}

impl History {
    /// The points, the oldest first; a time with no decision at all has none.
    pub fn points(&self) -> Vec<Point> {
        self.points.iter().cloned().collect()
    }

    /// Adds what the counters grew by since the last time.
    pub(crate) fn sample(&mut self, snapshot: &Snapshot, now: DateTime<Utc>) {
        let at = now - TimeDelta::milliseconds(now.timestamp_millis().rem_euclid(POINT_SECONDS * 1000));
        let at = DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at);
        let oldest = at - TimeDelta::seconds(POINT_SECONDS * (POINTS as i64 - 1));
        while self.points.front().is_some_and(|point| point.at < oldest) {
            self.points.pop_front();
        }
        for service in &snapshot.services {
            for (index, pathway) in service.policy.pathways.iter().enumerate() {
                let now = service.counters.read(index);
                let last = self.last.entry((service.policy.service.clone(), pathway.id.clone())).or_default();
                // A service that was away and is back counts from nothing again.
                let grown = |now: u64, last: u64| if now < last { now } else { now - last };
                let (dns, http) = (grown(now.0, last.0), grown(now.1, last.1));
                *last = now;
                if dns + http > 0 {
                    self.add(at, &service.policy.service, &pathway.id, dns, http);
                }
            }
        }
    }

    fn add(&mut self, at: DateTime<Utc>, service: &str, pathway: &str, dns: u64, http: u64) {
        // A clock set back adds to the newest point rather than open one in the past.
        if self.points.back().is_none_or(|point| point.at < at) {
            self.points.push_back(Point { at, decided: Vec::new() });
        }
        let Some(point) = self.points.back_mut() else { return };
        match point.decided.iter_mut().find(|d| d.service == service && d.pathway == pathway) {
            Some(decided) => {
                decided.dns += dns;
                decided.http += http;
            }
            None => {
                let (service, pathway) = (service.to_owned(), pathway.to_owned());
                point.decided.push(Decided { service, pathway, dns, http });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fairway_geo::GeoTable;

    use super::*;
    use crate::snapshot::Service;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + seconds, 500_000_000).unwrap()
    }

    #[test]
    fn what_counters_grew_by_goes_to_the_point_of_its_time() {
        let text =
            "[[pathway]]\nid = \"a\"\nurl = \"http://a.test/\"\n[[pathway]]\nid = \"b\"\nurl = \"http://b.test/\"\n";
        let policy = Arc::new(fairway_policies::parse("live.policy.toml", text).unwrap());
        let services = vec![Service::fresh(policy, at(0))];
        let snapshot = Snapshot::compile(1, at(0), Arc::new(GeoTable::empty()), services);
        let (counters, mut history) = (&snapshot.services[0].counters, History::default());
        let decided = |history: &History| -> Vec<Vec<(String, u64, u64)>> {
            let point = |p: &Point| p.decided.iter().map(|d| (d.pathway.clone(), d.dns, d.http)).collect();
            history.points().iter().map(point).collect()
        };

        counters.dns(0);
        history.sample(&snapshot, at(1));
        counters.dns(0);
        counters.http(1);
        history.sample(&snapshot, at(9));
        history.sample(&snapshot, at(11));
        assert_eq!(decided(&history), [[("a".into(), 2, 0), ("b".into(), 0, 1)]]);
        assert_eq!(history.points()[0].at.timestamp(), 1_000_000);

        counters.http(1);
        history.sample(&snapshot, at(25));
        assert_eq!(decided(&history)[1], [("b".into(), 0, 1)]);

        history.sample(&snapshot, at(POINT_SECONDS * POINTS as i64 + 5));
        assert_eq!(decided(&history), [[("b".to_owned(), 0, 1)]], "the point a quarter of an hour old is gone");
    }
}
