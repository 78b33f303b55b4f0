//! What the table costs: seconds to load the default files, nanoseconds a look-up.
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

use fairway_geo::GeoTable;

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
}
