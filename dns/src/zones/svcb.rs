//! The parameters of SVCB and HTTPS (RFC 9460): `alpn="h2,h3" ipv4hint=192.0.2.1 key65400=anything`.
//!
//! A value is a text first, whose escapes are resolved, and then, for `alpn`, a list with escapes of its own (appendix
//! A.1): a comma inside an identifier is written `\\,`. What is written and what is generic (RFC 3597) go through the
//! same check, of the octets: keys ascend, each value is what its key says, those that `mandatory` names are there.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    mistake::NotData,
    text::Octets,
    types::numbered,
    words::{Words, number, parsed},
};

/// The keys that have names (§14.3.2, RFC 9461, RFC 9540), by number.
const KEYS: [&str; 9] =
    ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"];
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6HINT: u16 = 6;
const DOHPATH: u16 = 7;
const OHTTP: u16 = 8;
/// Reserved (§14.3.1).
const INVALID: u16 = 65535;

/// Appends the parameters that the remaining words write, by their keys.
pub(super) fn read(words: &mut Words<'_>, data: &mut Vec<u8>) -> Result<(), NotData> {
    let mut params: Vec<(u16, Vec<u8>, String)> = Vec::new();
    while words.peek().is_some() {
        let word = words.next("a parameter")?;
        let (key, value) = match word.raw.iter().position(|b| *b == b'=') {
            Some(equals) if !word.quoted => (&word.raw[..equals], Some(&word.raw[equals + 1..])),
            _ => (word.raw, None),
        };
        let told = String::from_utf8_lossy(key).into_owned();
        let fault = |needs| NotData::Param { param: told.clone(), needs };
        let (key, is_generic) =
            key_of(key).filter(|_| !word.quoted).ok_or_else(|| fault("is not a parameter's key"))?;
        if params.iter().any(|(other, ..)| *other == key) {
            return Err(fault("is there twice"));
        }
        let value = match value {
            Some(value) => unquoted(value).ok_or_else(|| fault("its quotes or escapes are not closed"))?,
            None => Vec::new(),
        };
        let value = if is_generic { Some(value) } else { wire(key, &value) };
        let value = value.filter(|value| is_value(key, value)).ok_or_else(|| fault(needs(key)))?;
        params.push((key, value, told));
    }
    params.sort_by_key(|(key, ..)| *key);
    let keys: Vec<u16> = params.iter().map(|(key, ..)| *key).collect();
    for (key, value, told) in params {
        if !agrees(key, &value, &keys) {
            return Err(NotData::Param { param: told, needs: "a parameter that it needs is not there" });
        }
        let length = u16::try_from(value.len()).map_err(|_| NotData::Long)?;
        data.extend([key.to_be_bytes(), length.to_be_bytes()].concat());
        data.extend(value);
    }
    Ok(())
}

/// Whether these are parameters, as they are sent.
pub(super) fn are_params(mut data: &[u8]) -> bool {
    let mut params: Vec<(u16, &[u8])> = Vec::new();
    while let [k1, k2, l1, l2, rest @ ..] = data {
        let (key, length) = (u16::from_be_bytes([*k1, *k2]), u16::from_be_bytes([*l1, *l2]));
        let Some((value, rest)) = rest.split_at_checked(usize::from(length)) else { return false };
        params.push((key, value));
        data = rest;
    }
    let keys: Vec<u16> = params.iter().map(|(key, _)| *key).collect();
    let good = |(key, value): &(u16, &[u8])| *key != INVALID && is_value(*key, value) && agrees(*key, value, &keys);
    data.is_empty() && keys.is_sorted_by(|a, b| a < b) && params.iter().all(good)
}

/// The key's number, and whether it stands there as `key65400`, whose value is written as it is sent (§2.1).
fn key_of(word: &[u8]) -> Option<(u16, bool)> {
    let named = KEYS.iter().position(|name| name.as_bytes() == word).map(|key| (key as u16, false));
    let generic = || numbered(word, b"key").filter(|_| word.starts_with(b"key")).map(|key| (key, true));
    named.or_else(generic).filter(|(key, _)| *key != INVALID)
}

