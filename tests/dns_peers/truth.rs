//! What the policy says of every address there is, straight from the database.

use std::net::{IpAddr, Ipv6Addr};

use fairway_geo::{GeoTable, Place};
use ipnet::IpNet;

use crate::world::Policy;

/// Both families, each cut where the answer changes: the first address of each run, and its answer.
pub struct Truth {
    v4: Vec<(u128, IpAddr)>,
    v6: Vec<(u128, IpAddr)>,
}

impl Truth {
    /// Walks every block of the database once; what it does not know gets the default.
    pub fn of(table: &GeoTable, policy: &Policy) -> Self {
        let (mut v4, mut v6) = (vec![(0, policy.default)], vec![(0, policy.default)]);
        for (net, place) in table.blocks() {
            let runs = if net.addr().is_ipv4() { &mut v4 } else { &mut v6 };
            put(runs, number(net.network()), answer(policy, &place));
            if let Some(after) = number(net.broadcast()).checked_add(1) {
                put(runs, after, policy.default);
            }
        }
        Self { v4, v6 }
    }

    /// The answer for a client at `address`; an IPv4-mapped one is IPv4.
    pub fn answer(&self, address: IpAddr) -> IpAddr {
        let address = address.to_canonical();
        let runs = self.family(address);
        runs[position(runs, address)].1
    }

    /// Whether everyone in `block` gets the same answer. Of IPv6 addresses, IPv4-mapped ones are asked after only where the
    /// block has no others: they never leave a machine (RFC 4291 §2.5.5.2), so that no wider block is about them.
    pub fn is_uniform(&self, block: IpNet) -> bool {
        let (first, last) = match (block.network().to_canonical(), block.broadcast().to_canonical()) {
            (first, last) if first.is_ipv4() == last.is_ipv4() => (first, last),
            _ => (block.network(), block.broadcast()),
        };
        let runs = self.family(first);
        let at = position(runs, first);
        runs.get(at + 1).is_none_or(|next| next.0 > number(last))
    }

    /// The length of the widest block around `address` that is uniform.
    pub fn widest(&self, address: IpAddr) -> u8 {
        let whole = if address.is_ipv4() { 32 } else { 128 };
        (0..=whole).find(|bits| self.is_uniform(IpNet::new(address, *bits).unwrap().trunc())).expect("itself, at least")
    }

    fn family(&self, address: IpAddr) -> &[(u128, IpAddr)] {
        if address.is_ipv4() { &self.v4 } else { &self.v6 }
    }
}

/// From `first` on the answer is this one. A block that begins where the last one ended replaces the default that was put there.
fn put(runs: &mut Vec<(u128, IpAddr)>, first: u128, answer: IpAddr) {
    runs.pop_if(|last| last.0 == first);
    if runs.last().is_none_or(|last| last.1 != answer) {
        runs.push((first, answer));
    }
}

/// Which of its family's runs the address is in.
fn position(runs: &[(u128, IpAddr)], address: IpAddr) -> usize {
    runs.partition_point(|run| run.0 <= number(address)) - 1
}

fn answer(policy: &Policy, place: &Place) -> IpAddr {
    let country = place.country.and_then(|country| policy.countries.get(&country.to_string()));
    let continent = || place.continent.and_then(|continent| policy.continents.get(&continent.to_string()));
    country.or_else(continent).copied().unwrap_or(policy.default)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => Ipv6Addr::into(v6),
    }
}
