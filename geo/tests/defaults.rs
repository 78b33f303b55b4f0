//! The data that `make setup` fetches: real files, real addresses.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use fairway_geo::{Asn, Continent, GeoTable, RegionId, RegionSet};
use ipnet::IpNet;

#[test]
fn the_default_files_place_the_world() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = GeoTable::load(&GeoTable::default_files(&root), &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
    let place = |address: &str| table.locate(address.parse::<IpAddr>().expect("an address")).place;

    // Networks that have been where they are, and whose, for decades.
    for (address, country, asn, continent) in [
        ("193.0.6.139", "NL", 3333, Continent::Eu),
        ("2001:67c:2e8:22::c100:68b", "NL", 3333, Continent::Eu),
        ("200.160.2.3", "BR", 22548, Continent::Sa),
        ("2001:12ff:0:2::3", "BR", 22548, Continent::Sa),
        ("130.149.7.201", "DE", 680, Continent::Eu),
    ] {
        let place = place(address);
        assert_eq!(place.country.map(|c| c.to_string()).as_deref(), Some(country), "{address}");
        assert_eq!(place.asn, Some(Asn(asn)), "{address}");
        assert_eq!(place.continent, Some(continent), "{address}");
    }
    assert_eq!(place("10.0.0.1").country, None);

    // Around some addresses, the block of a country, and of all but one, against what the ranges say.
    let blocks: Vec<(IpNet, RegionId)> =
        table.blocks().filter_map(|(net, _)| Some((net, table.region_of(table.locate(net.network()).id?)))).collect();
    let named = |code: &str| -> RegionSet {
        table.regions().filter(|(_, r)| r.country.is_some_and(|c| c.as_str() == code)).map(|(id, _)| id).collect()
    };
    for address in ["193.0.6.139", "2001:67c:2e8:22::c100:68b", "200.160.2.3", "2001:12ff:0:2::3", "130.149.7.201"] {
        let located = table.locate(address.parse::<IpAddr>().expect("an address"));
        let mut sets = vec![named(located.place.country.expect("a country").as_str())];
        for other in ["US", "CN", "LU"] {
            let others = named(other);
            sets.push(table.regions().map(|(id, _)| id).filter(|id| !others.contains(*id)).collect::<RegionSet>());
        }
        for set in sets {
            let block = table.block(located.prefix.addr(), &set);
            let wider = block.supernet();
            let inside = |around: IpNet| blocks.iter().filter(move |(net, _)| around.contains(net));
            assert!(block.contains(&located.prefix), "{address} {block}");
            assert!(inside(block).all(|(_, region)| set.contains(*region)), "{address} {block}");
            let strays = |wider: IpNet| {
                inside(wider).any(|(_, region)| !set.contains(*region)) || !set.contains(RegionId::default())
            };
            assert!(wider.is_none_or(strays), "{address} {block} could be wider");
        }
    }

    // Every block is what a look-up says it is, and every continent has some.
    let mut continents = BTreeMap::<Continent, usize>::new();
    let (mut blocks, mut strays) = (0_usize, 0_usize);
    for (net, place) in table.blocks() {
        let located = table.locate(net.broadcast());
        assert_eq!(located.place, place, "{net}");
        assert!(located.prefix.contains(&net), "{net} is not in {}", located.prefix);
        blocks += 1;
        match place.continent {
            Some(continent) => *continents.entry(continent).or_default() += 1,
            None => strays += usize::from(place.country.is_some()),
        }
    }
    assert!(blocks > 500_000, "{blocks} blocks");
    assert_eq!(continents.len(), Continent::ALL.len(), "{continents:?}");
    assert!(strays * 1000 < blocks, "{strays} of {blocks} blocks have a country of no continent");
}
