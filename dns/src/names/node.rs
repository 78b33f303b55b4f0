//! One name, and what it has.

use super::set::Set;
use crate::steered::Steered;

/// What a name is to its zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Data, or names below it that have (an *empty non-terminal*, RFC 8020).
    #[default]
    Data,
    /// The origin of a zone of ours.
    Apex,
    /// Delegated to others (RFC 1034 §4.2.1).
    Cut,
    /// Below a delegation, whose name has so many labels: what it has is glue.
    Below(u8),
}

/// A name's data.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Which zone it is in.
    pub(crate) zone: usize,
    pub(crate) kind: Kind,
    /// Ascending by type.
    pub(crate) sets: Vec<Set>,
    /// What a decision answers here, where the name is steered.
    pub(crate) steered: Option<Box<Steered>>,
    /// In a signed zone: what proves that a type is not here, signed.
    pub(crate) denial: Denial,
    /// Of a zone's origin, where the zone above is ours too: that zone, and the delegation's DS set in it (RFC 4035
    /// §3.1.4.1).
    pub(crate) parent: Option<(usize, Option<Set>)>,
}

/// NSEC sets that deny types of one name (RFC 9824 §3).
#[derive(Debug, Default)]
pub(crate) enum Denial {
    /// The zone is not signed.
    #[default]
    None,
    /// The same for every type.
    One(Set),
    /// Of a steered name: one that does not say that there is what was asked for, by the type asked; the first for all
    /// others.
    ByType(Vec<(u16, Set)>),
}

impl Node {
    /// Its records of one type.
    pub(crate) fn set(&self, rtype: u16) -> Option<&Set> {
        self.sets.iter().find(|set| set.rtype == rtype)
    }
}

impl Denial {
    /// The one that denies this type.
    pub(crate) fn of(&self, rtype: u16) -> Option<&Set> {
        match self {
            Self::None => None,
            Self::One(set) => Some(set),
            Self::ByType(sets) => sets.iter().find(|(asked, _)| *asked == rtype).or(sets.first()).map(|(_, set)| set),
        }
    }
}
