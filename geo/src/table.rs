//! The merged prefix table: immutable, and all that a look-up touches.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

use crate::{
    index::Indexed,
    marks::{Bits, Marks},
    place::{Asn, Located, Place, PlaceId},
    ranges::{Address, Ranges},
    regions::{MAX_REGIONS, Region, RegionId, RegionSet},
};

/// Immutable: every address there is, cut into ranges with one place each.
pub struct GeoTable {
    v4: Indexed<u32>,
    v6: Indexed<u128>,
    /// Those of one region are neighbours; that of which nothing is known is the first.
    places: Vec<Place>,
    /// By place.
    region_of: Vec<RegionId>,
    regions: Vec<Region>,
    /// By region and one more: its first place.
    starts: Vec<u32>,
    /// The places with an AS number, by that number.
    by_asn: Vec<(Asn, PlaceId)>,
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
    /// `places` are by the number that the ranges have them under, those of one region together; the first is the unknown
    /// place. `None` if there are too many regions.
    pub(crate) fn new(v4: Ranges<u32>, v6: Ranges<u128>, places: Vec<Place>) -> Option<Self> {
        let (mut regions, mut starts, mut region_of) = (Vec::new(), Vec::new(), Vec::with_capacity(places.len()));
        for (index, place) in places.iter().enumerate() {
            let region = Region::of(place);
            if regions.last() != Some(&region) {
                regions.push(region);
                starts.push(index as u32);
            }
            region_of.push(RegionId((regions.len() - 1) as u16));
        }
        if regions.len() > MAX_REGIONS {
            return None;
        }
        starts.push(places.len() as u32);
        let id = |(index, place): (usize, &Place)| Some((place.asn?, PlaceId(index as u32)));
        let mut by_asn: Vec<_> = places.iter().enumerate().filter_map(id).collect();
        by_asn.sort_unstable();
        let of = |place: PlaceId| region_of[place.index()];
        let (v4, v6) = (Indexed::new(v4, of), Indexed::new(v6, of));
        Some(Self { v4, v6, places, region_of, regions, starts, by_asn })
    }

    /// A table that knows nothing.
    pub fn empty() -> Self {
        let region = |_| RegionId::default();
        Self {
            v4: Indexed::new(Ranges::default(), region),
            v6: Indexed::new(Ranges::default(), region),
            places: vec![Place::default()],
            region_of: vec![RegionId::default()],
            regions: vec![Region::default()],
            starts: vec![0, 1],
            by_asn: Vec::new(),
        }
    }

    /// Where `address` is, and the largest prefix around it over which that holds. An IPv4-mapped IPv6 address is looked
    /// up as IPv4, and its prefix is one of IPv4. What nothing is known of has its prefix too.
    pub fn locate(&self, address: IpAddr) -> Located {
        fn located<A: Address>(table: &GeoTable, ranges: &Indexed<A>, address: A) -> Located {
            let (place, len) = ranges.locate(address);
            Located { place: table.places[place.index()], id: Some(place), prefix: address.prefix(len) }
        }
        match address.to_canonical() {
            IpAddr::V4(v4) => located(self, &self.v4, v4.into()),
            IpAddr::V6(v6) => located(self, &self.v6, v6.into()),
        }
    }

    /// The largest prefix around `address` that holds only addresses of `regions` and of its own region: the block over which
    /// an answer holds that they have in common. If its own is one of `regions`, every address of the block has this same
    /// block. An IPv4-mapped IPv6 address counts as IPv4.
    pub fn block(&self, address: IpAddr, regions: &RegionSet) -> IpNet {
        fn block<A: Address>(ranges: &Indexed<A>, address: A, regions: &RegionSet) -> IpNet {
            address.prefix(ranges.block(address, regions).0)
        }
        match address.to_canonical() {
            IpAddr::V4(v4) => block(&self.v4, u32::from(v4), regions),
            IpAddr::V6(v6) => block(&self.v6, u128::from(v6), regions),
        }
    }

    /// The same, clear of the places in `marks` too, which the address's own must not be among: the largest prefix around
    /// `address` that holds only addresses of `regions` and of its own region, and none at a marked place. If its own region is
    /// one of `regions`, every address of the block has this same block.
    pub fn clear_block(&self, address: IpAddr, regions: &RegionSet, marks: &Marks) -> IpNet {
        fn block<A: Address>(ranges: &Indexed<A>, address: A, regions: &RegionSet, marks: &Bits) -> IpNet {
            address.prefix(ranges.clear_block(address, regions, marks))
        }
        match address.to_canonical() {
            IpAddr::V4(v4) => block(&self.v4, u32::from(v4), regions, &marks.v4),
            IpAddr::V6(v6) => block(&self.v6, u128::from(v6), regions, &marks.v6),
        }
    }

    /// How many ranges there are, by family.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.v4.ranges().len(), self.v6.ranges().len())
    }

    /// The ranges of a place, by family.
    pub(crate) fn ranges_of(&self, place: PlaceId) -> (&[u32], &[u32]) {
        (self.v4.ranges_of(place), self.v6.ranges_of(place))
    }

    /// Every place, the unknown one first, those of one region together.
    pub fn places(&self) -> impl ExactSizeIterator<Item = (PlaceId, &Place)> {
        self.places.iter().enumerate().map(|(index, place)| (PlaceId(index as u32), place))
    }

    /// The place of this number; of another table's, that of which nothing is known.
    pub fn place(&self, id: PlaceId) -> Place {
        self.places.get(id.index()).copied().unwrap_or_default()
    }

    /// Every region with a place, that of which nothing is known first; at most [`MAX_REGIONS`].
    pub fn regions(&self) -> impl ExactSizeIterator<Item = (RegionId, Region)> {
        self.regions.iter().enumerate().map(|(index, region)| (RegionId(index as u16), *region))
    }

    /// The region that the place is in.
    pub fn region_of(&self, place: PlaceId) -> RegionId {
        self.region_of.get(place.index()).copied().unwrap_or_default()
    }

    /// The places in a region.
    pub fn places_in(&self, region: RegionId) -> impl Iterator<Item = (PlaceId, &Place)> {
        let bound = |at: usize| self.starts.get(at).copied().unwrap_or(0);
        let (start, end) = (bound(region.index()), bound(region.index() + 1));
        self.places[start as usize..end as usize].iter().zip(start..end).map(|(place, index)| (PlaceId(index), place))
    }

    /// The places in a network, whatever the country.
    pub fn places_of(&self, asn: Asn) -> impl Iterator<Item = PlaceId> {
        let from = self.by_asn.partition_point(|(other, _)| *other < asn);
        self.by_asn[from..].iter().take_while(move |(other, _)| *other == asn).map(|(_, place)| *place)
    }

    /// Every block with a known place, in address order, IPv4 first. A range that is no prefix gives several blocks.
    pub fn blocks(&self) -> impl Iterator<Item = (IpNet, Place)> + '_ {
        let v4 = self.v4.ranges().prefixes(u32::MAX);
        let v6 = self.v6.ranges().prefixes(u128::MAX);
        v4.chain(v6).map(|(net, place)| (net, self.places[place.index()]))
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
