//! Who decides: the usual ways ([`usual`]), and Fairway's own code ([`ours`]).
//!
//! All hear the same: every two seconds the cells of the last buckets, and whether a probe passes. All give times to live of
//! the same length, so that none is quicker by polling more.

pub mod ours;
pub mod usual;

use fairway_steering::{CellRow, Place};

use super::{Second, chance::Chance};

/// Seconds that an answer is kept.
pub const TTL: f64 = 20.0;

/// What there is to learn from.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    pub now: Second,
    pub cells: &'a [CellRow],
    /// By pathway: whether a probe passes now.
    pub probes: &'a [bool],
}

/// A viewer that asks.
#[derive(Clone, Copy, Debug)]
pub struct Asks<'a> {
    pub id: usize,
    pub session: &'a str,
    pub place: &'a Place,
    pub buffer_ms: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub pathway: usize,
    /// Seconds.
    pub ttl: f64,
}

pub trait Strategy {
    /// As the tables call it.
    fn name(&self) -> &'static str;

    fn learn(&mut self, news: &News<'_>);

    fn steer(&mut self, asks: &Asks<'_>, now: Second, chance: &mut Chance) -> Answer;
}
