use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use fairway_geo::GeoTable;
use fairway_policies::parse;

use super::*;
use crate::{
    client::{Client, Via},
    demand::Demand,
    live::{Live, Status},
    revisions::{Revisions, files},
    snapshot::{Service, Snapshot},
    testing::{client, now},
};

const POLICY: &str = r#"
[[pathway]]
id = "a"
url = "http://a.test/"
capacity = "100 Mbit/s"
cost = { per_tb = 10 }
[[pathway]]
id = "b"
url = "http://b.test/"
capacity = "50 Mbit/s"
cost = { per_tb = 20 }
[[step]]
do = "prefer"
tiers = [["b"]]
when = { country = ["DE"] }
"#;

/// A folder with this policy, and a node that answers by it and carries so much.
fn node(folder: &Path, text: &str, megabits: u64) -> Changes {
    let policies = folder.join("policies");
    fs::create_dir_all(&policies).unwrap();
    fs::write(policies.join("live.policy.toml"), text).unwrap();
    let policy = parse("live.policy.toml", text).unwrap();
    let revisions = Revisions::open(&folder.join("revisions")).unwrap();
    revisions.found(files(std::slice::from_ref(&policy)), now()).unwrap();
    let service = Service::fresh(Arc::new(policy), now());
    let live = Live::new(Snapshot::compile(1, now(), Arc::new(GeoTable::empty()), vec![service]), now());
    let demand = Demand {
        service: "live".into(),
        pathway: "a".into(),
        sessions: 9,
        bits_per_second: megabits * 1_000_000,
        capacity: None,
        scale_at: 0.8,
        over: false,
    };
    live.status.store(Arc::new(Status { demand: Arc::new(vec![demand]), ..Status::default() }));
    Changes::new(Arc::new(live), policies, Arc::new(revisions), Guard::default())
}

/// Three French decisions for each German one.
fn askers(service: &Service, at: DateTime<Utc>) -> BTreeMap<String, Vec<Weighed>> {
    let asker = |country, weight| Weighed {
        asker: service.asker(&Client { via: Via::Hls, ..client("192.0.2.1", 24, country) }, at),
        weight,
    };
    BTreeMap::from([("live".into(), vec![asker("DE", 1.0), asker("FR", 3.0)])])
}

fn proposal(text: &str) -> Proposal {
    Proposal { files: BTreeMap::from([("live.policy.toml".into(), text.into())]), whole: false }
}

fn plan(changes: &Changes, text: &str) -> Plan {
    let policy = parse("live.policy.toml", POLICY).unwrap();
    let service = Service::fresh(Arc::new(policy), now());
    changes.plan(proposal(text), &askers(&service, now()), now()).unwrap()
}

#[test]
fn a_plan_says_who_moves_and_what_that_loads_and_costs() {
    let folder = tempfile::tempdir().unwrap();
    let changes = node(folder.path(), POLICY, 80);
    assert!(plan(&changes, POLICY).is_empty());

    let plan = plan(&changes, &POLICY.replace("country = [\"DE\"]", "country = [\"FR\"]"));
    let [service] = &plan.services[..] else { panic!("{plan:?}") };
    assert_eq!((service.fate, service.basis, service.moved), (Fate::Changed, Basis::Recorded(2), 1.0));
    assert!(
        service.diff.contains("-when = { country = [\"DE\"] }\n+when = { country = [\"FR\"] }"),
        "{}",
        service.diff
    );
    let [french, germans] = &service.audiences[..] else { panic!("{service:?}") };
    assert_eq!((french.country.as_str(), french.share, french.moved), ("FR", 0.75, 1.0));
    assert_eq!((germans.before["b"], germans.after["a"]), (1.0, 1.0));
    let b = &service.pathways[1];
    let (before, after) = (b.before.unwrap(), b.after.unwrap());
    assert_eq!((before.share, before.bits_per_second, before.of_capacity), (0.25, Some(20e6), Some(0.4)));
    assert_eq!((after.share, after.of_capacity), (0.75, Some(1.2)));
    let hour = 60e6 * 3600.0 / 8e12 * 20.0;
    assert!((after.cost_per_hour.unwrap() - hour).abs() < 1e-9);
    assert_eq!(plan.breaches.len(), 2, "all move, and b would be overfull: {:?}", plan.breaches);
    let text = plan.render_text();
    assert!(text.contains("FR  75.0 % of decisions, 100.0 % of them move: a 100 % → b 100 %"), "{text}");
}

