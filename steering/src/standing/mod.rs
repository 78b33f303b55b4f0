//! Who beats whom for an audience, with memory.
//!
//! # Signals
//! The cells: what beacons said of each pathway, for each audience, over the last window. Nothing else; whether a pathway
//! works at all is [`health`](crate::health)'s to say.
//!
//! # Who speaks
//! A cell speaks from `min_sessions` on. One with fewer borrows: the nearest wider audience whose cell has enough
//! speaks for it (its level is kept, so that explain can tell). So does one whose sessions have only just come, and so has
//! nothing yet on a metric that the pathway is known by elsewhere: silence is not a good word. This is what makes an audience leave a pathway that fails it
//! before anyone there has tried another: its own cell for the bad one is compared with its parent's for the others.
//! An audience has a standing of its own only where a cell of its own speaks for at least one pathway; a client is
//! decided for by the narrowest of its audiences that has one. So the map stays as small as the traffic is concentrated.
//!
//! # Comparison
//! Metric by metric, in the step's order. With floor *f*, x is better than y by *g* when x + f ≤ (1 − g)(y + f): by a share of
//! y where values are large, by an amount near zero, where a share would be noise (0.1 % of stalling is not "half of 0.2 %").
//! The first metric on which one is better by `margin` decides; the next ones decide only its ties. Floors are what
//! no viewer notices: half a per cent of stalling (half of CTA's alarm at 1 %), one start or request in a hundred, 300 ms of
//! startup, 50 ms of a first byte. A metric that either has no value for is passed over.
//!
//! # Small samples
//! Sessions that go on begin nothing, so a cell of many sessions may hold few starts: what it says of starts it says
//! only where they too are `min_sessions`. And the floor of a share is never below what chance does in *n* samples, n being
//! the smaller of the two sides': for failures 3/n, since n samples without one are no proof of a rate under that (the
//! rule of three), for stalling the time of one viewer, 1/n. So one unlucky viewer never moves an audience; two failed
//! starts out of 25 do, or five viewers of 25 that stall a tenth of the time.
//!
//! # Memory against to and fro
//! Once ahead, a pathway stays ahead while it is better by `tie` on the metric that put it there, unless it is itself beaten by
//! `margin`. Passing takes a third, staying a twentieth (Openmix's 0.65 and 0.95): noise between the two moves nobody. An
//! audience that gets its first own standing inherits the leads of the wider one that spoke for it until then.
//!
//! # When samples stop: [`MEMORY`]
//! An audience that left a pathway sends it no more sessions, so what is known of it dries up just because the move
//! worked. Borrowing from the parent at once would call the pathway good again and swing the audience back and forth at
//! the pace of the window. So the last value that an audience's own cell spoke is kept for two minutes after its last
//! sample, and only then borrowed. And the word of a few does not replace that of the many who have just left: those still
//! there are on their way out too, and a window that holds only their last seconds would absolve the pathway. So a cell of
//! less than half the sessions that spoke before counts as no sample; an audience that shrinks for another reason is heard
//! again when the two minutes are over. Two minutes is several times the life of any answer given to that audience (20 to 60 s), so
//! the stragglers' reports are in before it ends; and should the pathway still be bad, its audience suffers a detection time
//! (some ten seconds) in each two minutes and more, under a tenth of the time. Longer would leave a mended pathway idle
//! for longer than most faults last. The same ends a standing whose audience went to bed.
//! No new cells at all (the store is down) is another matter: nobody calls [`next`], and all stays as it is.
//!
//! # Cold start
//! Nothing known: a pathway without a value neither beats nor is beaten, and the operator's order stands.

mod change;
mod leads;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use fairway_policies::{Metric, Rank};

pub use change::{Change, Comparison, Side, Turn};
pub use leads::{Known, Lead, Standing, Standings};

use crate::cells::{Audience, Cell, Cells};

/// How long an audience's own word on a pathway outlives its last samples.
pub const MEMORY: TimeDelta = TimeDelta::seconds(120);

/// The standing that speaks for an audience: its own, or its nearest wider one's.
fn speaking(standings: &Standings, audience: Audience) -> Option<&Standing> {
    audience.lineage().find_map(|a| standings.get(&a))
}

/// The standings after `previous`, given the cells of now; and every lead that was won or lost on the way, in no
/// particular order of audiences. `pathways` is how many the policy has.
pub fn next(
    previous: &Standings,
    rank: &Rank,
    pathways: usize,
    cells: &Cells,
    now: DateTime<Utc>,
) -> (Standings, Vec<Change>) {
    let mut standings = Standings::new();
    let mut changes = Vec::new();
    for audience in audiences(previous, rank, cells, now) {
        let own = previous.get(&audience);
        let known = (0..pathways).map(|pathway| {
            let before = own.and_then(|s| s.known.get(pathway)?.as_ref());
            recall(audience, before, look(audience, pathway, rank, cells, now), now)
        });
        let before = speaking(previous, audience);
        let standing = compare(known.collect(), before, rank);
        change::between(audience, before, Some(&standing), &mut changes);
        standings.insert(audience, standing);
    }
    for (audience, standing) in previous.iter().filter(|(audience, _)| !standings.contains_key(audience)) {
        change::between(*audience, Some(standing), speaking(&standings, *audience), &mut changes);
    }
    (standings, changes)
}

