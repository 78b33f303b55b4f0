//! What holds for every policy, every state and every client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::TimeDelta;
use fairway_policies::{PathSet, StepKind};
use ipnet::IpNet;

use super::worlds::{Worlds, address, locate};
use crate::{
    client::{Asker, Client, Via},
    decide::{Decision, chain::is_for, decide, decide_for, phase::Hashed, run},
    explain::explain,
    testing::{decision, healthy, now, order, policy},
};

#[test]
fn a_traced_decision_is_the_untraced_one() {
    let mut worlds = Worlds::new(3);
    for _ in 0..1500 {
        let snapshot = worlds.next();
        let service = &snapshot.services[0];
        let someone = worlds.client();
        let client = someone.as_client();
        let mut reports = Vec::new();
        let traced = decide(&snapshot, service, &client, now(), &mut reports);
        assert_eq!(traced, decision(&snapshot, &client));
        let first = reports.first().and_then(|report| report.step);
        assert_eq!(reports.len(), service.policy.steps.len() + usize::from(first.is_none()));
        assert_eq!(reports.last().unwrap().after, traced.ranked.to_vec());
        for (report, next) in reports.iter().zip(&reports[1..]) {
            assert_eq!(report.after, next.before);
        }
        for report in &reports {
            let before: Vec<u8> = report.before.iter().map(|c| c.pathway).collect();
            let told: Vec<u8> = report.reasons.iter().map(|r| r.0).take(before.len()).collect();
            assert_eq!(before, told, "one reason for each that stood, in order");
        }
    }
}

/// From the row of its place on, everyone gets what the whole chain gives: now, and after overrides in it have ended.
#[test]
fn a_decision_by_its_row_is_the_whole_one() {
    let mut worlds = Worlds::new(9);
    let mut behind = [0; 8];
    for _ in 0..1500 {
        let snapshot = worlds.next();
        let service = &snapshot.services[0];
        let someone = worlds.client();
        let client = someone.as_client();
        let row = crate::decide::Chain::at_place(service, &client.located.place, now());
        behind[row.as_ref().map_or(0, |row| usize::from(row.next))] += 1;
        for seconds in [0, 5, 19, 20, 60, 86_400] {
            let at = now() + TimeDelta::seconds(seconds);
            let asker = service.asker(&client, at);
            assert_eq!(
                run(service, &asker, row.as_ref(), Hashed, at, &mut ()),
                decide_for(service, &asker, at, &mut ())
            );
        }
    }
    assert!(behind.iter().filter(|n| **n > 40).count() > 3, "rows of many lengths were tried: {behind:?}");
}

#[test]
fn what_is_recorded_decides_the_same() {
    let mut worlds = Worlds::new(10);
    for _ in 0..1000 {
        let snapshot = worlds.next();
        let service = &snapshot.services[0];
        let asker = service.asker(&worlds.client().as_client(), now());
        let recorded = serde_json::to_string(&asker).unwrap();
        let again: Asker = serde_json::from_str(&recorded).unwrap();
        assert_eq!(decide_for(service, &again, now(), &mut ()), decide_for(service, &asker, now(), &mut ()));
    }
}

#[test]
fn what_is_explained_is_what_is_answered() {
    let mut worlds = Worlds::new(7);
    for _ in 0..200 {
        let snapshot = worlds.next();
        let service = &snapshot.services[0];
        let (policy, someone) = (&service.policy, worlds.client());
        let client = someone.as_client();
        let told = explain(&snapshot, service, &client, now());
        let answered = decision(&snapshot, &client);
        let list: Vec<&str> = answered.priority(policy).map(|p| p.id.as_str()).collect();
        assert_eq!((told.http.priority, told.http.ttl), (list.iter().map(ToString::to_string).collect(), answered.ttl));
        let resolver = Client { via: Via::Dns, session: None, ..client };
        let over_dns =
            decision(&snapshot, &resolver).for_dns(policy).map(|(p, _)| policy.pathways[usize::from(p)].id.clone());
        assert_eq!(told.dns.map(|dns| dns.pathway), over_dns);
        let short = told.warnings.iter().filter_map(|w| w.strip_prefix("the TTL is 10 s instead of 20 s: "));
        let short: Vec<&str> = short.collect();
        assert_eq!(short.len(), usize::from(answered.ttl == 10), "and why it is short");
        assert!(short.iter().all(|why| !why.is_empty()), "{:?}", told.warnings);
        let first = answered.first(policy, client.via).map(|p| policy.pathways[usize::from(p)].id.as_str());
        let possible = told.likely.iter().any(|l| Some(l.pathway.as_str()) == first);
        assert_eq!(possible, first.is_some(), "what happened was likely: {first:?} {:?}", told.likely);
    }
}

