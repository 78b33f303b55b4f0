//! The MaxMind DB format, in the record layouts that are in use.
//!
//! There are two kinds: MaxMind's own (GeoIP2, GeoLite2, and DB-IP's databases) nests, as in `country.iso_code`; the flat
//! ones (ip-location-db, IPinfo) have everything at the top. They share no name that means two things, so one list of
//! names, [`Record::text`] and [`Record::number`], reads all of them, whatever the database calls itself. A value that is
//! not of the kind its name calls for (IPinfo's `country` may be a code or a name in full) counts as not given. MaxMind's
//! `registered_country`, where a block is registered, is not where its users are, and is not read.

use std::{collections::HashMap, fmt, net::IpAddr, path::Path};

use maxminddb::{MaxMindDbError, Reader, WithinOptions};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{
    error::GeoError,
    layer::{Layer, Progress},
    place::{Place, PlaceId},
    places::Places,
    ranges::NotAscending,
    values,
};

/// Reads the whole file `bytes`.
pub(crate) fn read(
    file: &Path,
    bytes: Vec<u8>,
    places: &mut Places,
    progress: &mut Progress,
) -> Result<Layer, GeoError> {
    let broken = |cause: String| GeoError::BrokenMmdb { file: file.into(), cause };
    let invalid = |error: MaxMindDbError| broken(error.to_string());
    let reader = Reader::from_source(bytes).map_err(invalid)?;
    // A tree of n nodes has at most n + 1 leaves, and those of IPv4 may be reached by some aliases. Many more are a
    // damaged tree that runs in circles.
    let limit = 16 * (reader.metadata().node_count as usize + 1);
    let mut layer = Layer::default();
    let mut known = HashMap::new();
    for (n, network) in reader.networks(WithinOptions::default()).map_err(invalid)?.enumerate() {
        let network = network.map_err(invalid)?;
        let Some(offset) = network.offset() else { continue };
        let place = match known.get(&offset) {
            Some(place) => *place,
            None => {
                let record: Record = network.decode().map_err(invalid)?.unwrap_or_default();
                let place = places.id(record.place());
                known.insert(offset, place);
                place
            }
        };
        let network = network.network().map_err(invalid)?;
        if n > limit {
            return Err(broken(format!(
                "its tree has more than {limit} leaves, which its number of nodes does not allow"
            )));
        }
        put(&mut layer, network.network(), network.broadcast(), place)
            .map_err(|NotAscending| broken(format!("{network} comes after a higher network")))?;
        progress.range();
    }
    Ok(layer)
}

/// The format keeps IPv4 under `::/96`, and the reader gives it as IPv4. A file may have it a second time, or only, as
/// IPv4-mapped addresses; and a network so wide that it holds all of `::/96` is also where every IPv4 address is.
fn put(layer: &mut Layer, first: IpAddr, last: IpAddr, place: PlaceId) -> Result<(), NotAscending> {
    if let (IpAddr::V6(low), IpAddr::V6(high)) = (first, last) {
        if low.to_ipv4_mapped().is_some() && !layer.v4.is_empty() {
            return Ok(());
        }
        if low.is_unspecified() && high.to_bits() >= u32::MAX.into() {
            layer.v4.put(0, u32::MAX, place)?;
        }
    }
    layer.put(first, last, place)
}

/// A record, as far as it says where.
#[derive(Default)]
struct Record {
    place: Place,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Record {
    fn place(self) -> Place {
        let coordinates = self.latitude.zip(self.longitude).and_then(|(lat, lon)| values::coordinates(lat, lon));
        Place { coordinates, ..self.place }
    }

    /// The text `value` stands under `name`, which is in the map `within` (`""`: at the top).
    fn text(&mut self, within: &str, name: &str, value: &str) {
        let Place { continent, country, subdivision, .. } = &mut self.place;
        match (within, name) {
            ("continent", "code") | ("", "continent_code" | "continent") => {
                *continent = continent.or(value.parse().ok())
            }
            ("country", "iso_code") | ("", "country_code" | "country") => *country = country.or(values::country(value)),
            ("subdivisions", "iso_code") | ("", "region_code" | "state1") => {
                *subdivision = subdivision.or(values::subdivision(value));
            }
            ("", "asn") => self.place.asn = self.place.asn.or(values::asn(value)),
            ("", "loc") => {
                for (name, part) in ["latitude", "longitude"].into_iter().zip(value.split(',')) {
                    self.text("", name, part);
                }
            }
            ("", _) => {
                if let Ok(number) = value.trim().parse() {
                    self.number(within, name, number);
                }
            }
            _ => {}
        }
    }

    /// The same for a number.
    fn number(&mut self, within: &str, name: &str, value: f64) {
        match (within, name) {
            ("", "autonomous_system_number" | "asn") => {
                self.place.asn = self.place.asn.or(values::asn(&value.to_string()))
            }
            ("location", "latitude") | ("", "latitude" | "lat") => self.latitude = Some(value),
            ("location", "longitude") | ("", "longitude" | "lng" | "lon") => self.longitude = Some(value),
            _ => {}
        }
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut record = Self::default();
        Walk { record: &mut record, within: "", name: "" }.deserialize(deserializer)?;
        Ok(record)
    }
}

/// Walks a record of any layout, two maps deep, and tells [`Record`] the values that it finds. Of a list it takes the
/// first element: of subdivisions, MaxMind has the largest first.
struct Walk<'r, 'n> {
    record: &'r mut Record,
    within: &'n str,
    name: &'n str,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record of a geo database")
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.record.text(self.within, self.name, value);
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.record.number(self.within, self.name, value);
        Ok(())
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_u128<E>(self, _: u128) -> Result<(), E> {
        Ok(())
    }
    fn visit_bytes<E>(self, _: &[u8]) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        list.next_element_seed(self)?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<&str>()? {
            if self.within.is_empty() {
                map.next_value_seed(Walk { record: &mut *self.record, within: self.name, name })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}
