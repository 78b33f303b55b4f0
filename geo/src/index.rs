//! Where is this address, and how far around it is everything in one of some regions?
//!
//! A tree over the leading bits of an address answers both. It is cut finely only where the ranges are, so it suits IPv6,
//! whose ranges crowd in a few corners, as well as IPv4. A look-up goes down it, and a block is found on the way back up: for
//! every prefix that the tree knows it has the set of all regions inside, so how many
//! bits wider a block may be takes a few looks. Most prefixes hold one of a few thousand sets (one country; two), which are kept once.

use std::collections::HashMap;

use crate::{
    marks::Bits,
    place::PlaceId,
    ranges::{Address, Ranges},
    regions::{RegionId, RegionSet},
};

/// Ranges, and the tree over them.
pub(crate) struct Indexed<A> {
    ranges: Ranges<A>,
    /// The region of each.
    regions: Vec<RegionId>,
    /// The ranges of each place, those of one together; by place and one more, where its own begin.
    of_place: (Vec<u32>, Vec<u32>),
    /// The root's slots, by an address's first [`ROOT_BITS`] bits, and then the other nodes, by [`NODE_BITS`] more at each
    /// level. A slot holds the range that its lowest address is in; or, if more than [`SCAN`] ranges begin in it, [`NODE`]
    /// and where the node that parts it begins.
    slots: Vec<u32>,
    /// What is inside, by number in `sets`. A node of *w* slots from slot *n* on has 2*w* entries from 2*n* on, as a binary heap
    /// has them: the whole node at 1, the halves of what is at *k* at 2*k* and 2*k* + 1, and slot *b* at *w* + *b*.
    inside: Vec<u32>,
    sets: Vec<RegionSet>,
}

/// 256 KiB of root, which the cache keeps, and one step to the /16s that are the usual IPv4 block.
const ROOT_BITS: u32 = 16;
/// A node is then 64 bytes: one cache line.
const NODE_BITS: u32 = 4;
/// 64 bytes of IPv4 addresses: again a cache line or two. Half and double measure the same, and half needs twice the tree.
const SCAN: usize = 16;
const NODE: u32 = 1 << 31;
/// Nodes on the way from the root to the last bit of an IPv6 address.
const DEPTH: usize = 1 + ((128 - ROOT_BITS) / NODE_BITS) as usize;

impl<A: Address> Indexed<A> {
    /// `region` tells the region of each place.
    pub(crate) fn new(ranges: Ranges<A>, region: impl Fn(PlaceId) -> RegionId) -> Self {
        let regions = ranges.places.iter().map(|place| region(*place)).collect();
        let (slots, inside) = (vec![0; 1 << ROOT_BITS], vec![0; 2 << ROOT_BITS]);
        let of_place = by_place(&ranges.places);
        let mut indexed = Self { ranges, regions, of_place, slots, inside, sets: Vec::new() };
        indexed.fill(0, A::ZERO, 0, ROOT_BITS, 0, &mut HashMap::new());
        indexed.slots.shrink_to_fit();
        indexed.inside.shrink_to_fit();
        indexed.sets.shrink_to_fit();
        indexed
    }

    /// Fills the node at `node`, which parts the prefix of `skip` bits at `base` by the `count` bits after it. `range` is
    /// the one that `base` is in; `numbers` are those of the sets so far.
    fn fill(
        &mut self,
        node: usize,
        base: A,
        skip: u32,
        count: u32,
        mut range: usize,
        numbers: &mut HashMap<RegionSet, u32>,
    ) {
        let width = 1 << count;
        for bits in 0..width {
            let lowest = base.with_bits(skip, count, bits);
            let begins = |first: &A| first.common(lowest) >= skip + count;
            let firsts = &self.ranges.firsts;
            while firsts.get(range + 1).is_some_and(|first| *first <= lowest) {
                range += 1;
            }
            if firsts.get(range + 1 + SCAN).is_some_and(begins) {
                let child = self.slots.len();
                self.slots[node + bits] = NODE | child as u32;
                self.slots.resize(child + (1 << NODE_BITS), 0);
                self.inside.resize(2 * child + (2 << NODE_BITS), 0);
                self.fill(child, lowest, skip + count, NODE_BITS, range, numbers);
                self.inside[2 * node + width + bits] = self.inside[2 * child + 1];
            } else {
                let more = firsts[range + 1..].iter().take_while(|first| begins(first)).count();
                let set = self.regions[range..=range + more].iter().copied().collect();
                self.slots[node + bits] = range as u32;
                self.inside[2 * node + width + bits] = self.number(set, numbers);
            }
        }
        for at in (1..width).rev() {
            let (a, b) = (self.inside[2 * (node + at)], self.inside[2 * (node + at) + 1]);
            let both = self.sets[a as usize].union(&self.sets[b as usize]);
            self.inside[2 * node + at] = if a == b { a } else { self.number(both, numbers) };
        }
    }

    fn number(&mut self, set: RegionSet, numbers: &mut HashMap<RegionSet, u32>) -> u32 {
        *numbers.entry(set).or_insert_with(|| {
            self.sets.push(set);
            self.sets.len() as u32 - 1
        })
    }

    pub(crate) fn ranges(&self) -> &Ranges<A> {
        &self.ranges
    }

