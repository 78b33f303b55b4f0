//! Shares hold, a change moves only those whom it must, and how likely an answer is, is told right.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use fairway_policies::{Metric, Policy};

use super::{equipped, world, worlds::Worlds};
use crate::{
    cells::Audience,
    client::{Asker, Client, Via},
    decide::{
        decide_for, shares,
        shares::{exactly, nearly},
    },
    health::Health,
    overrides::{Force, Override, OverridePlace},
    snapshot::{Inputs, Ramp, Snapshot},
    standing::{Lead, Standing, Standings},
    testing::{client, decision, healthy, now, verdict},
};

const CLIENTS: usize = 100_000;
/// Where many states are compared.
const FEWER: usize = 25_000;

fn weights(shares: &[(&str, u32)], more: &str) -> Arc<Policy> {
    let pathways: Vec<&str> = shares.iter().map(|(id, _)| *id).collect();
    let shares: Vec<String> = shares.iter().map(|(id, share)| format!("{id} = {share}")).collect();
    let rank = "[[step]]\ndo = \"rank\"\nby = [\"stall_ratio\"]\n";
    let healthy = "[[step]]\ndo = \"healthy\"\n";
    let weights = format!("[[step]]\ndo = \"weights\"\nshares = {{ {} }}\n", shares.join(", "));
    equipped(&pathways, &format!("{healthy}{rank}{weights}{more}"))
}

/// The first pathway of each of many clients, told apart by session or by /24.
fn firsts(snapshot: &Snapshot, by_session: bool, clients: usize) -> Vec<String> {
    let policy = &snapshot.services[0].policy;
    let someone = Client { via: Via::Hls, ..client("192.0.2.1", 16, "DE") };
    let first = |n: usize| {
        let session = format!("session-{n}");
        let address = Some(Ipv4Addr::from_bits((n as u32) << 8 | 7).into());
        let client = Client { session: by_session.then_some(&session), address, ..someone };
        policy.pathways[usize::from(decision(snapshot, &client).ranked[0].pathway)].id.clone()
    };
    (0..clients).map(first).collect()
}

fn counted(firsts: &[String]) -> BTreeMap<&str, f64> {
    let mut counts = BTreeMap::new();
    firsts.iter().for_each(|id| *counts.entry(id.as_str()).or_default() += 1.0 / firsts.len() as f64);
    counts
}

#[test]
fn shares_hold_within_one_per_cent() {
    let shares = [("a", 60), ("b", 25), ("c", 10), ("d", 5)];
    for by_session in [true, false] {
        let firsts = firsts(&healthy(&weights(&shares, "")), by_session, CLIENTS);
        for (id, share) in shares {
            let got = counted(&firsts)[id];
            assert!((got - f64::from(share) / 100.0).abs() < 0.01, "{id} got {got}, by session: {by_session}");
        }
    }
}

/// Clients that moved from one state to the other, as `from>to` with their share of all.
fn moves(before: &[String], after: &[String]) -> BTreeMap<String, f64> {
    let (mut moves, each) = (BTreeMap::new(), 1.0 / after.len() as f64);
    for (before, after) in before.iter().zip(after).filter(|(before, after)| before != after) {
        *moves.entry(format!("{before}>{after}")).or_default() += each;
    }
    moves
}

fn check(what: &str, before: &[String], after: &[String], expected: &[(&str, f64)]) {
    let moves = moves(before, after);
    let pairs: Vec<&str> = moves.keys().map(String::as_str).collect();
    assert_eq!(pairs, expected.iter().map(|e| e.0).collect::<Vec<_>>(), "{what}");
    for (pair, share) in expected {
        assert!((moves[*pair] - share).abs() < 0.01, "{what}: {pair} {} instead of {share}", moves[*pair]);
    }
}

const ABC: [(&str, u32); 3] = [("a", 50), ("b", 30), ("c", 20)];

#[test]
fn a_change_moves_only_those_whom_it_must() {
    let of = |shares: &[(&str, u32)]| firsts(&healthy(&weights(shares, "")), true, FEWER);
    let before = of(&ABC);
    let added = of(&[("d", 100), ("c", 20), ("a", 50), ("b", 30)]);
    check("added, and the file's order turned over", &before, &added, &[("a>d", 0.25), ("b>d", 0.15), ("c>d", 0.1)]);
    check("removed", &before, &of(&ABC[..2]), &[("c>a", 0.125), ("c>b", 0.075)]);
    check("raised", &before, &of(&[("a", 50), ("b", 30), ("c", 120)]), &[("a>c", 0.25), ("b>c", 0.15)]);
    let failed = world(&weights(&ABC, ""), |inputs| inputs.verdicts[2] = verdict(Health::Down));
    check("failed", &before, &firsts(&failed, true, FEWER), &[("c>a", 0.125), ("c>b", 0.075)]);
}

