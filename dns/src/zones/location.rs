//! LOC (RFC 1876): `51 30 12.748 N 0 7 39.611 W 0.00m 1m 10000m 10m`. Minutes, seconds and the three sizes may be left out.
//!
//! Everything is counted in whole thousandths of a second and centimetres, so that no rounding moves a place.

use super::{
    mistake::NotData,
    words::{Words, number, wrong},
};

/// Where the equator and the prime meridian stand (§2).
const MIDDLE: u32 = 1 << 31;
/// Centimetres from altitude 0 of the format up to that of the ellipsoid (§2).
const GROUND: i64 = 10_000_000;
/// Size, and horizontal and vertical precision, where they are not written: 1 m, 10 km, 10 m (§3).
const DEFAULTS: [u8; 3] = [0x12, 0x16, 0x13];

pub(super) fn read(words: &mut Words<'_>, data: &mut Vec<u8>) -> Result<(), NotData> {
    let latitude = angle(words, 90, [b'N', b'S'])?;
    let longitude = angle(words, 180, [b'E', b'W'])?;
    let altitude = words.take("an altitude in metres, as in -24.5m", |word| {
        let (sign, word) = word.strip_prefix(b"-").map_or((1, word), |rest| (-1, rest));
        u32::try_from(sign * i64::try_from(centimetres(word)?).ok()? + GROUND).ok()
    })?;
    let mut sizes = DEFAULTS;
    for size in &mut sizes {
        if words.peek().is_some() {
            *size = words.take("a size in metres, up to 90000000m", |word| mantissa(centimetres(word)?))?;
        }
    }
    data.push(0); // the version
    data.extend(sizes);
    data.extend([latitude, longitude, altitude].into_iter().flat_map(u32::to_be_bytes));
    Ok(())
}

/// Degrees, minutes and seconds up to `most` degrees, and the half of the earth.
fn angle(words: &mut Words<'_>, most: u64, halves: [u8; 2]) -> Result<u32, NotData> {
    const NEEDS: &str = "an angle, as in 51 30 12.748 N or 0 7 39 W";
    let mut thousandths = 0;
    // How many of each one are in the degree of the next; none may be reached.
    for (place, (each, end)) in [(3_600_000, most + 1), (60_000, 60), (1_000, 60), (0, 0)].into_iter().enumerate() {
        let word = words.next(NEEDS)?;
        if place > 0
            && let [letter] = word.raw
            && let Some(half) = halves.iter().position(|h| letter.eq_ignore_ascii_case(h))
        {
            let thousandths = u32::try_from(thousandths).ok().filter(|t| u64::from(*t) <= most * 3_600_000);
            let thousandths = thousandths.ok_or_else(|| wrong(word, NEEDS))?;
            return Ok(if half == 0 { MIDDLE + thousandths } else { MIDDLE - thousandths });
        }
        let decimals = if place == 2 { 3 } else { 0 };
        let amount = decimal(word.raw, decimals).filter(|a| *a < end * 10_u64.pow(decimals));
        thousandths += amount.ok_or_else(|| wrong(word, NEEDS))? * each / 10_u64.pow(decimals);
    }
    Err(NotData::Missing(NEEDS))
}

fn centimetres(word: &[u8]) -> Option<u64> {
    decimal(word.strip_suffix(b"m").unwrap_or(word), 2)
}

/// A decimal number, in units of its last decimal of `decimals`.
fn decimal(word: &[u8], decimals: u32) -> Option<u64> {
    let (whole, fraction) = match word.iter().position(|b| *b == b'.') {
        Some(dot) if decimals > 0 => (&word[..dot], &word[dot + 1..]),
        Some(_) => return None,
        None => (word, &b""[..]),
    };
    let missing = usize::try_from(decimals).ok()?.checked_sub(fraction.len())?;
    number(&[whole, fraction, &b"00000"[..missing]].concat()).filter(|_| !whole.is_empty())
}

/// A number of centimetres as one digit and the tens that follow it (§2).
fn mantissa(mut centimetres: u64) -> Option<u8> {
    let mut tens = 0;
    while centimetres > 9 {
        centimetres /= 10;
        tens += 1;
    }
    (tens <= 9).then_some((centimetres as u8) << 4 | tens)
}
