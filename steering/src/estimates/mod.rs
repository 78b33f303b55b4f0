//! What is known of each pathway for each audience, and how surely.
//!
//! Read [`Estimates::hear`] first; then `evidence` (what is summed, and how it fades), `family` (what the parts of an
//! audience say of each other), `passes` (who is asked, in which order), [`Known`] (what comes of it). One of these for each `rank` step: its half-life is the
//! step's.
//!
//! # What was heard
//! The store is asked every two seconds for the buckets of the last half minute, which still fill: each is taken *in
//! place* of what was heard of it before. A bucket gives way to the fourth after it, and is folded then, once, into
//! sums that fade by the half-life; what comes later still is dropped, for it would count twice. So weights follow the
//! buckets' own time: it does not matter how often is fetched, nor how long the store was away. All is kept as sums,
//! and a ratio is a ratio of sums: ten sessions that watched a minute do not outvote a thousand. A clock set back is
//! met by taking what is known as of now; a bucket of the future is not heard. After eight half-lives of silence a
//! pathway is forgotten, and an audience with the last of them: memory is bounded by who watches.
//!
//! # How much it is worth
//! The sample is the *session*, never the second or the request: those of one session share a player, a line and a
//! server. A session weighs at most as much as one that was there in every bucket, hence *n* = Σ wₜ·sessionsₜ / Σ wₜ
//! over the buckets that saw any is a lower bound of what independent samples they are worth ((Σ W)² / Σ W² with W ≤ Σ
//! wₜ): the mean number watching at once. Nobody counts who cannot have told anything yet: at most one session for each
//! ten seconds watched, for each request or time told. Starts are one a session and count as they are. With the silence
//! after the last bucket, *n* fades by the half-life too, though the value does not: what was so is what was so, but
//! less and less what is. What one sample varies by is argued at [`family`]'s `within`.
//!
//! # Who speaks
//! Parts of an audience (countries of a continent) are taken to have true values that scatter by τ² about a typical
//! one; τ² is found from how much more they differ than chance explains (DerSimonian and Laird 1986), as if one part
//! more had been seen for which `min_sessions` samples are worth as much as the family. A part is shrunk towards its
//! family by precision; the family, on its way to the world, likewise. So while all parts look alike a part with three
//! sessions goes with the rest, even where these three were lucky; and one bad country widens τ², speaks for itself,
//! and leaves the quiet ones to themselves, for the typical value of a family is that of its parts and not of its
//! traffic. What no part accounts for (clients of no known network, most often) is one part more. Among many quiet
//! parts one loud one widens τ² too little: hence no guess is further from what a part itself says than two of its own
//! standard errors (limited translation, Efron and Morris 1972).
//!
//! # The last seconds
//! By a half-life of 30 s a fault that began ten seconds ago makes up a fifth of what is remembered. So shares are
//! estimated a second time, by the same families, from the bucket that has begun and the last whole one; of requests,
//! the share of sessions that had one fail: see [`Estimates::recent`].
//!
//! # Cold start
//! Nothing heard: nothing known. The first bucket counts in full. An audience never heard of borrows all from the wider
//! one. After a restart, or when a policy changed, what the standings say was known is taken up again
//! ([`Estimates::recall`]).
//!
//! # Cost
//! Audiences are numbered ([`tree`]); sums go up from those whose buckets changed, and guesses come down, in both ways only
//! where what is passed on changed by a tenth of what is unsure about it ([`passes`]). Nothing is touched only
//! because time went on: what was heard is kept as of its own newest bucket, and scaled to now when it is read. That takes
//! no accuracy off: all sums of a pathway fade alike, so that its values stay; parts of an audience that were read at
//! different times are brought to one time where they are put together; and that silence makes unsure is looked at
//! ([`agenda`]) each half of a half-life, in which what is known is worth a third less at most. So a tick costs what
//! is new in it, and not what there is.

mod evidence;
mod family;
mod known;
mod passes;
mod silence;
#[cfg(test)]
mod tests;
mod tree;

use std::ops::Range;

use chrono::{DateTime, Utc};
use fairway_policies::{Metric, PathSet, Rank};

pub(crate) use evidence::in_logs;
pub use known::{Known, Value};

use crate::cells::{Audience, CellRow};
use evidence::{BUCKET, Memory, Sums};
use passes::Level;
use silence::Agenda;
use tree::{Tree, WIDTHS};

