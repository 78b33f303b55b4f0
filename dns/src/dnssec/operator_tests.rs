use std::{fs, os::unix::fs::PermissionsExt};

use chrono::TimeDelta;

use super::*;
use crate::dnssec::{
    Keys, Task,
    sign::tests::{key, now},
};

fn hour(hours: i64) -> DateTime<Utc> {
    now() + TimeDelta::hours(hours)
}

fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("keys/z.test")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_zone_is_signed_from_its_first_key_on() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Keys::load(dir.path()).unwrap().is_empty(), "no folder, no keys");
    for (algorithm, zone) in Algorithm::ALL.into_iter().zip(["Z.test.", "y.test"]) {
        let made = ZoneKeys::init(dir.path(), zone, algorithm, now()).unwrap();
        let status = made.status(now());
        assert_eq!((status.plan.phase, status.plan.until), (Phase::Introducing, Some(hour(25))));
        let head = format!("{}. IN DS {} {} 2 ", status.origin, status.keys[0].tag, algorithm.number());
        assert!(status.ds[0].starts_with(&head) && status.ds[0].len() == head.len() + 64, "{status:?}");
        let again = ZoneKeys::init(dir.path(), zone, algorithm, now()).unwrap_err();
        assert!(matches!(again, KeyError::Exists(_)));
    }
    let keys = Keys::load(dir.path()).unwrap();
    assert_eq!((keys.len(), keys.due(now())), (2, Some(hour(25))));
    let signer = keys.signer(&key("z.test."), now()).unwrap();
    assert_eq!(signer.apex().map(|(rtype, ..)| rtype).collect::<Vec<_>>(), [48]);
    assert_eq!(keys.signer(&key("z.test."), hour(25)).unwrap().apex().count(), 3);
    assert!(keys.signer(&key("other.test."), now()).is_none());
    assert_eq!(ZoneKeys::all(dir.path()).unwrap().len(), 2);
}

#[test]
fn a_roll_leaves_the_new_key_alone_and_unsigning_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut zone = ZoneKeys::init(dir.path(), "z.test", Algorithm::Ed25519, now()).unwrap();
    let old = zone.status(now()).keys[0];
    let early = zone.roll(None, false, now()).unwrap_err().to_string();
    assert_eq!(early, "z.test: the zone is introducing: a roll begins when it is secure, and no other is under way");
    assert_eq!(files(dir.path()).len(), 2, "no key was made");
    zone.ds_seen(3_600, hour(30)).unwrap();
    let new = zone.roll(None, false, hour(40)).unwrap();
    assert_eq!((new.algorithm, zone.status(hour(40)).keys), (old.algorithm, vec![old, new]));
    assert!(zone.status(hour(40)).ds[0].contains(&format!(" {} 15 2 ", old.tag)), "the parent keeps the old one");
    let status = zone.status(hour(43));
    assert_eq!(status.plan.task, Some(Task::SubmitDs(new)));
    assert!(status.ds.len() == 1 && status.ds[0].contains(&format!(" {} 15 2 ", new.tag)));
    zone.ds_seen(3_600, hour(44)).unwrap();
    assert_eq!(zone.status(hour(44)).plan.until, Some(hour(69)));
    let over = ZoneKeys::open(dir.path(), "z.test").unwrap().status(hour(69));
    assert_eq!((over.plan.phase, over.keys), (Phase::Secure, vec![new]));

    zone.unsign(hour(70)).unwrap();
    assert_eq!(files(dir.path()), [format!("{new}.pem"), "state.toml".into()], "the old key is gone");
    assert!(zone.status(hour(70)).ds.is_empty());
    zone.ds_seen(3_600, hour(71)).unwrap();
    let keys = Keys::load(dir.path()).unwrap();
    assert!(keys.signer(&key("z.test."), hour(72)).is_some() && keys.signer(&key("z.test."), hour(73)).is_none());
    let again = ZoneKeys::init(dir.path(), "z.test", Algorithm::EcdsaP256Sha256, hour(80)).unwrap();
    assert_eq!((again.status(hour(80)).plan.phase, files(dir.path()).len()), (Phase::Introducing, 2));
}

#[test]
fn keys_are_for_the_owner_and_broken_ones_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let id = ZoneKeys::init(dir.path(), "z.test", Algorithm::EcdsaP256Sha256, now()).unwrap().status(now()).keys[0];
    let (folder, path) = (dir.path().join("keys/z.test"), dir.path().join(format!("keys/z.test/{id}.pem")));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    let told = || Keys::load(dir.path()).unwrap_err().to_string();

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(told().contains("every user of this machine can read"), "{}", told());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    Keys::load(dir.path()).unwrap();

    let pem = fs::read_to_string(&path).unwrap();
    for broken in ["", "hello", &pem[..100], &pem.replace("MIG", "MIH")] {
        fs::write(&path, broken).unwrap();
        assert!(matches!(Keys::load(dir.path()), Err(KeyError::Key { .. })), "{broken}");
    }
    fs::write(&path, &pem).unwrap();
    let other = ZoneKeys::init(dir.path(), "y.test", id.algorithm, now()).unwrap().status(now()).keys[0];
    fs::copy(dir.path().join(format!("keys/y.test/{other}.pem")), &path).unwrap();
    assert!(told().ends_with(&format!("this is key {other}")), "{}", told());
    fs::remove_file(&path).unwrap();
    assert!(matches!(Keys::load(dir.path()), Err(KeyError::File { .. })));

    fs::write(folder.join("state.toml"), format!("key = \"{id}\"\nsince = 1\n")).unwrap();
    assert!(told().contains("state.toml: TOML parse error at line 2"), "{}", told());
}

#[test]
fn names_that_are_no_zone_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["", ".", "..", "a..b", "../x", "a/b.test", "a b"] {
        let error = ZoneKeys::init(dir.path(), name, Algorithm::Ed25519, now()).unwrap_err();
        assert!(matches!(error, KeyError::Unnamed(_)), "{name:?}: {error}");
    }
    assert!(matches!(ZoneKeys::open(dir.path(), "z.test"), Err(KeyError::None(_))));
}
