//! The scalars of the language: text in, value or fault out. Each reads by the bounds of the key's [`Kind`].

use std::time::Duration;

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use toml::de::DeValue;
use url::Url;

use super::{
    code::Code,
    key::Kind,
    reader::{Fault, kind_of},
    vocabulary::{Word, names},
};
use crate::words::{did_you_mean, list, span};

fn wrong_type(expected: &str, value: &DeValue<'_>) -> Fault {
    Fault::new(Code::WrongType, format!("expected {expected}, found {}", kind_of(value)))
}

fn malformed(text: &str, what: &str) -> Fault {
    Fault::new(Code::Malformed, format!("{text:?} is not {what}"))
}

fn out_of_range(bounds: &str) -> Fault {
    Fault::new(Code::OutOfRange, format!("this must be {bounds}"))
}

/// Text as it stands, even none.
pub(crate) fn plain<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Fault> {
    value.as_str().ok_or_else(|| wrong_type("text in quotes", value))
}

/// Text that says something.
pub(crate) fn text(value: &DeValue<'_>, _: Kind) -> Result<String, Fault> {
    match plain(value)? {
        "" => Err(Fault::new(Code::Malformed, "this text is empty")),
        text => Ok(text.into()),
    }
}

/// True or false.
pub(crate) fn truth(value: &DeValue<'_>, _: Kind) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| wrong_type("true or false", value))
}

/// A number, whole or not.
pub(crate) fn number(value: &DeValue<'_>, kind: Kind) -> Result<f64, Fault> {
    let number = match value {
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(|i| i as f64),
        DeValue::Float(f) => f.as_str().parse().ok().filter(|f: &f64| f.is_finite()),
        other => return Err(wrong_type("a number", other)),
    };
    match kind {
        Kind::Number(bounds) => number.filter(|n| bounds.hold(*n)).ok_or_else(|| {
            let fault = out_of_range(&bounds.text());
            let percent = number.filter(|n| bounds.most <= 1.0 && *n > 1.0 && bounds.hold(n / 100.0));
            match percent {
                Some(n) => fault.help(format!("for {n} % write {}", n / 100.0)),
                None => fault,
            }
        }),
        _ => number.ok_or_else(|| out_of_range("a number")),
    }
}

/// A whole number.
pub(crate) fn integer(value: &DeValue<'_>, kind: Kind) -> Result<u32, Fault> {
    let DeValue::Integer(i) = value else { return Err(wrong_type("a whole number", value)) };
    let range = if let Kind::Integer(least, most) = kind { least..=most } else { 0..=u32::MAX };
    let outside = || out_of_range(&format!("a whole number from {} to {}", range.start(), range.end()));
    let number = u32::from_str_radix(i.as_str().trim_start_matches('+'), i.radix()).ok();
    number.filter(|n| range.contains(n)).ok_or_else(outside)
}

/// An id: `[A-Za-z0-9._-]+`.
pub(crate) fn id(value: &DeValue<'_>, _: Kind) -> Result<String, Fault> {
    let id = plain(value)?;
    let fault = || Fault::new(Code::Malformed, format!("{id:?} cannot be an id")).help(ID_HELP);
    if is_id(id) { Ok(id.into()) } else { Err(fault()) }
}

/// Whether it can name a service or a pathway.
pub(crate) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// What an id is made of.
pub(crate) const ID_HELP: &str = "an id is made of letters, digits, `.`, `_` and `-`";

