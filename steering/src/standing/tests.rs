use super::*;
use crate::testing::{now, policy, row};
use fairway_policies::{Policy, StepKind};
use std::sync::Arc;

const DE: &str = "DE";

fn country(code: &str) -> Audience {
    Audience::Country(code.parse().unwrap())
}

/// A loop that sees rows every second.
struct World {
    policy: Arc<Policy>,
    rank: Rank,
    now: DateTime<Utc>,
    standings: Standings,
}

impl World {
    fn new() -> Self {
        let policy = policy(&["a", "b"], "[[step]]\ndo = \"rank\"\nby = [\"start_failures\", \"stall_ratio\"]\n");
        let StepKind::Rank(rank) = policy.steps[0].kind.clone() else { panic!("not a rank step") };
        Self { policy, rank, now: now(), standings: Standings::new() }
    }

    /// One tick with these cells: pathway, audience, sessions, stall ratio.
    fn tick(&mut self, cells: &[(&str, Audience, u64, f64)]) -> Vec<Change> {
        self.now += TimeDelta::seconds(1);
        let rows: Vec<_> =
            cells.iter().map(|(p, audience, n, stall)| row(p, *audience, *n, *stall, self.now)).collect();
        let cells = &Cells::gather(std::slice::from_ref(&self.policy), &rows)[0];
        let (standings, changes) = next(&self.standings, &self.rank, 2, cells, self.now);
        self.standings = standings;
        changes
    }