/// What a key's value must be, for people.
fn needs(key: u16) -> &'static str {
    match key {
        MANDATORY => "other keys, each once, with commas between",
        ALPN => "protocols, as in h2,h3",
        NO_DEFAULT_ALPN | OHTTP => "has no value",
        PORT => "a number up to 65535",
        IPV4HINT => "IPv4 addresses with commas between",
        IPV6HINT => "IPv6 addresses with commas between",
        ECH => "octets in base 64",
        DOHPATH => "a URI template, as in /dns-query{?dns}",
        _ => "a text up to 65535 octets",
    }
}

/// The octets of a value, its quotes gone and its escapes resolved.
fn unquoted(value: &[u8]) -> Option<Vec<u8>> {
    let value = match value {
        [b'"', inner @ .., b'"'] => inner,
        plain => plain,
    };
    let octet = |octet| match octet {
        Ok((b'"', false)) | Err(_) => None,
        Ok((octet, _)) => Some(octet),
    };
    Octets(value).map(octet).collect()
}

/// A value in the form in which it is sent; `None` if it is not one of this key.
fn wire(key: u16, value: &[u8]) -> Option<Vec<u8>> {
    let items = || value.split(|b| *b == b',');
    match key {
        MANDATORY => {
            let mut keys = items().map(|item| Some(key_of(item)?.0)).collect::<Option<Vec<u16>>>()?;
            keys.sort_unstable();
            Some(keys.into_iter().flat_map(u16::to_be_bytes).collect())
        }
        ALPN => protocols(value),
        PORT => number::<u16>(value).map(|port| port.to_be_bytes().into()),
        IPV4HINT => items()
            .map(|item| parsed::<Ipv4Addr>(item).map(|a| a.octets()))
            .collect::<Option<Vec<_>>>()
            .map(|a| a.concat()),
        IPV6HINT => items()
            .map(|item| parsed::<Ipv6Addr>(item).map(|a| a.octets()))
            .collect::<Option<Vec<_>>>()
            .map(|a| a.concat()),
        ECH => STANDARD.decode(value).ok(),
        _ => Some(value.into()),
    }
}

/// Protocols with commas between, in which `\` protects a comma and itself; each with its length before it.
fn protocols(value: &[u8]) -> Option<Vec<u8>> {
    let (mut protocols, mut octets) = (vec![Vec::new()], value.iter());
    while let Some(octet) = octets.next() {
        match octet {
            b',' => protocols.push(Vec::new()),
            b'\\' => protocols.last_mut()?.push(*octets.next().filter(|b| matches!(b, b',' | b'\\'))?),
            other => protocols.last_mut()?.push(*other),
        }
    }
    let counted = |id: Vec<u8>| Some([&[u8::try_from(id.len()).ok()?], &id[..]].concat());
    protocols.into_iter().map(counted).collect::<Option<Vec<_>>>().map(|ids| ids.concat())
}

/// Whether this is a value of the key.
fn is_value(key: u16, value: &[u8]) -> bool {
    match key {
        MANDATORY => {
            let (keys, rest) = value.as_chunks::<2>();
            !keys.is_empty() && rest.is_empty() && keys[0] != [0, 0] && keys.is_sorted_by(|a, b| a < b)
        }
        ALPN => {
            let mut rest = value;
            while let [length, after @ ..] = rest {
                let Some(after) = after.get(usize::from(*length)..).filter(|_| *length > 0) else { return false };
                rest = after;
            }
            !value.is_empty()
        }
        NO_DEFAULT_ALPN | OHTTP => value.is_empty(),
        PORT => value.len() == 2,
        IPV4HINT => !value.is_empty() && value.len().is_multiple_of(4),
        IPV6HINT => !value.is_empty() && value.len().is_multiple_of(16),
        ECH | DOHPATH => !value.is_empty(),
        _ => true,
    }
}

/// Whether the keys that this parameter needs are there (§7.1.1, §8).
fn agrees(key: u16, value: &[u8], keys: &[u16]) -> bool {
    match key {
        MANDATORY => value.as_chunks::<2>().0.iter().all(|named| keys.contains(&u16::from_be_bytes(*named))),
        NO_DEFAULT_ALPN => keys.contains(&ALPN),
        _ => true,
    }
}
