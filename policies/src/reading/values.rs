//! The scalars of the language: text in, value or fault out.

use std::{net::IpAddr, ops::RangeInclusive, time::Duration};

use fairway_geo::{Asn, Continent, Country};
use ipnet::IpNet;
use toml::de::DeValue;
use url::Url;

use super::reader::{Fault, kind_of};
use crate::words::{did_you_mean, list};

/// Text as it stands.
pub(crate) fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Fault> {
    value.as_str().ok_or_else(|| Fault::new(format!("expected text in quotes, found {}", kind_of(value))))
}

/// A number, whole or not, that is `sound`; `bounds` says which are, as in "above 0, and 1 at most".
pub(crate) fn number(value: &DeValue<'_>, bounds: &str, sound: impl Fn(f64) -> bool) -> Result<f64, Fault> {
    let number = match value {
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(|i| i as f64),
        DeValue::Float(f) => f.as_str().parse().ok(),
        other => return Err(Fault::new(format!("expected a number, found {}", kind_of(other)))),
    };
    number.filter(|n| sound(*n)).ok_or_else(|| Fault::new(format!("this must be {bounds}")))
}

/// A whole number within `range`.
pub(crate) fn integer(value: &DeValue<'_>, range: RangeInclusive<u32>) -> Result<u32, Fault> {
    let DeValue::Integer(i) = value else {
        return Err(Fault::new(format!("expected a whole number, found {}", kind_of(value))));
    };
    let outside = || Fault::new(format!("this must be a whole number from {} to {}", range.start(), range.end()));
    let number = u32::from_str_radix(i.as_str().trim_start_matches('+'), i.radix()).ok();
    number.filter(|n| range.contains(n)).ok_or_else(outside)
}

/// An id: `[A-Za-z0-9._-]+`.
pub(crate) fn id(value: &DeValue<'_>) -> Result<String, Fault> {
    let id = text(value)?;
    if is_id(id) { Ok(id.into()) } else { Err(Fault::new(format!("{id:?} cannot be an id")).help(ID_HELP)) }
}

/// Whether it can name a service or a pathway.
pub(crate) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// What an id is made of.
pub(crate) const ID_HELP: &str = "an id is made of letters, digits, `.`, `_` and `-`";