#[test]
fn every_pathway_is_ranked_or_aside_or_fenced_out_once() {
    let mut worlds = Worlds::new(4);
    for _ in 0..1500 {
        let snapshot = worlds.next();
        let service = &snapshot.services[0];
        let policy = &service.policy;
        let someone = worlds.client();
        let (client, asker) = (someone.as_client(), service.asker(&someone.as_client(), now()));
        let decision = decision(&snapshot, &client);
        let (mut allowed, mut limited) = (PathSet::all(policy.pathways.len()), false);
        for (_, step) in policy.steps.iter().enumerate().filter(|(i, step)| is_for(&asker, *i, &step.when)) {
            match &step.kind {
                StepKind::Fence(fence) => allowed = allowed.and(fence.allowed),
                StepKind::Limit(_) => limited = true,
                _ => {}
            }
        }
        let listed: Vec<usize> = decision.indexes().map(usize::from).collect();
        let set: PathSet = listed.iter().copied().collect();
        assert_eq!(listed.len(), set.len(), "nobody twice");
        assert!(set.without(allowed).is_empty(), "nobody from outside the fences");
        // A fence behind a limit may leave nobody: the limit's choice was the operator's order too.
        assert!(limited || set == allowed, "and nobody forgotten");
        assert!(limited || decision.ranked.is_empty() == allowed.is_empty());
        let tiers: Vec<u8> = decision.ranked.iter().map(|c| c.tier).collect();
        assert!(tiers.first().is_none_or(|t| *t == 0) && tiers.windows(2).all(|w| w[1] == w[0] || w[1] == w[0] + 1));
        assert!([policy.ttl_min, policy.ttl].contains(&decision.ttl));
    }
}

#[test]
fn deciding_allocates_nothing() {
    let mut worlds = Worlds::new(6);
    for _ in 0..500 {
        let snapshot = worlds.next();
        let someone = worlds.client();
        let allocated = allocation_counter::measure(|| {
            std::hint::black_box(decision(&snapshot, &someone.as_client()));
        });
        assert_eq!(allocated.count_total, 0);
    }
}

/// The address with one bit turned over.
fn neighbour(worlds: &mut Worlds, address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => Ipv4Addr::from_bits(a.to_bits() ^ 1 << worlds.numbers.below(32)).into(),
        IpAddr::V6(a) => Ipv6Addr::from_bits(a.to_bits() ^ 1 << worlds.numbers.below(128)).into(),
    }
}

/// Brute force: whoever is inside the scope gets the very same decision, or over DNS the very same answer, scope and all;
/// so scopes never overlap differently.
#[test]
fn everyone_in_the_scope_gets_the_same_decision() {
    for via in [Via::Dns, Via::Hls] {
        same_in_scope(via);
    }
}

