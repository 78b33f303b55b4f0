use chrono::TimeDelta;

use super::*;

/// What is told to a watch with `rise = 2`, `fall = 2`.
enum Told {
    Pass,
    Fail,
    /// Of viewers' requests: failed, all.
    Requests(u64, u64),
}
use Told::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn tell(watch: &mut Watch, seconds: i64, told: &Told) -> Option<Verdict> {
    match told {
        Pass => watch.probe(&Ok(()), at(seconds)),
        Fail => watch.probe(&Err(ProbeError::Status(503)), at(seconds)),
        Requests(errors, requests) => watch.requests(*errors, *requests, at(seconds)),
    }
}

/// Each row: seconds, what is told, the health after it.
fn play(name: &str, rows: &[(i64, Told, Health)]) -> Watch {
    let mut watch = Watch::new(2, 2, Verdict::unknown(at(0)), at(0));
    for (row, (seconds, told, health)) in rows.iter().enumerate() {
        tell(&mut watch, *seconds, told);
        assert_eq!(watch.verdict().health, *health, "{name}, row {row}: {:?}", watch.verdict());
    }
    watch
}

const UP: Health = Health::Up;
const DEGRADED: Health = Health::Degraded;
const DOWN: Health = Health::Down;

#[test]
fn probes_need_their_runs() {
    let watch = play(
        "a lost packet does nothing, two in a row do, and two bring it back",
        &[
            (0, Pass, UP),
            (2, Fail, UP),
            (4, Pass, UP),
            (6, Fail, UP),
            (7, Fail, DOWN),
            (9, Pass, DOWN),
            (10, Fail, DOWN),
        ],
    );
    let error = "HTTP status 503".to_owned();
    assert_eq!(
        watch.verdict(),
        &Verdict { health: DOWN, cause: Cause::ProbesFailed { count: 2, error }, since: at(7) }
    );

    let watch = play("back", &[(0, Fail, UP), (1, Fail, DOWN), (3, Pass, DOWN), (4, Pass, UP)]);
    assert_eq!(watch.verdict(), &Verdict { health: UP, cause: Cause::ProbesPassed { count: 2 }, since: at(4) });
}

#[test]
fn viewers_need_enough_requests_and_levels_have_two_thresholds() {
    play(
        "up to degraded to down and back by clear windows",
        &[
            (0, Requests(49, 49), UP),
            (2, Requests(4, 50), UP),
            (4, Requests(5, 50), DEGRADED),
            (6, Requests(3, 50), DEGRADED),
            (8, Requests(24, 50), DEGRADED),
            (10, Requests(25, 50), DOWN),
            (12, Requests(13, 50), DOWN),
            (14, Requests(12, 50), DEGRADED),
            (16, Requests(2, 50), UP),
        ],
    );
}

#[test]
fn silence_clears_after_the_hold_and_a_relapse_doubles_it() {
    play(
        "silence",
        &[
            (0, Requests(50, 50), DOWN),
            (20, Requests(60, 90), DOWN),
            (30, Requests(0, 3), DOWN),
            (49, Requests(0, 0), DOWN),
            (50, Requests(0, 0), UP),
            (70, Requests(50, 50), DOWN),
            (129, Requests(0, 0), DOWN),
            (130, Requests(0, 0), UP),
            (1_000, Requests(50, 50), DOWN),
            (1_030, Requests(0, 0), UP),
        ],
    );
}

#[test]
fn the_hold_has_a_limit() {
    let mut watch = Watch::new(2, 2, Verdict::unknown(at(0)), at(0));
    let mut now = 0;
    for _ in 0..20 {
        watch.requests(50, 50, at(now));
        let begun = now;
        while watch.verdict().health == DOWN {
            now += 1;
            watch.requests(0, 0, at(now));
        }
        assert!(now - begun <= HOLD_LIMIT.as_secs() as i64);
    }
    assert!(now > 5_000, "twenty relapses in a row take hours, not minutes: {now}");
}

#[test]
fn a_clock_set_back_does_not_lengthen_the_hold() {
    let mut watch = play("down", &[(10_000, Requests(50, 50), DOWN), (100, Requests(0, 0), DOWN)]);
    tell(&mut watch, 130, &Requests(0, 0));
    assert_eq!(watch.verdict().health, UP);
}

