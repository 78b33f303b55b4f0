//! Data that are lists: bitmaps of types (RFC 4034 §4.1.2) and of address prefixes (RFC 3123).

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    mistake::NotData,
    types::Type,
    words::{Words, number, parsed},
};

/// The remaining words as a bitmap of types: blocks of 256, each without the zeros at its end.
pub(super) fn bitmap(words: &mut Words<'_>, data: &mut Vec<u8>) -> Result<(), NotData> {
    let mut blocks: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    while words.peek().is_some() {
        let [block, bit] = words.take("a type of record", Type::named)?.code.to_be_bytes();
        let bits = blocks.entry(block).or_default();
        bits.resize(bits.len().max(usize::from(bit / 8) + 1), 0);
        bits[usize::from(bit / 8)] |= 0x80 >> (bit % 8);
    }
    for (block, bits) in blocks {
        data.extend([block, bits.len() as u8]);
        data.extend(bits);
    }
    Ok(())
}

/// Whether these are such blocks, ascending.
pub(super) fn is_bitmap(mut data: &[u8]) -> bool {
    let mut least = 0;
    while let [block, length @ 1..=32, rest @ ..] = data {
        let Some(rest) = rest.get(usize::from(*length)..).filter(|_| u16::from(*block) >= least) else { return false };
        (data, least) = (rest, u16::from(*block) + 1);
    }
    data.is_empty()
}

/// The remaining words as prefixes: `1:192.0.2.0/24`, `!2:2001:db8::/32`.
pub(super) fn prefixes(words: &mut Words<'_>, data: &mut Vec<u8>) -> Result<(), NotData> {
    while words.peek().is_some() {
        data.extend(words.take("a prefix, as in 1:192.0.2.0/24 or !2:2001:db8::/32", prefix)?);
    }
    Ok(())
}

fn prefix(word: &[u8]) -> Option<Vec<u8>> {
    let (negated, word) = word.strip_prefix(b"!").map_or((0, word), |rest| (0x80, rest));
    let colon = word.iter().position(|b| *b == b':')?;
    let slash = word.iter().rposition(|b| *b == b'/')?;
    let (family, length): (u16, u8) = (number(&word[..colon])?, number(&word[slash + 1..])?);
    let address = match (family, parsed::<IpAddr>(word.get(colon + 1..slash)?)?) {
        (1, IpAddr::V4(address)) if length <= 32 => address.octets().to_vec(),
        (2, IpAddr::V6(address)) if length <= 128 => address.octets().to_vec(),
        _ => return None,
    };
    let sent = address.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    let [high, low] = family.to_be_bytes();
    Some([&[high, low, length, negated | sent as u8], &address[..sent]].concat())
}

/// Whether these are prefixes; of a family that is not known, any.
pub(super) fn are_prefixes(mut data: &[u8]) -> bool {
    while let [high, low, length, sent, rest @ ..] = data {
        let sent = usize::from(sent & 0x7f);
        let fits = match u16::from_be_bytes([*high, *low]) {
            1 => *length <= 32 && sent <= 4,
            2 => *length <= 128 && sent <= 16,
            _ => true,
        };
        let Some(rest) = rest.get(sent..).filter(|_| fits) else { return false };
        data = rest;
    }
    data.is_empty()
}
