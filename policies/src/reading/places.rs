//! Where clients are: places and addresses, text in, value or fault out.

use std::net::IpAddr;

use fairway_geo::{Asn, Continent, Country};
use ipnet::IpNet;
use toml::de::DeValue;

use super::{Code, Fault, Kind, values};
use crate::model::Region;

fn malformed(text: &str, what: &str) -> Fault {
    Fault::new(Code::Malformed, format!("{text:?} is not {what}"))
}

/// An address, v4 or v6.
pub(crate) fn address(value: &DeValue<'_>, _: Kind) -> Result<IpAddr, Fault> {
    let text = values::plain(value)?;
    text.parse().map_err(|_| malformed(text, "an address"))
}

/// A prefix without bits past its length.
pub(crate) fn cidr(value: &DeValue<'_>, _: Kind) -> Result<IpNet, Fault> {
    let text = values::plain(value)?;
    if let Ok(address) = text.parse::<IpAddr>() {
        let fault = Fault::new(Code::Malformed, format!("{text:?} is an address without a prefix length"));
        return Err(fault.help(format!("for this one address write \"{}\"", IpNet::from(address))));
    }
    let net: IpNet = text.parse().map_err(|_| malformed(text, "a prefix"))?;
    if net == net.trunc() {
        return Ok(net);
    }
    let fault = Fault::new(Code::Malformed, format!("{text:?} has bits set past its length"));
    Err(fault.help(format!("write \"{}\"", net.trunc())))
}

/// A two-letter continent code.
pub(crate) fn continent(value: &DeValue<'_>, _: Kind) -> Result<Continent, Fault> {
    let text = values::plain(value)?;
    text.parse().map_err(|_| malformed(text, "a continent"))
}

/// A two-letter country code that some country has: any other would never match, and nobody would notice.
pub(crate) fn country(value: &DeValue<'_>, _: Kind) -> Result<Country, Fault> {
    let text = values::plain(value)?;
    let country: Country = text.parse().map_err(|_| malformed(text, "a country"))?;
    let fault = || malformed(text, "a country");
    match (country.continent(), country.as_str()) {
        (Some(_), _) => Ok(country),
        (None, "UK") => Err(fault().help("write \"GB\" for the United Kingdom")),
        (None, "EL") => Err(fault().help("write \"GR\" for Greece")),
        (None, "EU") => Err(fault().help("for Europe write continent = [\"EU\"]")),
        (None, _) => Err(fault()),
    }
}

/// A subdivision with its country, as `US-CA`.
pub(crate) fn region(value: &DeValue<'_>, kind: Kind) -> Result<Region, Fault> {
    let text = values::plain(value)?;
    let Some((country, subdivision)) = text.split_once('-') else {
        return Err(malformed(text, "a subdivision").help("write country and subdivision, as in \"US-CA\""));
    };
    let country = self::country(&DeValue::String(country.into()), kind)?;
    let subdivision = subdivision.parse().map_err(|_| malformed(text, "a subdivision"))?;
    Ok(Region { country, subdivision })
}

/// An autonomous system: `13335` or `"AS13335"`.
pub(crate) fn asn(value: &DeValue<'_>, _: Kind) -> Result<Asn, Fault> {
    let DeValue::String(text) = value else {
        return values::integer(value, Kind::Integer(1, u32::MAX)).map(Asn);
    };
    let digits = text.get(..2).filter(|p| p.eq_ignore_ascii_case("AS")).map(|_| &text[2..]);
    let number = digits.and_then(|d| d.parse().ok()).filter(|n| *n > 0);
    number.map(Asn).ok_or_else(|| {
        let fault = malformed(text, "an autonomous system number");
        if text.parse::<std::num::NonZeroU32>().is_ok() {
            fault.help(format!("write \"AS{text}\", or {text} without quotes"))
        } else {
            fault
        }
    })
}
