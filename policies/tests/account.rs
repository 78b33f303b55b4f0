//! The account of a decision reads well, and crosses JSON unharmed.

use fairway_policies::explain::{
    DnsAnswer, DnsRecord, Effect, ExplainedClient, ExplainedSnapshot, ExplainedStep, Explanation, HttpAnswer, Likely,
    Number, PathwayRow, Share, Tier, Unit, lasting,
};

fn tier(pathways: &[(&str, Option<u32>)]) -> Tier {
    pathways.iter().map(|(pathway, weight)| Share { pathway: (*pathway).into(), weight: *weight }).collect()
}

fn row(pathway: &str, effect: Effect, why: &str, numbers: &[(&str, f64, Unit)]) -> PathwayRow {
    let numbers = numbers.iter().map(|(name, value, unit)| Number { name: (*name).into(), value: *value, unit: *unit });
    PathwayRow { pathway: pathway.into(), effect, why: why.into(), numbers: numbers.collect() }
}

fn german() -> Explanation {
    let step = |index, line, title: &str, rows: Vec<PathwayRow>, order| ExplainedStep {
        index,
        line,
        title: title.into(),
        applied: !rows.is_empty(),
        rows,
        order,
    };
    let equals = tier(&[("cdn-a", None), ("cdn-c", None)]);
    Explanation {
        service: "live".into(),
        client: ExplainedClient {
            address: Some("192.0.2.7".into()),
            country: Some("DE".into()),
            continent: Some("EU".into()),
            asn: Some(3320),
            prefix: Some("192.0.2.0/23".into()),
            via: "dns".into(),
        },
        snapshot: ExplainedSnapshot { version: 4711, age_seconds: 0.84, cells_age_seconds: Some(95.2) },
        warnings: vec!["the cells are 95 s old".into()],
        start: vec![tier(&[("cdn-a", None), ("cdn-b", None), ("cdn-c", None)])],
        steps: vec![
            step(
                0,
                0,
                "what operators say",
                vec![row("cdn-a", Effect::Kept, "override 7 of ada: up until 18:00", &[])],
                vec![equals.clone()],
            ),
            step(
                1,
                57,
                "set aside what is down or drained",
                vec![
                    row("cdn-a", Effect::Kept, "up: 5 probes in a row passed", &[]),
                    row("cdn-b", Effect::Aside, "down: 2 probes in a row failed: connection refused", &[]),
                    row("cdn-c", Effect::Kept, "up: no probe result, and too few requests by viewers to judge by", &[]),
                ],
                vec![equals.clone()],
            ),
            step(2, 67, "prefer cdn-b when continent is SA", vec![], vec![equals]),
            step(
                3,
                80,
                "rank by stall ratio, then startup time: 33 % better passes, from 5 sessions on",
                vec![
                    row(
                        "cdn-c",
                        Effect::MovedUp,
                        "passed cdn-a: less stalling for DE AS3320",
                        &[("sessions", 41.0, Unit::Count), ("stall ratio", 0.004, Unit::Share)],
                    ),
                    row(
                        "cdn-a",
                        Effect::MovedDown,
                        "passed by cdn-c",
                        &[
                            ("sessions", 57.0, Unit::Count),
                            ("stall ratio", 0.0312, Unit::Share),
                            ("startup time", 812.4, Unit::Milliseconds),
                        ],
                    ),
                ],
                vec![tier(&[("cdn-c", None)]), tier(&[("cdn-a", None)])],
            ),
            step(
                4,
                89,
                "split equals: cdn-a 40, cdn-b 30, cdn-c 30",
                vec![
                    row("cdn-c", Effect::Weighed, "alone in its tier", &[("share", 30.0, Unit::Count)]),
                    row("cdn-a", Effect::Weighed, "alone in its tier", &[("share", 40.0, Unit::Count)]),
                ],
                vec![tier(&[("cdn-c", Some(30))]), tier(&[("cdn-a", Some(40))])],
            ),
        ],
        dns: Some(DnsAnswer {
            pathway: "cdn-c".into(),
            records: vec![DnsRecord { name: "live.fairway.test".into(), kind: "A".into(), value: "127.0.1.3".into() }],
            ttl: 10,
            scope: "192.0.2.0/23".into(),
        }),
        http: HttpAnswer { priority: vec!["cdn-c".into(), "cdn-a".into(), "cdn-b".into()], ttl: 10 },
        likely: vec![likely("cdn-c", 0.957), likely("cdn-a", 0.043)],
        decision: None,
    }
}

