//! Decisions over a geo table: by rows, in blocks, and from one snapshot to the next.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use fairway_geo::GeoTable;
use ipnet::IpNet;

use super::worlds::{Worlds, inputs};
use crate::{
    client::Via,
    decide::{Decision, decide},
    snapshot::{Inputs, Service, Snapshot},
    testing::{Numbers, now, somewhere, world},
};

/// Worlds of addresses, each to be used with many policies.
fn tables(numbers: &mut Numbers) -> Vec<Arc<GeoTable>> {
    (0..16).map(|n| Arc::new(world(numbers, n % 2 == 0))).collect()
}

/// An address inside of the block: its first, its last, one at the edge of a range in it, or any.
fn inside(numbers: &mut Numbers, block: IpNet, edges: &[IpAddr]) -> IpAddr {
    let edges: Vec<&IpAddr> = edges.iter().filter(|edge| block.contains(*edge)).collect();
    match (numbers.below(6), block.network(), block.hostmask()) {
        (0, first, _) => first,
        (1, _, _) => block.broadcast(),
        (2 | 3, _, _) if !edges.is_empty() => **numbers.pick(&edges),
        (_, IpAddr::V4(first), IpAddr::V4(rest)) => {
            Ipv4Addr::from_bits(first.to_bits() | numbers.next() as u32 & rest.to_bits()).into()
        }
        (_, IpAddr::V6(first), IpAddr::V6(rest)) => {
            let n = u128::from(numbers.next()) << 64 | u128::from(numbers.next());
            Ipv6Addr::from_bits(first.to_bits() | n & rest.to_bits()).into()
        }
        (_, first, _) => first,
    }
}

fn edges(geo: &GeoTable) -> Vec<IpAddr> {
    geo.blocks().flat_map(|(net, _)| [net.network(), net.broadcast()]).collect()
}

fn decided(snapshot: &Snapshot, address: IpAddr, via: Via) -> (Decision, IpNet) {
    let (service, client) = (&snapshot.services[0], snapshot.client(address, via, None));
    let decision = decide(snapshot, service, &client, now(), &mut ());
    let holds = decision.holds(snapshot, service, &client, now());
    (decision, holds)
}

/// Whoever is in the scope gets the same answer and the same scope; and a decision by its row is the whole one.
#[test]
fn everyone_in_the_block_gets_the_same() {
    let mut worlds = Worlds::new(21);
    let tables = tables(&mut worlds.numbers);
    let (mut widths, mut wider) = ([0; 129], 0);
    let edges: Vec<_> = tables.iter().map(|geo| edges(geo)).collect();
    for n in 0..500 {
        let (geo, edges) = (&tables[n % tables.len()], &edges[n % tables.len()]);
        let service = &worlds.next().services[0];
        let service = Service::new(service.policy.clone(), service.inputs.clone(), Arc::default());
        let snapshot = Snapshot::compile(7, now(), geo.clone(), vec![service]);
        let (policy, numbers) = (&snapshot.services[0].policy, &mut worlds.numbers);
        for via in [Via::Dns, Via::Hls] {
            let asked = somewhere(numbers);
            let (decision, holds) = decided(&snapshot, asked, via);
            let whole = snapshot.client(asked, via, None);
            let whole = decide(&snapshot, &snapshot.services[0], &whole, now(), &mut Vec::new());
            assert_eq!(decision, whole, "by row and from the first step");
            assert!(holds.contains(&asked));
            widths[usize::from(holds.prefix_len())] += 1;
            wider += usize::from(holds.prefix_len() > 0 && holds.prefix_len() < geo.locate(asked).prefix.prefix_len());
            let answer = |d: &Decision| (d.for_dns(policy).map(|a| a.0), d.ttl, d.panic);
            for _ in 0..20 {
                let other = inside(numbers, holds, edges);
                let (there, block) = decided(&snapshot, other, via);
                assert_eq!(block, holds, "{asked} and {other}");
                match via {
                    Via::Dns => assert_eq!(answer(&there), answer(&decision), "{asked} and {other}"),
                    _ => assert_eq!(there, decision, "{asked} and {other}"),
                }
            }
        }
    }
    assert!(widths.iter().filter(|n| **n > 0).count() > 30, "scopes of many widths were tried: {widths:?}");
    assert!(wider > 100, "some were wider than a place's own prefix: {wider}");
}

/// What has changed of the inputs since the last time: all, a few standings, or nothing that decisions read.
fn changed(before: &Inputs, fresh: &Inputs, numbers: &mut Numbers) -> Inputs {
    let mut after = before.clone();
    match numbers.below(4) {
        0 => after = fresh.clone(),
        1 => after.cells_at_ms = Some(numbers.next() as i64 >> 30),
        _ => {
            for (standings, fresh) in after.standings.iter_mut().zip(&fresh.standings) {
                let standings = Arc::make_mut(standings);
                for (audience, standing) in fresh.iter().filter(|_| numbers.chance(40)) {
                    standings.insert(*audience, standing.clone());
                }
                let gone: Vec<_> = standings.keys().copied().filter(|_| numbers.chance(10)).collect();
                gone.iter().for_each(|audience| standings.remove(audience));
            }
        }
    }
    after
}

#[test]
fn the_next_snapshot_is_as_if_made_from_nothing() {
    let mut worlds = Worlds::new(22);
    let tables = tables(&mut worlds.numbers);
    for n in 0..60 {
        let geo = &tables[n % tables.len()];
        let first = &worlds.next().services[0];
        let (policy, mut known) = (first.policy.clone(), first.inputs.clone());
        let service = |inputs: &Inputs| vec![Service::new(policy.clone(), inputs.clone(), first.counters.clone())];
        let mut snapshot = Snapshot::compile(1, now(), geo.clone(), service(&known));
        for _ in 0..6 {
            let numbers = &mut worlds.numbers;
            known = changed(&known, &inputs(numbers, &policy), numbers);
            let next = snapshot.next(now(), service(&known));
            assert_eq!(next.version, snapshot.version + 1);
            let whole = Snapshot::compile(next.version, now(), geo.clone(), service(&known));
            let (a, b) = (&next.services[0], &whole.services[0]);
            for (id, place) in geo.places() {
                assert_eq!(a.rows.class(geo, id), b.rows.class(geo, id), "{place:?}");
            }
            assert_eq!(a.classes(), b.classes(), "nothing is left over");
            for _ in 0..10 {
                let address = somewhere(numbers);
                assert_eq!(decided(&next, address, Via::Dns), decided(&whole, address, Via::Dns));
            }
            snapshot = next;
        }
        let same = snapshot.next(now(), service(&known));
        assert!(Arc::ptr_eq(&same.services[0], &snapshot.services[0]), "what stays the same is shared");
    }
}
