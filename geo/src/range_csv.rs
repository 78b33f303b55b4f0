//! Range CSV: a line per address range, without a header: first address, last address (inclusive), and where that is.
//!
//! | columns | after first and last | written by |
//! |---|---|---|
//! | 3 | country code, or AS number | ip-location-db, DB-IP |
//! | 4 | country code or AS number, name | ip-location-db, DB-IP, IP2Location |
//! | 8 | continent, country, subdivision, city, latitude, longitude | DB-IP |
//! | 10 | country, subdivision, subdivision, city, postcode, latitude, longitude, time zone | ip-location-db |
//!
//! Addresses are written as such or as decimal numbers, IPv4 and IPv6 may be in one file, and each of the two ascends. A
//! line that does not fit is an error, not skipped: a file that lost a piece would send people to the wrong place quietly.

use std::{net::IpAddr, path::Path};

use csv::{ByteRecord, ReaderBuilder};

use crate::{
    error::GeoError,
    layer::{Layer, Progress},
    place::Place,
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
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&bytes[..]);
    let mut row = ByteRecord::new();
    let mut layer = Layer::default();
    while reader.read_byte_record(&mut row).map_err(|error| GeoError::Unreadable(file.into(), error.into()))? {
        let put = range(&row).and_then(|(first, last, place)| {
            layer.put(first, last, places.id(place)).map_err(|NotAscending| ASCENDING)
        });
        put.map_err(|expected| GeoError::BrokenRow {
            file: file.into(),
            line: row.position().map_or(0, |position| position.line()),
            expected,
            found: row.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(","),
        })?;
        progress.range();
    }
    Ok(layer)
}

const BOUNDS: &str =
    "a first and a last address of one kind, as 192.0.2.0,192.0.2.255 or in decimal, the last not before the first";
const ASCENDING: &str = "a range that does not begin before the one above it";
const COLUMNS: &str = "3, 4, 8 or 10 columns";
const COUNTRY_OR_ASN: &str = "a country code or an AS number in column 3";
const COORDINATES: &str = "a latitude and a longitude in the columns before the last";

fn field(row: &ByteRecord, column: usize) -> &str {
    row.get(column).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
}

fn range(row: &ByteRecord) -> Result<(IpAddr, IpAddr, Place), &'static str> {
    let (first, last) = bounds(field(row, 0), field(row, 1)).ok_or(BOUNDS)?;
    Ok((first, last, place(row)?))
}

/// The range's ends. A number can be of either family: it is IPv6 where the last does not fit into IPv4.
fn bounds(first: &str, last: &str) -> Option<(IpAddr, IpAddr)> {
    let (first, last): (IpAddr, IpAddr) = match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => (first, last),
        _ => {
            let (first, last): (u128, u128) = (first.parse().ok()?, last.parse().ok()?);
            match (u32::try_from(first), u32::try_from(last)) {
                (Ok(first), Ok(last)) => (IpAddr::V4(first.into()), IpAddr::V4(last.into())),
                _ => (IpAddr::V6(first.into()), IpAddr::V6(last.into())),
            }
        }
    };
    (first.is_ipv4() == last.is_ipv4() && first <= last).then_some((first, last))
}

fn place(row: &ByteRecord) -> Result<Place, &'static str> {
    let known = |column| Some(field(row, column)).filter(|text| !values::is_unknown(text));
    let coordinates = |latitude, longitude| match (field(row, latitude).parse(), field(row, longitude).parse()) {
        (Ok(latitude), Ok(longitude)) => Ok(values::coordinates(latitude, longitude)),
        _ if known(latitude).is_none() && known(longitude).is_none() => Ok(None),
        _ => Err(COORDINATES),
    };
    match row.len() {
        3 | 4 => {
            let Some(text) = known(2) else { return Ok(Place::default()) };
            let place = Place { country: values::country(text), asn: values::asn(text), ..Place::default() };
            if place == Place::default() { Err(COUNTRY_OR_ASN) } else { Ok(place) }
        }
        8 => Ok(Place {
            continent: known(2).and_then(|text| text.parse().ok()),
            country: known(3).and_then(values::country),
            subdivision: known(4).and_then(values::subdivision),
            coordinates: coordinates(6, 7)?,
            ..Place::default()
        }),
        10 => Ok(Place {
            country: known(2).and_then(values::country),
            subdivision: known(3).and_then(values::subdivision),
            coordinates: coordinates(7, 8)?,
            ..Place::default()
        }),
        _ => Err(COLUMNS),
    }
}