fn likely(pathway: &str, share: f64) -> Likely {
    Likely { pathway: pathway.into(), share }
}

#[test]
fn it_reads_well_in_a_terminal() {
    let expected = "\
live over dns, asked by 192.0.2.7 in DE, EU, AS3320, as all of 192.0.2.0/23
snapshot 4711, 0.8 s old; cells: 95 s old
! the cells are 95 s old

   cdn-a = cdn-b = cdn-c

what operators say
   cdn-a  kept        override 7 of ada: up until 18:00
   → cdn-a = cdn-c

1. set aside what is down or drained (line 57)
   cdn-a  kept        up: 5 probes in a row passed
   cdn-b  aside       down: 2 probes in a row failed: connection refused
   cdn-c  kept        up: no probe result, and too few requests by viewers to judge by
   → cdn-a = cdn-c

2. prefer cdn-b when continent is SA (line 67)
   not for this client

3. rank by stall ratio, then startup time: 33 % better passes, from 5 sessions on (line 80)
   cdn-c  moved up    passed cdn-a: less stalling for DE AS3320 (sessions 41, stall ratio 0.4 %)
   cdn-a  moved down  passed by cdn-c (sessions 57, stall ratio 3.1 %, startup time 812 ms)
   → cdn-c > cdn-a

4. split equals: cdn-a 40, cdn-b 30, cdn-c 30 (line 89)
   cdn-c  weighed     alone in its tier (share 30)
   cdn-a  weighed     alone in its tier (share 40)
   → cdn-c 30 > cdn-a 40

DNS   live.fairway.test 10 IN A 127.0.1.3
      cdn-c, the same for all of 192.0.2.0/23
HTTP  cdn-c, cdn-a, cdn-b, for 10 s
      of clients like this one: cdn-c 95.7 %, cdn-a 4.3 %
";
    assert_eq!(german().render_text(), expected);
}

#[test]
fn it_says_what_it_does_not_have() {
    let explanation = Explanation {
        client: ExplainedClient { via: "hls".into(), ..ExplainedClient::default() },
        snapshot: ExplainedSnapshot::default(),
        warnings: vec![],
        steps: vec![],
        dns: None,
        likely: vec![],
        decision: None,
        ..german()
    };
    let expected = "\
live over hls, asked by a client in an unknown place
by the policy files alone: every pathway taken to be up, nothing measured

   cdn-a = cdn-b = cdn-c

DNS   no records: no steered name, or no pathway left that has an address
HTTP  cdn-c, cdn-a, cdn-b, for 10 s
";
    assert_eq!(explanation.render_text(), expected);
}

#[test]
fn it_crosses_json_unharmed() {
    let json = serde_json::to_string(&german()).unwrap();
    assert!(json.contains(r#""effect":"moved_up""#) && json.contains(r#""unit":"ms""#), "{json}");
    assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), german());
}

#[test]
fn time_is_told_as_exactly_as_a_person_wants_it() {
    let told = [0.04, 9.94, 95.2, 119.4, 150.0, 7_100.0, 10_800.0, 172_700.0, 260_000.0].map(lasting);
    assert_eq!(told, ["0.0 s", "9.9 s", "95 s", "119 s", "2 min", "118 min", "3 h", "48 h", "3 days"]);
}