/// What is known of one service's pathways, for one `rank` step.
#[derive(Debug)]
pub struct Estimates {
    sums: Sums,
    lines: Vec<Line>,
    pathways: usize,
    minimum: f64,
    tree: Tree,
    /// By number.
    dirty: Vec<PathSet>,
    /// By number, then by pathway.
    memories: Vec<Option<Box<Memory>>>,
    /// Likewise: the bucket at which samples were taken.
    looked_at: Vec<i64>,
    /// By number, by pathway, then by line.
    levels: Vec<Level>,
    /// Those that are dirty, by width.
    touched: [Vec<u32>; WIDTHS],
    agenda: Agenda,
    changed: Vec<Audience>,
    /// Heard of so far.
    newest_bucket: i64,
    newest_ms: Option<i64>,
}

/// One thing that is estimated: a metric, of everything remembered or of the last seconds.
#[derive(Clone, Copy, Debug)]
struct Line {
    metric: Metric,
    /// Its index in [`Sums::of`].
    sum: usize,
    recent: bool,
}

impl Estimates {
    /// Nothing known yet.
    pub fn new(rank: &Rank, pathways: usize) -> Self {
        let metrics: Vec<Metric> = rank.by.metrics().collect();
        let line = |recent| move |(at, metric): (usize, &Metric)| Line { metric: *metric, sum: at + 1, recent };
        let shares = metrics.iter().enumerate().filter(|(_, metric)| !in_logs(**metric));
        let lines = metrics.iter().enumerate().map(line(false)).chain(shares.map(line(true))).collect();
        let of = std::iter::once(None).chain(metrics.iter().copied().map(Some)).collect();
        Self {
            sums: Sums { of, half_life: (rank.half_life.as_secs_f64() / BUCKET as f64).max(0.1) },
            lines,
            pathways,
            minimum: f64::from(rank.min_sessions.max(1)),
            tree: Tree::default(),
            dirty: Vec::new(),
            memories: Vec::new(),
            looked_at: Vec::new(),
            levels: Vec::new(),
            touched: Default::default(),
            agenda: Agenda::default(),
            changed: Vec::new(),
            newest_bucket: i64::MIN,
            newest_ms: None,
        }
    }

    /// Takes up what was known before: after a restart, or under another policy. `known` by pathway.
    pub fn recall(&mut self, audience: Audience, known: &[Option<Known>]) {
        let number = self.number(audience);
        self.book(number, NEVER);
        for (pathway, known) in known.iter().enumerate().take(self.pathways) {
            let Some(known) = known.as_ref().filter(|known| known.own > 0) else { continue };
            let said = |metric: Option<Metric>| match metric {
                None => Some((known.own as f64, 0.0)),
                Some(metric) => known.value(metric).map(|v| (f64::from(v.samples), f64::from(v.value))),
            };
            let memory = Memory::recalled(&self.sums, bucket(known.at), known.at.timestamp_millis(), said);
            self.newest_bucket = self.newest_bucket.max(bucket(known.at));
            let cell = self.cell(number, pathway);
            self.memories[cell] = Some(Box::new(memory));
            self.touch(number, PathSet::from_iter([pathway]));
        }
    }

