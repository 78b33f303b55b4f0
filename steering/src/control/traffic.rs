//! What the traffic does to answers: how much of it each pathway can carry, and what the next terabyte on each costs.
//!
//! Both follow from the same cells as demand does, at each fetch; [`demand`](crate::demand) argues how.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use fairway_geo::{Country, Place};
use fairway_policies::{Capacity, StepKind};

use super::{gather::WINDOW, save::Swap, state::State};
use crate::{
    cells::{Audience, CellRow},
    client::{Asker, Client, Via},
    decide::shares,
    demand::{Demand, admissions, prices},
    snapshot::{Inputs, Service},
};

/// Countries whose traffic is reckoned with one by one, those with the most first; the rest counts as one of no known place.
const COUNTRIES: usize = 48;
/// A sender of any session: admissions are for the draws of all of them.
const SOMEONE: &str = "someone";

impl State {
    /// Admissions and prices by these cells, summed over the window, and the demand measured from them.
    pub(super) fn carry(&mut self, rows: &[CellRow], demand: &[Demand], now: DateTime<Utc>) {
        let passed = self.measured_at.map_or(WINDOW, |at| (now - at).to_std().unwrap_or_default().min(WINDOW));
        self.measured_at = Some(now);
        let mut traffic = traffic(rows);
        let mut changed = false;
        for held in &mut self.services {
            let policy = held.policy.clone();
            let loads: Vec<u64> = policy
                .pathways
                .iter()
                .map(|p| demand.iter().find(|d| d.service == policy.service && d.pathway == p.id))
                .map(|demand| demand.map_or(0, |demand| demand.bits_per_second))
                .collect();
            for (volume, load) in held.volumes.iter_mut().zip(&loads) {
                if let Some(volume) = volume {
                    volume.add(*load as f64 * passed.as_secs_f64(), now);
                }
            }
            let (volumes, prices) = prices(&policy, &held.volumes, now);
            changed |= prices != held.prices;
            (held.volumes, held.prices) = (volumes, prices);

            let countries = traffic.remove(&policy.service).unwrap_or_default();
            let inputs = Inputs {
                verdicts: self.verdicts.of(&policy, now),
                standings: held.standings.clone(),
                prices: held.prices.clone(),
                overrides: held.overrides.clone(),
                ..Inputs::default()
            };
            let service = Service::new(policy, inputs, held.counters.clone());
            let admits = admitted(service, &held.admits, &countries, now);
            changed |= admits != held.admits;
            held.admits = admits;
        }
        if changed {
            self.change(Swap::Answers);
        }
    }
}

/// The admissions of a service with this traffic (bit/s) in each country; everyone where no step asks for them.
pub(crate) fn admitted(
    mut service: Service,
    before: &[f32],
    countries: &[(Option<Country>, f64)],
    now: DateTime<Utc>,
) -> Vec<f32> {
    let policy = service.policy.clone();
    let fill = policy.steps.iter().find_map(|step| match &step.kind {
        StepKind::Capacity(Capacity { fill }) => Some(*fill),
        _ => None,
    });
    let Some(fill) = fill else { return vec![1.0; policy.pathways.len()] };
    let asker = |country: &Option<Country>| -> Asker {
        let continent = country.and_then(Country::continent);
        let place = Place { country: *country, continent, ..Place::default() };
        service.asker(&Client::at(place, Via::Hls, Some(SOMEONE)), now)
    };
    let askers: Vec<(Asker, f64)> = countries.iter().map(|(country, bits)| (asker(country), *bits)).collect();
    admissions(&policy, fill, before, |admits| {
        service.inputs.admits = admits.to_vec();
        let mut loads = vec![0.0; policy.pathways.len()];
        for (asker, bits) in &askers {
            let shares = shares(&service, asker, now);
            loads.iter_mut().zip(shares).for_each(|(load, share)| *load += share * bits);
        }
        loads
    })
}

/// Traffic by service and country, bit/s.
fn traffic(rows: &[CellRow]) -> BTreeMap<String, Vec<(Option<Country>, f64)>> {
    let mut found: BTreeMap<&str, (f64, BTreeMap<Country, f64>)> = BTreeMap::new();
    for row in rows {
        let bits = row.cell.bits as f64 / WINDOW.as_secs_f64();
        let (world, countries) = found.entry(&row.service).or_default();
        match row.audience {
            Audience::World => *world += bits,
            Audience::Country(country) => *countries.entry(country).or_default() += bits,
            Audience::Continent(_) | Audience::CountryAsn(..) => {}
        }
    }
    let of = |(service, (world, countries)): (&str, (f64, BTreeMap<Country, f64>))| {
        let mut countries: Vec<_> = countries.into_iter().map(|(country, bits)| (Some(country), bits)).collect();
        countries.sort_by(|a, b| b.1.total_cmp(&a.1));
        countries.truncate(COUNTRIES);
        let rest = world - countries.iter().map(|(_, bits)| bits).sum::<f64>();
        if rest > 0.0 {
            countries.push((None, rest));
        }
        (service.to_owned(), countries)
    };
    found.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::{now, policy};

    #[test]
    fn a_full_pathway_admits_what_it_carries() {
        let steps = "[[step]]\ndo = \"prefer\"\ntiers = [[\"a\"]]\nwhen = { country = [\"DE\"] }\n\
                     [[step]]\ndo = \"capacity\"\nfill = 1.0\n";
        let mut policy = (*policy(&["a", "b"], steps)).clone();
        policy.pathways[0].capacity = Some(100);
        let service = || Service::fresh(Arc::new(policy.clone()), now());
        let germany: Country = "DE".parse().unwrap();
        let admitted = |bits: f64| admitted(service(), &[], &[(Some(germany), bits), (None, 0.0)], now());
        assert_eq!(admitted(90.0), [1.0, 1.0]);
        let half = admitted(200.0);
        assert!((half[0] - 0.5).abs() < 0.01 && half[1] == 1.0, "{half:?}");
    }

    #[test]
    fn traffic_is_of_countries_and_the_rest() {
        let row = |audience, bits: u64| CellRow {
            cell: crate::cells::Cell { bits: bits * WINDOW.as_secs(), ..Default::default() },
            ..crate::testing::row("a", audience, 1, 0.0, now())
        };
        let germany: Country = "DE".parse().unwrap();
        let rows = [row(Audience::World, 100), row(Audience::Country(germany), 60)];
        assert_eq!(traffic(&rows)["live"], [(Some(germany), 60.0), (None, 40.0)]);
    }
}
