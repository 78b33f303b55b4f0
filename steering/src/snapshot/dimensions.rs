//! What parts of a place a service reads, and what of it changed: what [`Rows`](super::rows::Rows) are made by.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fairway_geo::{Asn, Country, GeoTable, Place, PlaceId, Region, RegionSet};
use fairway_policies::StepKind;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    Inputs, Service,
    rows::{Again, Class, Dimensions},
};
use crate::{
    cells::Audience,
    decide::{Chain, in_place},
    standing::{Lead, Standing, Standings},
};

/// The class of a place, for this service.
pub(super) fn class(service: &Service, place: &Place, now: DateTime<Utc>) -> Class {
    let row = Chain::at_place(service, place, now);
    let later = later(service, place, row.as_ref().map(|row| row.next.into()));
    Class { row, later }
}

/// What the steps from `from` on read of the place, or all of the decision if there is no such step.
fn later(service: &Service, place: &Place, from: Option<usize>) -> u128 {
    let mut read = Vec::new();
    if from.is_none() {
        read.extend(service.inputs.overrides.iter().map(|o| u8::from(o.place.holds(place))));
    }
    for (index, step) in service.policy.steps.iter().enumerate().skip(from.unwrap_or(0)) {
        if step.when.asks_place() {
            let here = in_place(&step.when, place);
            read.push(here.into());
            if !here {
                continue;
            }
        }
        match &step.kind {
            StepKind::Nearest(_) => {
                let point = place.coordinates.map(|c| [c.latitude, c.longitude].map(f32::to_bits));
                read.push(point.is_some().into());
                read.extend(point.into_iter().flatten().flat_map(u32::to_le_bytes));
            }
            StepKind::Rank(_) => {
                let leads = service.standing(index, place).map_or(&[][..], |(_, standing)| &standing.leads);
                read.extend(leads.len().to_le_bytes());
                for lead in leads {
                    read.extend([lead.ahead, lead.behind]);
                    read.extend(lead.share.to_bits().to_le_bytes());
                }
            }
            // None of these looks at the place.
            StepKind::Healthy(_) | StepKind::Fence(_) | StepKind::Prefer(_) | StepKind::Cheapest(_) => {}
            StepKind::Weights(_) | StepKind::Capacity(_) | StepKind::Explore(_) => {}
            StepKind::Stick(_) | StepKind::Limit(_) => {}
        }
    }
    if read.is_empty() { 0 } else { xxh3_128(&read) }
}

/// What a service reads of places.
impl Dimensions for Service {
    fn any(&self) -> bool {
        let steps = &mut self.policy.steps.iter();
        steps.any(|step| step.when.asks_place() || matches!(step.kind, StepKind::Nearest(_)))
            || self.inputs.overrides.iter().any(|o| !o.place.is_everywhere())
            || self.inputs.standings.iter().any(|standings| by_place(standings))
    }

    fn fine(&self) -> bool {
        self.reads_subdivisions() || self.reads_coordinates()
    }

