//! One address family cut into ranges: how they are put together, overlaid, and searched.
//!
//! [`Ranges`] always covers the whole family: each range begins at its first address and ends where the next begins, and
//! what nobody told of is a range too, of the unknown place. So there is no gap to check for, an overlay is one walk over
//! two sorted lists, and a look-up is "the last range that begins at or before this address".

use std::{
    fmt::Debug,
    net::{Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};

use crate::{
    blocks::{Blocks, Side},
    place::PlaceId,
    places::UNKNOWN,
    regions::{RegionId, RegionSet},
};

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
    firsts: Vec<A>,
    /// Where each is.
    places: Vec<PlaceId>,
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

    /// The place of each, in address order.
    pub(crate) fn places_mut(&mut self) -> &mut [PlaceId] {
        &mut self.places
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

/// Ranges with the index that makes a look-up quick: a tree over the leading bits of an address. It is cut finely only where
/// the ranges are, so it suits IPv6, whose ranges crowd in a few corners, as well as IPv4.
pub(crate) struct Indexed<A> {
    ranges: Ranges<A>,
    /// The root's slots, by an address's first [`ROOT_BITS`] bits, and then the other nodes, by [`NODE_BITS`] more at each
    /// level. A slot holds the range that its lowest address is in; or, if more than [`SCAN`] ranges begin in it, [`NODE`]
    /// and where the node that parts it begins.
    slots: Vec<u32>,
    /// Which regions lie around each range.
    blocks: Blocks,
}

/// 256 KiB of root, which the cache keeps, and one step to the /16s that are the usual IPv4 block.
const ROOT_BITS: u32 = 16;
/// A node is then 64 bytes: one cache line.
const NODE_BITS: u32 = 4;
/// 64 bytes of IPv4 addresses: again a cache line or two. Half and double measure the same, and half needs twice the tree.
const SCAN: usize = 16;
const NODE: u32 = 1 << 31;

impl<A: Address> Indexed<A> {
    /// `region` tells the region of each place.
    pub(crate) fn new(ranges: Ranges<A>, region: impl Fn(PlaceId) -> RegionId) -> Self {
        let blocks = Blocks::new(&ranges.places, region);
        let mut indexed = Self { ranges, slots: vec![0; 1 << ROOT_BITS], blocks };
        indexed.fill(0, A::ZERO, 0, ROOT_BITS, 0);
        indexed.slots.shrink_to_fit();
        indexed
    }

    /// Fills the node at `node`, which parts the prefix of `skip` bits at `base` by the `count` bits after it. `range` is
    /// the one that `base` is in.
    fn fill(&mut self, node: usize, base: A, skip: u32, count: u32, mut range: usize) {
        for bits in 0..1 << count {
            let lowest = base.with_bits(skip, count, bits);
            let firsts = &self.ranges.firsts;
            while firsts.get(range + 1).is_some_and(|first| *first <= lowest) {
                range += 1;
            }
            let crowded = firsts.get(range + 1 + SCAN).is_some_and(|first| first.common(lowest) >= skip + count);
            self.slots[node + bits] = range as u32;
            if crowded {
                let child = self.slots.len();
                self.slots[node + bits] = NODE | child as u32;
                self.slots.resize(child + (1 << NODE_BITS), 0);
                self.fill(child, lowest, skip + count, NODE_BITS, range);
            }
        }
    }

    pub(crate) fn ranges(&self) -> &Ranges<A> {
        &self.ranges
    }

    /// Where `address` is, and how long the shortest prefix around it is that lies within its range.
    pub(crate) fn locate(&self, address: A) -> (PlaceId, u32) {
        let at = self.range_of(address);
        (self.ranges.places[at], self.clear_of(address, at.checked_sub(1), Some(at + 1)))
    }

    /// How long the shortest prefix around `address` is that holds, beside its own range, only addresses of `regions`.
    pub(crate) fn block(&self, address: A, regions: &RegionSet) -> u32 {
        let at = self.range_of(address);
        let nearest = |side| self.blocks.nearest(side, at, regions);
        self.clear_of(address, nearest(Side::Before), nearest(Side::After))
    }

    /// The range that `address` is in.
    fn range_of(&self, address: A) -> usize {
        let (mut slot, mut skip) = (self.slots[address.bits(0, ROOT_BITS)], ROOT_BITS);
        while slot & NODE != 0 {
            slot = self.slots[(slot ^ NODE) as usize + address.bits(skip, NODE_BITS)];
            skip += NODE_BITS;
        }
        let from = slot as usize;
        from + self.ranges.firsts[from + 1..].iter().take_while(|first| **first <= address).count()
    }

    /// How long the shortest prefix around `address` is that holds neither the last address of the range `before` it nor
    /// the first of the range `after` it.
    fn clear_of(&self, address: A, before: Option<usize>, after: Option<usize>) -> u32 {
        let firsts = &self.ranges.firsts;
        let last = before.and_then(|before| firsts.get(before + 1)?.previous());
        let first = after.and_then(|after| firsts.get(after).copied());
        let clear = |outside: Option<A>| outside.map_or(0, |outside| address.common(outside) + 1);
        clear(last).max(clear(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What [`Ascending`] promises, said the slow way: of the ranges that hold the address, the one put in last.
    fn naive<A: Address>(ranges: &[(A, A, PlaceId)], address: A) -> PlaceId {
        ranges
            .iter()
            .rev()
            .find(|(first, last, _)| *first <= address && address <= *last)
            .map_or(UNKNOWN, |range| range.2)
    }

    fn ranges<A: Address>(ranges: &[(A, A, PlaceId)]) -> Ranges<A> {
        let mut ascending = Ascending::default();
        for (first, last, place) in ranges {
            ascending.put(*first, *last, *place).unwrap();
        }
        ascending.finish()
    }

    /// Looks up every edge and its neighbours, and compares with the slow way; the prefix must hold and be the largest.
    fn check<A: Address>(random: &mut impl FnMut() -> A, count: usize) {
        let mut layer = || {
            let mut ranges: Vec<(A, A, PlaceId)> = (0..count as u32)
                .map(|i| {
                    let (a, b) = (random(), random());
                    (a.min(b), a.max(b), PlaceId(i % 5))
                })
                .collect();
            ranges.sort();
            ranges
        };
        let (upper, lower) = (layer(), layer());
        let join = |a: PlaceId, b: PlaceId| PlaceId(a.0 * 10 + b.0);
        let slow = |address| join(naive(&upper, address), naive(&lower, address));
        let region = |place: PlaceId| RegionId((place.0 % 7) as u16);
        let table = Indexed::new(ranges(&upper).overlay(&ranges(&lower), join), region);
        assert!(table.ranges().firsts.is_sorted_by(|a, b| a < b));
        assert!(table.ranges().places.windows(2).all(|pair| pair[0] != pair[1]), "equal neighbours are one");

        let edges = upper.iter().chain(&lower).flat_map(|(first, last, _)| {
            [first.previous(), Some(*first), first.next(), last.previous(), Some(*last), last.next()]
                .into_iter()
                .flatten()
        });
        let edges: Vec<(A, PlaceId)> = edges.map(|edge| (edge, slow(edge))).collect();
        for (address, place) in edges.iter().copied().chain((0..count).map(|_| random()).map(|a| (a, slow(a)))) {
            let (found, len) = table.locate(address);
            assert_eq!(found, place, "{address:?}");
            let differs = |len: u32| edges.iter().any(|(edge, other)| address.common(*edge) >= len && *other != place);
            assert!(!differs(len), "{address:?}/{len} is not all at the same place");
            assert!(len == 0 || differs(len - 1), "{address:?}/{len} is not the largest prefix");

            let set: RegionSet =
                (0..7).filter(|n| (place.0 * 31) >> n & 1 == 1).map(RegionId).chain([region(place)]).collect();
            let len = table.block(address, &set);
            let strays = |len: u32| {
                edges.iter().any(|(edge, other)| address.common(*edge) >= len && !set.contains(region(*other)))
            };
            assert!(!strays(len), "{address:?}/{len} is not all in these regions");
            assert!(len == 0 || strays(len - 1), "{address:?}/{len} is not the largest block");
        }
    }

    #[test]
    fn look_ups_agree_with_a_naive_scan() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for round in 0..30 {
            // From all over the space to a few crowded addresses, at its low end, its high end and inside.
            let keep = round % 10 * 3;
            let at = [0, u32::MAX, 0xC000_0200][round % 3];
            check(&mut || at ^ (random() as u32 >> keep), 40);
            let at = [0, u128::MAX, 0x2001_0DB8 << 96][round % 3];
            check(&mut || at ^ ((u128::from(random()) << 64 | u128::from(random())) >> (keep * 4)), 40);
        }
    }

    #[test]
    fn the_whole_space_and_nothing() {
        let whole = Indexed::new(ranges(&[(0, u128::MAX, PlaceId(7))]), |_| RegionId::default());
        assert_eq!(whole.locate(0), (PlaceId(7), 0));
        assert_eq!(whole.locate(u128::MAX), (PlaceId(7), 0));
        assert_eq!(Indexed::new(Ranges::<u32>::default(), |_| RegionId(3)).locate(1 << 31), (UNKNOWN, 0));
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
