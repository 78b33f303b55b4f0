use std::sync::Arc;

use chrono::TimeDelta;
use fairway_geo::Continent;
use fairway_policies::{Compare, Metric, Policy, StepKind};

use super::*;
use crate::{
    cells::{Cell, CellRow},
    testing::{Numbers, now, policy, row},
};

const EUROPE: Audience = Audience::Continent(Continent::Eu);
/// Forty countries of Europe.
const COUNTRIES: [&str; 40] = [
    "DE", "FR", "IT", "ES", "PL", "NL", "BE", "AT", "CH", "SE", "NO", "FI", "DK", "PT", "GR", "CZ", "HU", "RO", "BG",
    "SK", "SI", "HR", "RS", "BA", "AL", "MK", "ME", "LT", "LV", "EE", "IE", "GB", "IS", "LU", "MT", "UA", "MD", "BY",
    "LI", "MC",
];

fn country(code: &str) -> Audience {
    Audience::Country(code.parse().unwrap())
}

/// A loop that hears one bucket after the other.
struct World {
    policy: Arc<Policy>,
    rank: Rank,
    now: DateTime<Utc>,
    estimates: Estimates,
    standings: Arc<Standings>,
}

impl World {
    fn new() -> Self {
        Self::ranking("by = [\"start_failures\", \"stall_ratio\"]\n")
    }

    fn ranking(keys: &str) -> Self {
        let policy = policy(&["a", "b"], &format!("[[step]]\ndo = \"rank\"\n{keys}"));
        let StepKind::Rank(rank) = policy.steps[0].kind.clone() else { panic!("not a rank step") };
        let estimates = Estimates::new(&rank, 2);
        Self { policy, rank, now: now(), estimates, standings: Arc::default() }
    }

    /// Ten seconds with these rows.
    fn hear(&mut self, rows: &[CellRow]) -> Vec<Change> {
        self.now += TimeDelta::seconds(10);
        let sorted = crate::cells::sorted(std::slice::from_ref(&self.policy), rows);
        self.estimates.hear(sorted[0].iter().copied(), self.now);
        let (standings, changes) = next(&self.standings, &self.rank, &self.estimates, self.now);
        self.standings = standings;
        changes
    }

    /// Ten seconds with these cells: pathway, audience, sessions, stall ratio.
    fn tick(&mut self, cells: &[(&str, Audience, u64, f64)]) -> Vec<Change> {
        let row = |(pathway, audience, sessions, stall): &(&str, Audience, u64, f64)| {
            row(pathway, *audience, *sessions, *stall, self.now)
        };
        let rows: Vec<_> = cells.iter().map(row).collect();
        self.hear(&rows)
    }

    /// So many seconds of the same.
    fn last(&mut self, seconds: i64, cells: &[(&str, Audience, u64, f64)]) -> Vec<Change> {
        (0..seconds / 10).flat_map(|_| self.tick(cells)).collect()
    }

    /// The share of the audience for whom b is ahead of a.
    fn b_leads(&self, audience: Audience) -> f32 {
        speaking(&self.standings, audience).and_then(|s| s.lead(1, 0)).map_or(0.0, |lead| lead.share)
    }

    fn why(&self, change: &Change) -> String {
        match change.event(&self.policy, now()) {
            crate::Event::Standing { audience, ahead, behind, why, .. } => {
                format!("{audience}: {ahead} > {behind}: {why}")
            }
            other => panic!("{other:?}"),
        }
    }
}