/// A duration of whole milliseconds within `range`: `500ms`, `2s`, `1m`, `1h`.
pub(crate) fn duration(value: &DeValue<'_>, range: RangeInclusive<Duration>) -> Result<Duration, Fault> {
    const UNITS: [(&str, f64); 4] = [("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3600e3)];
    if let DeValue::Integer(i) = value {
        return Err(Fault::new("a duration needs its unit").help(format!("for seconds write \"{}s\"", i.as_str())));
    }
    let text = text(value)?;
    let millis = quantity(text, &UNITS).ok_or_else(|| Fault::new(format!("{text:?} is not a duration")))?;
    let duration = Duration::from_millis(millis);
    let outside = || Fault::new(format!("this must be from {} to {}", span(*range.start()), span(*range.end())));
    if range.contains(&duration) { Ok(duration) } else { Err(outside()) }
}

fn span(duration: Duration) -> String {
    match duration.as_millis() {
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}

/// Bits per second, 1 at least: `400 Mbit/s`, `1.5 Gbit/s`.
pub(crate) fn bit_rate(value: &DeValue<'_>) -> Result<u64, Fault> {
    const UNITS: [(&str, f64); 5] =
        [("bit/s", 1.0), ("kbit/s", 1e3), ("Mbit/s", 1e6), ("Gbit/s", 1e9), ("Tbit/s", 1e12)];
    let text = text(value)?;
    let rate = quantity(text, &UNITS).ok_or_else(|| Fault::new(format!("{text:?} is not a bit rate")))?;
    if rate > 0 { Ok(rate) } else { Err(Fault::new("a bit rate of nothing carries nothing")) }
}

/// A number and one of `units`, as so many of the smallest. The nearest whole one: no binary fraction is exactly 2.3.
fn quantity(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at(split);
    let (_, size) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<f64>().ok().map(|n| (n * size).round() as u64)
}

/// An address, v4 or v6.
pub(crate) fn address(value: &DeValue<'_>) -> Result<IpAddr, Fault> {
    let text = text(value)?;
    text.parse().map_err(|_| Fault::new(format!("{text:?} is not an address")))
}

/// A prefix without bits past its length.
pub(crate) fn cidr(value: &DeValue<'_>) -> Result<IpNet, Fault> {
    let text = text(value)?;
    if let Ok(address) = text.parse::<IpAddr>() {
        let fault = Fault::new(format!("{text:?} is an address without a prefix length"));
        return Err(fault.help(format!("for this one address write \"{}\"", IpNet::from(address))));
    }
    let net: IpNet = text.parse().map_err(|_| Fault::new(format!("{text:?} is not a prefix")))?;
    if net == net.trunc() {
        return Ok(net);
    }
    Err(Fault::new(format!("{text:?} has bits set past its length")).help(format!("write \"{}\"", net.trunc())))
}

/// A two-letter continent code.
pub(crate) fn continent(value: &DeValue<'_>) -> Result<Continent, Fault> {
    let text = text(value)?;
    text.parse().map_err(|_| Fault::new(format!("{text:?} is not a continent")))
}

/// A two-letter country code that some country has: any other would never match, and nobody would notice.
pub(crate) fn country(value: &DeValue<'_>) -> Result<Country, Fault> {
    let text = text(value)?;
    let fault = || Fault::new(format!("{text:?} is not a country"));
    let country: Country = text.parse().map_err(|_| fault())?;
    match (country.continent(), country.as_str()) {
        (Some(_), _) => Ok(country),
        (None, "UK") => Err(fault().help("write \"GB\" for the United Kingdom")),
        (None, "EL") => Err(fault().help("write \"GR\" for Greece")),
        (None, "EU") => Err(fault().help("for Europe write continent = [\"EU\"]")),
        (None, _) => Err(fault()),
    }
}

/// An autonomous system: `13335` or `"AS13335"`.
pub(crate) fn asn(value: &DeValue<'_>) -> Result<Asn, Fault> {
    let DeValue::String(text) = value else {
        return integer(value, 1..=u32::MAX).map(Asn);
    };
    let digits = text.get(..2).filter(|p| p.eq_ignore_ascii_case("AS")).map(|_| &text[2..]);
    let number = digits.and_then(|d| d.parse().ok()).filter(|n| *n > 0);
    number.map(Asn).ok_or_else(|| Fault::new(format!("{text:?} is not an autonomous system number")))
}

/// A host name (RFC 952, RFC 1123), lower case, without the trailing dot.
pub(crate) fn host_name(value: &DeValue<'_>) -> Result<String, Fault> {
    let text = text(value)?;
    if is_host_name(text) {
        return Ok(text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase());
    }
    let fault = Fault::new(format!("{text:?} is not a host name"));
    Err(fault.help("a host name is labels of letters, digits and inner hyphens, joined by dots"))
}

fn is_host_name(text: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    name.len() <= 253 && name.split('.').all(label)
}

/// An http or https URL with a host and without credentials or fragment.
pub(crate) fn http_url(value: &DeValue<'_>) -> Result<Url, Fault> {
    let text = text(value)?;
    let url = Url::parse(text).map_err(|cause| Fault::new(format!("{text:?} is not a URL: {cause}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Fault::new(format!("a URL of scheme `{}` cannot be fetched by players", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Fault::new("this URL must have neither credentials nor a fragment"));
    }
    Ok(url)
}

/// `host:port`, the host a name, an IPv4 address or a bracketed IPv6 address.
pub(crate) fn host_port(value: &DeValue<'_>) -> Result<String, Fault> {
    let text = text(value)?;
    let fault = || Fault::new(format!("{text:?} is not a host and port"));
    let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
    let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let sound = v6.map_or_else(|| is_host_name(host), |h| h.parse::<std::net::Ipv6Addr>().is_ok());
    let port = port.parse::<u16>().is_ok_and(|p| p > 0);
    if sound && port { Ok(text.to_ascii_lowercase()) } else { Err(fault()) }
}

/// One of `known` words, found by its name.
pub(crate) fn word<T>(value: &DeValue<'_>, what: &str, known: &[(&'static str, T)]) -> Result<T, Fault>
where
    T: Copy,
{
    let text = text(value)?;
    if let Some((_, found)) = known.iter().find(|(name, _)| *name == text) {
        return Ok(*found);
    }
    let fault = Fault::new(format!("there is no {what} `{text}`"));
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let all = || format!("there are {}", list("and", &names));
    Err(fault.help(did_you_mean(text, names.iter().copied()).unwrap_or_else(all)))
}
