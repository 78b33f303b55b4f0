//! Fairway beside gdnsd and Knot: one geo database, one policy, 20,000 client networks, the same answer; and scopes that are
//! right by the database itself.
//!
//! **The world** is that of `make bench-dns` (`bench/dns/world.py`): twelve datacenters, one a continent and six countries with
//! their own. The peers are gdnsd's geoip plugin and Knot's mod-geoip as Debian has them.
//!
//! **The clients** are drawn half anywhere and half where mistakes would be: at the first and last addresses of the
//! database's blocks and next to them. Prefixes of all lengths that resolvers send, and some that they do not.
//!
//! **What differs, and why.** gdnsd takes an IPv6 address that carries an IPv4 one (6to4, Teredo, NAT64, IPv4-compatible,
//! -mapped and -translated) for the IPv4 one, whatever the database says of it; libmaxminddb, and so Knot, asks the database in
//! any case. Fairway takes the mapped ones for IPv4, since they are an operating system's own form of an IPv4 peer, and asks the
//! database for the rest. So those are none of the 20,000, and each is held against what it should be ([`embedded`]).
//!
//! **Scopes** are held against all ranges of the database first, and then against the peers: every address inside the scope
//! told gets the same answer (RFC 7871 §7.2.1), in the block twice as wide some address does not, and no two overlap (§7.3.1).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "this is a test")]

mod clients;
mod flood;
#[path = "../support/mod.rs"]
mod support;
mod truth;
mod world;

use std::{collections::BTreeMap, net::IpAddr};

use fairway_geo::{GeoTable, Place};
use flood::{Said, ask};
use ipnet::IpNet;
use truth::Truth;
use world::World;

/// How many client networks each server is asked for.
const CLIENTS: usize = 20_000;
/// Of the draw: the same clients in every run.
const SEED: u64 = 0x7871;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_networks_get_the_answers_that_gdnsd_and_knot_give_and_scopes_are_exact() {
    let world = World::start().await;
    let table = GeoTable::load(std::slice::from_ref(&world.database), &mut |_| {}).unwrap();
    let truth = Truth::of(&table, &world.policy);
    let clients = clients::draw(&table, CLIENTS, SEED);
    let [fairway, gdnsd, knot] = ["fairway", "gdnsd", "knot"].map(|server| {
        let (at, clients) = (world.port(server), clients.clone());
        tokio::task::spawn_blocking(move || ask(at, &clients))
    });
    let (fairway, gdnsd, knot) = (fairway.await.unwrap(), gdnsd.await.unwrap(), knot.await.unwrap());

    let mut wrong = Vec::new();
    let mut answers: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for (client, ours) in clients.iter().zip(&fairway) {
        *answers.entry(ours.address).or_default() += 1;
        let expected = truth.answer(client.addr());
        if ours.address != expected {
            wrong.push(format!("{client}: {} where the database says {expected}", ours.address));
        }
    }
    for (peer, said) in [("gdnsd", &gdnsd), ("knot", &knot)] {
        for ((client, ours), theirs) in clients.iter().zip(&fairway).zip(said) {
            if ours.address != theirs.address {
                wrong.push(format!("{client}: {} where {peer} says {}", ours.address, theirs.address));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert_eq!(answers.len(), 12, "every datacenter was somebody's answer: {answers:?}");

    scopes(&truth, &clients, &fairway);
    peers_scopes(&table, &clients, &fairway, &gdnsd, &knot);
    embedded(&world, &truth).await;
}

/// Every scope is the widest block around the client over which the answer is the same.
fn scopes(truth: &Truth, clients: &[IpNet], said: &[Said]) {
    let (mut wide, mut narrow, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for (client, said) in clients.iter().zip(said) {
        let block = block(client.addr(), said.scope);
        if !truth.is_uniform(block) {
            wide.push(format!("{client}: {} is told for {block}, where others are answered too", said.address));
        }
        if said.scope > 0 && truth.is_uniform(self::block(client.addr(), said.scope - 1)) {
            narrow.push(format!("{client}: scope {}, where {} would do", said.scope, truth.widest(client.addr())));
        }
        told.push(block);
    }
    assert!(wide.is_empty(), "{} scopes are too wide:\n{}", wide.len(), wide[..wide.len().min(20)].join("\n"));
    assert!(
        narrow.is_empty(),
        "{} of {} scopes are narrower than needed:\n{}",
        narrow.len(),
        said.len(),
        narrow[..narrow.len().min(20)].join("\n")
    );
    // RFC 7871 §7.3.1: one network must not be told two scopes that hold each other.
    told.sort_unstable();
    told.dedup();
    let nested = told.windows(2).find(|pair| pair[0].contains(&pair[1]));
    assert!(nested.is_none(), "scopes overlap: {nested:?}");
    println!("{} different scopes were told", told.len());
}

/// What the peers tell beside ours. gdnsd merges equal neighbours at start, as we do: the same scopes, all of them. Knot tells
/// the database's own block, which is ours or inside of it; but it knows no block where the database knows nothing, and tells
/// scope 0, which promises its default answer to everyone.
fn peers_scopes(table: &GeoTable, clients: &[IpNet], ours: &[Said], gdnsd: &[Said], knot: &[Said]) {
    let (mut narrower, mut unknown) = (0, 0);
    for (((client, ours), gdnsd), knot) in clients.iter().zip(ours).zip(gdnsd).zip(knot) {
        assert_eq!(ours.scope, gdnsd.scope, "gdnsd's scope for {client}");
        match table.locate(client.addr()).place == Place::default() {
            true => assert_eq!(knot.scope, 0, "Knot's scope for {client}, of which nothing is known"),
            false => assert!(knot.scope >= ours.scope, "{client}: scope {}, Knot's is {}", ours.scope, knot.scope),
        }
        narrower += usize::from(knot.scope > ours.scope);
        unknown += usize::from(knot.scope < ours.scope);
    }
    println!("gdnsd tells the same scopes; Knot narrower ones for {narrower}, and 0 in place of ours for {unknown}");
}

/// IPv6 addresses that carry an IPv4 address.
async fn embedded(world: &World, truth: &Truth) {
    let plain = IpNet::from(IpAddr::V4(support::GERMAN));
    let carriers = clients::carriers(support::GERMAN).map(|address| IpNet::from(IpAddr::V6(address)));
    let asked: Vec<IpNet> = carriers.into_iter().chain([plain]).collect();
    let [fairway, gdnsd] = [world.port("fairway"), world.port("gdnsd")].map(|at| {
        let asked = asked.clone();
        tokio::task::spawn_blocking(move || ask(at, &asked))
    });
    let german = truth.answer(plain.addr());
    for ((client, ours), theirs) in asked.iter().zip(fairway.await.unwrap()).zip(gdnsd.await.unwrap()) {
        assert_eq!(theirs.address, german, "gdnsd looks inside {client}");
        assert_eq!(ours.address, truth.answer(client.addr()), "Fairway asks the database of {client}");
        let block = block(client.addr(), ours.scope);
        assert!(
            truth.is_uniform(block),
            "{client}: {} is told for {block}, where others are answered too",
            ours.address
        );
    }
    assert_eq!(truth.answer(support::GERMAN.to_ipv6_mapped().into()), german, "a mapped address is an IPv4 address");
}

fn block(address: IpAddr, bits: u8) -> IpNet {
    IpNet::new(address, bits).unwrap().trunc()
}
