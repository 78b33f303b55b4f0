//! Values as geo data writes them. `None` is what the data does not know, in all its spellings, and what is no such value.

use crate::place::{Asn, Coordinates, Country, Subdivision};

/// A country's code; `ZZ` is ISO 3166-1's own "unknown".
pub(crate) fn country(text: &str) -> Option<Country> {
    text.parse().ok().filter(|_| !text.eq_ignore_ascii_case("ZZ"))
}

/// A subdivision's code. Some data has names in the same field: Goa and Var are no codes, which are in capitals.
pub(crate) fn subdivision(text: &str) -> Option<Subdivision> {
    text.parse().ok().filter(|_| !text.contains(|c: char| c.is_ascii_lowercase()))
}

/// `64500` or `AS64500`; 0 is nobody's (RFC 7607).
pub(crate) fn asn(text: &str) -> Option<Asn> {
    let digits = text.strip_prefix("AS").unwrap_or(text);
    digits.parse().ok().filter(|number| *number != 0).map(Asn)
}

/// A point on Earth.
pub(crate) fn coordinates(latitude: f64, longitude: f64) -> Option<Coordinates> {
    let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    on_earth.then_some(Coordinates { latitude: latitude as f32, longitude: longitude as f32 })
}

/// Whether the data says that it does not know.
pub(crate) fn is_unknown(text: &str) -> bool {
    matches!(text, "" | "-" | "ZZ" | "None" | "0" | "AS0")
}