#[test]
fn the_worse_opinion_is_the_verdict() {
    let watch = play(
        "probes pass while viewers fail",
        &[(0, Pass, UP), (1, Pass, UP), (2, Requests(30, 60), DOWN), (3, Pass, DOWN), (4, Requests(0, 60), UP)],
    );
    assert_eq!(watch.verdict().cause, Cause::ProbesPassed { count: 2 });

    let watch = play(
        "both are down: the probes name the error; then viewers clear, then probes",
        &[(0, Requests(60, 60), DOWN), (1, Fail, DOWN), (2, Fail, DOWN), (3, Requests(0, 60), DOWN)],
    );
    assert!(matches!(watch.verdict().cause, Cause::ProbesFailed { count: 2, .. }));
    assert_eq!(watch.verdict().since, at(0), "its health did not change when its cause did");
}

#[test]
fn a_change_gives_what_it_replaced_and_no_change_gives_nothing() {
    let mut watch = Watch::new(1, 1, Verdict::unknown(at(0)), at(0));
    let before = tell(&mut watch, 1, &Fail).unwrap();
    assert_eq!((before.health, before.cause), (UP, Cause::Unprobed));
    assert_eq!(tell(&mut watch, 2, &Fail), None);
    assert_eq!(tell(&mut watch, 3, &Requests(40, 40)), None);
}

#[test]
fn a_restart_holds_verdicts_until_the_signals_speak() {
    let saved = |cause| Verdict { health: DOWN, cause, since: at(0) };
    let mut by_probes = Watch::new(2, 2, saved(Cause::ProbesFailed { count: 2, error: "refused".into() }), at(99));
    assert_eq!(tell(&mut by_probes, 100, &Requests(0, 500)), None);
    assert_eq!(tell(&mut by_probes, 101, &Pass), None);
    assert!(tell(&mut by_probes, 102, &Pass).is_some());
    assert_eq!(by_probes.verdict().health, UP);

    let mut by_viewers = Watch::new(2, 2, saved(Cause::RequestErrors { errors: 50, requests: 50 }), at(99));
    assert_eq!(tell(&mut by_viewers, 100, &Pass), None);
    assert_eq!(tell(&mut by_viewers, 101, &Pass), None, "probes do not overrule viewers");
    assert_eq!(
        tell(&mut by_viewers, 128, &Requests(0, 0)),
        None,
        "the store is not up yet: that is no silence of theirs"
    );
    assert!(tell(&mut by_viewers, 129, &Requests(0, 0)).is_some());
    assert_eq!(by_viewers.verdict().health, UP);
}

#[test]
fn verdicts_follow_the_policies() {
    let parse = |text: &str| [Arc::new(fairway_policies::parse("live.policy.toml", text).unwrap())];
    let pathway = |id: &str, more: &str| format!("[[pathway]]\nid = \"{id}\"\nurl = \"http://{id}.test/\"\n{more}\n");
    let probe = "probe = { tcp = \"127.0.0.1:9\", fall = 1 }";
    let both = parse(&(pathway("a", probe) + &pathway("b", probe)));
    let saved = |_: &str, id: &str| {
        (id == "b").then(|| Verdict {
            health: DEGRADED,
            cause: Cause::RequestErrors { errors: 1, requests: 9 },
            since: at(0),
        })
    };
    let mut verdicts = Verdicts::default();
    verdicts.follow(&both, saved, at(1));
    let fail = |verdicts: &mut Verdicts, id: &str| {
        verdicts.watch_mut(&PathKey::new("live", id)).map(|w| w.probe(&Err(ProbeError::Status(500)), at(2)).is_some())
    };
    let healths = |verdicts: &Verdicts, policies: &[Arc<fairway_policies::Policy>]| -> Vec<Health> {
        verdicts.of(&policies[0], at(3)).iter().map(|v| v.health).collect()
    };
    assert_eq!(fail(&mut verdicts, "a"), Some(true));
    assert_eq!(healths(&verdicts, &both), [DOWN, DEGRADED]);
    assert_eq!((verdicts.tallies(&both)[0].failed, verdicts.tallies(&both)[1].failed), (1, 0));

    let swapped = parse(&(pathway("c", probe) + &pathway("a", probe)));
    verdicts.follow(&swapped, |_, _| None, at(4));
    assert_eq!(healths(&verdicts, &swapped), [UP, DOWN], "known by id, not by place in the file");
    assert_eq!(fail(&mut verdicts, "b"), None, "an outcome that comes late is nobody's");

    let unprobed = parse(&pathway("a", ""));
    verdicts.follow(&unprobed, |_, _| None, at(5));
    assert_eq!(healths(&verdicts, &unprobed), [UP], "without its probe, what the probe said is void");
}
