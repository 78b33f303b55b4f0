use chrono::TimeDelta;
use fairway_geo::Continent;
use fairway_policies::StepKind;

use super::*;
use crate::{
    cells::{Cell, Logs},
    testing::{now, policy, row},
};

const EUROPE: Audience = Audience::Continent(Continent::Eu);

fn country(code: &str) -> Audience {
    Audience::Country(code.parse().unwrap())
}

fn estimates(keys: &str) -> Estimates {
    let policy = policy(&["a", "b"], &format!("[[step]]\ndo = \"rank\"\n{keys}"));
    let StepKind::Rank(rank) = &policy.steps[0].kind else { panic!("not a rank step") };
    Estimates::new(rank, 2)
}

fn stalls() -> Estimates {
    estimates("by = [\"stall_ratio\"]\n")
}

/// A row of pathway a, of the bucket that began so many seconds after the start.
fn told(audience: Audience, sessions: u64, stall: f64, after: i64) -> CellRow {
    row("a", audience, sessions, stall, now() + TimeDelta::seconds(after))
}

fn hear(estimates: &mut Estimates, rows: &[CellRow], after: i64) {
    estimates.hear(rows.iter().map(|row| (0, row)), now() + TimeDelta::seconds(after));
}

fn known(estimates: &Estimates, audience: Audience, metric: Metric) -> Value {
    estimates.known(audience)[0].as_ref().unwrap().value(metric).unwrap()
}

fn stall(estimates: &Estimates, audience: Audience) -> f32 {
    known(estimates, audience, Metric::StallRatio).value
}

/// The same to a hundredth of it.
fn near(a: f32, b: f64) -> bool {
    (f64::from(a) - b).abs() <= 0.01 * b.abs()
}

#[test]
fn a_ratio_is_one_of_sums() {
    let mut estimates = stalls();
    // Ten seconds of many sessions, then of few that see much worse.
    hear(&mut estimates, &[told(Audience::World, 900, 0.01, 0), told(Audience::World, 100, 0.5, 10)], 20);
    let old = 0.5_f64.powf(10.0 / 30.0);
    let ratio = (old * 900.0 * 0.01 + 100.0 * 0.5) / (old * 900.0 + 100.0);
    let world = known(&estimates, Audience::World, Metric::StallRatio);
    assert!(near(world.value, ratio), "{world:?} is not {ratio}, and least of all {}", (0.01 + 0.5) / 2.0);
    assert!(near(world.samples, (old * 900.0 + 100.0) / (old + 1.0)), "so many watch at once, on average: {world:?}");
}

#[test]
fn a_bucket_is_heard_again_until_it_closes_and_counts_once() {
    let (mut often, mut once) = (stalls(), stalls());
    let stall_in = |bucket: i64| if bucket % 20 == 0 { 0.02 } else { 0.06 };
    for second in (0..600).step_by(2) {
        // Each fetch brings the buckets of the last thirty seconds, and those still fill.
        let open = (0..4).map(|back| (second / 10 - back) * 10).filter(|bucket| *bucket >= 0);
        let rows: Vec<_> = open
            .map(|bucket| {
                let filled = (second + 2 - bucket).min(10) as u64;
                told(Audience::World, 10 * filled, stall_in(bucket), bucket)
            })
            .collect();
        hear(&mut often, &rows, second);
    }
    for bucket in (0..600).step_by(10) {
        hear(&mut once, &[told(Audience::World, 100, stall_in(bucket), bucket)], bucket + 8);
    }
    let both = [&often, &once].map(|estimates| known(estimates, Audience::World, Metric::StallRatio));
    assert!(near(both[0].value, both[1].value.into()) && near(both[0].samples, both[1].samples.into()), "{both:?}");
    // Too late for a bucket that is folded in: it would count a second time.
    hear(&mut often, &[told(Audience::World, 100, 1.0, 500)], 600);
    assert!(near(stall(&often, Audience::World), both[1].value.into()));
}

#[test]
fn what_is_old_fades_by_its_half_life() {
    let mut estimates = stalls();
    for bucket in (0..600).step_by(10) {
        hear(&mut estimates, &[told(Audience::World, 1000, 0.08, bucket)], bucket + 9);
    }
    for bucket in (600..630).step_by(10) {
        hear(&mut estimates, &[told(Audience::World, 1000, 0.0, bucket)], bucket + 9);
    }
    assert!(near(stall(&estimates, Audience::World), 0.04), "{}", stall(&estimates, Audience::World));
}

