//! What is known of each pathway for each audience, and how surely.
//!
//! Read [`Estimates::hear`] first; then `evidence` (what is summed, and how it fades), `family` (what the parts of an
//! audience say of each other), [`Known`] (what comes of it). One of these for each `rank` step: its half-life is the
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
//! estimated a second time, by the same families, from the bucket that has begun and the last whole one: see
//! [`Estimates::recent`].
//!
//! # Cold start
//! Nothing heard: nothing known. The first bucket counts in full. An audience never heard of borrows all from the wider
//! one. After a restart, or when a policy changed, what the standings say was known is taken up again
//! ([`Estimates::recall`]).
//!
//! # Cost
//! Audiences are numbered; sums go up from those whose buckets changed, and guesses come down, to others only where the
//! word of their family changed by a tenth of what they are unsure about. So a tick costs what is new in it.

mod evidence;
mod family;
mod known;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use fairway_policies::{Metric, PathSet, Rank};

pub use known::{Known, Value};

use crate::cells::{Audience, CellRow};
use evidence::{BUCKET, Memory, Sample, Sums, in_logs};
use family::{Family, Guess, Member};

/// After so many half-lives of silence a pathway or an audience is forgotten: a 256th is left of it.
const FORGOTTEN: f64 = 8.0;
/// What is silent is looked at again after this share of a half-life.
const REVISIT: f64 = 0.5;

