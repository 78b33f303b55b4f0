//! What was decided, and what DNS and a steering list take from it.

use arrayvec::ArrayVec;
use fairway_policies::{
    Pathway, Policy,
    model::{MAX_PATHWAYS, PathwayAnswer},
};
use serde::Serialize;

use crate::client::Via;

/// One pathway of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Choice {
    /// Index in the policy's pathways.
    pub pathway: u8,
    /// Equals have the same tier; 0 is the best.
    pub tier: u8,
    /// Share inside its tier; 0 where no `weights` step spoke.
    pub weight: u32,
}

/// What of the client a decision turned on, beside what its steps' conditions ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Where it is.
    pub place: bool,
    /// Its prefix, by which it was hashed.
    pub prefix: bool,
}

/// What to answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Eligible pathways, best first; never empty for a policy that has one its fences allow.
    pub ranked: ArrayVec<Choice, MAX_PATHWAYS>,
    /// Set aside, least bad first: the end of a steering list.
    pub aside: ArrayVec<u8, MAX_PATHWAYS>,
    /// Seconds.
    pub ttl: u32,
    /// Too few were healthy, so all were kept.
    pub panic: bool,
    /// What of the client it turned on: for [`Decision::holds`].
    pub(super) asked: Asked,
}

impl Decision {
    /// The one pathway whose records DNS answers: the first ranked one that has any. When none of those has, the first set
    /// aside that has: a record that may not work is better than none, which resolvers would remember as such.
    pub fn for_dns<'p>(&self, policy: &'p Policy) -> Option<(u8, &'p PathwayAnswer)> {
        let first = self.for_dns_in_order(policy).next()?;
        Some((first, &policy.pathways.get(usize::from(first))?.answer))
    }

    /// All pathways that have records, best first, those set aside last: the first whose records can be had is answered.
    pub fn for_dns_in_order<'p>(&'p self, policy: &'p Policy) -> impl Iterator<Item = u8> + 'p {
        let has = |i: &u8| policy.pathways.get(usize::from(*i)).is_some_and(|p| p.answer != PathwayAnswer::None);
        self.indexes().filter(has)
    }

    /// Every pathway that the fences allow, best first, those set aside last: a steering list. It has two entries or more
    /// wherever the policy and its fences have, so that a player can fail over by itself.
    pub fn priority<'p>(&self, policy: &'p Policy) -> impl Iterator<Item = &'p Pathway> {
        self.indexes().filter_map(|i| policy.pathways.get(usize::from(i)))
    }

    /// The pathway that a client asking this way is sent to: what DNS answers, or the first of the list.
    pub fn first(&self, policy: &Policy, via: Via) -> Option<u8> {
        match via {
            Via::Dns => self.for_dns(policy).map(|(pathway, _)| pathway),
            Via::Hls | Via::Dash | Via::Http => self.indexes().next(),
        }
    }

    pub(super) fn indexes(&self) -> impl Iterator<Item = u8> {
        self.ranked.iter().map(|c| c.pathway).chain(self.aside.iter().copied())
    }
}