fn both(a: f64, b: f64) -> [(&'static str, Audience, u64, f64); 2] {
    [("a", Audience::World, 20_000, a), ("b", Audience::World, 20_000, b)]
}

#[test]
fn an_audience_passes_at_the_margin_step_by_step_and_stays_until_the_tie() {
    let mut world = World::new();
    // With the floor of 0.005: b is better by a third where b + 0.005 ≤ 0.67 (a + 0.005).
    assert_eq!(world.last(600, &both(0.045, 0.030)), [], "0.035 against 0.050 is 30 % better: not yet");
    let mut shares = Vec::new();
    let mut told = Vec::new();
    for _ in 0..30 {
        told.extend(world.tick(&both(0.045, 0.020)));
        shares.push(world.b_leads(Audience::World));
    }
    shares.dedup();
    assert_eq!(shares, [0.25, 0.5, 0.75, 1.0], "at the pace of the policy");
    assert_eq!(told.len(), 2, "it begins and it is complete: {told:?}");
    assert!(matches!(told[0].turn, Turn::Begins { share: 0.25, .. }) && told[1].turn == Turn::Complete);
    assert_eq!(world.last(600, &both(0.045, 0.040)), [], "10 % better is enough to stay");
    assert_eq!(world.b_leads(Audience::World), 1.0);

    let told = world.last(600, &both(0.045, 0.044));
    let kinds: Vec<_> = told.iter().map(|change| (change.ahead, std::mem::discriminant(&change.turn))).collect();
    let of = |turn: Turn| (0, std::mem::discriminant(&turn));
    assert_eq!(kinds, [of(Turn::FallsBack(None)), of(Turn::Undone(None))], "a tie, and a was first");
    assert_eq!(world.b_leads(Audience::World), 0.0);
    assert_eq!(world.last(600, &both(0.045, 0.040)), [], "10 % better is not enough to pass");
}

#[test]
fn two_moves_of_an_audience_are_as_far_apart_as_the_policy_says() {
    let mut world = World::new();
    let mut moved: Vec<DateTime<Utc>> = Vec::new();
    let mut before = 0.0;
    for tick in 0..120 {
        world.tick(&both(0.05, if tick < 60 { 0.001 } else { 0.05 }));
        let share = world.b_leads(Audience::World);
        if share != before {
            assert!((share - before).abs() <= 0.2501, "from {before} to {share}");
            moved.push(world.now);
            before = share;
        }
    }
    assert_eq!(before, 0.0);
    assert!(moved.len() > 8 && moved.windows(2).all(|pair| pair[1] - pair[0] >= TimeDelta::seconds(30)), "{moved:?}");
}

#[test]
fn a_fall_back_begins_with_little_and_grows() {
    let mut world = World::new();
    world.last(300, &both(0.05, 0.001));
    assert_eq!(world.b_leads(Audience::World), 1.0);
    let mut shares = Vec::new();
    for _ in 0..60 {
        world.tick(&both(0.001, 0.001));
        shares.push((100.0 * world.b_leads(Audience::World)).round());
    }
    shares.dedup();
    assert_eq!(shares, [100.0, 97.0, 92.0, 85.0, 75.0, 59.0, 35.0, 10.0, 0.0]);
}

#[test]
fn an_earlier_metric_decides_and_its_ties_go_to_the_next() {
    let rank = World::new().rank;
    let known = |failures, stall| {
        Known::sure(Audience::World, 1000, &[(Metric::StartFailures, failures), (Metric::StallRatio, stall)], now())
    };
    let better = |x: &Known, y: &Known| compare::compare(&rank, x, y);
    assert_eq!(
        better(&known(0.0, 0.9), &known(0.2, 0.0)),
        compare::Better::Surely(Metric::StartFailures),
        "fewer failures weigh more than any stalling"
    );
    assert_eq!(
        better(&known(0.002, 0.01), &known(0.001, 0.05)),
        compare::Better::Surely(Metric::StallRatio),
        "a failure in a thousand is under the floor"
    );
    assert_eq!(better(&known(0.001, 0.05), &known(0.002, 0.01)), compare::Better::Not);
    let nothing = Known { values: Vec::new(), ..known(0.0, 0.0) };
    assert_eq!(better(&nothing, &known(0.5, 0.5)), compare::Better::Perhaps, "unknown neither beats nor is beaten");
}

#[test]
fn metrics_are_weighed_and_of_rates_more_is_better() {
    let mut rank = World::new().rank;
    let known = |bitrate, stall| {
        Known::sure(Audience::World, 1000, &[(Metric::Bitrate, bitrate), (Metric::StallRatio, stall)], now())
    };
    rank.by = Compare::InOrder(vec![Metric::Bitrate]);
    let better = |rank: &Rank, x: &Known, y: &Known| compare::compare(rank, x, y);
    assert_eq!(better(&rank, &known(8e6, 0.5), &known(4e6, 0.0)), compare::Better::Surely(Metric::Bitrate));
    assert_eq!(better(&rank, &known(4e6, 0.0), &known(8e6, 0.5)), compare::Better::Not);
    rank.by = Compare::Weighted(vec![(Metric::Bitrate, 1.0), (Metric::StallRatio, 3.0)]);
    assert_eq!(
        better(&rank, &known(4e6, 0.01), &known(8e6, 0.05)),
        compare::Better::Surely(Metric::StallRatio),
        "three quarters of 73 % better outweigh a quarter of 48 % worse"
    );
    assert_eq!(better(&rank, &known(4e6, 0.03), &known(8e6, 0.05)), compare::Better::Perhaps);
    let unsure = |mut known: Known| {
        known.values.iter_mut().for_each(|value| value.error = 0.5 * value.value);
        known
    };
    assert_eq!(better(&rank, &unsure(known(4e6, 0.01)), &unsure(known(8e6, 0.05))), compare::Better::Perhaps);
}

/// Rows of all countries and of what they are part of: what each country's cells are, by its number and pathway.
fn continent(world: &World, of: impl Fn(usize, usize) -> (u64, f64)) -> Vec<CellRow> {
    let mut rows = Vec::new();
    for (pathway, id) in ["a", "b"].into_iter().enumerate() {
        let mut whole = Cell::default();
        for (number, code) in COUNTRIES.into_iter().enumerate() {
            let (sessions, stall) = of(number, pathway);
            if sessions > 0 {
                let row = row(id, country(code), sessions, stall, world.now);
                let together = whole.sessions + sessions;
                whole.add(&row.cell);
                whole.sessions = together;
                rows.push(row);
            }
        }
        let of = |audience| CellRow { audience, cell: whole, ..row(id, audience, 0, 0.0, world.now) };
        rows.extend([of(EUROPE), of(Audience::World)]);
    }
    rows
}

#[test]
fn of_forty_countries_only_the_bad_one_moves() {
    let mut world = World::new();
    for _ in 0..30 {
        let rows = continent(&world, |_, _| (20, 0.01));
        assert_eq!(world.hear(&rows), []);
    }
    let mut told = Vec::new();
    for _ in 0..30 {
        let rows = continent(&world, |country, pathway| (20, if (country, pathway) == (7, 0) { 0.5 } else { 0.01 }));
        told.extend(world.hear(&rows));
    }
    let bad = country(COUNTRIES[7]);
    assert!(told.iter().all(|change| change.audience == bad), "{told:?}");
    assert_eq!(world.b_leads(bad), 1.0);
    for code in COUNTRIES.into_iter().filter(|code| country(code) != bad) {
        assert_eq!(world.b_leads(country(code)), 0.0, "{code}");
    }
    assert_eq!((world.b_leads(EUROPE), world.b_leads(Audience::World)), (0.0, 0.0), "nor those without a cell");
    assert!(world.why(&told[0]).starts_with("country AT: b > a: stall ratio "), "{}", world.why(&told[0]));
}

#[test]
fn when_the_whole_continent_is_bad_all_move_also_those_with_three_sessions() {
    let mut world = World::new();
    let sessions = |country: usize| if country.is_multiple_of(2) { 3 } else { 40 };
    for _ in 0..30 {
        let rows = continent(&world, |country, _| (sessions(country), 0.01));
        assert_eq!(world.hear(&rows), []);
    }
    for _ in 0..30 {
        // Some of those with three see nothing of it for now.
        let stall = |country: usize| if country.is_multiple_of(6) { 0.0 } else { 0.08 };
        let rows =
            continent(&world, |country, pathway| (sessions(country), if pathway == 0 { stall(country) } else { 0.01 }));
        world.hear(&rows);
    }
    for code in COUNTRIES {
        assert_eq!(world.b_leads(country(code)), 1.0, "{code}");
    }
}

/// The moves that begin in forty countries with so many sessions on each of two pathways, which are alike: so many in a
/// thousand see nothing but stalls. What hangs together most: a session sees all of it or nothing, as long as it lasts (five
/// minutes on average). For 2000 buckets, each of which is five ticks of the loop.
fn begun_by_chance(sessions: usize, per_mille: usize, seed: u64) -> Vec<String> {
    let mut world = World::new();
    let mut numbers = Numbers(seed);
    let mut bad = vec![vec![false; 2 * sessions]; COUNTRIES.len()];
    let mut begun = Vec::new();
    for _ in 0..2000 {
        for session in bad.iter_mut().flatten() {
            if numbers.below(30) == 0 {
                *session = numbers.below(1000) < per_mille;
            }
        }
        let rows = continent(&world, |country, pathway| {
            let here = &bad[country][sessions * pathway..][..sessions];
            (sessions as u64, here.iter().filter(|bad| **bad).count() as f64 / sessions as f64)
        });
        let told = world.hear(&rows);
        let begins = told.iter().filter(|change| matches!(change.turn, Turn::Begins { .. }));
        begun.extend(begins.map(|change| world.why(change)));
    }
    begun
}

#[test]
fn chance_alone_moves_next_to_nobody() {
    let worlds = [(3, 20), (3, 50), (12, 5), (12, 25), (12, 50), (30, 20), (30, 50), (100, 5), (100, 20)];
    let begun: Vec<_> =
        worlds.iter().zip(1..).flat_map(|((sessions, bad), seed)| begun_by_chance(*sessions, *bad, seed)).collect();
    assert!(begun.len() <= worlds.len(), "of {} worlds: {begun:#?}", worlds.len());
}

#[test]
fn who_is_plainly_failed_leaves_at_once_if_they_are_few() {
    let mut world = World::new();
    let germany = |stall| {
        let rest = ["FR", "IT", "ES", "PL"].map(|code| ("a", country(code), 200, 0.004));
        let world = both(0.004, 0.004);
        [&rest[..], &world, &[("a", country("DE"), 50, stall), ("a", EUROPE, 850, 0.004), ("b", EUROPE, 900, 0.004)]]
            .concat()
    };
    world.last(300, &germany(0.004));
    let told = world.tick(&germany(0.5));
    assert_eq!((world.b_leads(country("DE")), world.b_leads(EUROPE)), (1.0, 0.0));
    assert!(matches!(told[..], [Change { ahead: 1, turn: Turn::Begins { share: 1.0, .. }, .. }]), "{told:?}");
    let why = world.why(&told[0]);
    assert!(why.starts_with("country DE: b > a: stall ratio 0.4 % ("), "{why}");
    assert!(why.ends_with(") against 50.0 % (country DE, 50 sessions)"), "of the last seconds: {why}");

    let mut world = World::new();
    world.last(300, &both(0.004, 0.004));
    world.tick(&both(0.5, 0.004));
    assert_eq!(world.b_leads(Audience::World), 0.5, "all are a crowd: a quarter of those on either");
    world.tick(&both(0.5, 0.004));
    assert_eq!(world.b_leads(Audience::World), 0.5, "and load must show first what it does");
    world.last(20, &both(0.5, 0.004));
    assert_eq!(world.b_leads(Audience::World), 1.0);
}

#[test]
fn what_an_audience_left_is_tried_again_by_few_and_left_again() {
    let mut world = World::new();
    let [on_a_elsewhere, on_b_elsewhere] = both(0.004, 0.004);
    let rest = [on_a_elsewhere, on_b_elsewhere, ("a", EUROPE, 5000, 0.004), ("b", EUROPE, 5000, 0.004)];
    let mut on_a = 200.0;
    let (mut hurt, mut tried) = (0.0, 0);
    for tick in 0..410 {
        let bad = (30..360).contains(&tick);
        let a = ("a", country("DE"), on_a as u64, if bad { 0.4 } else { 0.004 });
        let b = ("b", country("DE"), 200 - on_a as u64, 0.004);
        let cells: Vec<_> = rest.into_iter().chain([a, b].into_iter().filter(|cell| cell.2 > 0)).collect();
        let before = world.b_leads(country("DE"));
        world.tick(&cells);
        let after = world.b_leads(country("DE"));
        tried += u32::from(before == 1.0 && after < 1.0 && bad);
        if bad {
            hurt += on_a / 200.0;
        }
        on_a = (200.0 * f64::from(1.0 - after)).round();
    }
    assert!((1..20).contains(&tried), "tried again {tried} times in an hour's fault");
    assert!(hurt / 330.0 < 0.04, "{hurt} of 330 times ten seconds were suffered");
    assert_eq!(world.b_leads(country("DE")), 0.0, "mended, everyone is back in the operator's order");
}

#[test]
fn who_says_what_the_wider_audience_says_has_no_standing() {
    let mut world = World::new();
    world.last(
        60,
        &[("a", Audience::World, 1000, 0.01), ("a", country("DE"), 30, 0.01), ("a", country("FR"), 20, 0.01)],
    );
    let mut audiences: Vec<_> = world.standings.keys().copied().collect();
    audiences.sort();
    assert_eq!(audiences, [country("DE"), Audience::World], "of 25 sessions on, its numbers are kept to be told");
}

#[test]
fn a_silent_audience_is_forgotten_and_a_silent_world_too() {
    let mut world = World::new();
    world.last(
        100,
        &[("a", Audience::World, 1000, 0.004), ("b", Audience::World, 1000, 0.004), ("a", country("DE"), 50, 0.5)],
    );
    assert_eq!(world.b_leads(country("DE")), 1.0);
    world.last(300, &[("a", Audience::World, 1000, 0.004), ("b", Audience::World, 1000, 0.004)]);
    assert_eq!(world.standings.keys().copied().collect::<Vec<_>>(), [Audience::World]);
    world.last(300, &[]);
    assert!(world.standings.is_empty());
}

#[test]
fn nothing_new_is_the_same_standings() {
    let mut world = World::new();
    let rows = both(0.01, 0.01).map(|(pathway, audience, n, stall)| row(pathway, audience, n, stall, now()));
    world.hear(&rows);
    let before = world.standings.clone();
    world.now -= TimeDelta::seconds(8);
    assert_eq!(world.hear(&rows), []);
    assert!(Arc::ptr_eq(&before, &world.standings) && same_leads(&before, &world.standings));
}

#[test]
fn a_restart_goes_on_from_what_was_known() {
    let mut world = World::new();
    let germany =
        [("a", Audience::World, 1000, 0.004), ("b", Audience::World, 1000, 0.004), ("a", country("DE"), 50, 0.5)];
    world.last(120, &germany);
    let before = world.standings.clone();
    world.estimates = recall(&world.standings, &world.rank, 2);
    let told = world.last(60, &[germany[0], germany[1], ("b", country("DE"), 50, 0.004)]);
    assert_eq!((told, world.b_leads(country("DE"))), (vec![], 1.0));
    let stall = |standings: &Standings| standings[&country("DE")].known[0].as_ref().unwrap().value(Metric::StallRatio);
    let (was, is) = (stall(&before).unwrap(), stall(&world.standings).unwrap());
    assert!(is.value > 0.5 * was.value && is.error > was.error, "{was:?}, then {is:?}");
}

#[test]
fn settled_standings_are_where_moves_end() {
    let world = World::new();
    let mut fresh = Estimates::new(&world.rank, 2);
    let rows = both(0.05, 0.01).map(|(pathway, audience, n, stall)| row(pathway, audience, n, stall, now()));
    fresh.hear(rows.iter().map(|row| (usize::from(row.pathway == "b"), row)), now());
    let settled = settled(&world.rank, &fresh, now());
    assert_eq!(settled[&Audience::World].lead(1, 0).map(|lead| lead.share), Some(1.0));
}