#[test]
fn silence_makes_unsure_and_then_forgets() {
    let mut estimates = stalls();
    let rows: Vec<_> = (0..30).map(|b| told(country("DE"), 100, 0.3, 10 * b)).collect();
    let world = |bucket: i64| told(EUROPE, 2000, 0.01, bucket);
    for (bucket, row) in rows.iter().enumerate() {
        hear(&mut estimates, &[row.clone(), world(10 * bucket as i64)], 10 * bucket as i64 + 9);
    }
    let before = known(&estimates, country("DE"), Metric::StallRatio);
    assert!(before.value > 0.28, "{before:?}");
    let mut last = before;
    for bucket in (300..480).step_by(10) {
        hear(&mut estimates, &[world(bucket)], bucket + 9);
        let now = known(&estimates, country("DE"), Metric::StallRatio);
        assert!(now.samples <= last.samples && now.error >= last.error - 1e-6, "{last:?}, then {now:?}");
        last = now;
    }
    assert!(last.error > 4.0 * before.error && last.samples < 3.0, "{last:?}");
    for bucket in (480..600).step_by(10) {
        hear(&mut estimates, &[world(bucket)], bucket + 9);
    }
    assert!(!estimates.remembers(country("DE")) && estimates.remembers(EUROPE));
    assert_eq!(estimates.tree.used(), 2, "Europe and the world");
    hear(&mut estimates, &[told(country("FR"), 9, 0.01, 600)], 609);
    assert_eq!(estimates.tree.size(), 3, "a place that came free is taken");
    assert!(estimates.known(country("FR"))[0].is_some());
}

#[test]
fn a_store_that_was_away_leaves_what_is_known() {
    let mut estimates = stalls();
    for bucket in (0..100).step_by(10) {
        hear(&mut estimates, &[told(Audience::World, 100, 0.05, bucket)], bucket + 9);
    }
    hear(&mut estimates, &[told(Audience::World, 100, 0.01, 160)], 169);
    let world = stall(&estimates, Audience::World);
    assert!(world > 0.012 && world < 0.03, "of a minute ago a quarter is left: {world}");
}

#[test]
fn a_clock_set_back_stops_nothing() {
    let mut estimates = stalls();
    for bucket in (3600..3700).step_by(10) {
        hear(&mut estimates, &[told(Audience::World, 100, 0.05, bucket)], bucket + 9);
    }
    for bucket in (0..300).step_by(10) {
        hear(&mut estimates, &[told(Audience::World, 100, 0.01, bucket)], bucket + 9);
    }
    assert!(near(stall(&estimates, Audience::World), 0.01), "{}", stall(&estimates, Audience::World));
    assert_eq!(estimates.newest_ms(), Some((now() + TimeDelta::seconds(290)).timestamp_millis()));
    // What comes from the future is not heard at all.
    hear(&mut estimates, &[told(Audience::World, 100, 0.9, 3600)], 300);
    assert!(near(stall(&estimates, Audience::World), 0.01));
}

#[test]
fn few_sessions_borrow_and_many_speak_for_themselves() {
    let mut estimates = stalls();
    let rows = [
        told(EUROPE, 1000, 0.01, 0),
        told(country("FR"), 300, 0.01, 0),
        told(country("IT"), 300, 0.01, 0),
        told(country("DE"), 2, 0.25, 0),
    ];
    hear(&mut estimates, &rows, 9);
    let germany = estimates.known(country("DE"))[0].clone().unwrap();
    let value = germany.value(Metric::StallRatio).unwrap();
    assert_eq!((germany.level, germany.sessions, germany.own), (EUROPE, 1000, 2));
    assert!(value.value < 0.03 && value.error < 0.05 && value.samples == 2.0, "{value:?}");
    let mut estimates = stalls();
    hear(&mut estimates, &[&rows[..3], &[told(country("DE"), 200, 0.25, 0)]].concat(), 9);
    let germany = estimates.known(country("DE"))[0].clone().unwrap();
    let value = germany.value(Metric::StallRatio).unwrap();
    assert_eq!((germany.level, germany.sessions), (country("DE"), 200));
    assert!(value.value > 0.2 && value.error > 0.02 && value.error < 0.06, "{value:?}");
    assert!(estimates.known(country("DE"))[1].is_none(), "of b nothing is known anywhere");
    assert!(estimates.known(country("PL")).iter().all(Option::is_none), "nor of one never heard of");
}

#[test]
fn an_audience_that_nobody_is_part_of_yet_borrows_all() {
    let mut estimates = stalls();
    let rows = [told(EUROPE, 500, 0.02, 0), row("b", country("DE"), 30, 0.01, now())];
    estimates.hear([(0, &rows[0]), (1, &rows[1])], now());
    let known = estimates.known(country("DE"));
    let (a, b) = (known[0].as_ref().unwrap(), known[1].as_ref().unwrap());
    assert_eq!((a.level, a.own, a.sessions, b.level, b.own), (EUROPE, 0, 500, country("DE"), 30));
    let of = |audience| known_of(&estimates, audience);
    assert_eq!(of(country("DE")).value, of(EUROPE).value);
    assert!(of(country("DE")).error >= of(EUROPE).error);
}

