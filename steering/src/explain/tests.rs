use std::sync::Arc;

use chrono::TimeDelta;
use fairway_policies::Metric;

use super::*;
use crate::{
    cells::Audience,
    estimates::Known,
    health::Health,
    overrides::{Force, Override, OverridePlace},
    snapshot::{Inputs, Ramp},
    standing::{Lead, Standing, Standings},
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

fn known(level: Audience, sessions: u64, ratio: f32) -> Option<Known> {
    Some(Known::sure(level, sessions, &[(Metric::StallRatio, ratio)], now()))
}

/// In Germany a stalls; c is down; d is fenced out; e is new.
fn inputs(lead: Lead) -> Inputs {
    let germany = Audience::Country("DE".parse().unwrap());
    let known = vec![known(germany, 41, 0.061), known(Audience::World, 310, 0.004), None, None, None];
    let standing = Arc::new(Standing::new(known, vec![lead]));
    let mut standings = vec![Arc::default(); 3];
    standings.push(Arc::new(Standings::from([(germany, standing)])));
    let healths = [Health::Up, Health::Up, Health::Down, Health::Up, Health::Up];
    let cells_at_ms = Some(now().timestamp_millis() - 3000);
    Inputs { verdicts: healths.map(verdict).to_vec(), standings, cells_at_ms, ..Inputs::default() }
}

fn story(inputs: Inputs, session: Option<&str>) -> Explanation {
    let policy = policy(&["a", "b", "c", "d", "e"], STEPS);
    let snapshot = snapshot(Service::new(policy, inputs, Arc::default()));
    let via = if session.is_some() { Via::Hls } else { Via::Dns };
    let client = Client { session, via, ..client("192.0.2.1", 22, "DE") };
    explain(&snapshot, &snapshot.services[0], &client, now())
}

const LEAD: Lead = Lead { ahead: 1, behind: 0, by: Metric::StallRatio, share: 1.0, step: 1.0 };

fn says(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn the_whole_story_in_text() {
    let text = story(inputs(LEAD), None).render_text();
    let expected = "\
live over dns, asked by 192.0.2.1 in DE, EU, as all of 192.0.0.0/22
snapshot 7, 1.0 s old; cells: 3.0 s old
";
    assert!(text.starts_with(expected), "{text}");
    says(
        &text,
        &[
            "   c  aside       down: 2 probes in a row failed: connection refused (for 60 min)\n",
            "   d  dropped     not allowed here\n",
            "   not for this client\n",
            "   a  moved down  was passed by b: stall ratio 0.4 % (world, 310 sessions) against 6.1 % (country DE, 41 sessions) \
             (stall ratio 6.1 %, sessions 41)\n",
            "   b  moved up    passed a: stall ratio 0.4 % (world, 310 sessions) against 6.1 % (country DE, 41 sessions) \
             (stall ratio 0.4 %, sessions 310)\n",
            "   e  kept        not compared: nothing is known of it\n",
            "   a  weighed     share 60\n",
            "   e  weighed     has no share: after those that have\n",
            "   → b 40 > a 60 = e 0\n",
            "DNS   live.fairway.test 20 IN A 127.0.1.1\n      b, the same for all of 192.0.0.0/22\n",
            "HTTP  b, a, e, c, for 20 s\n",
        ],
    );
}

#[test]
fn a_client_in_transition_is_told_whether_it_is_among_those_moved() {
    let moving = || {
        let mut inputs = inputs(Lead { share: 0.3, ..LEAD });
        inputs.ramps = vec![Ramp::default(); 5];
        inputs.ramps[4] = Ramp { share: 0.25, trial: false };
        inputs
    };
    let texts: Vec<String> = (0..60).map(|n| story(moving(), Some(&format!("s{n}"))).render_text()).collect();
    let (moved, waits): (Vec<&String>, Vec<&String>) = texts.iter().partition(|text| text.contains("was passed by b"));
    assert!(moved.len() > 8 && waits.len() > 25, "{} {}", moved.len(), waits.len());
    let numbers = "stall ratio 0.4 % (world, 310 sessions) against 6.1 % (country DE, 41 sessions)";
    for text in moved {
        let phase = "for 30 % of country DE so far, this client among them";
        says(text, &[&format!("a  moved down  was passed by b: {numbers}, {phase}")]);
    }
    for text in waits {
        let phase = "for 30 % of country DE so far, this client not among them";
        let stays = "a  kept        stays; measured for country DE; is being passed by b";
        says(text, &[&format!("{stays}: {numbers}, {phase}")]);
    }
    let back = "passed; coming back, for 25 % of clients so far, this one";
    for text in &texts {
        let aside = text.contains("   e  aside ");
        says(text, &[&format!("{back} {}", if aside { "not among them" } else { "among them" })]);
        says(
            text,
            &[
                "! the TTL is 10 s instead of 20 s: e is coming back; b is passing a\n",
                "      of clients like this one: ",
            ],
        );
    }
}

#[test]
fn overrides_are_told_with_their_author() {
    let order = Override {
        id: 3,
        service: "live".into(),
        pathway: "b".into(),
        place: OverridePlace { country: "DE".parse().ok(), ..OverridePlace::default() },
        force: Force::Drained,
        author: "ana".into(),
        reason: "maintenance".into(),
        since: now() - TimeDelta::seconds(20),
        expires: Some(now() + TimeDelta::hours(1)),
    };
    let text = story(Inputs { overrides: [order].into(), ..inputs(LEAD) }, None).render_text();
    let until = (now() + TimeDelta::hours(1)).format("%Y-%m-%d %H:%M UTC");
    says(
        &text,
        &[
            "\nwhat operators say\n",
            &format!("   b  aside       drained for country DE by ana until {until}: maintenance (for 20 s)\n"),
            "   a  untouched   operators say nothing of it here\n",
            "! the TTL is 10 s instead of 20 s: an operator spoke of b less than a minute ago\n",
        ],
    );
}

#[test]
fn price_load_and_distance_are_told() {
    let text = "[[step]]\ndo = \"nearest\"\n[[step]]\ndo = \"cheapest\"\n[[step]]\ndo = \"capacity\"\n";
    let mut equipped = String::new();
    for id in ["a", "b", "c"] {
        equipped +=
            &format!("[[pathway]]\nid = \"{id}\"\nurl = \"http://{id}.fairway.test/\"\ncapacity = \"1 Gbit/s\"\n");
        equipped += "cost = { per_tb = 1 }\nlocation = { lat = 0, lon = 0 }\n";
    }
    let policy = Arc::new(fairway_policies::parse("live.policy.toml", &(equipped + text)).unwrap());
    let inputs = Inputs {
        verdicts: vec![verdict(Health::Up); 3],
        prices: vec![Some(12.5), Some(0.0), None],
        admits: vec![1.0, 0.0, 1.0],
        ..Inputs::default()
    };
    let snapshot = snapshot(Service::new(policy, inputs, Arc::default()));
    let german = Client { via: Via::Hls, ..client("192.0.2.1", 22, "DE") };
    let told = explain(&snapshot, &snapshot.services[0], &german, now());
    says(
        &told.render_text(),
        &[
            "a  kept        where the client is, is not known",
            "a  moved down  the next terabyte costs 12.50",
            "b  moved up    already paid for: the next terabyte costs nothing more",
            "c  kept        its cost is not declared: after those whose is",
            "b  moved down  can carry 0 % of those whom it would get, this client not among them: it goes to a",
            "a  moved up    can carry all whom it gets",
            "b is full",
        ],
    );
}

#[test]
fn what_a_person_should_know_first_is_said_first() {
    let policy = policy(&["a", "b"], STEPS.replace("\"d\"", "\"b\"").as_str());
    let snapshot = unwell(&policy, &[("a", Health::Down), ("b", Health::Down)]);
    let told = explain(&snapshot, &snapshot.services[0], &client("192.0.2.1", 22, "DE"), now());
    assert_eq!(
        told.warnings,
        [
            "too few are healthy, so what is left is kept (panic)",
            "no cells yet: `rank` has nothing to compare",
            "the TTL is 10 s instead of 20 s: a is down",
        ]
    );
    assert_eq!(told.http.priority, ["a"]);
}

#[test]
fn a_place_is_explained_without_an_address() {
    let policy = policy(&["a", "b"], STEPS.replace("\"d\"", "\"b\"").as_str());
    let snapshot = unwell(&policy, &[]);
    let place = client("192.0.2.1", 22, "FR").located.place;
    let told = explain(&snapshot, &snapshot.services[0], &Client::at(place, Via::Hls, None), now());
    assert_eq!((told.client.address, told.client.prefix, told.client.country.as_deref()), (None, None, Some("FR")));
    assert!(told.steps[2].applied);
}

#[test]
fn what_rank_goes_by_is_said_to_be_old() {
    let policy = policy(&["a", "b"], STEPS.replace("\"d\"", "\"b\"").as_str());
    let hour = TimeDelta::hours(3);
    let told = |standings: Standings| {
        let mut all = vec![Arc::default(); 3];
        all.push(Arc::new(standings));
        let cells_at_ms = Some((now() - hour).timestamp_millis());
        let verdicts = vec![verdict(Health::Up); 2];
        let inputs = Inputs { verdicts, standings: all, cells_at_ms, ..Inputs::default() };
        let snapshot = snapshot(Service::new(policy.clone(), inputs, Arc::default()));
        explain(&snapshot, &snapshot.services[0], &client("192.0.2.1", 22, "DE"), now())
    };
    let known = Known::sure(Audience::World, 50, &[(Metric::StallRatio, 0.02)], now() - hour);
    let standing = Arc::new(Standing::new(vec![Some(known), None], Vec::new()));
    let kept = told(Standings::from([(Audience::World, standing)]));
    assert_eq!(kept.warnings, ["the newest cells are 3 h old: `rank` goes by what was known then"]);
    says(&kept.render_text(), &["a  kept        stays; measured for world (stall ratio 2.0 %, sessions 50, age 3 h)"]);
    assert_eq!(told(Standings::new()).warnings, ["the newest cells are 3 h old: `rank` has nothing to compare"]);
}
