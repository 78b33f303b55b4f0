//! The usual ways to share out viewers, as honestly as they can be done.
//!
//! Quality is one number, the *cost*: a point for each per cent of time stalled, for each per cent of failed requests, and
//! for each 100 ms of first byte. An audience is judged by its own cells of the last half minute where they hold
//! [`ENOUGH`] sessions, else by its country's, its continent's, the world's. A pathway that nobody reports on any more is
//! remembered with a cost that halves each [`FORGETS`] seconds: left for good, it would never be tried again; forgotten at
//! once, everybody would be sent back to it at once.

use std::collections::HashMap;

use fairway_steering::{Audience, Cell, Place};

use super::{Answer, Asks, News, Strategy, TTL};
use crate::sim::{Second, World, chance::Chance, time};

/// Sessions from which on a cell is believed.
const ENOUGH: u64 = 25;
/// Seconds in which what was known counts half.
const FORGETS: f64 = 60.0;
/// Seconds of cells that are looked at.
const WINDOW: Second = 30;
/// Of failed requests in the world's cells, so many make a pathway count as down for those who heed it.
const DOWN_AT: f64 = 0.5;

/// What is known of quality.
#[derive(Debug)]
struct Costs {
    ids: Vec<&'static str>,
    /// Cost, and when it was learnt; by audience and pathway.
    known: HashMap<Audience, Vec<Option<(f64, Second)>>>,
    up: Vec<bool>,
    now: Second,
}

impl Costs {
    fn new(world: &World) -> Self {
        let ids: Vec<_> = world.pathways.iter().map(|p| p.id).collect();
        Self { up: vec![true; ids.len()], ids, known: HashMap::new(), now: 0 }
    }

    fn learn(&mut self, news: &News<'_>) {
        (self.now, self.up) = (news.now, news.probes.to_vec());
        for ((audience, pathway), cell) in sums(news, &self.ids) {
            if cell.sessions >= ENOUGH {
                let known = self.known.entry(audience).or_insert_with(|| vec![None; self.ids.len()]);
                known[pathway] = Some((cost(&cell), news.now));
            }
        }
    }

    /// What each pathway costs a viewer there; `None` of one that is down.
    fn of(&self, place: &Place) -> Vec<Option<f64>> {
        let known = |p: usize| Audience::of(place).find_map(|audience| self.known.get(&audience)?[p]);
        let faded = |(cost, at): (f64, Second)| cost * 0.5_f64.powf(f64::from(self.now - at) / FORGETS);
        (0..self.ids.len()).map(|p| self.up[p].then(|| known(p).map_or(0.0, faded))).collect()
    }
}

fn cost(cell: &Cell) -> f64 {
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    let ttfb = cell.ttfb.typical().map_or(0.0, f64::from);
    100.0 * share(cell.stalled_ms, cell.watched_ms) + 100.0 * share(cell.request_errors, cell.requests) + ttfb / 100.0
}

/// The cells of the last half minute, by audience and pathway.
fn sums(news: &News<'_>, ids: &[&str]) -> HashMap<(Audience, usize), Cell> {
    let since = time(news.now).timestamp() - i64::from(WINDOW);
    let mut sums: HashMap<(Audience, usize), Cell> = HashMap::new();
    for row in news.cells.iter().filter(|row| row.bucket >= since) {
        if let Some(pathway) = ids.iter().position(|id| *id == row.pathway) {
            sums.entry((row.audience, pathway)).or_default().add(&row.cell);
        }
    }
    sums
}

/// Everyone to the pathway that is best now.
pub struct Best {
    costs: Costs,
    /// By what part times to live are spread, up and down.
    jitter: f64,
    name: &'static str,
}

impl Best {
    pub fn new(world: &World) -> Self {
        Self { costs: Costs::new(world), jitter: 0.0, name: "all to the best" }
    }

    pub fn jittered(world: &World) -> Self {
        Self { jitter: 0.5, name: "all to the best, TTL ±50 %", ..Self::new(world) }
    }
}

impl Strategy for Best {
    fn name(&self) -> &'static str {
        self.name
    }

    fn learn(&mut self, news: &News<'_>) {
        self.costs.learn(news);
    }

    fn steer(&mut self, asks: &Asks<'_>, _: Second, chance: &mut Chance) -> Answer {
        let costs = self.costs.of(asks.place);
        let cost = |p: &usize| costs[*p].unwrap_or(f64::INFINITY);
        let best = (0..costs.len()).min_by(|a, b| cost(a).total_cmp(&cost(b)));
        Answer { pathway: best.unwrap_or(0), ttl: TTL * chance.between(1.0 - self.jitter, 1.0 + self.jitter) }
    }
}

/// Each pathway with a probability that falls with its cost: by a factor *e* for each point.
pub struct Softmax {
    costs: Costs,
    /// Whether a session keeps what it drew, so that it moves only when the probabilities do; else each poll draws anew.
    keeps: bool,
}

impl Softmax {
    pub fn new(world: &World) -> Self {
        Self { costs: Costs::new(world), keeps: false }
    }

