//! Each kind of step, by its result: tiers between bars, those set aside after the slash.

use std::sync::Arc;

use chrono::TimeDelta;
use fairway_geo::Coordinates;
use fairway_policies::{Metric, Policy};

use super::{equipped, world};
use crate::{
    cells::Audience,
    client::{Client, Via},
    decide::{Reason, StepReport, decide},
    estimates::Known,
    health::Health::{Degraded, Down, Drained},
    overrides::{Force, Override, OverridePlace},
    snapshot::{Inputs, Ramp, Snapshot},
    standing::{Lead, Standing, Standings},
    testing::{client, decision, healthy, now, order, policy, unwell, verdict},
};

const ABC: [&str; 3] = ["a", "b", "c"];
const HEALTHY: &str = "[[step]]\ndo = \"healthy\"\n";
const RANK: &str = "[[step]]\ndo = \"rank\"\nby = [\"stall_ratio\"]\n";

/// The order for a German client.
fn german(snapshot: &Snapshot) -> String {
    let german = Client { via: Via::Hls, ..client("192.0.2.1", 22, "DE") };
    order(&snapshot.services[0].policy, &decision(snapshot, &german))
}

#[test]
fn without_steps_all_are_equals_in_file_order_for_everyone() {
    let snapshot = healthy(&policy(&ABC, ""));
    let decision = decision(&snapshot, &client("192.0.2.1", 22, "DE"));
    assert_eq!(order(&snapshot.services[0].policy, &decision), "a b c");
    assert_eq!((decision.ttl, decision.panic), (20, false));
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
    let reasons = &reports[0].reasons;
    assert!(reasons.len() == 3 && reasons.iter().all(|(_, reason)| matches!(reason, Reason::Panic { .. })));
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
    let leads = leads.iter().map(|(ahead, behind)| Lead::whole(*ahead, *behind, by)).collect();
    let known = Known::sure(Audience::World, 50, &[(by, 0.01)], now());
    let standing = Standing::new(vec![Some(known); policy.pathways.len()], leads);
    world(policy, |inputs| speaking(inputs, [(Audience::World, standing)]))
}

/// What the second step, `rank`, goes by.
fn speaking<const N: usize>(inputs: &mut Inputs, standings: [(Audience, Standing); N]) {
    let standings = standings.map(|(audience, standing)| (audience, Arc::new(standing)));
    inputs.standings = vec![Arc::default(), Arc::new(Standings::from(standings))];
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
    let standing = |leads: Vec<Lead>| Standing::new(vec![None, None], leads);
    let germany = Audience::Country("DE".parse().unwrap());
    let lead = Lead::whole(1, 0, Metric::StallRatio);
    let snapshot = world(&policy, |inputs| {
        speaking(inputs, [(Audience::World, standing(vec![])), (germany, standing(vec![lead]))]);
    });
    let order_of = |client: &Client<'_>| order(&policy, &decision(&snapshot, client));
    assert_eq!(order_of(&client("192.0.2.1", 22, "DE")), "b | a");
    assert_eq!(order_of(&client("198.51.100.1", 15, "FR")), "a b");
    let mut at = Client::at(client("192.0.2.1", 22, "DE").located.place, Via::Http, None);
    assert_eq!(order_of(&at), "b | a", "a place may be asked about without an address");
    at.located.place.country = None;
    assert_eq!(order_of(&at), "a b");
}

