//! Each kind of step, by its result: tiers between bars, those set aside after the slash.

use std::{collections::HashMap, sync::Arc};

use chrono::TimeDelta;
use fairway_policies::{Metric, Policy};

use crate::{
    cells::Audience,
    client::{Client, Via},
    decide::{Reason, decide},
    health::Health::{Degraded, Down, Drained, Up},
    snapshot::{Service, Snapshot},
    standing::{Known, Lead, Standing},
    testing::{client, decision, healthy, now, order, policy, snapshot, unwell, verdict},
};

const ABC: [&str; 3] = ["a", "b", "c"];
const HEALTHY: &str = "[[step]]\ndo = \"healthy\"\n";
const RANK: &str = "[[step]]\ndo = \"rank\"\nby = [\"stall_ratio\"]\n";

/// The order for a German client.
fn german(snapshot: &Snapshot) -> String {
    order(&snapshot.services[0].policy, &decision(snapshot, &client("192.0.2.1", 22, "DE")))
}

#[test]
fn without_steps_all_are_equals_in_file_order_for_everyone() {
    let snapshot = healthy(&policy(&ABC, ""));
    let decision = decision(&snapshot, &client("192.0.2.1", 22, "DE"));
    assert_eq!(order(&snapshot.services[0].policy, &decision), "a b c");
    assert_eq!((decision.ttl, decision.holds.to_string().as_str(), decision.panic), (20, "0.0.0.0/0", false));
}

#[test]
fn healthy_sets_the_unfit_aside_least_bad_first() {
    let policy = policy(&["a", "b", "c", "d"], HEALTHY);
    assert_eq!(german(&unwell(&policy, &[("a", Drained), ("b", Down), ("c", Degraded)])), "c d / b a");
}

#[test]
fn when_all_are_unfit_all_are_kept() {
    let policy = policy(&ABC, HEALTHY);
    let snapshot = unwell(&policy, &[("a", Down), ("b", Drained), ("c", Down)]);
    let mut reports = Vec::new();
    let decision = decide(&snapshot, &snapshot.services[0], &client("192.0.2.1", 22, "DE"), now(), &mut reports);
    assert_eq!(order(&policy, &decision), "a b c");
    assert!(decision.panic);
    assert!(matches!(reports[0].reasons[..], [(0, Reason::Panic(_)), (1, Reason::Panic(_)), (2, Reason::Panic(_))]));
}

#[test]
fn a_fence_holds_whatever_fails() {
    let fence = "[[step]]\ndo = \"fence\"\nnever = [\"c\"]\nwhen = { country = [\"DE\"] }\n";
    for steps in [format!("{HEALTHY}{fence}"), format!("{fence}{HEALTHY}")] {
        let policy = policy(&ABC, &steps);
        assert_eq!(german(&unwell(&policy, &[])), "a b");
        assert_eq!(german(&unwell(&policy, &[("a", Down)])), "b / a");
        let all_inside_down = unwell(&policy, &[("a", Down), ("b", Down)]);
        assert_eq!(
            german(&all_inside_down),
            "a b",
            "the unfit inside the fence rather than nobody, or the one outside"
        );
        assert!(decision(&all_inside_down, &client("192.0.2.1", 22, "DE")).panic);
        assert_eq!(german(&unwell(&policy, &[("c", Down)])), "a b", "and not aside either");
        let french = decision(&all_inside_down, &client("192.0.2.1", 22, "FR"));
        assert_eq!(order(&policy, &french), "c / a b");
    }
}

#[test]
fn fences_that_allow_nobody_leave_nobody() {
    let only = "[[step]]\ndo = \"fence\"\nonly = [\"a\"]\nwhen = { continent = [\"EU\"] }\n";
    let never = "[[step]]\ndo = \"fence\"\nnever = [\"a\"]\nwhen = { country = [\"DE\"] }\n";
    let policy = policy(&ABC, &format!("{only}{never}"));
    let decision = decision(&healthy(&policy), &client("192.0.2.1", 22, "DE"));
    assert_eq!((order(&policy, &decision).as_str(), decision.panic), ("", false));
    assert_eq!(decision.for_dns(&policy), None);
}

#[test]
fn prefer_moves_its_tiers_to_the_front_and_keeps_what_earlier_steps_made() {
    let prefer = |tiers: &str| format!("[[step]]\ndo = \"prefer\"\ntiers = {tiers}\n");
    let abcd = ["a", "b", "c", "d"];
    let order = |steps: &[String]| german(&healthy(&policy(&abcd, &steps.concat())));
    assert_eq!(order(&[prefer("[[\"c\"]]")]), "c | a b d");
    assert_eq!(order(&[prefer("[[\"d\", \"b\"], [\"a\"]]")]), "b d | a | c");
    assert_eq!(order(&[prefer("[[\"c\"]]"), prefer("[[\"a\", \"c\"], [\"d\"]]")]), "c | a | d | b");
}

fn ranked(policy: &Arc<Policy>, leads: &[(u8, u8)]) -> Snapshot {
    let by = Metric::StallRatio;
    let leads = leads.iter().map(|(ahead, behind)| Lead { ahead: *ahead, behind: *behind, by }).collect();
    let known =
        Known { level: Audience::World, sessions: 50, most: 50, starts: 50, values: vec![(by, 0.01)], at: now() };
    let standing = Standing::new(vec![Some(known); policy.pathways.len()], leads);
    let standings = vec![Arc::default(), Arc::new(HashMap::from([(Audience::World, standing)]))];
    let verdicts = vec![verdict(Up); policy.pathways.len()];
    snapshot(Service::new(policy.clone(), verdicts, standings, None, Arc::default()))
}

