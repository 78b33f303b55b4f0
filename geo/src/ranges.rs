//! One address family cut into ranges: how they are put together and overlaid. `index` searches them.
//!
//! [`Ranges`] always covers the whole family: each range begins at its first address and ends where the next begins, and
//! what nobody told of is a range too, of the unknown place. So there is no gap to check for, an overlay is one walk over
//! two sorted lists, and a look-up is "the last range that begins at or before this address".

use std::{
    fmt::Debug,
    net::{Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};

use crate::{place::PlaceId, places::UNKNOWN};

/// An address of one family, as a number.
pub(crate) trait Address: Copy + Ord + Debug {
    /// The first.
    const ZERO: Self;
    /// The address after this one, if it is not the last.
    fn next(self) -> Option<Self>;
    /// The address before this one, if it is not the first.
    fn previous(self) -> Option<Self>;
    /// The `count` bits after the first `skip`, as a number.
    fn bits(self, skip: u32, count: u32) -> usize;
    /// Itself with `bits` there, where it has zeros.
    fn with_bits(self, skip: u32, count: u32, bits: usize) -> Self;
    /// How many leading bits the two have in common.
    fn common(self, other: Self) -> u32;
    /// The prefix of `len` bits that it is in.
    fn prefix(self, len: u32) -> IpNet;
    /// `first..=last` as the fewest prefixes, in order.
    fn prefixes(first: Self, last: Self) -> impl Iterator<Item = IpNet>;
}

macro_rules! address {
    ($number:ty, $ip:ty, $net:ident, $subnets:ident, $variant:ident) => {
        impl Address for $number {
            const ZERO: Self = 0;
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
            fn bits(self, skip: u32, count: u32) -> usize {
                (self << skip >> (<$number>::BITS - count)) as usize
            }
            fn with_bits(self, skip: u32, count: u32, bits: usize) -> Self {
                self | (bits as $number) << (<$number>::BITS - skip - count)
            }
            fn common(self, other: Self) -> u32 {
                (self ^ other).leading_zeros()
            }
            fn prefix(self, len: u32) -> IpNet {
                let ip = <$ip>::from(self);
                $net::new(ip, len as u8).map_or(IpNet::$variant(ip.into()), |net| IpNet::$variant(net.trunc()))
            }
            fn prefixes(first: Self, last: Self) -> impl Iterator<Item = IpNet> {
                $subnets::new(first.into(), last.into(), 0).map(IpNet::$variant)
            }
        }
    };
}
address!(u32, Ipv4Addr, Ipv4Net, Ipv4Subnets, V4);
address!(u128, Ipv6Addr, Ipv6Net, Ipv6Subnets, V6);

/// All addresses of a family, cut into ranges with one place each; no two neighbours have the same.
#[derive(Clone)]
pub(crate) struct Ranges<A> {
    /// Where each begins, ascending; the first is zero.
    pub(crate) firsts: Vec<A>,
    /// Where each is.
    pub(crate) places: Vec<PlaceId>,
}

impl<A: Address> Default for Ranges<A> {
    fn default() -> Self {
        Self { firsts: vec![A::ZERO], places: vec![UNKNOWN] }
    }
}

impl<A: Address> Ranges<A> {
    /// How many, the unknown among them.
    pub(crate) fn len(&self) -> usize {
        self.firsts.len()
    }

    /// The place of each with its first and last address; the last range of all ends at `None`.
    fn iter(&self) -> impl Iterator<Item = (A, Option<A>, PlaceId)> {
        let ends = self.firsts[1..].iter().map(|next| next.previous()).chain([None]);
        self.firsts.iter().zip(ends).zip(&self.places).map(|((first, last), place)| (*first, last, *place))
    }

    /// Every known prefix with its place, in address order.
    pub(crate) fn prefixes(&self, last_of_all: A) -> impl Iterator<Item = (IpNet, PlaceId)> {
        self.iter().filter(|(_, _, place)| *place != UNKNOWN).flat_map(move |(first, last, place)| {
            A::prefixes(first, last.unwrap_or(last_of_all)).map(move |net| (net, place))
        })
    }

    /// From `first` on, everything is at `place`. `first` is not before the begin of the last range.
    fn change(&mut self, first: A, place: PlaceId) {
        if self.firsts.last() == Some(&first) {
            self.firsts.pop();
            self.places.pop();
        }
        if self.places.last() != Some(&place) {
            self.firsts.push(first);
            self.places.push(place);
        }
    }

    /// Both, with the place of each address made of its places in the two.
    pub(crate) fn overlay(&self, other: &Self, mut join: impl FnMut(PlaceId, PlaceId) -> PlaceId) -> Self {
        let mut merged = Self { firsts: Vec::with_capacity(self.len() + other.len()), places: Vec::new() };
        merged.places.reserve(self.len() + other.len());
        let (mut i, mut j, mut first) = (0, 0, A::ZERO);
        loop {
            merged.change(first, join(self.places[i], other.places[j]));
            let (a, b) = (self.firsts.get(i + 1), other.firsts.get(j + 1));
            first = match (a, b) {
                (Some(a), Some(b)) => *a.min(b),
                (Some(end), None) | (None, Some(end)) => *end,
                (None, None) => break,
            };
            i += usize::from(a == Some(&first));
            j += usize::from(b == Some(&first));
        }
        merged.firsts.shrink_to_fit();
        merged.places.shrink_to_fit();
        merged
    }
}

/// Ranges under way: what one file says, put in by ascending first address.
///
/// Ranges may lie within each other or overlap, as real data has it in places: the one that begins last then holds, as the
/// more specific, and where it ends the one around it goes on.
pub(crate) struct Ascending<A> {
    ranges: Ranges<A>,
    /// Where the range that was put in last begins.
    begun: Option<A>,
    /// Ranges begun and not yet ended, by their last address and place, the innermost at the end.
    open: Vec<(A, PlaceId)>,
}

/// A range begins before one that was put in earlier.
#[derive(Debug, PartialEq)]
pub(crate) struct NotAscending;

impl<A: Address> Default for Ascending<A> {
    fn default() -> Self {
        Self { ranges: Ranges::default(), begun: None, open: Vec::new() }
    }
}

impl<A: Address> Ascending<A> {
    /// `first..=last` is at `place`.
    pub(crate) fn put(&mut self, first: A, last: A, place: PlaceId) -> Result<(), NotAscending> {
        if self.begun.is_some_and(|begun| first < begun) {
            return Err(NotAscending);
        }
        self.begun = Some(first);
        self.end_before(Some(first));
        self.ranges.change(first, place);
        self.open.push((last, place));
        Ok(())
    }

    /// Ends the open ranges that end before `first`, or all.
    fn end_before(&mut self, first: Option<A>) {
        while let Some((last, _)) = self.open.pop_if(|(last, _)| first.is_none_or(|first| *last < first)) {
            while self.open.pop_if(|(outer, _)| *outer <= last).is_some() {}
            if let Some(next) = last.next() {
                self.ranges.change(next, self.open.last().map_or(UNKNOWN, |(_, place)| *place));
            }
        }
    }

    /// Whether nothing was put in.
    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_none()
    }

    /// Whether nothing is known: no range was put in, or none at a known place.
    pub(crate) fn is_unknown(&self) -> bool {
        self.ranges.places == [UNKNOWN]
    }

    /// All of it, with the unknown in between.
    pub(crate) fn finish(mut self) -> Ranges<A> {
        self.end_before(None);
        self.ranges
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What [`Ascending`] promises, said the slow way: of the ranges that hold the address, the one put in last.
    pub(crate) fn naive<A: Address>(ranges: &[(A, A, PlaceId)], address: A) -> PlaceId {
        ranges
            .iter()
            .rev()
            .find(|(first, last, _)| *first <= address && address <= *last)
            .map_or(UNKNOWN, |range| range.2)
    }

    pub(crate) fn ranges<A: Address>(ranges: &[(A, A, PlaceId)]) -> Ranges<A> {
        let mut ascending = Ascending::default();
        for (first, last, place) in ranges {
            ascending.put(*first, *last, *place).unwrap();
        }
        ascending.finish()
    }

    #[test]
    fn ranges_ascend() {
        let mut ascending = Ascending::<u32>::default();
        assert_eq!(ascending.put(10, 20, PlaceId(1)), Ok(()));
        assert_eq!(ascending.put(9, 30, PlaceId(2)), Err(NotAscending));
    }

    #[test]
    fn a_range_that_is_no_prefix_is_several() {
        let table = ranges(&[(1_u32, 4, PlaceId(1)), (u32::MAX, u32::MAX, PlaceId(2))]);
        let prefixes: Vec<String> = table.prefixes(u32::MAX).map(|(net, place)| format!("{net} {}", place.0)).collect();
        assert_eq!(prefixes, ["0.0.0.1/32 1", "0.0.0.2/31 1", "0.0.0.4/32 1", "255.255.255.255/32 2"]);
    }
}
