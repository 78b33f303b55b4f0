//! What `make bench` measures of this room: each [`Cost`] does a thing many times, and leaves the clock to its caller.
//!
//! No part of the server, as [`fuzzing`](crate::fuzzing), and here for the same reason: what is measured is private. The
//! clock, the table that is printed and the allocator that counts are in `dns/benches/costs.rs`.
//!
//! [`Costs::replies`] are whole replies, from octets to octets, made from a view of [`Costs::HOSTS`] names a zone; as many of
//! these as there are [`Costs::CLIENTS`] are asked for in a round, in no order. [`Costs::parts`] are what else takes time on
//! the way or beside it: the limiter, signatures, transfers.

#![allow(clippy::expect_used, clippy::panic, reason = "a measure says why it cannot")]

mod parts;
mod replies;

use std::{net::IpAddr, sync::Arc};

use fairway_steering::{GeoTable, Live, Policy, Service, Snapshot};
use prometheus_client::registry::Registry;
use ring::rand::SystemRandom;

use crate::{
    dnssec::{Algorithm, keys::SigningKey},
    fuzzing::world,
    metrics::Metrics,
    serving::Serving,
    settings::Settings,
    wire::name::Key,
    zones::Zone,
};

/// One thing that is measured.
pub struct Cost<'c> {
    /// What is done.
    pub what: String,
    /// How many times in a round.
    pub times: usize,
    /// Does it that many times.
    pub round: Box<dyn FnMut() + 'c>,
}

/// What is measured: a server but for its sockets.
pub struct Costs {
    serving: Serving,
    /// Clients all over the world.
    clients: Vec<IpAddr>,
    hosts: usize,
}

/// Where the steered name is, and `h0`, `h1`, … with an address each. The second is signed.
const ZONES: [&str; 2] = ["fairway.test", "signed.test"];

impl Costs {
    /// Names in a zone.
    pub const HOSTS: usize = 100_000;
    /// Queries of a round, each from or for another client.
    pub const CLIENTS: usize = 4096;

    /// With this many names a zone, and this policy's service at `live.fairway.test`.
    pub fn new(hosts: usize, policy: Policy, geo: Arc<GeoTable>) -> Self {
        let blocks: Vec<IpAddr> = geo.blocks().map(|(block, _)| block.network()).collect();
        // Golden-ratio steps: no two neighbours in time are neighbours in memory.
        let clients = (0..Self::CLIENTS).map(|n| blocks[n.wrapping_mul(0x9e37_79b9) % blocks.len()]).collect();
        let zones = ZONES.map(|origin| {
            let head = "$TTL 300\n@ SOA ns1 admin 7 3600 900 604800 60\n@ NS ns1\nns1 A 192.0.2.53\n".to_owned();
            let host = |n: usize| format!("h{n} A 192.0.{}.{}\n", n / 250 % 250, n % 250);
            let text = (0..hosts).fold(head, |text, n| text + &host(n));
            let zone = Zone::of_text(origin, text.as_bytes()).unwrap_or_else(|mistake| panic!("{mistake}"));
            let signs = |zone: &Zone| world::signer_with(&Key::new(&zone.origin), key(Algorithm::EcdsaP256Sha256));
            let signer = if origin == ZONES[1] { signs(&zone) } else { None };
            (Arc::new(zone), signer)
        });
        let policy = Arc::new(policy);
        let snapshot =
            || Snapshot::compile(1, world::now(), geo.clone(), vec![Service::fresh(policy.clone(), world::now())]);
        // The limiter is measured by itself: here it would be full after the first round.
        let names = world::names(&zones, &snapshot());
        let view = world::view(names, snapshot(), Settings::default(), world::unlimited());
        let live = Arc::new(Live::new(snapshot(), world::now()));
        let serving = Serving::new(view, live, Metrics::register(&mut Registry::default()), None);
        Self { serving, clients, hosts }
    }
}

/// A new key.
fn key(algorithm: Algorithm) -> SigningKey {
    let pkcs8 = SigningKey::generate(algorithm, &SystemRandom::new()).expect("randomness");
    SigningKey::read(algorithm, &pkcs8).expect("a key")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// That each reply is what it is called is looked at when its queries are made.
    #[test]
    fn replies_are_what_they_are_called_and_allocate_nothing() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/world");
        let text = std::fs::read_to_string(fuzz.join("live.policy.toml")).unwrap();
        let policy = fairway_policies::parse("live.policy.toml", &text).unwrap();
        let geo = GeoTable::load(&[fuzz.join("networks.csv")], &mut |_| {}).unwrap();
        let costs = Costs::new(100, policy, Arc::new(geo));
        for mut cost in costs.replies() {
            assert_eq!(allocation_counter::measure(|| (cost.round)()).count_total, 0, "{}", cost.what);
        }
    }
}