    pub fn keeping(world: &World) -> Self {
        Self { costs: Costs::new(world), keeps: true }
    }
}

impl Strategy for Softmax {
    fn name(&self) -> &'static str {
        if self.keeps { "softmax, drawn once a session" } else { "softmax, drawn at each poll" }
    }

    fn learn(&mut self, news: &News<'_>) {
        self.costs.learn(news);
    }

    fn steer(&mut self, asks: &Asks<'_>, _: Second, chance: &mut Chance) -> Answer {
        let costs = self.costs.of(asks.place);
        let weights = costs.iter().map(|cost| cost.map_or(0.0, |cost| (-cost).exp()));
        let pathway = if self.keeps { draw(asks.id, weights) } else { chance.among(weights) };
        Answer { pathway, ttl: TTL }
    }
}

/// Shares in proportion to capacity, whatever is seen, among those whose probes pass.
pub struct Static {
    shares: Vec<f64>,
    up: Vec<bool>,
}

impl Static {
    pub fn new(world: &World) -> Self {
        let shares: Vec<_> = world.pathways.iter().map(|p| p.capacity).collect();
        Self { up: vec![true; shares.len()], shares }
    }
}

impl Strategy for Static {
    fn name(&self) -> &'static str {
        "fixed shares"
    }

    fn learn(&mut self, news: &News<'_>) {
        self.up = news.probes.to_vec();
    }

    fn steer(&mut self, asks: &Asks<'_>, _: Second, _: &mut Chance) -> Answer {
        Answer { pathway: draw(asks.id, fit(&self.shares, &self.up)), ttl: TTL }
    }
}

/// Fixed shares among the fit; how one that was unfit comes back is what differs.
pub struct Returning {
    shares: Vec<f64>,
    ids: Vec<&'static str>,
    fit: Vec<bool>,
    /// Until when what viewers said holds, where they spoke against it.
    held: Vec<Second>,
    how: Return,
}

/// How a pathway comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Return {
    /// All at once when its probe passes; off again for a minute when half of the viewers' requests fail.
    Crowd,
    /// When nine in ten requests go well of those viewers who try it in spite of all: another twentieth each half minute.
    Random,
}

/// Of the viewers, those who try.
const TRY: f64 = 0.05;
/// Seconds after which it is others' turn.
const TURN: Second = 30;
/// Requests that must be known of a pathway before its return is judged by them.
const JUDGES: u64 = 20;

impl Returning {
    pub fn new(world: &World, how: Return) -> Self {
        let ids: Vec<_> = world.pathways.iter().map(|p| p.id).collect();
        let shares = world.pathways.iter().map(|p| p.capacity).collect();
        Self { shares, fit: vec![true; ids.len()], held: vec![0; ids.len()], ids, how }
    }
}

impl Strategy for Returning {
    fn name(&self) -> &'static str {
        match self.how {
            Return::Crowd => "crowd",
            Return::Random => "random",
        }
    }

    fn learn(&mut self, news: &News<'_>) {
        let sums = sums(news, &self.ids);
        for p in 0..self.ids.len() {
            let (errors, requests) =
                sums.get(&(Audience::World, p)).map_or((0, 0), |cell| (cell.request_errors, cell.requests));
            let failing = errors as f64 / requests.max(1) as f64;
            if requests >= JUDGES && failing >= DOWN_AT {
                self.held[p] = news.now + 60;
            }
            let passes = news.probes[p];
            self.fit[p] = match self.how {
                Return::Crowd => passes && news.now >= self.held[p],
                Return::Random if self.fit[p] => passes && failing < DOWN_AT,
                Return::Random => requests >= JUDGES && failing < 0.1,
            };
        }
    }

    fn steer(&mut self, asks: &Asks<'_>, now: Second, _: &mut Chance) -> Answer {
        let tries = self.how == Return::Random && uniform(asks.id, 1000 + u64::from(now / TURN)) < TRY;
        let unfit = self.fit.iter().position(|fit| !fit).filter(|_| tries);
        let pathway = unfit.unwrap_or_else(|| draw(asks.id, fit(&self.shares, &self.fit)));
        Answer { pathway, ttl: TTL }
    }
}

fn fit(shares: &[f64], fit: &[bool]) -> impl Iterator<Item = f64> {
    shares.iter().zip(fit).map(|(share, fit)| if *fit { *share } else { 0.0 })
}

/// The pathway that this viewer draws under these weights: as few as can be draw another when weights change (weighted
/// rendezvous hashing).
fn draw(viewer: usize, weights: impl Iterator<Item = f64>) -> usize {
    let time = |(p, weight): (usize, f64)| (p, -uniform(viewer, p as u64).ln() / weight);
    weights.enumerate().map(time).min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(p, _)| p)
}

/// A number from 0 to 1, always the same for these two.
fn uniform(viewer: usize, seed: u64) -> f64 {
    Chance::new((viewer as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed.wrapping_mul(0xd6e8_feb8_6659_fd93)).share()
}
