//! The files that Fairway ships say what the quick start promises.

use fairway_policies::{Metric, PathSet, PathwayAnswer, Policy, Problem, StepKind, describe, lint, parse};

fn live() -> Result<Policy, Vec<Problem>> {
    parse("live.policy.toml", include_str!("../live.policy.toml"))
}

#[test]
fn the_service_is_as_the_quick_start_says() {
    let live = live().unwrap();
    assert_eq!((live.service.as_str(), live.names.as_slice()), ("live", ["live.fairway.test".to_owned()].as_slice()));
    for (i, id) in ["cdn-a", "cdn-b", "cdn-c"].into_iter().enumerate() {
        assert_eq!(live.pathway(id), Some(i));
        let pathway = &live.pathways[i];
        let address = format!("127.0.1.{}", i + 1).parse().unwrap();
        assert_eq!(pathway.url, format!("http://{id}.fairway.test:8090/"));
        assert_eq!(pathway.answer, PathwayAnswer::Addresses(vec![address]));
        assert!(pathway.probe.is_some() && pathway.capacity.is_some());
        assert_eq!(pathway.hosts().collect::<Vec<_>>(), [format!("{id}.fairway.test"), format!("127.0.1.{}", i + 1)]);
        assert!(pathway.hosts().all(|host| pathway.is_at(&host)) && !pathway.is_at("127.0.1.9"));
    }
}

#[test]
fn the_chain_lets_health_and_viewers_overrule_preference() {
    let live = live().unwrap();
    let lines: Vec<String> = live.steps.iter().map(|step| describe(&live, step)).collect();
    assert_eq!(
        lines,
        [
            "set aside what is down or drained",
            "prefer cdn-a when country is DE, AT or CH",
            "prefer cdn-b when continent is SA",
            "prefer cdn-c when continent is AS",
            "rank by start failures, then request errors, then stall ratio, then startup time: 33 % better passes, from \
             5 sessions on, 50 % at a time every 5.0 s",
            "split equals: cdn-a 40, cdn-b 30, cdn-c 30",
            "5 % try another, others every 30 s",
            "fill each to 90 % of its capacity, the rest goes on",
        ]
    );
    let StepKind::Rank(rank) = &live.steps[4].kind else { panic!("the fifth step ranks") };
    assert_eq!(rank.by.metrics().next(), Some(Metric::StartFailures));
    let StepKind::Prefer(prefer) = &live.steps[1].kind else { panic!("the second step prefers") };
    assert_eq!(prefer.tiers, [PathSet(0b001)]);
}

#[test]
fn the_steered_name_is_not_in_the_static_zone() {
    let zone = include_str!("../fairway.test.zone");
    let owners = zone.lines().filter_map(|line| line.split_whitespace().next());
    assert!(!owners.into_iter().any(|owner| owner == "live" || owner.starts_with("live.")));
}

#[test]
fn it_says_what_it_is_meant_to_do() {
    let live = live().unwrap();
    assert!(live.tests.len() >= 5 && live.tests.iter().all(|test| !test.name.is_empty()));
    assert_eq!(lint("live.policy.toml", &live, None), []);
}