#[test]
fn a_lead_under_way_says_who_waits() {
    let policy = policy(&["a", "b"], &format!("{HEALTHY}{RANK}"));
    let lead = Lead { share: 0.5, ..Lead::whole(1, 0, Metric::StallRatio) };
    let snapshot =
        world(&policy, |inputs| speaking(inputs, [(Audience::World, Standing::new(vec![None, None], vec![lead]))]));
    let (mut moved, mut waits) = (0, 0);
    for session in (0..200).map(|n| format!("s{n}")) {
        let someone = Client { session: Some(&session), ..client("192.0.2.1", 22, "DE") };
        let (text, reports) = told(&snapshot, &someone);
        match &reports[1].reasons[..] {
            [(0, Reason::Compared { by, waiting, .. }), _] if *by == [1] => {
                assert!(waiting.is_empty());
                assert_eq!(text, "b | a");
                moved += 1;
            }
            [(0, Reason::Compared { by, waiting, .. }), _] => {
                assert_eq!((by.len(), &waiting[..], text.as_str()), (0, &[lead][..], "a b"));
                waits += 1;
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(decision(&snapshot, &someone).ttl, policy.ttl_min);
    }
    assert!(moved > 60 && waits > 60, "{moved} {waits}");
}

/// The order, and how it came about.
fn told(snapshot: &Snapshot, client: &Client<'_>) -> (String, Vec<StepReport>) {
    let mut reports = Vec::new();
    let decision = decide(snapshot, &snapshot.services[0], client, now(), &mut reports);
    (order(&snapshot.services[0].policy, &decision), reports)
}

#[test]
fn weights_put_those_without_a_share_last_in_their_tier() {
    let weights = "[[step]]\ndo = \"weights\"\nshares = { c = 5, d = 0 }\n";
    let policy = policy(&["a", "b", "c", "d"], weights);
    let snapshot = healthy(&policy);
    let decision = decision(&snapshot, &client("192.0.2.1", 22, "DE"));
    assert_eq!(order(&policy, &decision), "c a b d");
    assert_eq!(decision.ranked[0].weight, 5);
    assert!(!decision.asked.prefix, "one share is no choice: nothing was hashed");
}

#[test]
fn an_unsettled_answer_lives_shorter() {
    let policy = equipped(&ABC, &format!("{HEALTHY}{RANK}[[step]]\ndo = \"capacity\"\n"));
    assert_eq!((policy.ttl, policy.ttl_min), (20, 5));
    let ttl = |change: &dyn Fn(&mut Inputs)| {
        decision(&world(&policy, change), &Client { via: Via::Hls, ..client("192.0.2.1", 22, "DE") }).ttl
    };
    assert_eq!(ttl(&|_| {}), 20);
    assert_eq!(ttl(&|s| s.verdicts[2].health = Degraded), 5);
    assert_eq!(ttl(&|s| s.verdicts[2].health = Down), 20, "a pathway long down is no news");
    assert_eq!(ttl(&|s| s.verdicts[2].since = now() - TimeDelta::seconds(59)), 5);
    assert_eq!(ttl(&|s| s.verdicts[2].since = now() - TimeDelta::seconds(60)), 20);
    assert_eq!(ttl(&|s| s.ramps[1] = Ramp { share: 0.5, trial: false }), 5);
    assert_eq!(ttl(&|s| s.admits[0] = 0.9), 5);
    assert_eq!(ttl(&|s| s.admits[2] = 0.9), 20, "nobody gets so far down");
    let lead = Lead { share: 0.5, ..Lead::whole(2, 1, Metric::StallRatio) };
    let standing = || Standing::new(vec![None; 3], vec![lead]);
    assert_eq!(ttl(&|s| speaking(s, [(Audience::World, standing())])), 5);
    let force = |force, seconds| Override { since: now() - TimeDelta::seconds(seconds), ..forced("c", force) };
    assert_eq!(ttl(&|s| s.overrides = [force(Force::Up, 59)].into()), 5);
    assert_eq!(ttl(&|s| s.overrides = [force(Force::Up, 60)].into()), 20);
    let moved_here = |s: &mut Inputs| {
        s.overrides = [force(Force::Up, 60)].into();
        s.verdicts[2] = verdict(Down);
        s.verdicts[2].since = now();
    };
    assert_eq!(ttl(&moved_here), 20, "what an operator says does not change with the verdict under it");
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

fn forced(pathway: &str, force: Force) -> Override {
    Override {
        id: 7,
        service: "*".into(),
        pathway: pathway.into(),
        place: OverridePlace::default(),
        force,
        author: "ana".into(),
        reason: "a test".into(),
        since: now() - TimeDelta::hours(1),
        expires: None,
    }
}

#[test]
fn what_operators_force_comes_first_and_the_last_word_holds() {
    let germany = OverridePlace { country: "DE".parse().ok(), ..OverridePlace::default() };
    let german = |pathway: &str, force| Override { place: germany, ..forced(pathway, force) };
    let order_of = |steps: &str, unwell: &[(usize, _)], overrides: Vec<Override>| {
        let policy = policy(&ABC, steps);
        let snapshot = world(&policy, |inputs| {
            unwell.iter().for_each(|(pathway, health)| inputs.verdicts[*pathway] = verdict(*health));
            inputs.overrides = overrides.into();
        });
        ["DE", "FR"].map(|country| order(&policy, &decision(&snapshot, &client("192.0.2.1", 22, country))))
    };
    assert_eq!(order_of("", &[], vec![forced("b", Force::Drained)]), ["a c / b", "a c / b"], "without any step");
    assert_eq!(order_of("", &[], vec![german("b", Force::Down)]), ["a c / b", "a b c"]);
    let (all, but) = (forced("*", Force::Drained), german("b", Force::Up));
    assert_eq!(order_of(HEALTHY, &[], vec![all.clone(), but.clone()])[0], "b / a c");
    assert_eq!(order_of(HEALTHY, &[], vec![but, all]), ["a b c", "a b c"], "all drained: in vain");
    assert_eq!(order_of(HEALTHY, &[(0, Down)], vec![forced("a", Force::Up)])[0], "a b c", "against its verdict");
    assert_eq!(order_of(HEALTHY, &[(0, Down)], vec![forced("a", Force::Share(1.0))])[0], "b c / a", "not against it");
    assert_eq!(order_of(HEALTHY, &[], vec![forced("a", Force::Share(0.0))])[0], "b c / a");
    assert_eq!(order_of(HEALTHY, &[(1, Down)], vec![forced("c", Force::Drained)])[0], "a / b c", "least bad first");
    let over = Override { expires: Some(now()), ..forced("a", Force::Down) };
    assert_eq!(order_of(HEALTHY, &[], vec![over])[0], "a b c");
}

#[test]
fn the_trace_tells_of_overrides_before_the_first_step() {
    let policy = policy(&ABC, HEALTHY);
    let snapshot = world(&policy, |inputs| {
        inputs.verdicts[0] = verdict(Down);
        inputs.overrides = [forced("a", Force::Up), forced("c", Force::Share(0.0))].into();
    });
    let (_, reports) = told(&snapshot, &client("192.0.2.1", 22, "DE"));
    assert_eq!(reports.iter().map(|r| r.step).collect::<Vec<_>>(), [None, Some(0)]);
    let force = |force, among| Reason::Forced { id: 7, force, among, in_vain: false };
    let expected = [(0, force(Force::Up, true)), (1, Reason::NotForced), (2, force(Force::Share(0.0), false))];
    assert_eq!(reports[0].reasons, expected);
    assert_eq!(reports[1].reasons[0], (0, Reason::ForcedUp { verdict: verdict(Down) }));
}

#[test]
fn panic_is_asked_of_verdicts() {
    let policy = policy(&["a", "b", "c", "d"], "[[step]]\ndo = \"healthy\"\npanic = 0.5\n");
    assert_eq!(german(&unwell(&policy, &[("a", Down), ("b", Down)])), "c d / a b");
    assert_eq!(german(&unwell(&policy, &[("a", Down), ("b", Down), ("c", Down)])), "a b c d");
    let ramps = |ramps: [f32; 4], down: &[usize]| {
        let snapshot = world(&policy, |inputs| {
            inputs.ramps = ramps.map(|share| Ramp { share, trial: false }).to_vec();
            down.iter().for_each(|pathway| inputs.verdicts[*pathway] = verdict(Down));
        });
        german(&snapshot)
    };
    assert_eq!(ramps([0.0, 0.0, 0.0, 1.0], &[]), "d / a b c", "one that comes back is no fault");
    assert_eq!(ramps([0.0, 0.0, 1.0, 1.0], &[2, 3]), "a b / c d", "nothing else is left: back at once");
}

#[test]
fn a_trial_is_for_those_who_can_afford_it_in_turn() {
    let policy = policy(&["a", "b"], HEALTHY);
    let snapshot = world(&policy, |inputs| inputs.ramps[0] = Ramp { share: 0.25, trial: true });
    let on_trial = |session: Option<&str>, buffer_ms, seconds| {
        let someone = Client { session, buffer_ms, ..client("192.0.2.1", 22, "DE") };
        let at = now() + TimeDelta::seconds(seconds);
        decide(&snapshot, &snapshot.services[0], &someone, at, &mut ()).ranked.len() == 2
    };
    let sessions: Vec<String> = (0..2000).map(|n| format!("s{n}")).collect();
    let drawn = |seconds| -> Vec<bool> { sessions.iter().map(|s| on_trial(Some(s), Some(10_000), seconds)).collect() };
    let (first, same, next) = (drawn(0), drawn(9), drawn(10));
    let count = |drawn: &[bool]| drawn.iter().filter(|d| **d).count();
    assert!((400..600).contains(&count(&first)) && (400..600).contains(&count(&next)), "a quarter");
    assert_eq!(first, same, "ten seconds long");
    let both: Vec<bool> = first.iter().zip(&next).map(|(a, b)| *a && *b).collect();
    assert!((80..180).contains(&count(&both)), "then others: {}", count(&both));
    assert!(!sessions.iter().any(|s| on_trial(Some(s), Some(9_999), 0) || on_trial(Some(s), None, 0)));
    assert!(!on_trial(None, Some(60_000), 0));
}

fn at(lat: f32, lon: f32) -> Option<Coordinates> {
    Some(Coordinates { latitude: lat, longitude: lon })
}

#[test]
fn the_nearest_goes_first_also_across_the_antimeridian() {
    let ids = ["berlin", "fiji", "samoa", "nowhere"];
    let places = [at(52.5, 13.4), at(-17.7, 178.0), at(-13.8, -171.8), None];
    let nearest = |bias: &str, from| {
        let mut policy = (*equipped(&ids, &format!("[[step]]\ndo = \"nearest\"\nsame_km = 50\n{bias}"))).clone();
        policy.pathways.iter_mut().zip(places).for_each(|(pathway, place)| pathway.location = place);
        let mut someone = client("192.0.2.1", 22, "DE");
        someone.located.place.coordinates = from;
        told(&healthy(&Arc::new(policy)), &Client { via: Via::Http, ..someone })
    };
    let (order, reports) = nearest("", at(-17.0, -179.9));
    assert_eq!(order, "fiji | samoa | berlin | nowhere");
    let Reason::Distant { km, bias } = reports[0].reasons[1].1 else { panic!("{:?}", reports[0].reasons) };
    // Two degrees and a tenth along the parallel at 17.4° S, and 0.7° of latitude.
    assert!((km - 236.0).abs() < 5.0 && bias == 0.0, "{km}");
    assert_eq!(nearest("", at(52.4, 13.1)).0, "berlin | samoa | fiji | nowhere", "over the pole");
    let (order, reports) = nearest("", None);
    assert_eq!((order.as_str(), &reports[0].reasons[0].1), ("berlin fiji samoa nowhere", &Reason::ClientNowhere));
    assert_eq!(nearest("bias_km = { samoa = -900 }", at(-17.0, -179.9)).0, "samoa | fiji | berlin | nowhere");
    let (order, _) = nearest("bias_km = { samoa = -680 }", at(-17.0, -179.9));
    assert_eq!(order, "fiji samoa | berlin | nowhere", "about as far: equals, as they stood");
}

#[test]
fn the_cheapest_of_the_first_tier_goes_first() {
    let prefer = "[[step]]\ndo = \"prefer\"\ntiers = [[\"a\", \"b\", \"c\", \"d\"]]\n";
    let policy = equipped(&["a", "b", "c", "d", "e"], &format!("{prefer}[[step]]\ndo = \"cheapest\"\ntie = 0.1\n"));
    let by = |prices: [Option<f64>; 5]| german(&world(&policy, |inputs| inputs.prices = prices.to_vec()));
    assert_eq!(by([None; 5]), "a b c d | e");
    assert_eq!(
        by([Some(10.0), Some(9.0), Some(8.5), None, Some(1.0)]),
        "b c | a | d | e",
        "9 is within a tenth of 8.5"
    );
    assert_eq!(by([Some(10.0), Some(0.0), Some(0.01), Some(0.0), None]), "b d | c | a | e", "free is its own price");
    assert_eq!(by([Some(f64::INFINITY), Some(90.0), None, Some(f64::INFINITY), None]), "b | a d | c | e");
}

#[test]
fn whom_a_full_pathway_does_not_admit_goes_to_the_next_that_does() {
    let policy = equipped(&["a", "b", "c", "d"], "[[step]]\ndo = \"capacity\"\n");
    let by = |admits: [f32; 4]| german(&world(&policy, |inputs| inputs.admits = admits.to_vec()));
    assert_eq!(by([1.0; 4]), "a b c d");
    assert_eq!(by([0.0, 0.0, 1.0, 1.0]), "c | a b d");
    assert_eq!(by([0.0; 4]), "a b c d", "if none admits, as it was");
    let snapshot = world(&policy, |inputs| inputs.admits = vec![0.0, 1.0, 0.5, 1.0]);
    let (_, reports) = told(&snapshot, &Client { via: Via::Hls, ..client("192.0.2.1", 22, "DE") });
    let full = Reason::Full { share: 0.0, to: Some(1) };
    let (admitted, not_reached) = (Reason::Admitted { share: 1.0 }, Reason::NotReached);
    assert_eq!(reports[0].reasons, [(0, full), (1, admitted), (2, not_reached.clone()), (3, not_reached)]);
}

#[test]
fn a_limit_leaves_a_list_its_last_resorts() {
    let by = |to: u32, down: &[(&str, _)]| {
        let policy = policy(&["a", "b", "c", "d"], &format!("{HEALTHY}[[step]]\ndo = \"limit\"\nto = {to}\n"));
        german(&unwell(&policy, down))
    };
    assert_eq!(by(4, &[("d", Down)]), "a b c / d");
    assert_eq!(by(2, &[("d", Down)]), "a b");
    assert_eq!(by(1, &[("d", Down)]), "a / b", "one is not enough to fail over: the next, and not the unfit");
    assert_eq!(by(3, &[("a", Down), ("b", Drained), ("c", Down)]), "d / a c");
    assert_eq!(by(1, &[("a", Down), ("b", Drained), ("c", Down)]), "d / a");
}

#[test]
fn explore_tries_one_that_does_well_and_stands_behind() {
    let explore = "[[step]]\ndo = \"explore\"\nshare = 0.1\nevery = \"60s\"\n";
    let policy = policy(&["a", "b", "c", "d"], &format!("{HEALTHY}{explore}"));
    let snapshot = world(&policy, |inputs| {
        inputs.verdicts[2] = verdict(Degraded);
        inputs.ramps[3] = Ramp { share: 0.9, trial: false };
    });
    let first = |n: usize, seconds| {
        let session = format!("s{n}");
        let someone = Client { session: Some(&session), ..client("192.0.2.1", 22, "DE") };
        let at = now() + TimeDelta::seconds(seconds);
        decide(&snapshot, &snapshot.services[0], &someone, at, &mut ()).ranked[0]
    };
    let explorers = |seconds| -> Vec<usize> { (0..2000).filter(|n| first(*n, seconds).pathway != 0).collect() };
    let (now, then) = (explorers(0), explorers(60));
    assert!((150..250).contains(&now.len()), "{}", now.len());
    assert!(now.iter().all(|n| first(*n, 0).pathway == 1), "neither the degraded nor the one coming back");
    assert_eq!(now, explorers(59 - crate::testing::now().timestamp() % 60));
    assert!(now.iter().filter(|n| then.contains(n)).count() < 50, "others have their turn");
}

#[test]
fn what_clients_stick_by_splits_equals() {
    let stick = |by: &str| policy(&["a", "b"], &format!("[[step]]\ndo = \"stick\"\nby = \"{by}\"\n"));
    let first = |by: &str, session: &str, content: Option<&str>, address: &str| {
        let someone = Client { session: Some(session), content, via: Via::Hls, ..client(address, 22, "DE") };
        decision(&healthy(&stick(by)), &someone).ranked[0].pathway
    };
    let many = |each: &dyn Fn(&str) -> u8| (0..400).map(|n| usize::from(each(&n.to_string()))).sum::<usize>();
    let even = 150..250;
    assert!(even.contains(&many(&|n| first("session", n, Some("t"), "192.0.2.1"))));
    assert!([0, 400].contains(&many(&|n| first("content", n, Some("t"), "192.0.2.1"))), "one title, one pathway");
    assert!(even.contains(&many(&|n| first("content", "s", Some(n), "192.0.2.1"))));
    assert!(even.contains(&many(&|n| first("content", n, None, "192.0.2.1"))), "by session, where it is not known");
    assert!([0, 400].contains(&many(&|n| first("prefix", n, Some(n), "192.0.2.1"))));
}