fn same_in_scope(via: Via) {
    let mut worlds = Worlds::new(5);
    let mut widths = [0; 129];
    for _ in 0..1500 {
        let snapshot = worlds.next();
        let service = &snapshot.services[0];
        let cidrs: Vec<IpNet> = service.policy.steps.iter().flat_map(|s| s.when.cidr.any.clone()).collect();
        let someone = worlds.resolver(via);
        let asked = cidrs.first().map_or(someone.address, |cidr| neighbour(&mut worlds, cidr.network()));
        let decide_at = |address| {
            let client = someone.at(address);
            let decided = decision(&snapshot, &client);
            let holds = decided.holds(&snapshot, service, &client, now());
            (decided, holds)
        };
        let (decided, holds) = decide_at(asked);
        assert!(holds.contains(&asked));
        let answer = |d: &Decision| (d.for_dns(&service.policy).map(|a| a.0), d.ttl, d.panic);
        widths[usize::from(holds.prefix_len())] += 1;
        let (first, last) = (holds.network(), holds.broadcast());
        let inside = |n: u64| match (first, last) {
            (IpAddr::V4(f), IpAddr::V4(l)) => {
                IpAddr::from(Ipv4Addr::from_bits(f.to_bits() | n as u32 & (f.to_bits() ^ l.to_bits())))
            }
            (IpAddr::V6(f), IpAddr::V6(l)) => {
                let n = u128::from(n) << 64 | u128::from(n.rotate_left(17));
                Ipv6Addr::from_bits(f.to_bits() | n & (f.to_bits() ^ l.to_bits())).into()
            }
            _ => unreachable!("a prefix of one family"),
        };
        for address in [first, last].into_iter().chain((0..30).map(|_| inside(worlds.numbers.next()))) {
            let (other, there) = decide_at(address);
            assert_eq!(there, holds, "{asked} and {address}");
            match via {
                Via::Dns => assert_eq!(answer(&other), answer(&decided), "{asked} and {address}"),
                _ => assert_eq!(
                    (order(&service.policy, &other), other.ttl),
                    (order(&service.policy, &decided), decided.ttl),
                    "{asked} and {address}"
                ),
            }
        }
    }
    assert!(widths.iter().filter(|n| **n > 0).count() > 30, "scopes of many widths were tried: {widths:?}");
}

#[test]
fn the_scope_is_as_wide_as_the_conditions_allow() {
    let prefer = |when: &str| format!("[[step]]\ndo = \"prefer\"\ntiers = [[\"b\"]]\nwhen = {when}\n");
    let holds = |when: &str, address: &str| {
        let snapshot = healthy(&policy(&["a", "b"], &prefer(when)));
        let client = crate::testing::client(address, 20, "DE");
        decision(&snapshot, &client).holds(&snapshot, &snapshot.services[0], &client, now()).to_string()
    };
    assert_eq!(holds("{ cidr = [\"10.0.0.0/8\"] }", "10.1.2.3"), "10.0.0.0/8", "inside");
    assert_eq!(
        holds("{ cidr = [\"10.0.0.0/8\", \"10.1.0.0/16\"] }", "10.1.2.3"),
        "10.0.0.0/8",
        "inside both: the wider"
    );
    assert_eq!(holds("{ cidr = [\"10.0.0.0/8\"] }", "192.0.2.1"), "128.0.0.0/1", "outside: the half without it");
    assert_eq!(holds("{ cidr = [\"10.0.0.0/8\"] }", "11.0.2.1"), "11.0.0.0/8", "outside, beside it");
    assert_eq!(holds("{ cidr = [\"10.0.0.0/8\"] }", "2001:db8::1"), "::/0", "the other family");
    assert_eq!(holds("{ country = [\"DE\"] }", "192.0.2.1"), "192.0.0.0/20");
    assert_eq!(holds("{ country = [\"FR\"] }", "192.0.2.1"), "192.0.0.0/20");
    assert_eq!(holds("{ country = [\"DE\"], cidr = [\"192.0.2.0/24\"] }", "192.0.2.1"), "192.0.2.0/24");
}

#[test]
fn what_dns_does_not_answer_does_not_narrow_its_scope() {
    let prefer = "[[step]]\ndo = \"prefer\"\ntiers = [[\"b\"]]\nwhen = { country = [\"BR\"] }\n";
    let weights = "[[step]]\ndo = \"weights\"\nshares = { a = 1, b = 1, c = 1 }\n";
    let holds = |steps: &[&str], via| {
        let snapshot = healthy(&policy(&["a", "b", "c"], &steps.concat()));
        let someone = Client { via, ..crate::testing::client("192.0.2.1", 15, "BR") };
        decision(&snapshot, &someone).holds(&snapshot, &snapshot.services[0], &someone, now()).prefix_len()
    };
    assert_eq!(holds(&[prefer, weights], Via::Dns), 15, "b is alone in front");
    assert_eq!(holds(&[prefer, weights], Via::Hls), 24, "a list has those behind it too");
    assert_eq!(holds(&[weights], Via::Dns), 24);
    let fence = "[[step]]\ndo = \"fence\"\nnever = [\"b\"]\n";
    assert_eq!(holds(&[prefer, weights, fence], Via::Dns), 24, "the first of those who were behind is answered now");
    assert_eq!(holds(&[prefer, weights, weights], Via::Dns), 15);
    assert!(locate(address(&mut Worlds::new(1).numbers)).prefix.prefix_len() > 0);
}
