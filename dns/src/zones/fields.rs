//! The parts of a record's data, each from its words and in its octets.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    entries::Word,
    lists, location,
    mistake::NotData,
    svcb,
    text::{self, Octets, name_length},
    types::{Field, Type},
    words::{Words, number, parsed, time, wrong},
};

/// Appends what the next words write of `field` to `data`.
pub(super) fn read(field: Field, words: &mut Words<'_>, data: &mut Vec<u8>) -> Result<(), NotData> {
    match field {
        Field::U8 => data.push(words.number("a number up to 255")?),
        Field::U16 => data.extend(words.number::<u16>("a number up to 65535")?.to_be_bytes()),
        Field::U32 => data.extend(words.number::<u32>("a number up to 4294967295")?.to_be_bytes()),
        Field::Time => data.extend(words.take("a time, as in 3600 or 1h", time)?.to_be_bytes()),
        Field::Ipv4 => data.extend(words.take("an IPv4 address", parsed::<Ipv4Addr>)?.octets()),
        Field::Ipv6 => data.extend(words.take("an IPv6 address", parsed::<Ipv6Addr>)?.octets()),
        Field::Name | Field::ExactName => {
            let word = words.next("a domain name")?;
            let name = text::name(word, words.origin);
            data.extend(name.map_err(|fault| NotData::Name { word: word.told(), fault })?);
        }
        Field::Text => character_string(words.next("a text")?, data)?,
        Field::OptionalText => words.peek().map_or(Ok(()), |_| read(Field::Text, words, data))?,
        Field::Texts => {
            read(Field::Text, words, data)?;
            while words.peek().is_some() {
                read(Field::Text, words, data)?;
            }
        }
        Field::LongText => data.extend(octets(words.next("a text")?)?),
        Field::Tag => {
            let good = |tag: &&[u8]| matches!(tag.len(), 1..=255) && tag.iter().all(u8::is_ascii_alphanumeric);
            let tag = words.take("a tag of letters and digits, as in issue", |tag| Some(tag).filter(good))?;
            data.push(tag.len() as u8);
            data.extend(tag);
        }
        Field::Hex => data.extend(words.joined("octets in hex, two digits each", hex)?),
        Field::Base64 => data.extend(words.joined("octets in base 64", |all| STANDARD.decode(all).ok())?),
        Field::Algorithm => {
            data.push(words.take("a DNSSEC algorithm, by its number or name", |w| named(w, ALGORITHMS))?)
        }
        Field::Certificate => {
            let kind = words.take("a kind of certificate, as in PKIX, or its number", |w| named(w, CERTIFICATES))?;
            data.extend(kind.to_be_bytes());
        }
        Field::TypeCode => data.extend(words.take("a type of record", Type::named)?.code.to_be_bytes()),
        Field::Bitmap => lists::bitmap(words, data)?,
        Field::Prefixes => lists::prefixes(words, data)?,
        Field::Groups => data.extend(words.take("four groups of hex, as in 2001:db8:0:1", groups)?),
        Field::Eui(octets) => data.extend(words.take("pairs of hex, as in 00-00-5e-00-53-2a", |w| eui(w, octets))?),
        Field::Location => location::read(words, data)?,
        Field::Params => svcb::read(words, data)?,
    }
    Ok(())
}

/// Octets of `field` at the beginning of `data`; `None` if it is not there.
pub(super) fn length(field: Field, data: &[u8]) -> Option<usize> {
    let text = |data: &[u8]| data.first().map(|length| usize::from(*length) + 1).filter(|length| *length <= data.len());
    let fixed = |length| (length <= data.len()).then_some(length);
    let rest = |good: bool| good.then_some(data.len());
    match field {
        Field::U8 | Field::Algorithm => fixed(1),
        Field::U16 | Field::Certificate | Field::TypeCode => fixed(2),
        Field::U32 | Field::Time | Field::Ipv4 => fixed(4),
        Field::Groups => fixed(8),
        Field::Eui(octets) => fixed(octets),
        Field::Ipv6 | Field::Location => fixed(16),
        Field::Name | Field::ExactName => name_length(data),
        Field::Text => text(data),
        Field::Tag => text(data).filter(|length| *length > 1),
        Field::OptionalText if data.is_empty() => Some(0),
        Field::OptionalText => text(data),
        Field::Texts => {
            let mut left = text(data).and_then(|length| data.get(length..));
            while let Some([_, ..]) = left {
                left = left.and_then(|data| data.get(text(data)?..));
            }
            rest(left.is_some())
        }
        Field::LongText => rest(true),
        Field::Hex | Field::Base64 => rest(!data.is_empty()),
        Field::Bitmap => rest(lists::is_bitmap(data)),
        Field::Prefixes => rest(lists::are_prefixes(data)),
        Field::Params => rest(svcb::are_params(data)),
    }
}

/// The octets of a text, its escapes resolved.
fn octets(word: &Word<'_>) -> Result<Vec<u8>, NotData> {
    let octet = |octet| match octet {
        Ok((b'"', false)) => Err(wrong(word, "a text, without a quote inside")),
        Ok((octet, _)) => Ok(octet),
        Err(text::BadEscape) => {
            Err(wrong(word, "a text, in which \\ is followed by three digits up to 255 or another octet"))
        }
    };
    Octets(word.raw).map(octet).collect()
}

fn character_string(word: &Word<'_>, data: &mut Vec<u8>) -> Result<(), NotData> {
    let octets = octets(word)?;
    data.push(u8::try_from(octets.len()).map_err(|_| wrong(word, "a text of at most 255 octets"))?);
    data.extend(octets);
    Ok(())
}

/// The octets of pairs of hex digits.
pub(super) fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn groups(word: &[u8]) -> Option<Vec<u8>> {
    let group = |g: &[u8]| match g.len() {
        1..=4 => u16::from_str_radix(parsed::<String>(g)?.as_str(), 16).ok().filter(|_| g[0] != b'+'),
        _ => None,
    };
    let groups: Option<Vec<u16>> = word.split(|b| *b == b':').map(group).collect();
    groups.filter(|groups| groups.len() == 4).map(|groups| groups.into_iter().flat_map(u16::to_be_bytes).collect())
}

fn eui(word: &[u8], octets: usize) -> Option<Vec<u8>> {
    let pairs: Option<Vec<Vec<u8>>> =
        word.split(|b| *b == b'-').map(|pair| hex(pair).filter(|o| o.len() == 1)).collect();
    pairs.map(|pairs| pairs.concat()).filter(|address| address.len() == octets)
}

/// A number, or the name for one.
fn named<T: Copy + std::str::FromStr>(word: &[u8], names: &[(&str, T)]) -> Option<T> {
    let of_name = names.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
    number(word).or_else(|| of_name.map(|(_, number)| *number))
}

const ALGORITHMS: &[(&str, u8)] = &[
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
];

const CERTIFICATES: &[(&str, u16)] = &[
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
];