/// Those in which a cell speaks, or did within [`MEMORY`].
fn audiences(previous: &Standings, rank: &Rank, cells: &Cells, now: DateTime<Utc>) -> HashSet<Audience> {
    let speak = cells.iter().filter_map(|(audience, mut cells)| cells.any(|c| speaks(c, rank)).then_some(audience));
    let spoke = previous.iter().filter(|(audience, standing)| {
        standing.known.iter().flatten().any(|k| k.level == **audience && now - k.at < MEMORY)
    });
    speak.chain(spoke.map(|(audience, _)| *audience)).collect()
}

/// Whether a metric is told once a session, at its beginning, and so by a cell of sessions that go on only now and then.
fn of_starts(metric: Metric) -> bool {
    matches!(metric, Metric::StartFailures | Metric::StartupTime)
}

fn speaks(cell: &Cell, rank: &Rank) -> bool {
    cell.sessions >= u64::from(rank.min_sessions.max(1))
}

/// What the narrowest cell that speaks says of the pathway.
fn look(audience: Audience, pathway: usize, rank: &Rank, cells: &Cells, now: DateTime<Utc>) -> Option<Known> {
    let world = cells.get(Audience::World, pathway);
    let grown = |cell: &Cell| {
        let known = |metric: &Metric| !of_starts(*metric) && world.is_some_and(|world| world.value(*metric).is_some());
        rank.by.metrics().filter(known).all(|metric| cell.value(metric).is_some())
    };
    let spoken = |level| Some((level, cells.get(level, pathway).filter(|cell| speaks(cell, rank) && grown(cell))?));
    let (level, cell) = audience.lineage().find_map(spoken)?;
    // A beacon from the future (a clock set back) would be remembered for too long.
    let at = DateTime::from_timestamp_millis(cell.newest_ms).map_or(now, |newest| newest.min(now));
    let (sessions, starts) = (cell.sessions, cell.starts);
    let mut known = Known { level, sessions, most: sessions, starts, values: Vec::new(), at };
    let told = rank.by.metrics().filter(|metric| known.samples(*metric) >= u64::from(rank.min_sessions));
    known.values = told.filter_map(|metric| Some((metric, cell.value(metric)?))).collect();
    Some(known)
}

/// The audience's own word: as it is now, or while it is remembered as it was before it was left to a few; else what a wider
/// audience says.
fn recall(audience: Audience, before: Option<&Known>, seen: Option<Known>, now: DateTime<Utc>) -> Option<Known> {
    let Some(before) = before.filter(|before| before.level == audience && now - before.at < MEMORY) else {
        return seen;
    };
    match seen.filter(|seen| seen.level == audience && 2 * seen.sessions >= before.most) {
        Some(seen) => Some(Known { most: seen.sessions.max(before.most), ..seen }),
        None => Some(before.clone()),
    }
}

/// Compares each with each, remembering the leads of `before`.
fn compare(known: Vec<Option<Known>>, before: Option<&Standing>, rank: &Rank) -> Standing {
    let mut leads = Vec::new();
    for (ahead, x) in known.iter().enumerate() {
        for (behind, y) in known.iter().enumerate().filter(|(behind, _)| *behind != ahead) {
            let (Some(x), Some(y)) = (x, y) else { continue };
            let (ahead, behind) = (ahead as u8, behind as u8);
            let by = match decides(x, y, rank) {
                Some((metric, true)) => Some(metric),
                Some((_, false)) => None,
                None => before
                    .and_then(|s| s.lead(ahead, behind))
                    .map(|lead| lead.by)
                    .filter(|by| rank.by.metrics().any(|m| m == *by) && better(x, y, *by, rank.tie)),
            };
            leads.extend(by.map(|by| Lead { ahead, behind, by, share: 1.0 }));
        }
    }
    Standing::new(known, leads)
}

/// The first metric on which either is better by the margin, and whether that is x.
fn decides(x: &Known, y: &Known, rank: &Rank) -> Option<(Metric, bool)> {
    rank.by.metrics().find_map(|metric| {
        let (ahead, behind) = (better(x, y, metric, rank.margin), better(y, x, metric, rank.margin));
        (ahead != behind).then_some((metric, ahead))
    })
}

/// Whether x is better than y on this metric by `share` of y, floors reckoned in.
fn better(x: &Known, y: &Known, metric: Metric, share: f64) -> bool {
    let floor = floor(metric, x.samples(metric).min(y.samples(metric)));
    let (Some(x), Some(y)) = (x.value(metric), y.value(metric)) else { return false };
    f64::from(x) + floor <= (1.0 - share) * (f64::from(y) + floor) && x < y
}

/// What no viewer notices, or what chance does among so many, in the metric's unit.
fn floor(metric: Metric, samples: u64) -> f64 {
    let one = 1.0 / samples.max(1) as f64;
    match metric {
        Metric::StallRatio => one.max(0.005),
        Metric::StartFailures | Metric::RequestErrors => (3.0 * one).max(0.01),
        Metric::StartupTime => 300.0,
        Metric::Ttfb => 50.0,
        Metric::Bitrate | Metric::Throughput => 250_000.0,
    }
}