#[test]
fn rank_lets_the_better_pass_and_splits_tiers_only_there() {
    let flat = policy(&ABC, &format!("{HEALTHY}{RANK}"));
    let order = |leads: &[(u8, u8)]| german(&ranked(&flat, leads));
    assert_eq!(order(&[]), "a b c", "nobody beats anybody: equals still");
    assert_eq!(order(&[(1, 0)]), "b | a c", "b passed a; c, which nobody beat, is a's equal");
    assert_eq!(order(&[(2, 0), (2, 1)]), "c | a b");
    assert_eq!(order(&[(0, 2)]), "a b | c", "a tier never holds one that another in it beats");
    assert_eq!(order(&[(2, 0)]), "b c | a", "a is out of first place though b alone does not beat it");
    assert_eq!(order(&[(0, 1), (1, 2), (2, 0)]), "a | b | c", "a circle is broken by the order there was");
    let tiers = "[[step]]\ndo = \"prefer\"\ntiers = [[\"a\"]]\n";
    let preferred = policy(&ABC, &format!("{tiers}{RANK}"));
    let order = |leads: &[(u8, u8)]| german(&ranked(&preferred, leads));
    assert_eq!(order(&[(1, 2)]), "a | b | c");
    assert_eq!(order(&[(1, 0), (2, 0)]), "b c | a", "better by the margin passes a preference");
}

#[test]
fn the_narrowest_standing_speaks_for_a_client() {
    let policy = policy(&["a", "b"], &format!("{HEALTHY}{RANK}"));
    let leads = |leads: Vec<Lead>| Standing::new(vec![None, None], leads);
    let by = Metric::StallRatio;
    let standings = HashMap::from([
        (Audience::World, leads(vec![])),
        (Audience::Country("DE".parse().unwrap()), leads(vec![Lead { ahead: 1, behind: 0, by }])),
    ]);
    let standings = vec![Arc::default(), Arc::new(standings)];
    let snapshot = snapshot(Service::new(policy.clone(), vec![verdict(Up); 2], standings, None, Arc::default()));
    let german = decision(&snapshot, &client("192.0.2.1", 22, "DE"));
    assert_eq!((order(&policy, &german).as_str(), german.holds.to_string().as_str()), ("b | a", "192.0.0.0/22"));
    let french = decision(&snapshot, &client("198.51.100.1", 15, "FR"));
    assert_eq!((order(&policy, &french).as_str(), french.holds.to_string().as_str()), ("a b", "198.50.0.0/15"));
    let mut at = Client::at(client("192.0.2.1", 22, "DE").located.place, Via::Http, None);
    assert_eq!(order(&policy, &decision(&snapshot, &at)), "b | a", "a place may be asked about without an address");
    at.located.place.country = None;
    assert_eq!(order(&policy, &decision(&snapshot, &at)), "a b");
}

#[test]
fn weights_put_those_without_a_share_last_in_their_tier() {
    let weights = "[[step]]\ndo = \"weights\"\nshares = { c = 5, d = 0 }\n";
    let policy = policy(&["a", "b", "c", "d"], weights);
    let snapshot = healthy(&policy);
    let decision = decision(&snapshot, &client("192.0.2.1", 22, "DE"));
    assert_eq!(order(&policy, &decision), "c a b d");
    assert_eq!(decision.ranked[0].weight, 5);
    assert_eq!(decision.holds.to_string(), "0.0.0.0/0", "one share is no choice: nothing was hashed");
}

#[test]
fn an_unsettled_answer_lives_half_as_long() {
    let policy = policy(&ABC, HEALTHY);
    let ttl = |change: &dyn Fn(&mut Service)| {
        let mut snapshot = healthy(&policy);
        change(&mut snapshot.services[0]);
        decision(&snapshot, &client("192.0.2.1", 22, "DE")).ttl
    };
    assert_eq!(ttl(&|_| {}), 20);
    assert_eq!(ttl(&|s| s.verdicts[2].health = Degraded), 10);
    assert_eq!(ttl(&|s| s.verdicts[2].health = Down), 20, "a pathway long down is no news");
    assert_eq!(ttl(&|s| s.verdicts[2].since = now() - TimeDelta::seconds(59)), 10);
    assert_eq!(ttl(&|s| s.verdicts[2].since = now() - TimeDelta::seconds(60)), 20);
    let short = |s: &mut Service| {
        s.policy = Arc::new(Policy { ttl: 6, ..(*s.policy).clone() });
        s.verdicts[0].health = Degraded;
    };
    assert_eq!(ttl(&short), 5, "never under the floor");
}

#[test]
fn dns_answers_the_first_that_it_can_and_lists_have_everyone() {
    let text = "[[pathway]]\nid = \"h\"\nurl = \"http://h.fairway.test/\"\n".to_owned() + HEALTHY;
    let policy = policy(&["a", "b"], &text);
    let ask = |unwell: &[_]| {
        let decision = decision(&crate::testing::unwell(&policy, unwell), &client("192.0.2.1", 22, "DE"));
        let list: Vec<_> = decision.priority(&policy).map(|p| p.id.as_str()).collect();
        (decision.for_dns(&policy).map(|(p, _)| p), list.join(" "))
    };
    assert_eq!(ask(&[]), (Some(0), "a b h".into()));
    assert_eq!(ask(&[("a", Down)]), (Some(1), "b h a".into()));
    assert_eq!(ask(&[("a", Down), ("b", Down)]), (Some(0), "h a b".into()), "h has no address, so the unfit one");
}
