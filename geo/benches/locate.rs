//! What the table costs: seconds to load the default files, nanoseconds a look-up and a block.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measure prints what it measured, or says why it cannot"
)]

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    time::Instant,
};

use fairway_geo::{Continent, GeoTable, Region, RegionId, RegionSet};

fn main() {
    let files = GeoTable::default_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let mut at = Instant::now();
    let table = GeoTable::load(&files, &mut |loading| {
        println!("{:>8} ranges of {} after {:.2?}", loading.ranges, loading.file.display(), at.elapsed());
    })
    .expect("the default geo data");
    println!("loaded in {:.2?}: {}", at.elapsed(), table.size());

    // xorshift64: spread over the whole space, which is the worst case for the caches.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let known: Vec<IpAddr> = table.blocks().map(|(net, _)| net.network()).collect();
    let any_v4 = (0..1 << 20).map(|_| IpAddr::V4(Ipv4Addr::from(random() as u32))).collect::<Vec<_>>();
    let (known_v4, known_v6): (Vec<_>, Vec<_>) =
        (0..1 << 21).map(|_| known[random() as usize % known.len()]).partition(|address| address.is_ipv4());
    let within_v6 = known_v6.iter().map(|address| match address {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(v6.to_bits() | u128::from(random() as u32))),
        v4 => *v4,
    });
    for (name, addresses) in
        [("any IPv4", any_v4), ("allocated IPv4", known_v4), ("allocated IPv6", within_v6.collect())]
    {
        at = Instant::now();
        for address in &addresses {
            black_box(table.locate(black_box(*address)));
        }
        println!("{name}: {:.1} ns a look-up", at.elapsed().as_nanos() as f64 / addresses.len() as f64);
    }

    // Blocks, for sets of each kind: one country, a continent, all but a few countries, half of all.
    let regions: Vec<(RegionId, Region)> = table.regions().collect();
    let set = |of: &dyn Fn(RegionId, Region) -> bool| -> RegionSet {
        regions.iter().filter(|(id, region)| of(*id, *region)).map(|(id, _)| *id).collect()
    };
    let country = |region: Region, code: &str| region.country.is_some_and(|c| c.as_str() == code);
    let sets = [
        ("one country", set(&|_, region| country(region, "US"))),
        ("a continent", set(&|_, region| region.continent == Some(Continent::Eu))),
        ("all but three countries", set(&|_, region| !["LU", "KE", "PE"].iter().any(|c| country(region, c)))),
        ("half of the regions", set(&|id, _| id.index() % 2 == 0)),
    ];
    println!("{} regions", regions.len());
    for (name, set) in sets {
        let within = |address: &&IpAddr| table.locate(**address).id.is_some_and(|id| set.contains(table.region_of(id)));
        let asked: Vec<IpAddr> =
            (0..1 << 19).map(|_| &known[random() as usize % known.len()]).filter(within).copied().collect();
        at = Instant::now();
        let widths: u64 =
            asked.iter().map(|address| u64::from(black_box(table.block(*address, &set)).prefix_len())).sum();
        let (each, width) = (at.elapsed().as_nanos() as f64 / asked.len() as f64, widths as f64 / asked.len() as f64);
        println!("block over {name}: {each:.1} ns, a mean /{width:.1}");
    }
}
