//! Who asks: networks anywhere, and networks where mistakes would be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fairway_geo::GeoTable;
use fastrand::Rng;
use ipnet::IpNet;

/// `count` networks, the same for the same seed; none that carries an IPv4 address in IPv6.
pub fn draw(table: &GeoTable, count: usize, seed: u64) -> Vec<IpNet> {
    let rng = &mut Rng::with_seed(seed);
    let (v4, v6): (Vec<IpNet>, Vec<IpNet>) =
        table.blocks().map(|(net, _)| net).partition(|net| matches!(net, IpNet::V4(_)));
    let networks = std::iter::repeat_with(|| {
        // Three in five are IPv4; half of all are at a border of the database.
        let address = match (rng.u8(..5) < 3, rng.bool()) {
            (true, true) => border(rng, &v4),
            (false, true) => border(rng, &v6),
            (true, false) => Ipv4Addr::from(rng.u32(..)).into(),
            // Global unicast, most of it in a registry's blocks.
            (false, false) => {
                Ipv6Addr::from(0x2 << 124 | rng.u128(..) >> 4 & !(0xf << 112) | rng.u128(..13) << 116).into()
            }
        };
        let bits = match address {
            IpAddr::V4(_) if rng.bool() => 24,
            IpAddr::V4(_) => rng.u8(1..=32),
            IpAddr::V6(_) if rng.bool() => [48, 56][rng.usize(..2)],
            IpAddr::V6(_) => rng.u8(16..=128),
        };
        IpNet::new(address, bits).unwrap().trunc()
    });
    networks.filter(|network| !carries(network.addr())).take(count).collect()
}

/// A first or last address of a block, or the next one outside.
fn border(rng: &mut Rng, blocks: &[IpNet]) -> IpAddr {
    let net = blocks[rng.usize(..blocks.len())];
    let by = |address: IpAddr, by: i8| match address {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4).wrapping_add_signed(by.into())).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6).wrapping_add_signed(by.into())).into(),
    };
    [net.network(), by(net.network(), -1), net.broadcast(), by(net.broadcast(), 1)][rng.usize(..4)]
}

/// The IPv6 addresses that carry this one: IPv4-compatible, -mapped (RFC 4291), -translated (RFC 2765), NAT64 (RFC 6052),
/// Teredo (RFC 4380, bits flipped) and 6to4 (RFC 3056).
pub fn carriers(address: Ipv4Addr) -> [Ipv6Addr; 6] {
    let (v4, flipped) = (u128::from(u32::from(address)), u128::from(!u32::from(address)));
    [v4, 0xffff << 32 | v4, 0xffff << 48 | v4, 0x64_ff9b << 96 | v4, 0x2001 << 112 | flipped, 0x2002 << 112 | v4 << 80]
        .map(Ipv6Addr::from)
}

/// Whether it is in one of the blocks of [`carriers`].
fn carries(address: IpAddr) -> bool {
    let IpAddr::V6(v6) = address else { return false };
    let bits = u128::from(v6);
    matches!(bits >> 32, 0 | 0xffff | 0xffff_0000 | 0x64_ff9b_0000_0000_0000_0000)
        || matches!(bits >> 96, 0x2001_0000)
        || matches!(bits >> 112, 0x2002)
}