/// What is known of one service's pathways, for one `rank` step.
#[derive(Debug)]
pub struct Estimates {
    sums: Sums,
    lines: Vec<Line>,
    pathways: usize,
    minimum: f64,
    index: HashMap<Audience, u32>,
    /// By number; the free ones among them are in `free`.
    nodes: Vec<Node>,
    free: Vec<u32>,
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

#[derive(Debug)]
struct Node {
    audience: Audience,
    parent: Option<u32>,
    children: Vec<u32>,
    /// By pathway.
    memories: Vec<Option<Box<Memory>>>,
    /// By pathway, then by line.
    levels: Vec<Level>,
    /// The pathways of which something new was heard, here or below.
    dirty: PathSet,
    /// By pathway: the bucket at which its samples were taken.
    at: Vec<i64>,
}

/// One line of one pathway, for one audience.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// What was heard of the audience as a whole.
    sample: Sample,
    /// What its parts say together.
    family: Option<Family>,
    guess: Option<Guess>,
    /// The guess and the τ² that its children last heard of.
    passed_on: Option<(Guess, f32)>,
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
            index: HashMap::new(),
            nodes: Vec::new(),
            free: Vec::new(),
            changed: Vec::new(),
            newest_bucket: i64::MIN,
            newest_ms: None,
        }
    }

    /// Takes up what was known before: after a restart, or under another policy. `known` by pathway.
    pub fn recall(&mut self, audience: Audience, known: &[Option<Known>]) {
        let node = self.node(audience);
        for (pathway, known) in known.iter().enumerate().take(self.pathways) {
            let Some(known) = known.as_ref().filter(|known| known.own > 0) else { continue };
            let said = |metric: Option<Metric>| match metric {
                None => Some((known.own as f64, 0.0)),
                Some(metric) => known.value(metric).map(|v| (f64::from(v.samples), f64::from(v.value))),
            };
            let memory = Memory::recalled(&self.sums, bucket(known.at), known.at.timestamp_millis(), said);
            self.newest_bucket = self.newest_bucket.max(bucket(known.at));
            let node = &mut self.nodes[node as usize];
            node.memories[pathway] = Some(Box::new(memory));
            node.dirty.insert(pathway);
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
            let node = match last {
                Some((audience, node)) if audience == row.audience => node,
                _ => self.node(row.audience),
            };
            last = Some((row.audience, node));
            self.newest_bucket = self.newest_bucket.max(of);
            self.newest_ms = self.newest_ms.max(Some(row.cell.newest_ms.min(now.timestamp_millis())));
            let node = &mut self.nodes[node as usize];
            let memory = node.memories[pathway].get_or_insert_with(|| Box::new(Memory::new(&self.sums, of)));
            if memory.hear(&self.sums, of, &row.cell) {
                node.dirty.insert(pathway);
            }
        }
        self.revisit(here);
        self.estimate(here);
    }

    /// The audiences of which something else is known since the last [`Estimates::hear`], the widest first; also those that are
    /// forgotten.
    pub fn changed(&self) -> &[Audience] {
        &self.changed
    }

    /// Unix milliseconds of the newest beacon that was heard.
    pub fn newest_ms(&self) -> Option<i64> {
        self.newest_ms
    }

    /// Whether anything is remembered of the audience.
    pub fn remembers(&self, audience: Audience) -> bool {
        self.index.contains_key(&audience)
    }

    /// How many watch at once, on all pathways.
    pub fn sessions(&self, audience: Audience) -> f64 {
        (0..self.pathways).map(|pathway| self.sessions_on(audience, pathway)).sum()
    }

    /// How many watch at once on this pathway.
    pub fn sessions_on(&self, audience: Audience, pathway: usize) -> f64 {
        self.find(audience).map_or(0.0, |node| f64::from(self.watching(node, pathway)))
    }

    /// What is known for an audience, by pathway. Of one that is not remembered: nothing.
    pub fn known(&self, audience: Audience) -> Vec<Option<Known>> {
        let Some(node) = self.find(audience) else { return vec![None; self.pathways] };
        (0..self.pathways).map(|pathway| self.known_of(node, pathway)).collect()
    }

    /// What the last 10 to 20 seconds say of a metric, where it is compared and is a share: by all that the audience is part
    /// of, and by the audience alone.
    pub fn recent(&self, audience: Audience, pathway: usize, metric: Metric) -> Option<(Value, Option<Value>)> {
        let line = self.lines.iter().position(|line| line.recent && line.metric == metric)?;
        let level = &self.find(audience)?.levels[pathway * self.lines.len() + line];
        let alone = level.family.map(|family| family.guess().value(metric, family.worth));
        Some((level.guess?.value(metric, level.sample.count), alone))
    }

    fn find(&self, audience: Audience) -> Option<&Node> {
        self.index.get(&audience).map(|node| &self.nodes[*node as usize])
    }

    fn known_of(&self, node: &Node, pathway: usize) -> Option<Known> {
        let steady = self.lines.iter().enumerate().filter(|(_, line)| !line.recent);
        let mut values = steady.filter_map(|(line, _)| Some((line, self.value(node, pathway, line)?))).peekable();
        let guess = node.levels[pathway * self.lines.len() + values.peek()?.0].guess?;
        let mut speaker = node;
        for _ in 0..guess.level {
            speaker = &self.nodes[speaker.parent? as usize];
        }
        let count = |node: &Node| self.watching(node, pathway).round() as u64;
        let newest = speaker.memories[pathway].as_ref().map(|memory| memory.newest_ms);
        let at = newest.and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::UNIX_EPOCH);
        let values = values.map(|(_, value)| value).collect();
        Some(Known { level: speaker.audience, sessions: count(speaker), own: count(node), values, at })
    }

    fn watching(&self, node: &Node, pathway: usize) -> f32 {
        node.memories[pathway].as_ref().map_or(0.0, |memory| memory.all(&self.sums, 0, node.at[pathway]).count)
    }

    fn value(&self, node: &Node, pathway: usize, line: usize) -> Option<Value> {
        let level = &node.levels[pathway * self.lines.len() + line];
        let (guess, metric) = (level.guess?, self.lines[line].metric);
        Some(guess.value(metric, level.sample.count))
    }
}