#[test]
fn a_stale_or_unconfirmed_plan_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let changes = node(folder.path(), POLICY, 0);
    let file = folder.path().join("policies/live.policy.toml");
    let all_move = plan(&changes, &POLICY.replace("[\"DE\"]", "[\"FR\"]"));
    let refused = changes.apply(&all_move.id, "ada", "swap", false, now()).unwrap_err();
    assert!(matches!(&refused, ApplyError::Guarded(breaches) if breaches.len() == 1), "{refused}");
    assert!(matches!(changes.apply(&all_move.id, " ", "swap", true, now()), Err(ApplyError::Anonymous)));
    assert_eq!(fs::read_to_string(&file).unwrap(), POLICY);

    let comment = format!("{POLICY}# unchanged in substance\n");
    let nobody_moves = plan(&changes, &comment);
    let applied = changes.apply(&nobody_moves.id, "ada", "a remark", false, now()).unwrap();
    assert_eq!(applied, Applied { revision: 2, before: 1, services: vec!["live".into()] });
    assert_eq!(fs::read_to_string(&file).unwrap(), comment);
    let stale = changes.apply(&all_move.id, "ada", "swap", true, now()).unwrap_err();
    assert!(matches!(stale, ApplyError::Stale { then: 1, now: 2 }), "{stale}");

    let back = changes.rollback(None, "ben", "", now()).unwrap();
    assert_eq!((back.revision, back.before), (3, 2));
    assert_eq!(fs::read_to_string(&file).unwrap(), POLICY);
    assert_eq!(changes.revisions().newest().unwrap().message, "back to revision 1");
}

#[test]
fn what_is_no_policy_is_not_planned() {
    let folder = tempfile::tempdir().unwrap();
    let changes = node(folder.path(), POLICY, 0);
    let refused = |name: &str, text: &str| {
        let proposal = Proposal { files: BTreeMap::from([(name.into(), text.into())]), whole: false };
        changes.plan(proposal, &BTreeMap::new(), now()).unwrap_err().to_string()
    };
    assert!(refused("live.policy.toml", "tll = 1").contains("live.policy.toml:1:1"));
    assert!(refused("../live.policy.toml", POLICY).contains("not the name of a policy file"));
    assert!(refused("live.toml", POLICY).contains("not the name of a policy file"));
    let removed = changes.plan(Proposal { whole: true, ..proposal(POLICY) }, &BTreeMap::new(), now()).unwrap();
    assert!(removed.is_empty());
}

#[test]
fn conditions_that_stand_as_they_did_hold_as_they_did() {
    let cidr = POLICY.replace("country = [\"DE\"]", "cidr = [\"192.0.2.0/24\"]");
    let folder = tempfile::tempdir().unwrap();
    let changes = node(folder.path(), &cidr, 0);
    let policy = parse("live.policy.toml", &cidr).unwrap();
    let askers = askers(&Service::fresh(Arc::new(policy), now()), now());
    // One step in front: the bits of the old steps are not those of the new.
    let more = cidr.replace("[[step]]", "[[step]]\ndo = \"prefer\"\ntiers = [[\"a\"]]\n[[step]]");
    let plan = changes.plan(proposal(&more), &askers, now()).unwrap();
    assert_eq!(plan.services[0].moved, 0.0, "{}", plan.render_text());
}
