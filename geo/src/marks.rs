//! Sets of places, kept by the ranges that they have: what a block of addresses is to keep clear of.
//!
//! A bit for each range, and one for each word of bits that has any, so that the nearest mark is found in a few looks
//! however far it is: of 700,000 ranges, one word in sixty-four bits and one in four thousand.

use crate::{place::PlaceId, table::GeoTable};

/// A set of places of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    pub(crate) v4: Bits,
    pub(crate) v6: Bits,
}

/// A set of numbers under some count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    /// Bit *i*: word *i* has bits.
    summary: Vec<u64>,
}

impl Marks {
    /// No place of this table.
    pub fn new(geo: &GeoTable) -> Self {
        let (v4, v6) = geo.counts();
        Self { v4: Bits::new(v4), v6: Bits::new(v6) }
    }

    /// Takes a place of the same table in, or out.
    pub fn set(&mut self, geo: &GeoTable, place: PlaceId, marked: bool) {
        let (v4, v6) = geo.ranges_of(place);
        v4.iter().for_each(|range| self.v4.set(*range as usize, marked));
        v6.iter().for_each(|range| self.v6.set(*range as usize, marked));
    }
}

impl Bits {
    pub(crate) fn new(count: usize) -> Self {
        let words = count.div_ceil(64);
        Self { words: vec![0; words], summary: vec![0; words.div_ceil(64)] }
    }

    pub(crate) fn set(&mut self, number: usize, is_in: bool) {
        let (at, bit) = (number / 64, 1 << (number % 64));
        let Some(word) = self.words.get_mut(at) else { return };
        *word = if is_in { *word | bit } else { *word & !bit };
        let (has_any, bit) = (*word != 0, 1 << (at % 64));
        let summary = &mut self.summary[at / 64];
        *summary = if has_any { *summary | bit } else { *summary & !bit };
    }

    /// The nearest one below `number`.
    pub(crate) fn before(&self, number: usize) -> Option<usize> {
        fn below(words: &[u64], number: usize) -> Option<usize> {
            let word = words.get(number / 64)? & ((1 << (number % 64)) - 1);
            (word != 0).then(|| number / 64 * 64 + last(word))
        }
        below(&self.words, number).or_else(|| {
            let at = below(&self.summary, number / 64).or_else(|| {
                let (at, word) = self.summary[..number / 4096].iter().enumerate().rfind(|(_, word)| **word != 0)?;
                Some(at * 64 + last(*word))
            })?;
            Some(at * 64 + last(self.words[at]))
        })
    }

    /// The nearest one above `number`.
    pub(crate) fn after(&self, number: usize) -> Option<usize> {
        fn above(words: &[u64], number: usize) -> Option<usize> {
            let word = words.get(number / 64)? & (u64::MAX << (number % 64) << 1);
            (word != 0).then(|| number / 64 * 64 + first(word))
        }
        above(&self.words, number).or_else(|| {
            let at = above(&self.summary, number / 64).or_else(|| {
                let next = number / 4096 + 1;
                let (at, word) = self.summary.iter().enumerate().skip(next).find(|(_, word)| **word != 0)?;
                Some(at * 64 + first(*word))
            })?;
            Some(at * 64 + first(self.words[at]))
        })
    }
}

/// The lowest bit of a word that has one.
fn first(word: u64) -> usize {
    word.trailing_zeros() as usize
}

/// The highest.
fn last(word: u64) -> usize {
    63 - word.leading_zeros() as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_nearest_are_those_of_a_plain_set() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize % below
        };
        for count in [1, 63, 64, 65, 4096, 4097, 20_000] {
            let (mut bits, mut plain) = (Bits::new(count), BTreeSet::new());
            for turn in 0..600 {
                let number = random(count);
                let is_in = turn < 30 || random(2) == 0;
                bits.set(number, is_in);
                if is_in {
                    plain.insert(number)
                } else {
                    plain.remove(&number)
                };
                for asked in [0, number, count - 1, random(count)] {
                    assert_eq!(bits.before(asked), plain.range(..asked).next_back().copied(), "{asked} of {count}");
                    assert_eq!(bits.after(asked), plain.range(asked + 1..).next().copied(), "{asked} of {count}");
                }
            }
            plain.iter().for_each(|number| bits.set(*number, false));
            assert_eq!(bits, Bits::new(count), "nothing is left");
        }
    }
}
