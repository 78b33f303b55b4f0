//! The words for where a client is.

use std::{fmt, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What is known about where a client is. Every part may be unknown; a place with nothing known is [`Place::default`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Continent, given by the data or derived from the country.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub continent: Option<Continent>,
    /// ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub country: Option<Country>,
    /// ISO 3166-2 code without the country, as in `CA` of `US-CA`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subdivision: Option<Subdivision>,
    /// Autonomous system number (RFC 6793: 32 bits).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asn: Option<Asn>,
    /// Degrees, WGS 84.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coordinates: Option<Coordinates>,
}

/// A place of one table, by number. 0, the default, is that of which nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaceId(pub(crate) u32);

impl PlaceId {
    /// Its index among the table's places, the unknown one among them.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A place, and the largest address prefix around the asked address over which it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Located {
    /// Where.
    pub place: Place,
    /// Its number in the table that was asked; `None` where nobody asked one.
    pub id: Option<PlaceId>,
    /// For which addresses.
    pub prefix: IpNet,
}

/// Autonomous system number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Asn(pub u32);

/// Degrees, WGS 84.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coordinates {
    /// −90…90, north positive.
    pub latitude: f32,
    /// −180…180, east positive.
    pub longitude: f32,
}

/// A two-letter country code, upper case (ISO 3166-1 alpha-2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// A subdivision code of up to three characters, upper case (ISO 3166-2 without the country).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subdivision([u8; 3]);

/// One of the seven continents, by GeoNames' two-letter codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Continent {
    /// Africa
    Af,
    /// Antarctica
    An,
    /// Asia
    As,
    /// Europe
    Eu,
    /// North America
    Na,
    /// Oceania
    Oc,
    /// South America
    Sa,
}

/// Text that is not a code of the kind asked for.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not {1}")]
pub struct NotACode(pub String, pub &'static str);

impl Continent {
    /// All of them, in code order.
    pub const ALL: [Continent; 7] = [Self::Af, Self::An, Self::As, Self::Eu, Self::Na, Self::Oc, Self::Sa];

    /// The two-letter code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Af => "AF",
            Self::An => "AN",
            Self::As => "AS",
            Self::Eu => "EU",
            Self::Na => "NA",
            Self::Oc => "OC",
            Self::Sa => "SA",
        }
    }
}

impl FromStr for Continent {
    type Err = NotACode;
    fn from_str(s: &str) -> Result<Self, NotACode> {
        Self::ALL
            .into_iter()
            .find(|c| c.code().eq_ignore_ascii_case(s))
            .ok_or_else(|| NotACode(s.into(), "a continent code (AF AN AS EU NA OC SA)"))
    }
}

impl fmt::Display for Continent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Country {
    /// The code's two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// Two of A to Z.
    pub(crate) fn letters(self) -> [u8; 2] {
        self.0
    }
}

impl FromStr for Country {
    type Err = NotACode;
    fn from_str(s: &str) -> Result<Self, NotACode> {
        match s.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Ok(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => Err(NotACode(s.into(), "a country code (two letters, ISO 3166-1)")),
        }
    }
}

impl Subdivision {
    /// The code, one to three characters.
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|b| *b == 0).unwrap_or(3);
        std::str::from_utf8(&self.0[..len]).unwrap_or("?")
    }
}

impl FromStr for Subdivision {
    type Err = NotACode;
    fn from_str(s: &str) -> Result<Self, NotACode> {
        let bytes = s.as_bytes();
        if bytes.is_empty() || bytes.len() > 3 || !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return Err(NotACode(s.into(), "a subdivision code (one to three letters or digits, ISO 3166-2)"));
        }
        let mut code = [0; 3];
        code[..bytes.len()].copy_from_slice(bytes);
        code.make_ascii_uppercase();
        Ok(Self(code))
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

macro_rules! text_code {
    ($($t:ident)*) => {$(
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl TryFrom<String> for $t {
            type Error = NotACode;
            fn try_from(s: String) -> Result<Self, NotACode> {
                s.parse()
            }
        }
        impl From<$t> for String {
            fn from(c: $t) -> String {
                c.as_str().to_owned()
            }
        }
    )*};
}
text_code!(Country Subdivision);