/// Keeping nodes.
impl Estimates {
    /// The number of an audience, which is made, with those that it is part of, if there is none.
    fn node(&mut self, audience: Audience) -> u32 {
        if let Some(node) = self.index.get(&audience) {
            return *node;
        }
        let parent = audience.parent().map(|parent| self.node(parent));
        let node = Node {
            audience,
            parent,
            children: Vec::new(),
            memories: vec![None; self.pathways],
            levels: vec![Level::default(); self.pathways * self.lines.len()],
            // It may borrow from the first moment on.
            dirty: PathSet::all(self.pathways),
            at: vec![i64::MIN / 2; self.pathways],
        };
        let number = match self.free.pop() {
            Some(free) => {
                self.nodes[free as usize] = node;
                free
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        };
        if let Some(parent) = parent {
            self.nodes[parent as usize].children.push(number);
        }
        self.index.insert(audience, number);
        number
    }

    fn set_back(&mut self, here: i64, now: DateTime<Utc>) {
        self.newest_bucket = here;
        self.newest_ms = self.newest_ms.map(|newest| newest.min(now.timestamp_millis()));
        for node in &mut self.nodes {
            for (pathway, memory) in node.memories.iter_mut().enumerate() {
                if let Some(memory) = memory {
                    memory.set_back(&self.sums, here, now.timestamp_millis());
                    node.dirty.insert(pathway);
                }
            }
        }
    }

    /// What was silent for a while is looked at again, since it is worth less now; what was silent for long is forgotten.
    fn revisit(&mut self, here: i64) {
        let (revisit, forgotten) = (REVISIT * self.sums.half_life, FORGOTTEN * self.sums.half_life);
        let mut silent: Vec<u32> = Vec::new();
        for number in self.index.values() {
            let node = &mut self.nodes[*number as usize];
            for (pathway, memory) in node.memories.iter_mut().enumerate() {
                if here.saturating_sub(node.at[pathway]) as f64 <= revisit {
                    continue;
                }
                if let Some(age) = memory.as_ref().map(|memory| memory.age(here)) {
                    node.dirty.insert(pathway);
                    if age as f64 > forgotten {
                        *memory = None;
                    }
                }
            }
            if node.memories.iter().all(Option::is_none) {
                silent.push(*number);
            }
        }
        // The narrowest first, so that an audience goes when its parts have gone.
        silent.sort_by_key(|number| self.nodes[*number as usize].audience);
        for number in silent {
            let node = &self.nodes[number as usize];
            if !node.children.is_empty() {
                continue;
            }
            let audience = node.audience;
            if let Some(parent) = node.parent {
                let parent = &mut self.nodes[parent as usize];
                parent.children.retain(|child| *child != number);
                parent.dirty = PathSet::all(self.pathways);
            }
            self.nodes[number as usize].dirty = PathSet::default();
            self.index.remove(&audience);
            self.free.push(number);
            self.changed.push(audience);
        }
    }
}

/// Estimating.
impl Estimates {
    /// What was heard goes up, from parts to wholes; what is known comes down.
    fn estimate(&mut self, here: i64) {
        let mut dirty: [Vec<u32>; 4] = Default::default();
        for number in self.index.values() {
            let node = &self.nodes[*number as usize];
            if !node.dirty.is_empty() {
                dirty[width(node.audience)].push(*number);
            }
        }
        let mut members = Vec::new();
        for wide in 0..dirty.len() {
            for at in 0..dirty[wide].len() {
                let number = dirty[wide][at];
                self.gather(number, here, &mut members);
                let (parent, news) = (self.nodes[number as usize].parent, self.nodes[number as usize].dirty);
                let Some(parent) = parent else { continue };
                let node = &mut self.nodes[parent as usize];
                if node.dirty.is_empty() {
                    dirty[width(node.audience)].push(parent);
                }
                node.dirty.0 |= news.0;
            }
        }
        // A part that is not dirty itself is put behind all that are: it has no part that is.
        let mut next: Vec<u32> = dirty.into_iter().rev().flatten().collect();
        let mut at = 0;
        while let Some(number) = next.get(at) {
            self.settle(*number, &mut next);
            at += 1;
        }
        self.changed.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Sums up what was heard of an audience and its parts.
    fn gather(&mut self, number: u32, here: i64, members: &mut Vec<Member>) {
        let node = &self.nodes[number as usize];
        let mut levels = Vec::new();
        for pathway in node.dirty.iter() {
            for (line, of) in self.lines.iter().enumerate() {
                let at = pathway * self.lines.len() + line;
                let mut sample = node.memories[pathway].as_ref().map_or_else(Sample::default, |memory| {
                    if of.recent {
                        memory.recent(&self.sums, of.sum, here)
                    } else {
                        memory.all(&self.sums, of.sum, here)
                    }
                });
                members.clear();
                let mut parts = Sample::default();
                for child in node.children.iter().map(|child| &self.nodes[*child as usize]) {
                    let level = &child.levels[at];
                    let Some(family) = level.family else { continue };
                    let fade = if of.recent { 1.0 } else { self.sums.fade(here - child.at[pathway]) };
                    parts.add(&level.sample, fade);
                    let (mean, worth) = (f64::from(family.mean), f64::from(family.worth));
                    members.push(Member { mean, worth, sample: level.sample });
                }
                let rest = if members.is_empty() { Some(sample) } else { sample.without(&parts) };
                let rest = rest.filter(|rest| rest.count > 0.0).map(|rest| Member {
                    mean: rest.value(of.metric),
                    worth: f64::from(rest.count),
                    sample: rest,
                });
                let family = if members.is_empty() {
                    rest.map(|rest| Family::alone(of.metric, rest))
                } else {
                    members.extend(rest);
                    Family::of(of.metric, self.minimum, members)
                };
                if sample.count <= 0.0 {
                    sample = parts;
                }
                levels.push((at, sample, family));
            }
        }
        let node = &mut self.nodes[number as usize];
        for pathway in node.dirty.iter() {
            node.at[pathway] = here;
        }
        for (at, sample, family) in levels {
            (node.levels[at].sample, node.levels[at].family) = (sample, family);
        }
    }

    /// Guesses for an audience whose wider ones are guessed; and where its parts would borrow something else now, they are
    /// `next`.
    fn settle(&mut self, number: u32, next: &mut Vec<u32>) {
        let node = &self.nodes[number as usize];
        let wider = node.parent.map(|parent| &self.nodes[parent as usize]);
        let (mut changed, mut news) = (false, PathSet::default());
        let mut levels = Vec::new();
        for pathway in node.dirty.iter() {
            for (line, of) in self.lines.iter().enumerate() {
                let at = pathway * self.lines.len() + line;
                let mut level = node.levels[at];
                let wider = wider.map(|wider| &wider.levels[at]).and_then(|wider| Some((wider.guess?, wider.family)));
                let guess = match (wider, level.family) {
                    (Some((guess, Some(family))), own) => Some(family.member(of.metric, &guess, own.as_ref())),
                    (Some((guess, None)), _) => Some(Guess { level: guess.level.saturating_add(1), ..guess }),
                    (None, own) => own.map(|own| own.guess()),
                };
                changed |= std::mem::replace(&mut level.guess, guess) != guess;
                let between = level.family.map_or(0.0, |family| family.between);
                if guess.is_some_and(|guess| level.passed_on.is_none_or(|before| guess.is_news(between, before))) {
                    news.insert(pathway);
                    level.passed_on = guess.map(|guess| (guess, between));
                }
                levels.push((at, level));
            }
        }
        let node = &mut self.nodes[number as usize];
        node.dirty = PathSet::default();
        levels.into_iter().for_each(|(at, level)| node.levels[at] = level);
        if changed {
            self.changed.push(node.audience);
        }
        for at in 0..if news.is_empty() { 0 } else { self.nodes[number as usize].children.len() } {
            let child = self.nodes[number as usize].children[at];
            let node = &mut self.nodes[child as usize];
            if node.dirty.is_empty() {
                next.push(child);
            }
            node.dirty.0 |= news.0;
        }
    }
}

/// How wide an audience is: 0 a network to 3 the world.
fn width(audience: Audience) -> usize {
    match audience {
        Audience::CountryAsn(..) => 0,
        Audience::Country(_) => 1,
        Audience::Continent(_) => 2,
        Audience::World => 3,
    }
}

fn bucket(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(BUCKET)
}