#[test]
fn phases_move_only_those_whom_they_must() {
    let policy = weights(&ABC, "[[step]]\ndo = \"capacity\"\n");
    let of = |change: &dyn Fn(&mut Inputs)| firsts(&world(&policy, change), false, FEWER);
    let whole = of(&|_| {});
    let ramp = |share| of(&move |inputs| inputs.ramps[2] = Ramp { share, trial: false });
    let (none, tenth, half) = (ramp(0.0), ramp(0.1), ramp(0.5));
    check("a tenth of its way back", &none, &tenth, &[("a>c", 0.0125), ("b>c", 0.0075)]);
    check("half", &tenth, &half, &[("a>c", 0.05), ("b>c", 0.03)]);
    check("whole", &half, &whole, &[("a>c", 0.0625), ("b>c", 0.0375)]);

    let admits = |share| of(&move |inputs| inputs.admits[0] = share);
    let (most, half) = (admits(0.8), admits(0.5));
    check("a is full", &whole, &most, &[("a>b", 0.06), ("a>c", 0.04)]);
    check("and fuller", &most, &half, &[("a>b", 0.09), ("a>c", 0.06)]);

    let lead = |share| {
        of(&move |inputs| {
            let leads = [0, 1].map(|behind| Lead { share, ..Lead::whole(2, behind, Metric::StallRatio) }).to_vec();
            let standing = Arc::new(Standing::new(vec![None; 3], leads));
            inputs.standings[1] = Arc::new(Standings::from([(Audience::World, standing)]));
        })
    };
    let (some, more, all) = (lead(0.2), lead(0.6), lead(1.0));
    check("c passes both, for a fifth", &whole, &some, &[("a>c", 0.1), ("b>c", 0.06)]);
    check("for three", &some, &more, &[("a>c", 0.2), ("b>c", 0.12)]);
    check("for all", &more, &all, &[("a>c", 0.2), ("b>c", 0.12)]);
}

#[test]
fn pathways_that_return_together_carry_no_more_than_their_part() {
    let policy = weights(&ABC, "");
    let snapshot = world(&policy, |inputs| {
        inputs.ramps[0] = Ramp { share: 0.2, trial: false };
        inputs.ramps[1] = Ramp { share: 0.2, trial: false };
    });
    let firsts = firsts(&snapshot, true, FEWER);
    let got = counted(&firsts);
    assert!((got["a"] - 0.1).abs() < 0.01 && (got["b"] - 0.06).abs() < 0.01, "{got:?}");
}

/// Many askers with keys of their own, each decided for.
fn brute_force(snapshot: &Snapshot, asker: &Asker, many: u64) -> Vec<f64> {
    let service = &snapshot.services[0];
    let mut numbers = crate::testing::Numbers(11);
    let mut counts = vec![0.0; service.policy.pathways.len()];
    for _ in 0..many {
        let mut key = |of: Option<u64>| of.map(|_| numbers.next());
        let (session, prefix, content) = (key(asker.session), key(asker.prefix), key(asker.content));
        let someone = Asker { session, prefix, content, ..*asker };
        let first = decide_for(service, &someone, now(), &mut ()).first(&service.policy, asker.via);
        if let Some(first) = first {
            counts[usize::from(first)] += 1.0 / many as f64;
        }
    }
    counts
}

fn near(what: &str, told: &[f64], counted: &[f64], by: f64) {
    let off = told.iter().zip(counted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off < by, "{what}: {told:?} is not {counted:?}");
}

#[test]
fn shares_are_told_exactly() {
    let share = |force: f32| Override {
        id: 1,
        service: "*".into(),
        pathway: "a".into(),
        place: OverridePlace::default(),
        force: Force::Share(force),
        author: "ana".into(),
        reason: "a test".into(),
        since: now(),
        expires: None,
    };
    let more = "[[step]]\ndo = \"capacity\"\n[[step]]\ndo = \"explore\"\nshare = 0.2\n";
    let snapshot = world(&weights(&[("a", 50), ("b", 30), ("c", 20), ("d", 5)], more), |inputs| {
        inputs.overrides = [share(0.7)].into();
        inputs.ramps[1] = Ramp { share: 0.4, trial: false };
        inputs.admits = vec![0.6, 0.9, 0.5, 1.0];
        let leads = vec![
            Lead { share: 0.3, ..Lead::whole(2, 0, Metric::StallRatio) },
            Lead { share: 0.5, ..Lead::whole(3, 1, Metric::StallRatio) },
        ];
        let standing = Arc::new(Standing::new(vec![None; 4], leads));
        inputs.standings[1] = Arc::new(Standings::from([(Audience::World, standing)]));
    });
    let service = &snapshot.services[0];
    let asker = service.asker(&Client { via: Via::Hls, session: Some("s"), ..client("192.0.2.1", 22, "DE") }, now());
    let told = exactly(service, &asker, now()).unwrap();
    assert!((told.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{told:?}");
    near("by many", &told, &brute_force(&snapshot, &asker, 40_000), 0.01);
    near("by fewer", &told, &nearly(service, &asker, now()), 0.016);
    let plain = healthy(&weights(&ABC, ""));
    assert_eq!(shares(&plain.services[0], &asker, now()), [0.5, 0.3, 0.2], "to the last bit");
}

#[test]
fn shares_are_told_right_in_any_world() {
    let (mut worlds, mut ways) = (Worlds::new(8), [0, 0]);
    for _ in 0..60 {
        let snapshot = worlds.next();
        let service = &snapshot.services[0];
        let asker = service.asker(&worlds.client().as_client(), now());
        let exact = exactly(service, &asker, now());
        ways[usize::from(exact.is_some())] += 1;
        let (told, by) = exact.map_or_else(|| (nearly(service, &asker, now()), 0.07), |told| (told, 0.06));
        near(&format!("{:?}", service.policy.steps), &told, &brute_force(&snapshot, &asker, 2_000), by);
    }
    assert!(ways[1] > 40, "most are told exactly: {ways:?}");
}
