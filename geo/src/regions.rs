//! Regions: the pairs of continent and country that the data names; a few hundred, where there are a hundred thousand places.
//!
//! Most of what differs by place differs by country, so what is kept for each region is small, and a set of regions is
//! [`MAX_REGIONS`] bits, whatever the data.

use crate::place::{Continent, Country, Place};

/// How many regions a table may have. There are 250 countries and each is on one continent, some by some data on two.
pub const MAX_REGIONS: usize = 512;

/// A country, and the continent that the data has it on. Nothing of either known is a region too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region {
    /// Continent.
    pub continent: Option<Continent>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<Country>,
}

impl Region {
    /// The region that the place is in.
    pub fn of(place: &Place) -> Self {
        Self { continent: place.continent, country: place.country }
    }

    /// The place of which just this is known.
    pub fn place(self) -> Place {
        Place { continent: self.continent, country: self.country, ..Place::default() }
    }
}

/// A region of one table, by number. 0, the default, is that of which nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(pub(crate) u16);

impl RegionId {
    /// Its index in [`GeoTable::regions`](crate::GeoTable::regions), under [`MAX_REGIONS`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

const WORDS: usize = MAX_REGIONS / 64;

/// A set of regions of one table: bit *i* is region *i*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegionSet([u64; WORDS]);

impl RegionSet {
    /// Every region there may be.
    pub const ALL: Self = Self([u64::MAX; WORDS]);

    /// Adds a region.
    pub fn insert(&mut self, region: RegionId) {
        self.0[region.index() / 64 % WORDS] |= 1 << (region.0 % 64);
    }

    /// Whether the region is in the set.
    pub fn contains(&self, region: RegionId) -> bool {
        self.0[region.index() / 64 % WORDS] >> (region.0 % 64) & 1 == 1
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether all of them are in `other`. Without a branch inside, for it is asked dozens of times a search.
    pub(crate) fn within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |outside, (here, there)| outside | (here & !there)) == 0
    }

    /// Those in either.
    pub fn union(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }
}

impl FromIterator<RegionId> for RegionSet {
    fn from_iter<I: IntoIterator<Item = RegionId>>(regions: I) -> Self {
        let mut set = Self::default();
        regions.into_iter().for_each(|region| set.insert(region));
        set
    }
}
