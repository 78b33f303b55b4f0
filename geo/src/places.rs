//! Places, each kept once, and how what two files know of the same address becomes one place.
//!
//! Part by part, the earlier file wins: it is the operator who orders the files. One rule keeps the parts of a place from
//! contradicting each other: continent, subdivision and coordinates say where inside or around a *country* a client is. So
//! where two files name different countries, or continents, the earlier file's geography stands alone, and only the AS
//! number, which is no geography, is taken from the later.

use std::collections::HashMap;

use crate::{
    place::{Asn, Continent, Country, Place, PlaceId, Subdivision},
    regions::Region,
};

/// The place of which nothing is known.
pub(crate) const UNKNOWN: PlaceId = PlaceId(0);

/// Places by number, equal ones once.
pub(crate) struct Places {
    all: Vec<Place>,
    ids: HashMap<Key, PlaceId>,
    joined: HashMap<(PlaceId, PlaceId), PlaceId>,
}

/// What makes two places the same: every part, coordinates by their bits.
type Key = (Option<Continent>, Option<Country>, Option<Subdivision>, Option<Asn>, Option<(u32, u32)>);

fn key(place: &Place) -> Key {
    let coordinates = place.coordinates.map(|c| (c.latitude.to_bits(), c.longitude.to_bits()));
    (place.continent, place.country, place.subdivision, place.asn, coordinates)
}

impl Default for Places {
    fn default() -> Self {
        let unknown = Place::default();
        Self { all: vec![unknown], ids: HashMap::from([(key(&unknown), UNKNOWN)]), joined: HashMap::new() }
    }
}

impl Places {
    /// The number of `place`; a continent that the data left out follows from the country.
    pub(crate) fn id(&mut self, mut place: Place) -> PlaceId {
        place.continent = place.continent.or_else(|| place.country?.continent());
        *self.ids.entry(key(&place)).or_insert_with(|| {
            self.all.push(place);
            PlaceId(self.all.len() as u32 - 1)
        })
    }

    /// The number of the place that `earlier` and `later` make together.
    pub(crate) fn join(&mut self, earlier: PlaceId, later: PlaceId) -> PlaceId {
        if later == UNKNOWN || earlier == later {
            return earlier;
        }
        if earlier == UNKNOWN {
            return later;
        }
        if let Some(id) = self.joined.get(&(earlier, later)) {
            return *id;
        }
        let id = self.id(join(&self.all[earlier.index()], &self.all[later.index()]));
        self.joined.insert((earlier, later), id);
        id
    }

    /// The places that `used` names, with those numbers changed to index them: region by region, and inside one in
    /// order of first use, so that neighbours in the table are neighbours in memory. The unknown place stays the first.
    pub(crate) fn renumber(self, used: &mut [&mut [PlaceId]]) -> Vec<Place> {
        // Regions in order of first use, that of the unknown before all.
        let mut regions = HashMap::from([(Region::default(), vec![UNKNOWN])]);
        let mut order = vec![Region::default()];
        let mut seen = vec![false; self.all.len()];
        seen[UNKNOWN.index()] = true;
        for id in used.iter().flat_map(|ids| ids.iter()) {
            if !std::mem::replace(&mut seen[id.index()], true) {
                let region = Region::of(&self.all[id.index()]);
                let places = regions.entry(region).or_insert_with(|| {
                    order.push(region);
                    Vec::new()
                });
                places.push(*id);
            }
        }
        let kept: Vec<PlaceId> = order.iter().flat_map(|region| regions.remove(region)).flatten().collect();
        let mut renumbered = vec![UNKNOWN; self.all.len()];
        for (new, old) in kept.iter().enumerate() {
            renumbered[old.index()] = PlaceId(new as u32);
        }
        for id in used.iter_mut().flat_map(|ids| ids.iter_mut()) {
            *id = renumbered[id.index()];
        }
        kept.iter().map(|old| self.all[old.index()]).collect()
    }
}

fn join(earlier: &Place, later: &Place) -> Place {
    let asn = earlier.asn.or(later.asn);
    let same_country = earlier.country.zip(later.country).is_none_or(|(a, b)| a == b);
    let same_continent = earlier.continent.zip(later.continent).is_none_or(|(a, b)| a == b);
    if !(same_country && same_continent) {
        return Place { asn, ..*earlier };
    }
    Place {
        continent: earlier.continent.or(later.continent),
        country: earlier.country.or(later.country),
        subdivision: earlier.subdivision.or(later.subdivision),
        asn,
        coordinates: earlier.coordinates.or(later.coordinates),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_contradict_each_other_are_not_mixed() {
        let mut places = Places::default();
        let europe = Place { continent: Some(Continent::Eu), ..Place::default() };
        let with_country = |code: &str| Place { country: code.parse().ok(), asn: Some(Asn(64500)), ..Place::default() };
        let mut joined = |earlier: Place, later: Place| {
            let (earlier, later) = (places.id(earlier), places.id(later));
            let id = places.join(earlier, later);
            let Place { continent, country, asn, .. } = places.all[id.index()];
            (continent, country.map(|c| c.to_string()), asn)
        };
        let asn = Some(Asn(64500));
        assert_eq!(joined(europe, with_country("DE")), (Some(Continent::Eu), Some("DE".into()), asn));
        assert_eq!(joined(europe, with_country("BR")), (Some(Continent::Eu), None, asn), "Brazil is not in Europe");
        let france = Place { asn: None, ..with_country("FR") };
        assert_eq!(joined(france, with_country("DE")), (Some(Continent::Eu), Some("FR".into()), asn));
    }
}
