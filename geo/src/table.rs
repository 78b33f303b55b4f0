//! The merged prefix table: immutable, and all that a look-up touches.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

use crate::{
    place::{Located, Place},
    ranges::{Address, Indexed, Ranges},
};

/// Immutable: every address there is, cut into ranges with one place each.
pub struct GeoTable {
    v4: Indexed<u32>,
    v6: Indexed<u128>,
    places: Vec<Place>,
}

/// How large a table is. It prints as `702312 IPv4 and 291554 IPv6 ranges in 81210 places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Ranges of IPv4 addresses, the unknown among them.
    pub v4_ranges: usize,
    /// Ranges of IPv6 addresses, the unknown among them.
    pub v6_ranges: usize,
    /// Different known places.
    pub places: usize,
}

impl GeoTable {
    /// `places` are by the number that the ranges have them under; the first is the unknown place.
    pub(crate) fn new(v4: Ranges<u32>, v6: Ranges<u128>, places: Vec<Place>) -> Self {
        Self { v4: Indexed::new(v4), v6: Indexed::new(v6), places }
    }

    /// A table that knows nothing.
    pub fn empty() -> Self {
        Self::new(Ranges::default(), Ranges::default(), vec![Place::default()])
    }

    /// Where `address` is, and the largest prefix around it over which that holds. An IPv4-mapped IPv6 address is looked
    /// up as IPv4, and its prefix is one of IPv4. What nothing is known of has its prefix too.
    pub fn locate(&self, address: IpAddr) -> Located {
        fn located<A: Address>(table: &GeoTable, ranges: &Indexed<A>, address: A) -> Located {
            let (place, len) = ranges.locate(address);
            Located { place: table.places[place as usize], prefix: address.prefix(len) }
        }
        match address.to_canonical() {
            IpAddr::V4(v4) => located(self, &self.v4, v4.into()),
            IpAddr::V6(v6) => located(self, &self.v6, v6.into()),
        }
    }

    /// Every block with a known place, in address order, IPv4 first. A range that is no prefix gives several blocks.
    pub fn blocks(&self) -> impl Iterator<Item = (IpNet, Place)> + '_ {
        let v4 = self.v4.ranges().prefixes(u32::MAX);
        let v6 = self.v6.ranges().prefixes(u128::MAX);
        v4.chain(v6).map(|(net, place)| (net, self.places[place as usize]))
    }

    /// How large it is.
    pub fn size(&self) -> Size {
        Size { v4_ranges: self.v4.ranges().len(), v6_ranges: self.v6.ranges().len(), places: self.places.len() - 1 }
    }
}

impl Default for GeoTable {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for GeoTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GeoTable({})", self.size())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} IPv4 and {} IPv6 ranges in {} places", self.v4_ranges, self.v6_ranges, self.places)
    }
}
