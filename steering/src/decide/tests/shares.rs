//! Shares hold, and a change moves only those whom it must.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use fairway_policies::Policy;

use crate::{
    client::Client,
    health::Health,
    testing::{client, decision, healthy, policy, unwell},
};

const CLIENTS: usize = 100_000;

fn weights(shares: &[(&str, u32)]) -> Arc<Policy> {
    let pathways: Vec<&str> = shares.iter().map(|(id, _)| *id).collect();
    let shares: Vec<String> = shares.iter().map(|(id, share)| format!("{id} = {share}")).collect();
    let steps =
        format!("[[step]]\ndo = \"healthy\"\n[[step]]\ndo = \"weights\"\nshares = {{ {} }}\n", shares.join(", "));
    policy(&pathways, &steps)
}

/// The first pathway of each of many clients, told apart by session or by /24.
fn firsts(policy: &Arc<Policy>, by_session: bool, down: &[(&str, Health)]) -> Vec<String> {
    let snapshot = unwell(policy, down);
    let someone = client("192.0.2.1", 16, "DE");
    let first = |n: usize| {
        let session = format!("session-{n}");
        let address = Some(Ipv4Addr::from_bits((n as u32) << 8 | 7).into());
        let client = Client { session: by_session.then_some(&session), address, ..someone };
        policy.pathways[usize::from(decision(&snapshot, &client).ranked[0].pathway)].id.clone()
    };
    (0..CLIENTS).map(first).collect()
}

#[test]
fn shares_hold_within_one_per_cent() {
    let shares = [("a", 60), ("b", 25), ("c", 10), ("d", 5)];
    for by_session in [true, false] {
        let mut counts = BTreeMap::<String, usize>::new();
        firsts(&weights(&shares), by_session, &[]).into_iter().for_each(|id| *counts.entry(id).or_default() += 1);
        for (id, share) in shares {
            let got = counts[id] as f64 / CLIENTS as f64;
            assert!((got - f64::from(share) / 100.0).abs() < 0.01, "{id} got {got}, by session: {by_session}");
        }
    }
}

/// Clients that moved from one policy to the other, as `from>to` with their share of all.
fn moves(before: &[String], after: &[String]) -> BTreeMap<String, f64> {
    let mut moves = BTreeMap::new();
    for (before, after) in before.iter().zip(after).filter(|(before, after)| before != after) {
        *moves.entry(format!("{before}>{after}")).or_default() += 1.0 / CLIENTS as f64;
    }
    moves
}

#[test]
fn a_change_moves_only_those_whom_it_must() {
    let before = firsts(&weights(&[("a", 50), ("b", 30), ("c", 20)]), true, &[]);
    let check = |what: &str, after: Vec<String>, expected: &[(&str, f64)]| {
        let moves = moves(&before, &after);
        assert_eq!(
            moves.keys().map(String::as_str).collect::<Vec<_>>(),
            expected.iter().map(|e| e.0).collect::<Vec<_>>()
        );
        for (pair, share) in expected {
            assert!((moves[*pair] - share).abs() < 0.01, "{what}: {pair} {} instead of {share}", moves[*pair]);
        }
    };
    let added = firsts(&weights(&[("d", 100), ("c", 20), ("a", 50), ("b", 30)]), true, &[]);
    check("added, and the file's order turned over", added, &[("a>d", 0.25), ("b>d", 0.15), ("c>d", 0.1)]);
    let removed = firsts(&weights(&[("a", 50), ("b", 30)]), true, &[]);
    check("removed", removed, &[("c>a", 0.125), ("c>b", 0.075)]);
    let failed = firsts(&weights(&[("a", 50), ("b", 30), ("c", 20)]), true, &[("c", Health::Down)]);
    check("failed", failed, &[("c>a", 0.125), ("c>b", 0.075)]);
    let raised = firsts(&weights(&[("a", 50), ("b", 30), ("c", 120)]), true, &[]);
    check("raised", raised, &[("a>c", 0.25), ("b>c", 0.15)]);
}

#[test]
fn a_client_is_hashed_by_its_session_or_its_prefix() {
    let policy = weights(&[("a", 50), ("b", 50)]);
    let snapshot = healthy(&policy);
    let v4 = decision(&snapshot, &client("192.0.2.77", 8, "DE"));
    assert_eq!(v4.holds.to_string(), "192.0.2.0/24");
    assert_eq!(decision(&snapshot, &client("192.0.2.200", 8, "FR")), v4);
    let v6 = decision(&snapshot, &client("2001:db8:7:8::1", 20, "DE"));
    assert_eq!(v6.holds.to_string(), "2001:db8:7::/48");
    let session = Client { session: Some("s"), ..client("192.0.2.77", 8, "DE") };
    let roaming = Client { session: Some("s"), ..client("2001:db8::1", 20, "FR") };
    let (here, there) = (decision(&snapshot, &session), decision(&snapshot, &roaming));
    assert_eq!(here.ranked, there.ranked);
    assert_eq!(here.holds.to_string(), "0.0.0.0/0", "nothing was asked of the address");
}
