mod rows;

use std::{fs, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::GeoTable;
use fairway_policies::{Metric, Policy};

use super::*;
use crate::{
    health::{Health, Verdict},
    standing::{Known, Lead},
    testing::{decision, now, policy, verdict},
};

const STEPS: &str = "[[step]]\ndo = \"healthy\"\n[[step]]\ndo = \"rank\"\nby = [\"stall_ratio\"]\n";

fn germany() -> Audience {
    Audience::Country("DE".parse().unwrap())
}

/// A node that found a to be down, and c better than b in Germany.
fn learnt() -> Snapshot {
    let known = |ratio| Some(Known::sure(germany(), 41, &[(Metric::StallRatio, ratio)], now()));
    let lead = Lead::whole(2, 1, Metric::StallRatio);
    let standing = Arc::new(Standing::new(vec![None, known(0.061), known(0.004)], vec![lead]));
    let standings = vec![Arc::default(), Arc::new([(germany(), standing)].into())];
    let verdicts = [Health::Down, Health::Up, Health::Up].map(verdict).to_vec();
    let inputs = Inputs { verdicts, standings, cells_at_ms: Some(5), ..Inputs::default() };
    let service = Service::new(policy(&["a", "b", "c"], STEPS), inputs, Arc::default());
    Snapshot::compile(41, now(), Arc::new(GeoTable::empty()), vec![service])
}

fn restored(saved: &Saved, policy: Arc<Policy>, now: DateTime<Utc>) -> Snapshot {
    let service = saved.service(policy, Arc::default(), now);
    Snapshot::compile(saved.version + 1, now, Arc::new(GeoTable::empty()), vec![service])
}

#[test]
fn what_was_saved_decides_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot.json");
    assert!(Saved::load(&path).unwrap().is_none(), "no file is no error");
    let before = learnt();
    for _ in 0..2 {
        Saved::of(&before).save(&path).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    let saved = Saved::load(&path).unwrap().unwrap();
    assert_eq!(saved, Saved::of(&before));
    let after = restored(&saved, before.services[0].policy.clone(), now() + TimeDelta::hours(1));
    assert_eq!(after.version, 42);
    assert_eq!(after.services[0].inputs, before.services[0].inputs);
    let client = crate::testing::client("192.0.2.1", 20, "DE");
    assert_eq!(decision(&after, &client), decision(&before, &client));
}

#[test]
fn what_was_learnt_survives_an_edit_of_the_policy() {
    let saved = Saved::of(&learnt());
    let prefer = "[[step]]\ndo = \"prefer\"\ntiers = [[\"b\"]]\n";
    let edited = restored(&saved, policy(&["new", "c", "b"], &format!("{prefer}{STEPS}")), now());
    let service = &edited.services[0];
    assert_eq!(service.inputs.verdicts[0], Verdict::unknown(now()), "new: nothing known");
    assert_eq!(service.inputs.verdicts[1], verdict(Health::Up));
    let standing = &service.inputs.standings[2][&germany()];
    assert_eq!(standing.leads, [Lead::whole(1, 2, Metric::StallRatio)], "c over b, at their new places");
    assert_eq!(
        standing.known.iter().map(|k| k.as_ref().map(|k| k.sessions)).collect::<Vec<_>>(),
        [None, Some(41), Some(41)]
    );

    let gone = restored(&saved, policy(&["a", "b"], STEPS), now());
    assert_eq!(gone.services[0].inputs.standings[1][&germany()].leads, [], "c is no more");
    let other = Arc::new(Policy { service: "other".into(), ..(*policy(&["a"], STEPS)).clone() });
    let fresh = saved.service(other, Arc::default(), now());
    assert_eq!((fresh.inputs.verdicts, fresh.inputs.cells_at_ms), (vec![Verdict::unknown(now())], None));
}

#[test]
fn a_broken_file_is_told_from_a_foreign_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot.json");
    Saved::of(&learnt()).save(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    assert!(matches!(Saved::load(&path), Err(LoadError::Broken { .. })));
    fs::write(&path, "{\"format\": 99, \"anything\": 1}").unwrap();
    assert!(matches!(Saved::load(&path), Err(LoadError::Format { found: 99, .. })));
    assert!(matches!(Saved::load(folder.path()), Err(LoadError::Unreadable { .. })), "a folder cannot be read");
}

#[test]
fn services_are_found_by_id_and_by_name() {
    let named = |id: &str, names: &[&str]| {
        let names = names.iter().map(|n| (*n).to_owned()).collect();
        let policy = Policy { service: id.into(), names, ..(*policy(&["a"], "")).clone() };
        Service::fresh(Arc::new(policy), now())
    };
    let services = vec![named("vod", &["vod.test", "both.test"]), named("live", &["live.test", "both.test"])];
    let snapshot = Snapshot::compile(1, now(), Arc::new(GeoTable::empty()), services);
    let id = |service: Option<&Service>| service.map(|s| s.policy.service.clone());
    assert_eq!(id(snapshot.service("vod")), Some("vod".into()));
    assert_eq!(id(snapshot.service_of_name("live.test")), Some("live".into()));
    assert_eq!(id(snapshot.service_of_name("both.test")), Some("live".into()), "the first by id");
    assert_eq!((id(snapshot.service("x")), id(snapshot.service_of_name("x"))), (None, None));
    let mapped = snapshot.client("::ffff:192.0.2.1".parse().unwrap(), Via::Dns, None);
    assert_eq!(mapped.address, Some("192.0.2.1".parse().unwrap()));
}
