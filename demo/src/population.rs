//! Who lives where: viewers in some forty countries, with addresses out of the geo data's own blocks.
//!
//! The countries are those with the most Internet users, and their weights that number in tens of millions, roughly (ITU
//! 2024), with a floor so that a small one has viewers at all; Germany has more, so that a fault confined to it hurts
//! enough sessions to be seen there. The same seed gives the same people.

use std::{collections::BTreeMap, net::Ipv4Addr};

use fairway_geo::{Country, GeoTable};
use fastrand::Rng;
use ipnet::IpNet;

const COUNTRIES: &[(&str, u32)] = &[
    ("DE", 25),
    ("BR", 18),
    ("US", 32),
    ("IN", 40),
    ("CN", 40),
    ("JP", 11),
    ("GB", 7),
    ("FR", 6),
    ("IT", 5),
    ("ES", 5),
    ("NL", 3),
    ("BE", 2),
    ("AT", 2),
    ("CH", 2),
    ("PL", 4),
    ("CZ", 2),
    ("SE", 2),
    ("NO", 2),
    ("FI", 2),
    ("DK", 2),
    ("PT", 2),
    ("GR", 2),
    ("RO", 2),
    ("UA", 3),
    ("TR", 7),
    ("IL", 2),
    ("EG", 8),
    ("ZA", 5),
    ("NG", 10),
    ("KE", 3),
    ("MX", 10),
    ("AR", 4),
    ("CL", 2),
    ("CO", 4),
    ("PE", 3),
    ("CA", 4),
    ("AU", 3),
    ("NZ", 2),
    ("ID", 21),
    ("KR", 5),
    ("TH", 6),
    ("VN", 8),
];

/// Blocks kept of each country to draw addresses from.
const BLOCKS: usize = 24;

/// One who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// An address in a real block of the country.
    pub address: Ipv4Addr,
    /// Where.
    pub country: Country,
}

/// `count` people, spread over the countries by weight; at least one in each while there are enough.
pub fn people(geo: &GeoTable, count: usize, rng: &mut Rng) -> Vec<Person> {
    let blocks = blocks(geo, rng);
    let countries: Vec<(Country, u32)> = COUNTRIES
        .iter()
        .filter_map(|(code, weight)| Some((code.parse().ok()?, *weight)))
        .filter(|(country, _)| blocks.contains_key(country))
        .collect();
    if countries.is_empty() {
        return Vec::new();
    }
    let total: u32 = countries.iter().map(|(_, weight)| weight).sum();
    (0..count)
        .map(|i| {
            let country =
                countries.get(i).map_or_else(|| by_weight(&countries, rng.u32(..total)), |(country, _)| *country);
            Person { address: address(&blocks[&country], rng), country }
        })
        .collect()
}

fn by_weight(countries: &[(Country, u32)], mut ticket: u32) -> Country {
    for (country, weight) in countries {
        match ticket.checked_sub(*weight) {
            Some(rest) => ticket = rest,
            None => return *country,
        }
    }
    countries[0].0
}

/// Some IPv4 blocks of each country, drawn evenly in one pass (reservoir sampling).
fn blocks(geo: &GeoTable, rng: &mut Rng) -> BTreeMap<Country, Vec<ipnet::Ipv4Net>> {
    let wanted: Vec<Country> = COUNTRIES.iter().filter_map(|(code, _)| code.parse().ok()).collect();
    let mut kept: BTreeMap<Country, (usize, Vec<ipnet::Ipv4Net>)> = BTreeMap::new();
    for (prefix, place) in geo.blocks() {
        let IpNet::V4(prefix) = prefix else { break };
        let Some(country) = place.country.filter(|c| wanted.contains(c)) else { continue };
        // A viewer with no network would have no audience below the country; too small a block is an oddity.
        if place.asn.is_none() || prefix.prefix_len() > 22 {
            continue;
        }
        let (seen, blocks) = kept.entry(country).or_default();
        *seen += 1;
        if blocks.len() < BLOCKS {
            blocks.push(prefix);
        } else if let Some(slot) = blocks.get_mut(rng.usize(..*seen)) {
            *slot = prefix;
        }
    }
    kept.into_iter().map(|(country, (_, blocks))| (country, blocks)).collect()
}

fn address(blocks: &[ipnet::Ipv4Net], rng: &mut Rng) -> Ipv4Addr {
    let block = blocks[rng.usize(..blocks.len())];
    let size = 1u32 << (32 - u32::from(block.prefix_len()));
    Ipv4Addr::from(u32::from(block.network()) + rng.u32(1..size - 1))
}
