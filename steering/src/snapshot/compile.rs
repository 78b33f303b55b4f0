//! From services to a snapshot, and from one snapshot to the next.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use fairway_geo::GeoTable;

use super::{
    Inputs, Service, Snapshot,
    dimensions::{again, class},
    rows::{Again, Rows},
};

impl Snapshot {
    /// Puts services together, the first time. Where two are steered under one name, the first by id has it: files are
    /// checked one by one, and an answer must not depend on the order in which a folder is read.
    pub fn compile(version: u64, made_at: DateTime<Utc>, geo: Arc<GeoTable>, services: Vec<Service>) -> Self {
        let services = services.into_iter().map(|service| compiled(service, None, &geo, made_at)).collect();
        Self::of(version, made_at, geo, services)
    }

    /// The snapshot after this one, of these services: what is not otherwise than here is shared, and only rows that are
    /// are worked out anew.
    pub fn next(&self, made_at: DateTime<Utc>, services: Vec<Service>) -> Self {
        let before = |service: &Service| {
            let id = service.policy.service.as_str();
            self.services.binary_search_by(|s| s.policy.service.as_str().cmp(id)).ok().map(|i| &self.services[i])
        };
        let next = |service: Service| match before(&service) {
            Some(same) if unchanged(same, &service) => same.clone(),
            before => compiled(service, before.map(|before| &**before), &self.geo, made_at),
        };
        Self::of(self.version + 1, made_at, self.geo.clone(), services.into_iter().map(next).collect())
    }

    fn of(version: u64, made_at: DateTime<Utc>, geo: Arc<GeoTable>, mut services: Vec<Arc<Service>>) -> Self {
        services.sort_by(|a, b| a.policy.service.cmp(&b.policy.service));
        let (mut names, mut enclosing) = (HashMap::new(), HashSet::new());
        for (index, service) in services.iter().enumerate() {
            for name in &service.policy.names {
                names.entry(name.clone()).or_insert(index);
                enclosing.extend(name.match_indices('.').map(|(dot, _)| name[dot + 1..].to_owned()));
            }
        }
        Self { version, made_at, geo, services, names, enclosing }
    }
}

/// The service with its rows, made of those that it had.
fn compiled(mut service: Service, before: Option<&Service>, geo: &GeoTable, now: DateTime<Utc>) -> Arc<Service> {
    let again = before.map_or(Again::All, |before| again(before, &service, geo));
    let nothing = Arc::default();
    let rows = before.map_or(&nothing, |before| &before.rows);
    service.rows = match &again {
        Again::Some(regions, places) if regions.is_empty() && places.is_empty() => rows.clone(),
        again => Arc::new(Rows::next(rows, again, geo, &service, |place| class(&service, place, now))),
    };
    Arc::new(service)
}

/// Whether the two are the same in everything.
fn unchanged(a: &Service, b: &Service) -> bool {
    let same = |a: &Inputs, b: &Inputs| {
        // Volumes change nobody's answer but through prices.
        let Inputs { verdicts, ramps, standings, admits, prices, volumes: _, overrides, cells_at_ms } = a;
        (verdicts, ramps, admits, prices, overrides, cells_at_ms)
            == (&b.verdicts, &b.ramps, &b.admits, &b.prices, &b.overrides, &b.cells_at_ms)
            && standings.len() == b.standings.len()
            && standings.iter().zip(&b.standings).all(|(a, b)| Arc::ptr_eq(a, b))
    };
    Arc::ptr_eq(&a.policy, &b.policy) && Arc::ptr_eq(&a.counters, &b.counters) && same(&a.inputs, &b.inputs)
}
