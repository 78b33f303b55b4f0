//! What a steered name answers: the records of each of its service's pathways, ready to be sent.

use fairway_steering::Client;

use crate::{names::set::Set, wire::query::rtype};

/// Which view of the world a CDN's addresses were resolved in; 0: the one for everybody.
pub(crate) type ViewId = u8;

/// A steered name's answers.
#[derive(Debug, Default)]
pub(crate) struct Steered {
    /// Index in the snapshot's services.
    pub(crate) service: usize,
    /// By pathway, in the policy's order.
    pub(crate) variants: Vec<Variant>,
    /// Some pathway is a canonical name.
    pub(crate) aliases: bool,
}

impl Steered {
    /// Whether a decision answers this type, whatever the zone's file says.
    pub(crate) fn answers(&self, asked: u16) -> bool {
        matches!(asked, rtype::A | rtype::AAAA | rtype::CNAME | rtype::SVCB | rtype::HTTPS | rtype::ANY)
    }

    /// Which view of the world this client is in.
    pub(crate) fn view_of(&self, _client: &Client<'_>) -> ViewId {
        0
    }
}

/// What one pathway answers.
#[derive(Debug, Default)]
pub(crate) struct Variant {
    pub(crate) sets: Vec<Set>,
    /// Addresses that differ by view: all that the pathway answers there.
    pub(crate) views: Vec<(ViewId, Vec<Set>)>,
}

impl Variant {
    /// What it answers in this view.
    pub(crate) fn sets(&self, view: ViewId) -> &[Set] {
        self.views.iter().find(|(id, _)| *id == view).map_or(&self.sets, |(_, sets)| sets)
    }

    /// Its records of one type.
    pub(crate) fn set(&self, rtype: u16, view: ViewId) -> Option<&Set> {
        self.sets(view).iter().find(|set| set.rtype == rtype)
    }
}
