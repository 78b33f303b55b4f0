use std::{collections::HashMap, sync::Arc};

use fairway_policies::Metric;

use super::*;
use crate::{
    cells::Audience,
    health::Health,
    standing::Lead,
    testing::{client, now, policy, snapshot, unwell, verdict},
};

const STEPS: &str = r#"
[[step]]
do = "healthy"
[[step]]
do = "fence"
never = ["d"]
[[step]]
do = "prefer"
tiers = [["a"]]
when = { country = ["FR"] }
[[step]]
do = "rank"
by = ["stall_ratio"]
[[step]]
do = "weights"
shares = { a = 60, b = 40 }
"#;

/// In Germany a stalls; c is down; d is fenced out; e is new.
fn story() -> Explanation {
    let policy = policy(&["a", "b", "c", "d", "e"], STEPS);
    let germany = Audience::Country("DE".parse().unwrap());
    let known = |level, sessions, ratio| {
        Some(Known {
            level,
            sessions,
            most: sessions,
            starts: sessions,
            values: vec![(Metric::StallRatio, ratio)],
            at: now(),
        })
    };
    let known = vec![known(germany, 41, 0.061), known(Audience::World, 310, 0.004), None, None, None];
    let standing = Standing::new(known, vec![Lead { ahead: 1, behind: 0, by: Metric::StallRatio }]);
    let mut standings = vec![Arc::default(); 3];
    standings.push(Arc::new(HashMap::from([(germany, standing)])));
    let healths = [Health::Up, Health::Up, Health::Down, Health::Up, Health::Up];
    let cells_at = now().timestamp_millis() - 3000;
    let service = Service::new(policy, healths.map(verdict).to_vec(), standings, Some(cells_at), Arc::default());
    let snapshot = snapshot(service);
    explain(&snapshot, &snapshot.services[0], &client("192.0.2.1", 22, "DE"), now())
}

#[test]
fn the_whole_story_in_text() {
    let text = story().render_text();
    let expected = "\
live over dns, asked by 192.0.2.1 in DE, EU, as all of 192.0.0.0/22
snapshot 7, 1.0 s old; cells: 3.0 s old
";
    assert!(text.starts_with(expected), "{text}");
    for line in [
        "   c  aside       down: 2 probes in a row failed: connection refused (for 60 min)\n",
        "   d  dropped     not allowed here\n",
        "   not for this client\n",
        "   a  moved down  was passed by b: stall ratio 0.4 % (world, 310 sessions) against 6.1 % (country DE, 41 sessions) \
         (stall ratio 6.1 %, sessions 41)\n",
        "   b  moved up    passed a: stall ratio 0.4 % (world, 310 sessions) against 6.1 % (country DE, 41 sessions) \
         (stall ratio 0.4 %, sessions 310)\n",
        "   e  kept        not compared: fewer than 25 sessions in every audience\n",
        "   a  weighed     share 60\n",
        "   e  weighed     has no share: after those that have\n",
        "   → b 40 > a 60 = e 0\n",
        "DNS   live.fairway.test 20 IN A 127.0.1.1\n      b, the same for all of 192.0.0.0/22\n",
        "HTTP  b, a, e, c, for 20 s\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn what_a_person_should_know_first_is_said_first() {
    let policy = policy(&["a", "b"], STEPS.replace("\"d\"", "\"b\"").as_str());
    let snapshot = unwell(&policy, &[("a", Health::Down), ("b", Health::Down)]);
    let told = explain(&snapshot, &snapshot.services[0], &client("192.0.2.1", 22, "DE"), now());
    assert_eq!(
        told.warnings,
        [
            "nothing is healthy, so every pathway that the fences allow is kept (panic)",
            "no cells yet: `rank` has nothing to compare",
            "the TTL is 10 s instead of 20 s: a pathway in the answer is not up, or its verdict is under a minute old",
        ]
    );
    assert_eq!(told.http.priority, ["a"]);
}

#[test]
fn a_place_is_explained_without_an_address() {
    let policy = policy(&["a", "b"], STEPS.replace("\"d\"", "\"b\"").as_str());
    let snapshot = unwell(&policy, &[]);
    let place = client("192.0.2.1", 22, "FR").located.place;
    let told = explain(&snapshot, &snapshot.services[0], &Client::at(place, crate::Via::Hls, None), now());
    assert_eq!((told.client.address, told.client.prefix, told.client.country.as_deref()), (None, None, Some("FR")));
    assert!(told.steps[2].applied);
}

#[test]
fn what_rank_goes_by_is_said_to_be_old() {
    let policy = policy(&["a", "b"], STEPS.replace("\"d\"", "\"b\"").as_str());
    let hour = chrono::TimeDelta::hours(3);
    let told = |standings: HashMap<Audience, Standing>| {
        let mut all = vec![Arc::default(); 3];
        all.push(Arc::new(standings));
        let cells_at = Some((now() - hour).timestamp_millis());
        let service = Service::new(policy.clone(), vec![verdict(Health::Up); 2], all, cells_at, Arc::default());
        let snapshot = snapshot(service);
        explain(&snapshot, &snapshot.services[0], &client("192.0.2.1", 22, "DE"), now())
    };
    let values = vec![(Metric::StallRatio, 0.02)];
    let known = Known { level: Audience::World, sessions: 50, most: 50, starts: 50, values, at: now() - hour };
    let kept = told(HashMap::from([(Audience::World, Standing::new(vec![Some(known), None], Vec::new()))]));
    assert_eq!(kept.warnings, ["the newest cells are 3 h old: `rank` goes by what was known then"]);
    let text = kept.render_text();
    assert!(
        text.contains("a  kept        stays; measured for world (stall ratio 2.0 %, sessions 50, age 3 h)"),
        "{text}"
    );
    assert_eq!(told(HashMap::new()).warnings, ["the newest cells are 3 h old: `rank` has nothing to compare"]);
}
