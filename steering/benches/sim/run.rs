//! The loop: seconds go by.

use super::{
    Record, Second, World,
    chance::Chance,
    ears::Ears,
    strategies::{Asks, News, Strategy},
    viewer::{Road, Seen, Viewer},
    world::{Condition, KICK_OFF, SESSION},
};

/// How often the strategy is told what the store knows, seconds.
const FETCH_EVERY: Second = 2;
/// Buckets that it is told of began at most so many seconds ago.
const WINDOW: Second = 40;

/// Runs a world under a strategy.
pub fn run(world: &World, strategy: &mut dyn Strategy) -> Record {
    let mut chance = Chance::new(world.seed);
    let mut ears = Ears::new(world);
    let mut record = Record::new(world);
    let mut viewers: Vec<Viewer> = Vec::new();
    let mut conditions = vec![Condition::IDLE; world.pathways.len()];
    let mut arrived = 0;
    for now in 0..world.lasts {
        if now.is_multiple_of(FETCH_EVERY) {
            let probes: Vec<bool> = (0..world.pathways.len()).map(|p| world.probe(p, now)).collect();
            strategy.learn(&News { now, cells: &ears.cells(now, WINDOW, world), probes: &probes });
        }

        // Who comes, who asks, who goes.
        let kick_off = if now < KICK_OFF { world.viewers as f64 / f64::from(KICK_OFF) } else { 0.0 };
        for _ in 0..chance.count(kick_off + world.viewers as f64 / SESSION) {
            let audience = world.draw(&mut chance);
            let mut viewer = Viewer::arrive(arrived, audience, 0, now, &mut chance);
            arrived += 1;
            viewer.pathway = ask(&mut viewer, world, strategy, now, &mut chance);
            viewers.push(viewer);
        }
        for viewer in viewers.iter_mut().filter(|viewer| viewer.asks_at <= f64::from(now)) {
            let before = viewer.pathway;
            let pathway = ask(viewer, world, strategy, now, &mut chance);
            if pathway != before {
                tell(viewer, &mut ears, &mut chance);
                viewer.turn(pathway);
                record.switched(now);
            }
        }

        // What they want, what there is, and what they see.
        let reach = world.reach(now);
        let (mut wanted, mut watched) = (vec![0.0; conditions.len()], vec![0.0; conditions.len()]);
        for viewer in &mut viewers {
            let p = viewer.pathway;
            let ((reach, faulty), pathway, condition) = (reach[viewer.audience][p], &world.pathways[p], &conditions[p]);
            let failing = condition.failing(pathway, world.sheds).max(faulty);
            let road = Road { reach, failing, pathway, condition };
            wanted[p] += viewer.want(now, &road, &mut chance);
            watched[p] += viewer.bitrate;
        }
        for (p, condition) in conditions.iter_mut().enumerate() {
            let capacity = world.pathways[p].capacity;
            if world.emptied(p, now) {
                condition.warmth = 0.0;
            }
            let carries = capacity * condition.carries();
            condition.load = watched[p] / carries;
            condition.granted = (carries / f64::max(wanted[p], 1.0)).min(1.0);
            condition.warm(wanted[p] * condition.granted / capacity);
        }
        for viewer in &mut viewers {
            let seen = viewer.play(now, conditions[viewer.pathway].granted);
            record.saw(now, viewer, seen);
            if viewer.reports(now) || seen == Seen::Hurt {
                tell(viewer, &mut ears, &mut chance);
            }
        }
        record.loads(now, &conditions);
        ears.hear(now, world);
        viewers.retain(|viewer| viewer.leaves_at > f64::from(now));
    }
    record
}

/// The viewer asks where to fetch from, and when to ask again.
fn ask(viewer: &mut Viewer, world: &World, strategy: &mut dyn Strategy, now: Second, chance: &mut Chance) -> usize {
    let place = &world.audiences[viewer.audience].place;
    let asks = Asks { session: &viewer.session, id: viewer.id, place, buffer_ms: viewer.buffer_ms() };
    let answer = strategy.steer(&asks, now, chance);
    viewer.asks_at = f64::from(now) + answer.ttl;
    answer.pathway
}

fn tell(viewer: &mut Viewer, ears: &mut Ears, chance: &mut Chance) {
    if let Some(cell) = viewer.report() {
        ears.send(viewer.id, viewer.audience, viewer.pathway, cell, chance);
    }
}
