use chrono::TimeDelta;
use fairway_policies::Availability;

use super::*;

/// What is told to a watch with `rise = 2`, `fall = 2`.
enum Told {
    Pass,
    Fail,
    /// Of viewers' requests in the newest half minute: failed, all.
    Requests(u64, u64),
}
use Told::*;

const RULES: Rules = Rules { rise: 2, fall: 2, availability: None, ramp: Duration::ZERO };

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn tell(watch: &mut Watch, seconds: i64, told: &Told) -> Option<Verdict> {
    match told {
        Pass => watch.probe(&Ok(()), at(seconds)),
        Fail => watch.probe(&Err(ProbeError::Status(503)), at(seconds)),
        Requests(errors, requests) => watch.requests(&counts(seconds, *errors, *requests), at(seconds)),
    }
}

/// So many in the bucket that still fills.
fn counts(seconds: i64, errors: u64, requests: u64) -> [Count; 1] {
    [Count { bucket: seconds / BUCKET * BUCKET, errors, requests }]
}

fn fresh(rules: Rules) -> Watch {
    Watch::new(rules, Verdict::unknown(at(0)), Ramp::default(), at(0))
}

/// Each row: seconds, what is told, the health after it.
fn play(name: &str, rows: &[(i64, Told, Health)]) -> Watch {
    let mut watch = fresh(RULES);
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
            (16, Requests(0, 49), DEGRADED),
            (20, Requests(2, 50), UP),
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
    let mut watch = fresh(RULES);
    let mut now = 0;
    for _ in 0..20 {
        tell(&mut watch, now, &Requests(50, 50));
        let begun = now;
        while watch.verdict().health == DOWN {
            now += 1;
            tell(&mut watch, now, &Requests(0, 0));
        }
        assert!(now - begun <= HOLD_LIMIT.as_secs() as i64);
        now += BUCKET;
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
    let mut watch = fresh(Rules { rise: 1, fall: 1, ..RULES });
    let before = tell(&mut watch, 1, &Fail).unwrap();
    assert_eq!((before.health, before.cause), (UP, Cause::Unprobed));
    assert_eq!(tell(&mut watch, 2, &Fail), None);
    assert_eq!(tell(&mut watch, 3, &Requests(40, 40)), None);
}

#[test]
fn a_restart_holds_verdicts_until_the_signals_speak() {
    let saved = |cause| Verdict { health: DOWN, cause, since: at(0) };
    let mut by_probes =
        Watch::new(RULES, saved(Cause::ProbesFailed { count: 2, error: "refused".into() }), Ramp::default(), at(99));
    assert_eq!(tell(&mut by_probes, 100, &Requests(0, 500)), None);
    assert_eq!(tell(&mut by_probes, 101, &Pass), None);
    assert!(tell(&mut by_probes, 102, &Pass).is_some());
    assert_eq!(by_probes.verdict().health, UP);

    let mut by_viewers =
        Watch::new(RULES, saved(Cause::RequestErrors { errors: 50, requests: 50 }), Ramp::default(), at(99));
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
        let cause = Cause::RequestErrors { errors: 1, requests: 9 };
        (id == "b").then(|| (Verdict { health: DEGRADED, cause, since: at(0) }, Ramp::default()))
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

/// 90 % over five minutes.
const AVAILABILITY: Availability = Availability { least: 0.9, over: Duration::from_secs(300) };

/// Tells of buckets of so many requests of which so many failed, each when it is full, as the store does (the newest
/// three). Gives when the health first was as asked for.
fn hear(watch: &mut Watch, from: i64, to: i64, errors: u64, requests: u64, until: Health) -> Option<i64> {
    (from..to).step_by(BUCKET as usize).find(|bucket| {
        let first = (bucket - 2 * BUCKET).max(from);
        let newest = (first..=*bucket).step_by(BUCKET as usize).map(|bucket| Count { bucket, errors, requests });
        watch.requests(&newest.collect::<Vec<_>>(), at(bucket + BUCKET));
        watch.verdict().health == until
    })
}

#[test]
fn an_availability_under_the_policys_over_its_window_is_down() {
    let rules = Rules { availability: Some(AVAILABILITY), ..RULES };
    let mut watch = fresh(rules);
    assert_eq!(hear(&mut watch, 0, 3_000, 10, 100, DOWN), None, "exactly as good as asked, for an hour");
    let mut watch = fresh(rules);
    assert_eq!(hear(&mut watch, 0, 3_000, 1, 8, DOWN), None, "an eighth of a few: within what chance does");
    let mut watch = fresh(rules);
    let after = hear(&mut watch, 0, 300, 12, 80, DOWN).expect("15 % of many is not");
    assert!((30..=240).contains(&after), "{after}");
    let cause = watch.verdict().cause.to_string();
    assert!(
        cause.starts_with("85.0 % of viewers' ") && cause.ends_with(" requests succeeded over 5 min, under 90 %"),
        "{cause}"
    );
    let mut watch = fresh(RULES);
    assert_eq!(hear(&mut watch, 0, 3_000, 12, 80, DOWN), None, "the policy does not ask");
}

#[test]
fn what_has_spoken_against_a_pathway_is_spent() {
    let mut watch = fresh(Rules { availability: Some(AVAILABILITY), ..RULES });
    let down = hear(&mut watch, 0, 300, 20, 100, DOWN).unwrap() + BUCKET;
    // Nobody is sent there any more: silence clears it although its five minutes are as bad as before.
    assert_eq!(hear(&mut watch, down, down + 300, 0, 0, UP), Some(down + 20));
    assert_eq!(hear(&mut watch, down + 30, down + 60, 0, 100, DOWN), None, "and it is not down again for the same");
    let again = hear(&mut watch, down + 60, down + 300, 30, 100, DOWN).expect("but for what came since");
    let silent = hear(&mut watch, again + BUCKET, again + 300, 0, 0, UP).unwrap() - again;
    assert_eq!(silent, 60, "a relapse doubles the hold");
}

#[test]
fn an_evicted_pathway_in_use_is_back_when_well_under_what_may_fail() {
    // All others are down too, so viewers stay.
    let mut watch = fresh(Rules { availability: Some(AVAILABILITY), ..RULES });
    let down = hear(&mut watch, 0, 300, 20, 100, DOWN).unwrap() + BUCKET;
    assert_eq!(hear(&mut watch, down, down + 600, 8, 100, UP), None, "8 % is not clear of 10 %");
    assert!(hear(&mut watch, down + 600, down + 900, 2, 100, UP).is_some());
}

const RAMP: Duration = Duration::from_secs(300);

/// A watch that probes found down at 1 and up again at 100.
fn returning() -> Watch {
    let mut watch = fresh(Rules { ramp: RAMP, ..RULES });
    for (seconds, told) in [(0, Fail), (1, Fail), (99, Pass), (100, Pass)] {
        tell(&mut watch, seconds, &told);
    }
    assert_eq!(watch.verdict().health, UP);
    watch
}

#[test]
fn a_return_is_a_trial_then_a_growing_share_by_time() {
    let watch = returning();
    assert!(watch.ramp(at(100)).trial && watch.ramp(at(129)).trial);
    assert!(!watch.ramp(at(130)).trial);
    assert!(watch.ramp(at(250)).share > watch.ramp(at(200)).share);
    assert_eq!(watch.ramp(at(400)), Ramp::default());
    assert_eq!(fresh(Rules { ramp: RAMP, ..RULES }).ramp(at(0)), Ramp::default(), "what is new was not down");
    assert!(watch.ramp(at(50)).trial, "a clock set back");
}

#[test]
fn on_the_way_back_few_errors_are_enough_and_double_the_hold() {
    let mut watch = returning();
    tell(&mut watch, 110, &Requests(2, 10));
    assert_eq!(watch.verdict().health, UP, "a fifth");
    tell(&mut watch, 112, &Requests(3, 9));
    assert_eq!(watch.verdict().health, UP, "too few to speak");
    tell(&mut watch, 114, &Requests(3, 12));
    assert_eq!((watch.verdict().health, watch.ramp(at(114))), (DOWN, Ramp::default()), "a quarter of ten or more");
    let back = |watch: &mut Watch, from: i64| {
        (from..from + 1_000).find(|now| tell(watch, *now, &Requests(0, 0)).is_some() && watch.verdict().health == UP)
    };
    assert_eq!(back(&mut watch, 115), Some(144), "the first hold");
    assert!(watch.ramp(at(144)).trial, "and the trial again");
    tell(&mut watch, 160, &Requests(5, 10));
    assert_eq!(back(&mut watch, 161), Some(220), "the second is twice as long");
    tell(&mut watch, 10_000, &Requests(5, 10));
    assert_eq!(watch.verdict().health, UP, "back for all, ten requests are too few again");
}

#[test]
fn viewers_errors_take_half_and_half_again_and_what_is_left_stays() {
    let mut watch = fresh(Rules { ramp: RAMP, ..RULES });
    let mut told = |seconds: i64, errors: u64| {
        tell(&mut watch, seconds, &Requests(errors, 100));
        (watch.verdict().health, watch.ramp(at(seconds)).share)
    };
    let near = |share: f32, expected: f32| share <= expected && share > expected * 0.85;
    let (health, half) = told(0, 50);
    assert!(health == DEGRADED && near(half, 0.5), "{health:?}, {half}");
    assert_eq!(told(8, 60), (DEGRADED, half), "the same ten seconds are not heard again");
    let (health, quarter) = told(10, 25);
    assert!(health == DEGRADED && near(quarter, 0.25), "and now a quarter of them is enough: {quarter}");
    for seconds in (20..200).step_by(2) {
        assert_eq!(told(seconds, 15), (DEGRADED, quarter), "it keeps what it can just carry");
    }
    let (health, more) = told(260, 1);
    assert!(health == UP && more > quarter, "and has more when that is fine");
    assert_eq!(told(900, 0), (UP, 1.0));
}

#[test]
fn one_that_serves_nobody_is_down_at_once_and_one_that_serves_few_in_some_windows() {
    let windows = |errors: u64| {
        let mut watch = fresh(Rules { ramp: RAMP, ..RULES });
        let down = (0..100).find(|window| {
            tell(&mut watch, window * BUCKET, &Requests(errors, 100));
            watch.verdict().health == DOWN
        });
        down.map(|window| window + 1)
    };
    assert_eq!([100, 90, 60, 50].map(windows), [Some(1), Some(2), Some(4), Some(6)]);
    assert_eq!(windows(49), None, "degraded, as ever");
}

#[test]
fn silence_does_not_give_back_what_errors_took_until_it_has_lasted() {
    let mut watch = fresh(Rules { ramp: RAMP, ..RULES });
    tell(&mut watch, 0, &Requests(50, 100));
    let half = watch.ramp(at(0));
    let grows = (2..100).step_by(2).find(|now| {
        tell(&mut watch, *now, &Requests(0, 0));
        watch.ramp(at(*now)).share > half.share
    });
    assert!(grows.is_some_and(|now| now > HOLD.as_secs() as i64), "{grows:?}");
    assert_eq!(watch.verdict().health, UP);
}

#[test]
fn an_availability_under_the_policys_takes_halves_too() {
    let mut watch = fresh(Rules { availability: Some(AVAILABILITY), ramp: RAMP, ..RULES });
    let first = hear(&mut watch, 0, 300, 20, 100, DEGRADED).expect("fewer than asked");
    assert!(watch.ramp(at(first + BUCKET)).share <= 0.5);
    let down = hear(&mut watch, first + BUCKET, first + 600, 20, 100, DOWN).expect("and it does not get better");
    assert!(down - first >= 5 * BUCKET, "{first}, {down}");
}

#[test]
fn a_failing_probe_ends_a_ramp() {
    let mut watch = returning();
    tell(&mut watch, 200, &Fail);
    tell(&mut watch, 201, &Fail);
    assert_eq!((watch.verdict().health, watch.ramp(at(201))), (DOWN, Ramp::default()));
}

#[test]
fn errors_from_before_its_return_do_not_end_it() {
    let mut watch = fresh(Rules { ramp: RAMP, ..RULES });
    for (seconds, told) in [(95, Fail), (96, Fail), (97, Requests(40, 40)), (103, Pass), (104, Pass)] {
        tell(&mut watch, seconds, &told);
    }
    let window = [Count { bucket: 90, errors: 40, requests: 40 }, Count { bucket: 100, errors: 0, requests: 3 }];
    watch.requests(&window, at(106));
    assert_eq!(watch.verdict().health, UP);
}

#[test]
fn a_ramp_outlives_a_restart_and_the_time_away_does_not_count() {
    let before = returning();
    let (verdict, ramp) = (before.verdict().clone(), before.ramp(at(250)));
    let after = Watch::new(Rules { ramp: RAMP, ..RULES }, verdict.clone(), ramp, at(9_000));
    assert_eq!(after.ramp(at(9_001)), ramp);
    assert_eq!(after.ramp(at(9_160)), Ramp::default(), "within a step");
    let down = Verdict { health: DOWN, ..verdict };
    assert_eq!(Watch::new(Rules { ramp: RAMP, ..RULES }, down, ramp, at(9_000)).ramp(at(9_000)), Ramp::default());
}

#[test]
fn whoever_is_furthest_is_back_where_nobody_else_is() {
    let pathway = |id: &str| {
        format!(
            "[[pathway]]\nid = \"{id}\"\nurl = \"http://{id}.test/\"\nprobe = {{ tcp = \"127.0.0.1:9\", rise = 1, fall = 1 }}\n"
        )
    };
    let text = pathway("a") + &pathway("b") + "[[step]]\ndo = \"healthy\"\n";
    let policies = [Arc::new(fairway_policies::parse("live.policy.toml", &text).unwrap())];
    let mut verdicts = Verdicts::default();
    verdicts.follow(&policies, |_, _| None, at(0));
    let turn = |verdicts: &mut Verdicts, id: &str, up: bool, seconds: i64| {
        let outcome = if up { Ok(()) } else { Err(ProbeError::Status(503)) };
        verdicts.watch_mut(&PathKey::new("live", id)).unwrap().probe(&outcome, at(seconds));
        verdicts.ramps(&policies[0], at(seconds)).iter().map(|ramp| ramp.share < 1.0).collect::<Vec<_>>()
    };
    assert_eq!(turn(&mut verdicts, "a", false, 1), [false, false]);
    assert_eq!(turn(&mut verdicts, "a", true, 2), [true, false], "b is there for everyone");
    assert_eq!(turn(&mut verdicts, "b", false, 3), [false, false], "nobody else is left");
    assert_eq!(turn(&mut verdicts, "a", false, 4), [false, false], "all are down");
    assert_eq!(turn(&mut verdicts, "b", true, 5), [false, false], "the first to return");
    assert_eq!(turn(&mut verdicts, "a", true, 15), [true, false], "the second ramps up beside it");
}

#[test]
fn where_viewers_speak_against_all_the_best_of_them_is_there_for_everyone() {
    let text = "[[pathway]]\nid = \"a\"\nurl = \"http://a.test/\"\n[[pathway]]\nid = \"b\"\nurl = \"http://b.test/\"\n\
                [[step]]\ndo = \"healthy\"\n";
    let policies = [Arc::new(fairway_policies::parse("live.policy.toml", text).unwrap())];
    let mut verdicts = Verdicts::default();
    verdicts.follow(&policies, |_, _| None, at(0));
    let mut told = |id: &str, errors: u64, seconds: i64| {
        tell(verdicts.watch_mut(&PathKey::new("live", id)).unwrap(), seconds, &Requests(errors, 100));
        verdicts.ramps(&policies[0], at(seconds)).iter().map(|ramp| ramp.share).collect::<Vec<_>>()
    };
    let a = told("a", 75, 0);
    assert!(a[0] <= 0.25 && a[1] == 1.0, "{a:?}");
    let both = told("b", 50, 0);
    assert!(both[0] > 0.4 && both[0] < 0.55 && both[1] == 1.0, "half as many as b, as before: {both:?}");
}