    /// Hears rows of this service, each with the index of its pathway: whole buckets, each in place of what was heard of it before.
    /// Buckets that are left out stay as they were. Estimates anew what that changes: see [`Estimates::changed`].
    pub fn hear<'a>(&mut self, rows: impl IntoIterator<Item = (usize, &'a CellRow)>, now: DateTime<Utc>) {
        let here = bucket(now);
        self.changed.clear();
        // One bucket ahead is the store's clock, and not one that was set.
        if self.newest_bucket > here + 1 {
            self.set_back(here, now);
        }
        let mut last: Option<(Audience, u32)> = None;
        for (pathway, row) in rows {
            let of = row.bucket.div_euclid(BUCKET);
            if pathway >= self.pathways || of > here + 1 {
                continue;
            }
            let number = match last {
                Some((audience, number)) if audience == row.audience => number,
                _ => self.number(row.audience),
            };
            last = Some((row.audience, number));
            self.newest_bucket = self.newest_bucket.max(of);
            self.newest_ms = self.newest_ms.max(Some(row.cell.newest_ms.min(now.timestamp_millis())));
            let cell = self.cell(number, pathway);
            if self.memories[cell].is_none() {
                self.book(number, here);
            }
            let memory = self.memories[cell].get_or_insert_with(|| Box::new(Memory::new(&self.sums, of)));
            if memory.hear(&self.sums, of, &row.cell) {
                self.touch(number, PathSet::from_iter([pathway]));
            }
        }
        self.look_at_the_silent(here);
        self.estimate(here);
    }

    /// The audiences of which something else is known since the last [`Estimates::hear`], the widest first; also those that are
    /// forgotten. Something else is a tenth of a standard error, or a fifth of a variance: three of them decide, so what is
    /// less changes no comparison but by chance, and is told of when it adds up.
    pub fn changed(&self) -> &[Audience] {
        &self.changed
    }

    /// Unix milliseconds of the newest beacon that was heard.
    pub fn newest_ms(&self) -> Option<i64> {
        self.newest_ms
    }

    /// Whether anything is remembered of the audience.
    pub fn remembers(&self, audience: Audience) -> bool {
        self.tree.find(audience).is_some()
    }

    /// How many watch at once, on all pathways.
    pub fn sessions(&self, audience: Audience) -> f64 {
        (0..self.pathways).map(|pathway| self.sessions_on(audience, pathway)).sum()
    }

    /// How many watch at once on this pathway.
    pub fn sessions_on(&self, audience: Audience, pathway: usize) -> f64 {
        self.tree.find(audience).map_or(0.0, |number| f64::from(self.watching(number, pathway)))
    }

    /// What is known for an audience, by pathway. Of one that is not remembered: nothing.
    pub fn known(&self, audience: Audience) -> Vec<Option<Known>> {
        let Some(number) = self.tree.find(audience) else { return vec![None; self.pathways] };
        (0..self.pathways).map(|pathway| self.known_of(number, pathway)).collect()
    }

    /// What the last 10 to 20 seconds say of a metric, where it is compared and is a share: by all that the audience is part
    /// of, and by the audience alone.
    pub fn recent(&self, audience: Audience, pathway: usize, metric: Metric) -> Option<(Value, Option<Value>)> {
        let line = self.lines.iter().position(|line| line.recent && line.metric == metric)?;
        let level = &self.levels[self.level(self.cell(self.tree.find(audience)?, pathway), line)];
        let alone = level.family.map(|family| family.guess().value(metric, level.sample.count));
        Some((level.guess?.value(metric, level.sample.count), alone))
    }

    fn known_of(&self, number: u32, pathway: usize) -> Option<Known> {
        let levels = &self.levels[self.level(self.cell(number, pathway), 0)..][..self.lines.len()];
        let steady = self.lines.iter().zip(levels).filter(|(line, _)| !line.recent);
        let mut guesses = steady.filter_map(|(line, level)| Some((line, level, level.guess?))).peekable();
        let (_, _, first) = guesses.peek()?;
        let mut speaker = number;
        for _ in 0..first.level {
            speaker = self.tree.node(speaker).parent?;
        }
        let count = |number| self.watching(number, pathway).round() as u64;
        let newest = self.memories[self.cell(speaker, pathway)].as_ref().map(|memory| memory.newest_ms);
        Some(Known {
            level: self.tree.node(speaker).audience,
            sessions: count(speaker),
            own: count(number),
            values: guesses.map(|(line, level, guess)| guess.value(line.metric, level.sample.count)).collect(),
            at: newest.and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::UNIX_EPOCH),
        })
    }

    fn watching(&self, number: u32, pathway: usize) -> f32 {
        let cell = self.cell(number, pathway);
        self.memories[cell].as_ref().map_or(0.0, |memory| memory.all(&self.sums, 0, self.looked_at[cell]).count)
    }
}

/// Where things are.
impl Estimates {
    /// An audience's cells: one for each pathway, in `memories` and `looked_at`.
    fn cells_of(&self, number: u32) -> Range<usize> {
        let first = self.cell(number, 0);
        first..first + self.pathways
    }

    fn cell(&self, number: u32, pathway: usize) -> usize {
        number as usize * self.pathways + pathway
    }

    /// In `levels`.
    fn level(&self, cell: usize, line: usize) -> usize {
        cell * self.lines.len() + line
    }

    /// The number of an audience, which is made, with those that it is part of, if there is none.
    fn number(&mut self, audience: Audience) -> u32 {
        if let Some(number) = self.tree.find(audience) {
            return number;
        }
        let mut added = Vec::new();
        let number = self.tree.add(audience, &mut added);
        let cells = self.tree.size() * self.pathways;
        self.dirty.resize(self.tree.size(), PathSet::default());
        self.memories.resize(cells, None);
        self.looked_at.resize(cells, NEVER);
        self.levels.resize(cells * self.lines.len(), Level::default());
        for number in added {
            let cells = self.cells_of(number);
            self.looked_at[cells.clone()].fill(NEVER);
            let levels = self.level(cells.start, 0)..self.level(cells.end, 0);
            self.levels[levels].fill(Level::default());
            // It may borrow from the first moment on.
            self.touch(number, PathSet::all(self.pathways));
        }
        number
    }
}

/// Before everything, and from where it is no long way to now in an `i64`.
const NEVER: i64 = i64::MIN / 2;

fn bucket(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(BUCKET)
}