/// A duration of whole milliseconds: `500ms`, `2s`, `1m`, `1h`.
pub(crate) fn duration(value: &DeValue<'_>, kind: Kind) -> Result<Duration, Fault> {
    const UNITS: [(&str, f64); 4] = [("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3600e3)];
    if let DeValue::Integer(i) = value {
        let fault = Fault::new(Code::WrongType, "a duration needs its unit");
        let n = i.as_str();
        return Err(fault.help(format!("for seconds write \"{n}s\", for milliseconds \"{n}ms\"")));
    }
    let text = plain(value)?;
    let millis = quantity(text, &UNITS).ok_or_else(|| malformed(text, "a duration"))?;
    let duration = Duration::from_millis(millis);
    let (least, most) = match kind {
        Kind::Duration(least, most) => (least, most),
        Kind::Seconds(least, most) => (Duration::from_secs(least.into()), Duration::from_secs(most.into())),
        _ => (Duration::ZERO, Duration::MAX),
    };
    let outside = || out_of_range(&format!("from {} to {}", span(least), span(most)));
    if (least..=most).contains(&duration) { Ok(duration) } else { Err(outside()) }
}

/// A duration of whole seconds.
pub(crate) fn seconds(value: &DeValue<'_>, kind: Kind) -> Result<u32, Fault> {
    let duration = duration(value, kind)?;
    let whole = u32::try_from(duration.as_secs()).ok().filter(|_| duration.subsec_nanos() == 0);
    whole.ok_or_else(|| out_of_range("whole seconds"))
}

/// Bits per second, 1 at least: `400 Mbit/s`, `1.5 Gbit/s`.
pub(crate) fn bit_rate(value: &DeValue<'_>, _: Kind) -> Result<u64, Fault> {
    const UNITS: [(&str, f64); 5] =
        [("bit/s", 1.0), ("kbit/s", 1e3), ("Mbit/s", 1e6), ("Gbit/s", 1e9), ("Tbit/s", 1e12)];
    if let DeValue::Integer(i) = value {
        let fault = Fault::new(Code::WrongType, "a bit rate needs its unit");
        let n = i.as_str();
        return Err(fault.help(match n.len() {
            ..=5 => format!("for megabits write \"{n} Mbit/s\""),
            _ => format!("for bits write \"{n} bit/s\""),
        }));
    }
    let text = plain(value)?;
    let rate = quantity(text, &UNITS).ok_or_else(|| malformed(text, "a bit rate"))?;
    if rate > 0 { Ok(rate) } else { Err(Fault::new(Code::OutOfRange, "a bit rate of nothing carries nothing")) }
}

/// A number and one of `units`, as so many of the smallest. The nearest whole one: no binary fraction is exactly 2.3.
fn quantity(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at(split);
    let (_, size) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<f64>().ok().map(|n| (n * size).round() as u64)
}

/// A host name (RFC 952, RFC 1123), lower case, without the trailing dot.
pub(crate) fn host_name(value: &DeValue<'_>, _: Kind) -> Result<String, Fault> {
    let text = plain(value)?;
    if is_host_name(text) {
        return Ok(text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase());
    }
    let help = "a host name is labels of letters, digits and inner hyphens, joined by dots";
    Err(malformed(text, "a host name").help(help))
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
pub(crate) fn http_url(value: &DeValue<'_>, _: Kind) -> Result<Url, Fault> {
    let text = plain(value)?;
    let url = Url::parse(text).map_err(|cause| match cause {
        url::ParseError::RelativeUrlWithoutBase => {
            let help = format!("say how it is fetched: \"https://{}\"", text.trim_start_matches('/'));
            malformed(text, "a URL").help(help)
        }
        cause => Fault::new(Code::Malformed, format!("{text:?} is not a URL: {cause}")),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let message = format!("a URL of scheme `{}` cannot be fetched by players", url.scheme());
        return Err(Fault::new(Code::Malformed, message));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Fault::new(Code::Malformed, "this URL must have neither credentials nor a fragment"));
    }
    Ok(url)
}

/// `host:port`, the host a name, an IPv4 address or a bracketed IPv6 address.
pub(crate) fn host_port(value: &DeValue<'_>, _: Kind) -> Result<String, Fault> {
    let text = plain(value)?;
    let fault = || malformed(text, "a host and port");
    let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
    let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let sound = v6.map_or_else(|| is_host_name(host), |h| h.parse::<std::net::Ipv6Addr>().is_ok());
    let port = port.parse::<u16>().is_ok_and(|p| p > 0);
    if sound && port { Ok(text.to_ascii_lowercase()) } else { Err(fault()) }
}

/// One of the words of `W`.
pub(crate) fn word<W: Word>(value: &DeValue<'_>, _: Kind) -> Result<W, Fault> {
    let text = plain(value)?;
    let found = W::ALL.iter().find(|(name, _)| *name == text);
    found.map(|(_, word)| *word).ok_or_else(|| unknown_word(W::WHAT, text, &names::<W>()))
}

/// `text` is none of the `known` words for `what`.
pub(crate) fn unknown_word(what: &str, text: &str, known: &[&str]) -> Fault {
    let all = || format!("there are {}", list("and", known));
    let help = did_you_mean(text, known.iter().copied()).unwrap_or_else(all);
    Fault::new(Code::UnknownWord, format!("there is no {what} `{text}`")).help(help)
}

/// A date and time with its offset, as TOML has it: `2026-11-20T18:00:00Z`.
pub(crate) fn instant(value: &DeValue<'_>, _: Kind) -> Result<DateTime<Utc>, Fault> {
    let DeValue::Datetime(written) = value else {
        let fault = wrong_type("a date and time", value);
        return Err(match value {
            DeValue::String(text) if DateTime::parse_from_rfc3339(text).is_ok() => {
                fault.help(format!("write it without quotes: {text}"))
            }
            _ => fault,
        });
    };
    if written.date.is_none() || written.time.is_none() || written.offset.is_none() {
        let fault = Fault::new(Code::Malformed, format!("{written} is not a full date, time and offset"));
        return Err(fault.help("end it in Z for UTC, or in an offset: 2026-11-20T18:00:00Z, 2026-11-20T18:00:00+01:00"));
    }
    let text = written.to_string();
    let read = DateTime::parse_from_rfc3339(&text).map_err(|_| malformed(&text, "a date and time"))?;
    Ok(read.with_timezone(&Utc))
}

/// A time of day, to the minute: `18:00`.
pub(crate) fn hour(value: &DeValue<'_>, _: Kind) -> Result<NaiveTime, Fault> {
    if let DeValue::Datetime(written) = value {
        let fault = wrong_type("a time of day in quotes", value);
        return Err(fault.help(format!("write \"{}\"", written.to_string().get(..5).unwrap_or("18:00"))));
    }
    let text = plain(value)?;
    let read = NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == 5);
    read.ok_or_else(|| match text {
        "24:00" => malformed(text, "a time of day").help("the day ends at \"00:00\" of the next"),
        _ => malformed(text, "a time of day"),
    })
}

/// A time zone by its name in the IANA database.
pub(crate) fn zone(value: &DeValue<'_>, _: Kind) -> Result<Tz, Fault> {
    let text = plain(value)?;
    text.parse().map_err(|_| {
        let fault = malformed(text, "a time zone");
        match did_you_mean(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(help) => fault.help(help),
            None => fault,
        }
    })
}