    fn places(&self, geo: &GeoTable, regions: &RegionSet) -> Vec<PlaceId> {
        if regions.is_empty() {
            return Vec::new();
        }
        let mut places: Vec<PlaceId> = self
            .networks()
            .flat_map(|(country, asn)| network(geo, country, asn))
            .filter(|place| regions.contains(geo.region_of(*place)))
            .collect();
        let (subdivisions, coordinates) = (self.reads_subdivisions(), self.reads_coordinates());
        if subdivisions || coordinates {
            let finer =
                |at: &Place| subdivisions && at.subdivision.is_some() || coordinates && at.coordinates.is_some();
            let inside = geo.regions().filter(|(region, _)| regions.contains(*region));
            let inside = inside.flat_map(|(region, _)| geo.places_in(region));
            places.extend(inside.filter(|(_, at)| finer(at)).map(|(place, _)| place));
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

impl Service {
    fn reads_subdivisions(&self) -> bool {
        self.policy.steps.iter().any(|step| !step.when.subdivision.is_empty())
    }

    fn reads_coordinates(&self) -> bool {
        self.policy.steps.iter().any(|step| matches!(step.kind, StepKind::Nearest(_)))
    }

    /// Those that conditions, overrides or standings tell from the rest of their country, which is given where only there.
    fn networks(&self) -> impl Iterator<Item = (Option<Country>, Asn)> {
        let conditions = self.policy.steps.iter().flat_map(|step| step.when.asn.any.iter().chain(&step.when.asn.not));
        let overrides = self.inputs.overrides.iter().filter_map(|o| Some((o.place.country, o.place.asn?)));
        let standings = self.inputs.standings.iter().flat_map(|standings| standings.keys());
        let standings = standings.filter_map(|audience| match audience {
            Audience::CountryAsn(country, asn) => Some((Some(*country), *asn)),
            Audience::Country(_) | Audience::Continent(_) | Audience::World => None,
        });
        conditions.map(|asn| (None, *asn)).chain(overrides).chain(standings)
    }
}

fn network(geo: &GeoTable, country: Option<Country>, asn: Asn) -> impl Iterator<Item = PlaceId> {
    geo.places_of(asn).filter(move |place| country.is_none() || geo.place(*place).country == country)
}

/// What must be done again in the rows of `before` to have those of `after`.
pub(super) fn again(before: &Service, after: &Service, geo: &GeoTable) -> Again {
    let fit = |inputs: &Inputs| -> Vec<_> { inputs.verdicts.iter().map(|v| (v.health, v.since)).collect() };
    let (was, is) = (&before.inputs, &after.inputs);
    let reads = |kind: fn(&StepKind) -> bool| after.policy.steps.iter().any(|step| kind(&step.kind));
    let same = Arc::ptr_eq(&before.policy, &after.policy)
        && was.ramps == is.ramps
        && (was.admits == is.admits || !reads(|kind| matches!(kind, StepKind::Capacity(_))))
        && (was.prices == is.prices || !reads(|kind| matches!(kind, StepKind::Cheapest(_))))
        && was.overrides == is.overrides
        && fit(was) == fit(is);
    if !same {
        return Again::All;
    }
    let (mut regions, mut places) = (RegionSet::default(), Vec::new());
    for (was, is) in was.standings.iter().zip(&is.standings).filter(|(was, is)| !Arc::ptr_eq(was, is)) {
        // Every row tells whether the place was asked about at all.
        if by_place(was) != by_place(is) {
            return Again::All;
        }
        for audience in moved(was, is) {
            let mut all = |of: &dyn Fn(Region) -> bool| {
                geo.regions().filter(|(_, region)| of(*region)).for_each(|(region, _)| regions.insert(region));
            };
            // Whom a narrower audience speaks for, before and after, does not hear of it.
            let by = |narrower: Option<Audience>| narrower.is_some_and(|n| was.contains_key(&n) && is.contains_key(&n));
            let by_country = |region: Region| by(region.country.map(Audience::Country));
            let by_continent = |region: Region| by(region.continent.map(Audience::Continent));
            match audience {
                Audience::World => all(&|region| !by_country(region) && !by_continent(region)),
                Audience::Continent(continent) => {
                    all(&|region| region.continent == Some(continent) && !by_country(region));
                }
                Audience::Country(country) => all(&|region| region.country == Some(country)),
                Audience::CountryAsn(country, asn) => places.extend(network(geo, Some(country), asn)),
            }
        }
    }
    Again::Some(regions, places)
}

/// Whether they tell places apart.
fn by_place(standings: &Standings) -> bool {
    standings.keys().any(|audience| *audience != Audience::World)
}

/// The audiences of which decisions read something else in the one than in the other.
fn moved(was: &Standings, is: &Standings) -> Vec<Audience> {
    let same = |audience: &Audience| match (was.get(audience), is.get(audience)) {
        (Some(was), Some(is)) => alike(was, is),
        (was, is) => was.is_none() && is.is_none(),
    };
    let mut moved = was.differing(is);
    moved.retain(|audience| !same(audience));
    moved
}

/// Whether the two have the same leads, for as many: what decisions read of a standing.
fn alike(a: &Arc<Standing>, b: &Arc<Standing>) -> bool {
    let same = |(a, b): (&Lead, &Lead)| (a.ahead, a.behind, a.share) == (b.ahead, b.behind, b.share);
    Arc::ptr_eq(a, b) || a.leads.len() == b.leads.len() && a.leads.iter().zip(&b.leads).all(same)
}
