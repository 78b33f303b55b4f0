//! How far around an address is everything in one of some regions?
//!
//! Ranges lie in address order, so the widest prefix that stays inside a set of regions ends at the nearest range on each
//! side that is outside of it. A tree over the ranges, each node with the set of all regions under it, finds those two by
//! passing over whatever is inside as a whole: up until a neighbour holds something outside, and down into it. One tree
//! serves every set, so the services share it.

use std::ops::Range;

use crate::{
    place::PlaceId,
    regions::{RegionId, RegionSet},
};

/// Where to look.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Side {
    /// Towards lower addresses.
    Before,
    /// Towards higher ones.
    After,
}

/// Children of a node. More make the tree flatter and the walk inside a node longer.
const FAN: usize = 16;

/// The regions of ranges in their order, and the tree over them.
pub(crate) struct Blocks {
    /// Of each range.
    leaves: Vec<RegionId>,
    /// The nodes over these, and those over those, up to a level of one node.
    levels: Vec<Vec<RegionSet>>,
}

impl Blocks {
    /// Over ranges of these places.
    pub(crate) fn new(places: &[PlaceId], region: impl Fn(PlaceId) -> RegionId) -> Self {
        let leaves: Vec<RegionId> = places.iter().map(|place| region(*place)).collect();
        let mut levels = vec![leaves.chunks(FAN).map(|chunk| chunk.iter().copied().collect()).collect::<Vec<_>>()];
        while let Some(last) = levels.last().filter(|last| last.len() > 1) {
            let union = |chunk: &[RegionSet]| {
                let mut all = RegionSet::default();
                chunk.iter().for_each(|set| all.extend(set));
                all
            };
            let next = last.chunks(FAN).map(union).collect();
            levels.push(next);
        }
        Self { leaves, levels }
    }

    /// The range nearest to `at` on this side that is in none of `regions`.
    pub(crate) fn nearest(&self, side: Side, at: usize, regions: &RegionSet) -> Option<usize> {
        let (mut node, mut level) = (at, 0);
        let mut found = loop {
            let first = node / FAN * FAN;
            let beside = match side {
                Side::Before => first..node,
                Side::After => node + 1..first + FAN,
            };
            if let Some(found) = self.pick(level, beside, side, regions) {
                break found;
            }
            (node, level) = (node / FAN, level + 1);
            if level > self.levels.len() {
                return None;
            }
        };
        while level > 0 {
            level -= 1;
            found = self.pick(level, found * FAN..(found + 1) * FAN, side, regions)?;
        }
        Some(found)
    }

    /// Of these nodes of one level (0: the ranges), the one nearest to the search's start that holds something outside.
    fn pick(&self, level: usize, nodes: Range<usize>, side: Side, regions: &RegionSet) -> Option<usize> {
        fn nearest(mut nodes: Range<usize>, side: Side, outside: impl Fn(usize) -> bool) -> Option<usize> {
            match side {
                Side::Before => nodes.rfind(|node| outside(*node)),
                Side::After => nodes.find(|node| outside(*node)),
            }
        }
        let within = |len: usize| nodes.start..nodes.end.min(len);
        match level.checked_sub(1) {
            None => nearest(within(self.leaves.len()), side, |leaf| !regions.contains(self.leaves[leaf])),
            Some(level) => {
                let sets = self.levels.get(level)?;
                nearest(within(sets.len()), side, |node| !sets[node].within(regions))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_outside_is_found_as_by_a_scan() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut below = |limit: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 20) % limit
        };
        for len in [1, 2, 15, 16, 17, 255, 256, 257, 900, 5000] {
            for kinds in [1, 2, 9] {
                // Long runs of few regions and now and then a rare one, so that the walk goes up to every level.
                let rare = |n: u64| if n == 0 { 300 } else { 1 };
                let places: Vec<PlaceId> =
                    (0..len).map(|_| PlaceId(below(kinds) as u32 + rare(below(400)) - 1)).collect();
                let region = |place: PlaceId| RegionId(place.0 as u16);
                let blocks = Blocks::new(&places, region);
                for _ in 0..200 {
                    let set: RegionSet = (0..kinds as u16).filter(|_| below(4) > 0).map(RegionId).collect();
                    let at = below(len) as usize;
                    let outside = |i: &usize| !set.contains(region(places[*i]));
                    assert_eq!(blocks.nearest(Side::Before, at, &set), (0..at).rev().find(outside));
                    assert_eq!(blocks.nearest(Side::After, at, &set), (at + 1..places.len()).find(outside));
                }
            }
        }
    }
}
