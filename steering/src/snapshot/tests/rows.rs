//! Rows of a service that is nothing but a table of classes: looked up, cut into blocks, and brought up to date.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use fairway_geo::{Asn, GeoTable, Place, PlaceId, RegionSet};

use crate::{
    snapshot::rows::{Again, Dimensions, Rows},
    testing::{Numbers, somewhere, world},
};

/// Classes by country, by network for some, and by point if there are any; drawn by lot.
#[derive(Clone)]
struct Lots {
    any: bool,
    points: bool,
    /// Those whose places differ from their country's rest.
    networks: BTreeSet<Asn>,
    seed: u64,
}

impl Lots {
    fn class(&self, place: &Place) -> u64 {
        if !self.any {
            return self.seed % 3;
        }
        let of = |text: String| Numbers(xxhash_rust::xxh3::xxh3_64_with_seed(text.as_bytes(), self.seed)).next() % 3;
        let point = place.coordinates.filter(|_| self.points).map(|point| of(format!("{point:?}")));
        let network = place.asn.filter(|asn| self.networks.contains(asn));
        point.unwrap_or_default() * 10 + of(format!("{:?} {network:?}", (place.continent, place.country)))
    }
}

impl Dimensions for Lots {
    fn any(&self) -> bool {
        self.any
    }
    fn fine(&self) -> bool {
        self.points
    }
    fn places(&self, geo: &GeoTable, regions: &RegionSet) -> Vec<PlaceId> {
        let concerned = |place: &Place| {
            place.asn.is_some_and(|asn| self.networks.contains(&asn)) || self.points && place.coordinates.is_some()
        };
        let places = geo.places().filter(|(id, place)| regions.contains(geo.region_of(*id)) && concerned(place));
        places.map(|(id, _)| id).collect()
    }
}

fn lots(numbers: &mut Numbers) -> Lots {
    let networks = (0..numbers.below(4)).map(|_| Asn(1 + numbers.below(4) as u32)).collect();
    Lots { any: numbers.chance(90), points: numbers.chance(30), networks, seed: numbers.next() % 1000 }
}

/// The address before this one.
fn before(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(a) => a.to_bits().checked_sub(1).map(|bits| Ipv4Addr::from_bits(bits).into()),
        IpAddr::V6(a) => a.to_bits().checked_sub(1).map(|bits| Ipv6Addr::from_bits(bits).into()),
    }
}

/// Each place has its class, and blocks are what a scan over many addresses finds.
fn check(rows: &Rows<u64>, lots: &Lots, geo: &GeoTable, numbers: &mut Numbers) {
    for (id, place) in geo.places() {
        assert_eq!(rows.class(geo, id), Some(&lots.class(place)), "{place:?}");
    }
    let others: Vec<IpAddr> = (0..60).map(|_| somewhere(numbers)).collect();
    for _ in 0..20 {
        let address = somewhere(numbers);
        let located = geo.locate(address);
        let id = located.id.unwrap();
        let block = rows.block(geo, address, &located);
        assert!(block.contains(&located.prefix));
        for other in others.iter().filter(|other| block.contains(*other)) {
            let there = geo.locate(*other);
            assert_eq!(rows.class(geo, there.id.unwrap()), rows.class(geo, id), "{address} and {other}");
            assert_eq!(rows.block(geo, *other, &there), block, "{address} and {other}");
        }
        // Never narrower than the widest prefix of one class in which no place differs from the rest of its region.
        if let Some(wider) = block.supernet().filter(|_| !rows.is_exception(geo, id)) {
            let inside: Vec<IpAddr> =
                geo.blocks().filter(|(net, _)| wider.contains(net)).map(|(net, _)| net.addr()).collect();
            let stray = |other: IpAddr| {
                let other = geo.locate(other).id.unwrap();
                rows.is_exception(geo, other) || rows.class(geo, other) != rows.class(geo, id)
            };
            let around = [wider.network(), wider.broadcast()];
            let gaps = inside.iter().filter_map(|first| before(*first)).filter(|before| wider.contains(before));
            assert!(inside.iter().copied().chain(gaps).chain(around).any(stray), "{address} {block}");
        }
    }
}

#[test]
fn a_look_up_finds_what_is_so_and_a_block_all_that_is_alike() {
    let mut numbers = Numbers(11);
    for _ in 0..60 {
        let (points, lots) = (numbers.chance(50), lots(&mut numbers));
        let geo = world(&mut numbers, points);
        let rows = Rows::default().next(&Again::All, &geo, &lots, |place| lots.class(place));
        check(&rows, &lots, &geo, &mut numbers);
    }
}

#[test]
fn what_is_done_again_in_parts_is_what_is_done_as_a_whole() {
    let mut numbers = Numbers(12);
    for _ in 0..20 {
        let geo = world(&mut numbers, true);
        let mut before = lots(&mut numbers);
        let mut rows = Rows::default().next(&Again::All, &geo, &before, |place| before.class(place));
        for _ in 0..8 {
            let after = Lots { any: before.any, points: before.points, ..lots(&mut numbers) };
            // Of some of the places that changed only the place is told, of others the region.
            let (mut regions, mut places) = (RegionSet::default(), Vec::new());
            for (region, names) in geo.regions().filter(|(_, r)| before.class(&r.place()) != after.class(&r.place())) {
                regions.insert(region);
                assert_eq!(names, fairway_geo::Region::of(&names.place()));
            }
            for (id, _) in geo.places().filter(|(_, place)| before.class(place) != after.class(place)) {
                match numbers.chance(20) {
                    true => regions.insert(geo.region_of(id)),
                    false => places.push(id),
                }
            }
            rows = rows.next(&Again::Some(regions, places), &geo, &after, |place| after.class(place));
            check(&rows, &after, &geo, &mut numbers);
            let whole = Rows::default().next(&Again::All, &geo, &after, |place| after.class(place));
            assert_eq!(rows.size(), whole.size(), "nothing is left over");
            before = after;
        }
    }
}

#[test]
fn classes_are_few_where_little_matters() {
    let mut numbers = Numbers(13);
    let geo = world(&mut numbers, false);
    let made = |lots: &Lots| Rows::default().next(&Again::All, &geo, lots, |place| lots.class(place));
    let nothing = Lots { any: false, points: false, networks: BTreeSet::new(), seed: 5 };
    assert_eq!(made(&nothing).size(), (1, 0));
    let located = geo.locate("10.0.0.1".parse().unwrap());
    assert_eq!(made(&nothing).block(&geo, "10.0.0.1".parse().unwrap(), &located).to_string(), "0.0.0.0/0");
    let countries = Lots { any: true, ..nothing };
    let (classes, exceptions) = made(&countries).size();
    assert!((2..=3).contains(&classes) && exceptions == 0, "regions share three classes: {classes}");
    assert_eq!(Rows::<u64>::default().class(&geo, located.id.unwrap()), None, "not compiled");
}