    fn wait(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    /// Whether b is ahead of a in what speaks for this audience.
    fn b_leads(&self, audience: Audience) -> bool {
        speaking(&self.standings, audience).is_some_and(|s| s.beaten_by(1).contains(0))
    }
}

#[test]
fn passes_at_the_margin_and_stays_until_the_tie() {
    let mut world = World::new();
    let mut stall = |a: f64, b: f64| {
        let changes = world.tick(&[("a", Audience::World, 1000, a), ("b", Audience::World, 1000, b)]);
        (world.b_leads(Audience::World), changes.len())
    };
    // With the floor of 0.005: b is better by a third where b + 0.005 ≤ 0.67 (a + 0.005).
    assert_eq!(stall(0.045, 0.045), (false, 0));
    assert_eq!(stall(0.045, 0.030), (false, 0), "0.035 against 0.050 is 30 % better: not yet");
    assert_eq!(stall(0.045, 0.028), (true, 1), "0.033 against 0.050 is 34 % better");
    assert_eq!(stall(0.045, 0.040), (true, 0), "10 % better is enough to stay");
    assert_eq!(stall(0.045, 0.043), (false, 1), "4 % better is a tie, and a was first");
    assert_eq!(stall(0.045, 0.040), (false, 0), "10 % better is not enough to pass");
}

#[test]
fn noise_between_tie_and_margin_moves_nobody() {
    let mut world = World::new();
    let mut numbers = crate::testing::Numbers(1);
    for lead in [false, true] {
        if lead {
            world.tick(&[("a", Audience::World, 1000, 0.06), ("b", Audience::World, 1000, 0.01)]);
        }
        for _ in 0..500 {
            let b = 0.038 - 0.002 * numbers.below(4) as f64;
            let changes = world.tick(&[("a", Audience::World, 1000, 0.045), ("b", Audience::World, 1000, b)]);
            assert_eq!((world.b_leads(Audience::World), changes), (lead, Vec::new()));
        }
    }
}

#[test]
fn an_earlier_metric_decides_and_its_ties_go_to_the_next() {
    let known = |failures, stall| Known {
        level: Audience::World,
        sessions: 1000,
        most: 1000,
        starts: 1000,
        values: vec![(Metric::StartFailures, failures), (Metric::StallRatio, stall)],
        at: now(),
    };
    let rank = World::new().rank;
    let beats = |x, y| !compare(vec![Some(x), Some(y)], None, &rank).beaten_by(0).is_empty();
    assert!(beats(known(0.0, 0.9), known(0.2, 0.0)), "fewer failures weigh more than any stalling");
    assert!(beats(known(0.002, 0.01), known(0.001, 0.05)), "a failure in a thousand is under the floor");
    assert!(!beats(known(0.001, 0.05), known(0.002, 0.01)));
    let nothing = Known { values: Vec::new(), ..known(0.0, 0.0) };
    assert!(
        !beats(known(0.0, 0.0), nothing.clone()) && !beats(nothing, known(0.5, 0.5)),
        "unknown neither beats nor is beaten"
    );
}

#[test]
fn a_cell_with_too_few_sessions_borrows_from_its_parents() {
    let mut world = World::new();
    let europe = Audience::Continent(fairway_geo::Continent::Eu);
    let changes = world.tick(&[
        ("a", country(DE), 41, 0.061),
        ("b", country(DE), 24, 0.5),
        ("a", europe, 400, 0.004),
        ("b", europe, 310, 0.004),
        ("a", country("FR"), 20, 0.9),
    ]);
    assert!(world.b_leads(country(DE)) && !world.b_leads(europe));
    assert!(!world.standings.contains_key(&country("FR")), "nothing there speaks");
    assert!(!world.standings.contains_key(&Audience::World), "there were no cells of the world");
    assert_eq!(changes.len(), 1);
    let why = match changes[0].event(&world.policy, now()) {
        crate::Event::Standing { audience, ahead, behind, why, .. } => format!("{audience}: {ahead} > {behind}: {why}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        why,
        "country DE: b > a: stall ratio 0.4 % (continent EU, 310 sessions) against 6.1 % (country DE, 41 sessions)"
    );
}

#[test]
fn what_an_audience_knew_is_kept_a_while_after_it_left() {
    let mut world = World::new();
    let all_well = [("a", Audience::World, 1000, 0.004), ("b", Audience::World, 1000, 0.004)];
    world.tick(&[all_well[0], all_well[1], ("a", country(DE), 50, 0.2)]);
    assert!(world.b_leads(country(DE)), "b's value is the world's");
    let left = [all_well[0], all_well[1], ("b", country(DE), 50, 0.004)];
    assert_eq!(world.tick(&left), [], "nobody is on a any more; the world finds it good");
    world.wait(117);
    assert_eq!(world.tick(&left), []);
    assert!(world.b_leads(country(DE)));
    world.wait(2);
    let changes = world.tick(&left);
    assert!(!world.b_leads(country(DE)), "after two minutes the world's word counts");
    assert!(matches!(changes[..], [Change { ahead: 0, behind: 1, turn: Turn::LeadGone(Some(_)), .. }]), "{changes:?}");
}

#[test]
fn those_who_have_just_come_say_nothing_yet() {
    let mut world = World::new();
    let (bad, good) = (("a", country(DE), 80, 0.2), ("b", Audience::World, 1000, 0.0));
    world.tick(&[bad, good]);
    assert!(world.b_leads(country(DE)));
    // They have come to b, and their first interval of watching is not over.
    let mut rows: Vec<_> = [bad, good].iter().map(|(p, a, n, stall)| row(p, *a, *n, *stall, world.now)).collect();
    let mut come = row("b", country(DE), 30, 0.0, world.now);
    come.cell.watched_ms = 0;
    rows.push(come);
    let cells = &Cells::gather(std::slice::from_ref(&world.policy), &rows)[0];
    let (standings, changes) = next(&world.standings, &world.rank, 2, cells, world.now);
    assert!(standings[&country(DE)].beaten_by(1).contains(0), "the wider audience still speaks for b");
    assert_eq!(changes, []);
}

#[test]
fn those_still_leaving_do_not_call_it_good() {
    let mut world = World::new();
    let good = ("b", Audience::World, 1000, 0.0);
    world.tick(&[("a", country(DE), 80, 0.2), good]);
    assert!(world.b_leads(country(DE)));
    for (sessions, stall) in [(70, 0.15), (60, 0.1), (50, 0.06), (39, 0.0), (30, 0.0), (25, 0.0)] {
        world.tick(&[("a", country(DE), sessions, stall), good]);
        assert!(world.b_leads(country(DE)), "{sessions} are left");
    }
    world.wait(118);
    world.tick(&[("a", country(DE), 30, 0.0), good]);
    assert!(!world.b_leads(country(DE)), "who is there after two minutes has come to stay");
}

#[test]
fn a_standing_without_samples_is_dropped_after_the_memory() {
    let mut world = World::new();
    world.tick(&[("a", country(DE), 50, 0.2), ("b", country(DE), 50, 0.004)]);
    world.wait(60);
    assert_eq!(world.tick(&[]), []);
    assert!(world.b_leads(country(DE)));
    world.wait(60);
    let changes = world.tick(&[]);
    assert!(world.standings.is_empty());
    assert!(matches!(changes[..], [Change { turn: Turn::LeadGone(None), .. }]), "{changes:?}");
}

#[test]
fn a_new_standing_inherits_the_leads_of_the_wider_one() {
    let mut world = World::new();
    world.tick(&[("a", Audience::World, 100, 0.06), ("b", Audience::World, 100, 0.01)]);
    let changes = world.tick(&[
        ("a", Audience::World, 100, 0.06),
        ("b", Audience::World, 100, 0.01),
        ("a", country(DE), 50, 0.045),
        ("b", country(DE), 50, 0.040),
    ]);
    assert!(world.b_leads(country(DE)), "10 % better: enough to stay ahead, not to pass");
    assert_eq!(changes, []);
}

#[test]
fn a_clock_set_back_does_not_stretch_the_memory() {
    let mut world = World::new();
    let ahead = row("a", country(DE), 50, 0.2, world.now + TimeDelta::hours(5));
    let cells = &Cells::gather(std::slice::from_ref(&world.policy), &[ahead])[0];
    world.standings = next(&world.standings, &world.rank, 2, cells, world.now).0;
    world.wait(120);
    world.tick(&[]);
    assert!(world.standings.is_empty());
}

#[test]
fn one_unlucky_viewer_moves_nobody() {
    let rank = World::new().rank;
    let passes = |cell: Cell| {
        let well = Cell { sessions: cell.sessions, starts: cell.starts, watched_ms: 1_000_000, ..Cell::default() };
        let row = |pathway: &str, cell| crate::CellRow { cell, ..row(pathway, Audience::World, 0, 0.0, now()) };
        let rows = [row("a", Cell { watched_ms: 1_000_000, ..cell }), row("b", well)];
        let cells = &Cells::gather(&[World::new().policy], &rows)[0];
        !next(&Standings::new(), &rank, 2, cells, now()).1.is_empty()
    };
    let failed = |starts, start_failures| Cell { sessions: 300, starts, start_failures, ..Cell::default() };
    assert!(!passes(failed(1, 1)) && !passes(failed(24, 24)), "too few starts to speak of, whatever the sessions");
    assert!(!passes(failed(25, 1)) && passes(failed(25, 2)));
    assert!(!passes(failed(1000, 4)) && passes(failed(1000, 5)), "with many, the floor of one in a hundred");
    let stalled = |sessions, ratio: f64| Cell { sessions, stalled_ms: (ratio * 1e6) as u64, ..Cell::default() };
    assert!(!passes(stalled(25, 0.4 / 25.0)), "one viewer that stalls two fifths of the time");
    assert!(passes(stalled(25, 0.5 / 25.0)), "five that stall a tenth of it");
}