fn known_of(estimates: &Estimates, audience: Audience) -> Value {
    known(estimates, audience, Metric::StallRatio)
}

#[test]
fn none_seen_is_no_certainty_and_one_part_is_no_second_witness() {
    let mut estimates = stalls();
    hear(&mut estimates, &[told(EUROPE, 30, 0.0, 0)], 9);
    let alone = known_of(&estimates, EUROPE);
    assert!(alone.value == 0.0 && alone.error > 1.0 / 60.0, "{alone:?}");
    let mut estimates = stalls();
    hear(&mut estimates, &[told(EUROPE, 30, 0.1, 0), told(country("DE"), 30, 0.1, 0)], 9);
    let (germany, one) = (known_of(&estimates, country("DE")), 0.1_f32);
    let least = (one * (1.0 - one) / 30.0).sqrt();
    assert!((germany.value - one).abs() < 0.001 && germany.error >= least, "{germany:?} from 30 sessions");
}

#[test]
fn times_and_rates_are_typical_ones() {
    let mut estimates = estimates("by = [\"startup_time\", \"ttfb\", \"throughput\", \"bitrate\"]\n");
    let logs = |value: f64, count: f64, spread: f64| {
        let ln = value.ln();
        Logs { count, sum: count * ln, squares: count * (ln * ln + spread * spread) }
    };
    let cell = Cell {
        sessions: 100,
        watched_ms: 1_000_000,
        starts: 60,
        startup: logs(900.0, 50.0, 0.5),
        ttfb: logs(45.0, 500.0, 0.5),
        throughput: logs(2e7, 100.0, 0.5),
        bits: 4_000_000_000,
        ..Cell::default()
    };
    hear(&mut estimates, &[CellRow { cell, ..told(Audience::World, 0, 0.0, 0) }], 9);
    let of = |metric| known(&estimates, Audience::World, metric);
    let (startup, ttfb) = (of(Metric::StartupTime), of(Metric::Ttfb));
    assert!(near(startup.value, 900.0) && near(ttfb.value, 45.0), "{startup:?} {ttfb:?}");
    assert!(near(of(Metric::Throughput).value, 2e7) && near(of(Metric::Bitrate).value, 4e6));
    let share = startup.error / startup.value;
    assert!(share > 0.07 && share < 0.09, "0.55 over the root of 50: {share}");
    assert_eq!(ttfb.samples, 100.0, "sessions, however many requests they tell of");
    assert!(ttfb.error / ttfb.value > 0.05, "{ttfb:?}");
}

#[test]
fn only_what_changed_and_who_borrows_from_it_is_estimated_anew() {
    let mut estimates = stalls();
    let codes = ["DE", "FR", "IT", "ES"];
    let mut rows: Vec<_> = codes.map(|code| told(country(code), 1000, 0.01, 0)).into();
    rows.push(told(country("US"), 1000, 0.01, 0));
    rows.push(told(EUROPE, 4000, 0.01, 0));
    hear(&mut estimates, &rows, 9);
    assert_eq!(estimates.changed().len(), 8, "with two continents, and the world");
    hear(&mut estimates, &rows, 9);
    assert_eq!(estimates.changed(), []);
    for (ratio, changed) in [(0.0101, 0), (0.0102, 0)] {
        rows[0] = told(country("DE"), 1000, ratio, 0);
        hear(&mut estimates, &rows, 9);
        assert_eq!(estimates.changed().len(), changed, "a thirtieth of a standard error is nothing to tell");
    }
    rows[0] = told(country("DE"), 1000, 0.0104, 0);
    hear(&mut estimates, &rows, 9);
    assert!(estimates.changed().contains(&country("DE")) && !estimates.changed().contains(&country("US")));
    assert!(estimates.changed().is_sorted_by(|a, b| a >= b), "{:?}", estimates.changed());
}

#[test]
fn what_was_known_is_taken_up_again() {
    let mut before = stalls();
    for bucket in (0..300).step_by(10) {
        let rows = ["FR", "IT", "ES", "PL"].map(|code| told(country(code), 200, 0.01, bucket));
        hear(&mut before, &rows, bucket + 8);
        hear(&mut before, &[told(EUROPE, 880, 0.036, bucket), told(country("DE"), 80, 0.3, bucket)], bucket + 9);
    }
    let mut after = stalls();
    for audience in ["FR", "IT", "ES", "PL", "DE"].map(country).into_iter().chain([EUROPE, Audience::World]) {
        after.recall(audience, &before.known(audience));
    }
    hear(&mut after, &[], 301);
    for audience in [country("FR"), country("DE")] {
        let (was, is) = (known_of(&before, audience), known_of(&after, audience));
        assert!((was.value - is.value).abs() < 0.1 * was.value + 0.002, "{audience}: {was:?}, then {is:?}");
    }
}
