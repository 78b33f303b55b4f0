//! Places, each kept once, and how what two files know of the same address becomes one place.
//!
//! Part by part, the earlier file wins: it is the operator who orders the files. One rule keeps the parts of a place from
//! contradicting each other: continent, subdivision and coordinates say where inside or around a *country* a client is. So
//! where two files name different countries, or continents, the earlier file's geography stands alone, and only the AS
//! number, which is no geography, is taken from the later.

use std::collections::HashMap;

use crate::place::{Asn, Continent, Country, Place, Subdivision};

/// A place by its number in [`Places`].
pub(crate) type PlaceId = u32;

/// The place of which nothing is known.
pub(crate) const UNKNOWN: PlaceId = 0;

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
            self.all.len() as PlaceId - 1
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
        let id = self.id(join(&self.all[earlier as usize], &self.all[later as usize]));
        self.joined.insert((earlier, later), id);
        id
    }

    /// The places that `used` names, with those numbers changed to index them in order of first use: neighbours in the
    /// table are then neighbours in memory. The unknown place stays the first.
    pub(crate) fn renumber<'a>(self, used: impl Iterator<Item = &'a mut PlaceId>) -> Vec<Place> {
        let mut kept = vec![Place::default()];
        let mut renumbered = vec![UNKNOWN; self.all.len()];
        for id in used {
            let new = &mut renumbered[*id as usize];
            if *new == UNKNOWN && *id != UNKNOWN {
                *new = kept.len() as PlaceId;
                kept.push(self.all[*id as usize]);
            }
            *id = *new;
        }
        kept
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
            let Place { continent, country, asn, .. } = places.all[id as usize];
            (continent, country.map(|c| c.to_string()), asn)
        };
        let asn = Some(Asn(64500));
        assert_eq!(joined(europe, with_country("DE")), (Some(Continent::Eu), Some("DE".into()), asn));
        assert_eq!(joined(europe, with_country("BR")), (Some(Continent::Eu), None, asn), "Brazil is not in Europe");
        let france = Place { asn: None, ..with_country("FR") };
        assert_eq!(joined(france, with_country("DE")), (Some(Continent::Eu), Some("FR".into()), asn));
    }
}