    /// Where `address` is, and how long the shortest prefix around it is that lies within its range.
    pub(crate) fn locate(&self, address: A) -> (PlaceId, u32) {
        let (mut slot, mut skip) = (self.slots[address.bits(0, ROOT_BITS)], ROOT_BITS);
        while slot & NODE != 0 {
            slot = self.slots[(slot ^ NODE) as usize + address.bits(skip, NODE_BITS)];
            skip += NODE_BITS;
        }
        let at = self.range_from(slot as usize, address);
        (self.ranges.places[at], self.clear_of(address, at.checked_sub(1), Some(at + 1)))
    }

    /// The ranges of a place.
    pub(crate) fn ranges_of(&self, place: PlaceId) -> &[u32] {
        let (starts, ranges) = &self.of_place;
        let bound = |index: usize| starts.get(index).map(|at| *at as usize);
        bound(place.index()).zip(bound(place.index() + 1)).map_or(&[], |(from, to)| &ranges[from..to])
    }

    /// How long the shortest prefix around `address` is that holds only addresses of `regions` and of its own region, and no
    /// range that is marked; its own is not.
    pub(crate) fn clear_block(&self, address: A, regions: &RegionSet, marked: &Bits) -> u32 {
        let (len, at) = self.block(address, regions);
        len.max(self.clear_of(address, marked.before(at), marked.after(at)))
    }

    /// How long the shortest prefix around `address` is that holds only addresses of `regions` and of its own; and the range
    /// that the address is in.
    pub(crate) fn block(&self, address: A, regions: &RegionSet) -> (u32, usize) {
        // Down, remembering the nodes on the way.
        let mut path = [0; DEPTH];
        let (mut depth, mut skip) = (0, ROOT_BITS);
        let mut slot = self.slots[address.bits(0, ROOT_BITS)];
        while slot & NODE != 0 {
            depth += 1;
            path[depth] = (slot ^ NODE) as usize;
            slot = self.slots[path[depth] + address.bits(skip, NODE_BITS)];
            skip += NODE_BITS;
        }
        // Among the ranges of the last slot.
        let (from, firsts) = (slot as usize, &self.ranges.firsts);
        let at = self.range_from(from, address);
        let mut regions = *regions;
        regions.insert(self.regions[at]);
        let outside = |range: &usize| !regions.contains(self.regions[*range]);
        let before = (from..at).rev().find(outside);
        let near = firsts[at + 1..].iter().take_while(|first| first.common(address) >= skip).count();
        let after = (at + 1..=at + near).find(outside);
        if before.is_some() || after.is_some() {
            return (self.clear_of(address, before, after), at);
        }
        // And up, node by node: the wider, the more is inside, so how far it goes in one is found by halving.
        for node in path[..=depth].iter().rev() {
            let count = if *node == 0 { ROOT_BITS } else { NODE_BITS };
            let here = (1 << count) + address.bits(skip - count, count);
            let (mut wider, mut limit) = (0, count);
            while wider < limit {
                let middle = (wider + limit).div_ceil(2);
                let set = self.inside[2 * node + (here >> middle)];
                match self.sets[set as usize].within(&regions) {
                    true => wider = middle,
                    false => limit = middle - 1,
                }
            }
            skip -= wider;
            if wider < count {
                break;
            }
        }
        (skip, at)
    }

    /// The range that `address` is in, of those from `from` on.
    fn range_from(&self, from: usize, address: A) -> usize {
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

/// The indexes of `places` that have each place, those of one together; by place and one more, where its own begin.
fn by_place(places: &[PlaceId]) -> (Vec<u32>, Vec<u32>) {
    let count = places.iter().map(|place| place.index() + 1).max().unwrap_or(0);
    let mut starts = vec![0; count + 1];
    places.iter().for_each(|place| starts[place.index() + 1] += 1);
    for index in 1..=count {
        starts[index] += starts[index - 1];
    }
    let mut ranges = vec![0; places.len()];
    let mut next = starts.clone();
    for (range, place) in places.iter().enumerate() {
        let at = &mut next[place.index()];
        ranges[*at as usize] = range as u32;
        *at += 1;
    }
    (starts, ranges)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        places::UNKNOWN,
        ranges::tests::{naive, ranges},
    };

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
            let (len, at) = table.block(address, &set);
            assert_eq!(table.ranges().places[at], place);
            let strays = |len: u32| {
                edges.iter().any(|(edge, other)| address.common(*edge) >= len && !set.contains(region(*other)))
            };
            assert!(!strays(len), "{address:?}/{len} is not all in these regions");
            assert!(len == 0 || strays(len - 1), "{address:?}/{len} is not the largest block");

            let is_marked = |other: PlaceId| other != place && other.0 % 3 == place.0 % 3;
            let mut marks = Bits::new(table.ranges().len());
            let marked: BTreeSet<PlaceId> = table.ranges().places.iter().copied().filter(|p| is_marked(*p)).collect();
            for range in marked.iter().flat_map(|place| table.ranges_of(*place)) {
                marks.set(*range as usize, true);
            }
            let len = table.clear_block(address, &set, &marks);
            let strays = |len: u32| {
                let stray = |other: PlaceId| !set.contains(region(other)) || is_marked(other);
                edges.iter().any(|(edge, other)| address.common(*edge) >= len && stray(*other))
            };
            assert!(!strays(len), "{address:?}/{len} is not clear");
            assert!(len == 0 || strays(len - 1), "{address:?}/{len} is not the largest clear block");
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
}
