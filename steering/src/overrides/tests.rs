use std::sync::Arc;

use chrono::TimeDelta;

use super::*;
use crate::testing::{now, policy};

fn wish(service: &str, pathway: &str, force: Force) -> Wish {
    Wish {
        service: service.into(),
        pathway: pathway.into(),
        place: OverridePlace::default(),
        force,
        author: "ana".into(),
        reason: "maintenance".into(),
        expires: None,
    }
}

fn in_germany() -> OverridePlace {
    OverridePlace { country: "DE".parse().ok(), ..OverridePlace::default() }
}

/// Services `live` (cdn-a, cdn-b) and `vod` (cdn-a, origin).
fn policies() -> [Arc<Policy>; 2] {
    let vod = Policy { service: "vod".into(), ..(*policy(&["cdn-a", "origin"], "")).clone() };
    [policy(&["cdn-a", "cdn-b"], ""), Arc::new(vod)]
}

fn set(overrides: &Overrides, wish: Wish) -> Result<Override, Refused> {
    let policies = policies();
    overrides.set(wish, policies.iter().map(|policy| &**policy), now()).map(|changed| changed.forced)
}

#[test]
fn a_later_one_goes_before_an_earlier_however_narrow() {
    let overrides = Overrides::default();
    let germany = Wish { place: in_germany(), ..wish("*", "cdn-*", Force::Drained) };
    set(&overrides, germany).unwrap();
    set(&overrides, wish("live", "cdn-b", Force::Up)).unwrap();
    let list = overrides.list();
    let german = Place { country: "DE".parse().ok(), ..Place::default() };
    let force = |pathway, place: &Place| in_force(&list, pathway, place).map(|forced| forced.force);
    assert_eq!(force("cdn-a", &german), Some(Force::Drained));
    assert_eq!(force("cdn-a", &Place::default()), None, "what is not known matches no place");
    assert_eq!(force("cdn-b", &german), Some(Force::Up), "the last word");
    assert_eq!(force("origin", &german), None);
    assert_eq!(of_pathway(&list, "cdn-b").map(|forced| forced.id).collect::<Vec<_>>(), [2, 1]);
    let [live, vod] = policies();
    let concerned = |policy: &Policy| list.iter().filter(|forced| forced.concerns(policy)).count();
    assert_eq!((concerned(&live), concerned(&vod)), (2, 1));
}

#[test]
fn what_means_nobody_is_refused_with_what_was_meant() {
    let now = now();
    let refused = |wish: Wish| set(&Overrides::default(), wish).unwrap_err().to_string();
    let one = || wish("live", "cdn-a", Force::Down);
    let place = |continent: &str| OverridePlace { continent: continent.parse().ok(), ..in_germany() };
    for (wish, told) in [
        (wish("life", "cdn-a", Force::Up), "no service matches \"life\": did you mean `live`?"),
        (wish("x*", "cdn-a", Force::Up), "no service matches \"x*\"; there is: live, vod"),
        (wish("live", "cdn-c", Force::Up), "no pathway of live matches \"cdn-c\": did you mean `cdn-a`?"),
        (wish("*", "edge?", Force::Up), "no pathway of * matches \"edge?\"; there is: cdn-a, cdn-b, origin"),
        (Wish { author: " ".into(), ..one() }, "`author` is missing: an override says who forced it"),
        (Wish { reason: String::new(), ..one() }, "`reason` is missing: an override says why"),
        (Wish { reason: "a\nb".into(), ..one() }, "`reason` must be one line of at most 500 characters"),
        (Wish { force: Force::Share(1.5), ..one() }, "a share is from 0 to 1 (0 % to 100 %)"),
        (Wish { force: Force::Share(f32::NAN), ..one() }, "a share is from 0 to 1 (0 % to 100 %)"),
        (Wish { place: place("AS"), ..one() }, "country DE is not in continent AS, so nobody is meant"),
        (
            Wish { expires: Some(now), ..one() },
            "it would end at 2027-01-15T08:00:00Z, which is past: it is 2027-01-15T08:00:00Z now",
        ),
    ] {
        assert_eq!(refused(wish), told);
    }
    assert!(set(&Overrides::default(), Wish { place: place("EU"), ..one() }).is_ok());
    let full = Overrides::default();
    (0..MOST).for_each(|_| assert!(set(&full, one()).is_ok()));
    assert_eq!(set(&full, one()), Err(Refused::TooMany));
}

#[test]
fn they_outlive_a_restart_and_end_at_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("overrides.json");
    let overrides = Overrides::open(file.clone(), now()).unwrap();
    let minute = now() + TimeDelta::minutes(1);
    let brief = set(&overrides, Wish { expires: Some(minute), ..wish("live", "cdn-a", Force::Share(0.2)) }).unwrap();
    let lasting = set(&overrides, wish("vod", "origin", Force::Drained)).unwrap();
    let gone = set(&overrides, wish("vod", "origin", Force::Up)).unwrap();
    assert_eq!(overrides.clear(gone.id).unwrap().forced, gone);
    assert_eq!(overrides.clear(gone.id), Err(Refused::NoSuch(gone.id)));

    let again = Overrides::open(file.clone(), now()).unwrap();
    assert_eq!(*again.list(), [brief.clone(), lasting.clone()]);
    assert_eq!(again.expire(now()), []);
    assert_eq!((again.expire(minute), again.expire(minute)), (vec![brief], vec![]));
    assert_eq!(*again.list(), *std::slice::from_ref(&lasting));
    assert_eq!(*Overrides::open(file, minute).unwrap().list(), [lasting], "also when it ended meanwhile");
    assert_eq!(set(&again, wish("live", "cdn-a", Force::Up)).unwrap().id, gone.id + 1, "no number is given twice");
}

#[test]
fn a_list_that_cannot_be_read_is_refused_and_one_that_cannot_be_written_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("overrides.json");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Overrides::open(file.clone(), now()).unwrap_err().to_string()
    };
    assert!(refused("{\"format\": 1, \"next\": 2, \"overrid").contains("not a list of overrides"));
    assert!(refused("{\"format\": 9, \"next\": 2, \"overrides\": []}").contains("its format is 9"));

    let nowhere = Overrides::open(folder.path().join("gone/overrides.json"), now()).unwrap();
    let [live, _] = policies();
    let changed = nowhere.set(wish("live", "cdn-a", Force::Down), [&*live].into_iter(), now()).unwrap();
    assert!(changed.saved.unwrap_err().to_string().contains("a restart of the node forgets it"));
    assert_eq!(*nowhere.list(), [changed.forced]);
}

#[test]
fn one_reads_as_it_was_meant() {
    let place = OverridePlace { asn: Some(Asn(3320)), ..in_germany() };
    let one = Wish { place, ..wish("live", "cdn-a", Force::Share(0.125)) };
    let forced = set(&Overrides::default(), Wish { expires: Some(now() + TimeDelta::hours(1)), ..one }).unwrap();
    assert_eq!(forced.to_string(), "12.5 % for AS3320 in DE by ana until 2027-01-15 09:00 UTC: maintenance");
    let text = serde_json::to_string(&forced).unwrap();
    assert!(text.contains("\"place\":{\"country\":\"DE\",\"asn\":3320},\"force\":{\"share\":0.125}"), "{text}");
    assert_eq!(serde_json::from_str::<Override>(&text).unwrap(), forced);
}
