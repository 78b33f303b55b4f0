//! What the traffic does to answers: how much of it each pathway can carry, and what the next terabyte on each costs.
//!
//! Both follow from the same cells as demand does, at each fetch; [`demand`](crate::demand) argues how.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use fairway_geo::{Country, Place};
use fairway_policies::{Policy, StepKind};

use super::{gather::WINDOW, save::Swap, state::State};
use crate::{
    cells::{Audience, CellRow},
    decide::admitted,
    demand::{Demand, prices},
    snapshot::{Inputs, Service},
};

/// Audiences whose traffic is reckoned with one by one, those with the most first. Networks among them, since a standing may
/// be a network's own; what is left counts as their countries', and at last as that of no known place.
const AUDIENCES: usize = 64;

impl State {
    /// Admissions and prices by these cells and the demand measured from them.
    pub(super) fn carry(&mut self, rows: &[CellRow], mut demand: &[Demand], now: DateTime<Utc>) {
        let passed = self.measured_at.map_or(WINDOW, |at| (now - at).to_std().unwrap_or_default().min(WINDOW));
        self.measured_at = Some(now);
        let admit = self.services.iter().filter(|held| admits(&held.policy));
        let mut traffic = traffic(rows, &admit.map(|held| held.policy.service.as_str()).collect());
        let mut changed = false;
        for held in &mut self.services {
            let policy = held.policy.clone();
            // Demand is in the order of policies and their pathways.
            let (own, others) = demand.split_at(policy.pathways.len().min(demand.len()));
            demand = others;
            let loads: Vec<u64> = own.iter().map(|demand| demand.bits_per_second).collect();
            for (volume, load) in held.volumes.iter_mut().zip(&loads) {
                if let Some(volume) = volume {
                    volume.add(*load as f64 * passed.as_secs_f64(), now);
                }
            }
            let (volumes, prices) = prices(&policy, &held.volumes, now);
            changed |= prices != held.prices;
            (held.volumes, held.prices) = (volumes, prices);

            if !admits(&policy) {
                let all = vec![1.0; policy.pathways.len()];
                changed |= std::mem::replace(&mut held.admits, all.clone()) != all;
                continue;
            }
            let audiences = traffic.remove(&policy.service).unwrap_or_default();
            let inputs = Inputs {
                verdicts: self.verdicts.of(&policy, now),
                ramps: held.ramps.clone(),
                standings: held.standings.clone(),
                prices: held.prices.clone(),
                overrides: held.overrides.clone(),
                ..Inputs::default()
            };
            let service = Service::new(policy, inputs, held.counters.clone());
            let admits = admitted(service, &held.admits, &audiences, now);
            changed |= admits != held.admits;
            held.admits = admits;
        }
        if changed {
            self.change(Swap::Answers);
        }
    }
}

/// Whether a step asks for what pathways admit.
fn admits(policy: &Policy) -> bool {
    policy.steps.iter().any(|step| matches!(step.kind, StepKind::Capacity(_)))
}

/// Traffic of these services by place, bit/s: of the largest audiences, and of what is left of those around them.
fn traffic(rows: &[CellRow], of: &BTreeSet<&str>) -> BTreeMap<String, Vec<(Place, f64)>> {
    let mut services: BTreeMap<&str, BTreeMap<Audience, f64>> = BTreeMap::new();
    if of.is_empty() {
        return BTreeMap::new();
    }
    // Rows of one service mostly follow each other.
    for rows in rows.chunk_by(|a, b| a.service == b.service) {
        let Some(service) = rows.first().and_then(|row| of.get(row.service.as_str())) else { continue };
        let audiences = services.entry(service).or_default();
        for row in rows {
            *audiences.entry(row.audience).or_default() += row.cell.bits as f64 / WINDOW.as_secs_f64();
        }
    }
    services.into_iter().map(|(service, audiences)| (service.to_owned(), apart(audiences))).collect()
}

/// The largest first, each without what stands in the list for a part of it.
fn apart(audiences: BTreeMap<Audience, f64>) -> Vec<(Place, f64)> {
    let mut largest: Vec<(Audience, f64)> = audiences.iter().map(|(audience, bits)| (*audience, *bits)).collect();
    largest.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    largest.truncate(AUDIENCES);
    let inside = |of: Audience, other: Audience| {
        other.lineage().skip(1).find(|wider| largest.iter().any(|(listed, _)| listed == wider)) == Some(of)
    };
    let rest = |(audience, bits): &(Audience, f64)| {
        let parts: f64 = largest.iter().filter(|(other, _)| inside(*audience, *other)).map(|(_, bits)| bits).sum();
        (place(*audience), (bits - parts).max(0.0))
    };
    largest.iter().map(rest).filter(|(_, bits)| *bits > 0.0).collect()
}

fn place(audience: Audience) -> Place {
    let of = |country: Option<Country>, asn| Place {
        country,
        continent: country.and_then(Country::continent),
        asn,
        ..Place::default()
    };
    match audience {
        Audience::CountryAsn(country, asn) => of(Some(country), Some(asn)),
        Audience::Country(country) => of(Some(country), None),
        Audience::Continent(continent) => Place { continent: Some(continent), ..Place::default() },
        Audience::World => Place::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::now;

    #[test]
    fn a_full_pathway_admits_what_it_carries() {
        let text = "[[pathway]]\nid = \"a\"\nurl = \"http://a.test/\"\ncapacity = \"100 bit/s\"\n\
                    [[pathway]]\nid = \"b\"\nurl = \"http://b.test/\"\n\
                    [[step]]\ndo = \"capacity\"\nfill = 1.0\n";
        let policy = Arc::new(fairway_policies::parse("live.policy.toml", text).unwrap());
        let service = || Service::fresh(policy.clone(), now());
        let germany: Country = "DE".parse().unwrap();
        let germans = place(Audience::Country(germany));
        let admitted = |bits: f64| admitted(service(), &[], &[(germans, bits), (Place::default(), 0.0)], now());
        assert_eq!(admitted(90.0), [1.0, 1.0]);
        let half = admitted(200.0);
        assert!((half[0] - 0.5).abs() < 0.01 && half[1] == 1.0, "{half:?}");
    }

    #[test]
    fn traffic_is_of_networks_and_what_is_left_around_them() {
        let row = |audience, bits: u64| CellRow {
            cell: crate::cells::Cell { bits: bits * WINDOW.as_secs(), ..Default::default() },
            ..crate::testing::row("a", audience, 1, 0.0, now())
        };
        let germany: Country = "DE".parse().unwrap();
        let network = Audience::CountryAsn(germany, fairway_geo::Asn(3320));
        let country = Audience::Country(germany);
        let rows = [row(Audience::World, 100), row(country, 60), row(network, 45)];
        let expected = [(Audience::World, 40.0), (country, 15.0), (network, 45.0)];
        assert_eq!(traffic(&rows, &["live"].into())["live"], expected.map(|(audience, bits)| (place(audience), bits)));
    }
}
