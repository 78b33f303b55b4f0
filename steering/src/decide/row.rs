//! What of a decision is the same for everyone at a place.

use super::decision::Choice;
use fairway_policies::PathSet;

/// The chain behind its first steps, as far as these depend on the place and on nothing else of the client: everyone there
/// goes on from here. [`Chain::at_place`](super::Chain::at_place) makes it. Two that are equal are the same to all decisions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// Until when it may be used, Unix milliseconds: the first override in it ends then.
    pub(crate) until_ms: i64,
    /// The first step that is left to do.
    pub(crate) next: u8,
    pub(super) ranked: Box<[Choice]>,
    pub(super) aside: Box<[u8]>,
    pub(super) panic: bool,
    pub(super) place_asked: bool,
    pub(crate) unsettled_until_ms: i64,
    pub(super) said: Said,
}

/// What operators say of pathways, for one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Said {
    pub(super) up: PathSet,
    pub(super) down: PathSet,
    pub(super) drained: PathSet,
}
