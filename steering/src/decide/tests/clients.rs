//! What is left of a client: conditions, windows, keys; and that a recorded asker decides again.

use chrono::{DateTime, TimeDelta, Utc};
use fairway_policies::{Device, Stream};

use crate::{
    client::{Asker, Client, Via},
    decide::decide_for,
    snapshot::Snapshot,
    testing::{client, decision, healthy, now, order, policy},
};

fn prefer_b(when: &str) -> Snapshot {
    healthy(&policy(&["a", "b"], &format!("[[step]]\ndo = \"prefer\"\ntiers = [[\"b\"]]\nwhen = {when}\n")))
}

fn is_met(when: &str, client: &Client<'_>) -> bool {
    decision(&prefer_b(when), client).ranked[0].pathway == 1
}

#[test]
fn each_condition_is_met_by_those_it_names() {
    let someone = client("192.0.2.1", 22, "DE");
    let dns = someone;
    let tv = Client {
        via: Via::Hls,
        device: Some(Device::Tv),
        content: Some("news/1"),
        stream: Some(Stream::Live),
        ..someone
    };
    for (when, for_dns, for_tv) in [
        ("{ country = [\"DE\", \"AT\"] }", true, true),
        ("{ country_not = [\"DE\"] }", false, false),
        ("{ protocol = [\"hls\", \"dash\"] }", false, true),
        ("{ protocol_not = [\"dns\"] }", false, true),
        ("{ device = [\"tv\"] }", false, true),
        ("{ device_not = [\"tv\"] }", true, false),
        ("{ content = [\"news/\"] }", false, true),
        ("{ content_not = [\"news/\"] }", true, false),
        ("{ stream = \"live\" }", false, true),
        ("{ stream = \"vod\" }", false, false),
        ("{ cidr = [\"192.0.2.0/24\"] }", true, true),
        ("{ cidr_not = [\"192.0.2.0/24\"] }", false, false),
        ("{ country = [\"DE\"], device = [\"phone\"] }", false, false),
    ] {
        assert_eq!((is_met(when, &dns), is_met(when, &tv)), (for_dns, for_tv), "{when}");
    }
    assert!(is_met("{ country_not = [\"DE\"] }", &Client::at(fairway_geo::Place::default(), Via::Dns, None)));
}

#[test]
fn windows_open_and_close_while_nobody_makes_snapshots() {
    let snapshot = prefer_b("{ time = [{ from = \"18:00\", to = \"02:00\", zone = \"Europe/Berlin\" }] }");
    let service = &snapshot.services[0];
    let open = |at: DateTime<Utc>| service.asker(&client("192.0.2.1", 22, "DE"), at).holds & 1 == 1;
    // One snapshot is asked for two days, which is many times what it remembers, forwards and backwards.
    let midnight: DateTime<Utc> = "2027-01-15T00:00:00Z".parse().unwrap();
    let minutes = (0..48 * 60).chain((0..48 * 60).rev());
    for minute in minutes {
        let at = midnight + TimeDelta::minutes(minute);
        let hour = (minute / 60 + 1) % 24; // Berlin, in winter
        assert_eq!(open(at), !(2..18).contains(&hour), "{at}");
        assert_eq!(open(at), open(at + TimeDelta::milliseconds(999)), "{at}");
    }
}

#[test]
fn a_recorded_asker_decides_the_same_again() {
    let weights = "[[step]]\ndo = \"weights\"\nshares = { a = 1, b = 1, c = 1 }\nwhen = { device = [\"tv\"] }\n";
    let snapshot = healthy(&policy(&["a", "b", "c"], weights));
    let service = &snapshot.services[0];
    for session in (0..50).map(|n| format!("s{n}")) {
        let tv = Client { session: Some(&session), device: Some(Device::Tv), ..client("192.0.2.1", 22, "DE") };
        let recorded = serde_json::to_string(&service.asker(&tv, now())).unwrap();
        let asker: Asker = serde_json::from_str(&recorded).unwrap();
        assert_eq!(decide_for(service, &asker, now(), &mut ()), decision(&snapshot, &tv));
    }
    let lists: std::collections::HashSet<String> = (0..50)
        .map(|n| {
            order(
                &service.policy,
                &decision(&snapshot, &Client { device: Some(Device::Tv), ..client(&format!("192.0.{n}.1"), 22, "DE") }),
            )
        })
        .collect();
    assert!(lists.len() == 6, "of all orders: {lists:?}");
}
