//! What had better be otherwise in a zone that can be served.
//!
//! Steered names have their addresses from policies, which are not known here. So nothing is told of a name that is not in
//! the file, except of name servers: those must be found before anything of the zone is.

use std::collections::HashSet;

use super::{
    builder::{Draft, Owner},
    data::target,
    mistake::Place,
    text, types,
    zone::{Concern, Warning},
};

/// Warnings of one zone that are kept: an operator mends the first ones, and looks again.
const MOST: usize = 100;

/// The warnings of the zone whose origin and records (by name and type) these are, in that order.
pub(super) fn warnings(origin: &Owner, drafts: &[Draft]) -> Vec<Warning> {
    let zone = Linted { origin, drafts, servers: servers(drafts) };
    let (mut warnings, mut left_out) = (Vec::new(), 0);
    let mut tell = |place: &Place, concern| {
        if warnings.len() < MOST {
            warnings.push(Warning { place: place.clone(), concern });
        } else {
            left_out += 1;
        }
    };
    let mut cut: Option<&Owner> = None;
    for node in drafts.chunk_by(|a, b| a.owner.order == b.owner.order) {
        let owner = &*node[0].owner;
        let delegated = owner.order != origin.order && node.iter().any(|draft| draft.rtype.code == types::NS);
        cut = cut.filter(|cut| owner.is_within(&cut.order)).or(delegated.then_some(owner));
        for draft in node {
            zone.draft(draft, cut, &mut tell);
        }
    }
    if let (1.., Some(last)) = (left_out, warnings.last().map(|warning| warning.place.clone())) {
        warnings.push(Warning { place: last, concern: Concern::More(left_out) });
    }
    warnings
}

struct Linted<'z> {
    origin: &'z Owner,
    drafts: &'z [Draft],
    /// The names of all name servers, in the form of [`text::order`].
    servers: HashSet<Box<[u8]>>,
}

fn servers(drafts: &[Draft]) -> HashSet<Box<[u8]>> {
    let ns = drafts.iter().filter(|draft| draft.rtype.code == types::NS);
    ns.flat_map(|draft| &draft.records).map(|(data, ..)| text::order(data)).collect()
}

impl<'z> Linted<'z> {
    /// What is to be told of one set, at or below the delegation `cut` or at none.
    fn draft(&self, draft: &Draft, cut: Option<&Owner>, tell: &mut impl FnMut(&Place, Concern)) {
        let name = || draft.owner.shown();
        let Some(first) = draft.place() else { return };
        match (draft.rtype.code, cut) {
            (types::NS, None) => self.servers_of(draft, tell),
            (types::NS, Some(cut)) if cut.order == draft.owner.order => self.servers_of(draft, tell),
            (types::DS, Some(cut)) if cut.order == draft.owner.order => {}
            (types::DS, None) => tell(first, Concern::NotDelegated(name())),
            (types::A | types::AAAA, Some(_)) if self.servers.contains(&draft.owner.order) => {}
            (_, Some(cut)) => {
                let (rtype, cut) = (draft.rtype.name().into(), cut.shown());
                tell(first, Concern::Hidden { name: name(), rtype, cut });
            }
            (types::MX | types::SRV, None) => {
                for (data, place, _) in &draft.records {
                    if let Some(target) = target(draft.rtype, data) {
                        self.alias(draft, &Owner::new(target), place, tell);
                    }
                }
            }
            _ => {}
        }
    }

    /// The name servers of the zone or of a delegation.
    fn servers_of(&self, draft: &Draft, tell: &mut impl FnMut(&Place, Concern)) {
        for (data, place, _) in &draft.records {
            let target = Owner::new(data);
            let ours = target.is_within(&self.origin.order);
            if ours && !self.alias(draft, &target, place, tell) && !self.may_have_address(draft, &target) {
                let (name, target) = (draft.owner.shown(), target.shown());
                tell(place, Concern::NoAddress { name, target });
            }
        }
    }

    /// Tells if `target` is a CNAME.
    fn alias(&self, draft: &Draft, target: &Owner, place: &Place, tell: &mut impl FnMut(&Place, Concern)) -> bool {
        let is_alias = self.at(&target.order).iter().any(|draft| draft.rtype.code == types::CNAME);
        if is_alias {
            tell(place, Concern::Alias { rtype: draft.rtype.name().into(), target: target.shown() });
        }
        is_alias
    }

    /// Whether a name server has an address here, by itself or by a wildcard; or is for another delegation to tell.
    fn may_have_address(&self, draft: &Draft, target: &Owner) -> bool {
        let node = self.at(&target.order);
        if !node.is_empty() {
            return node.iter().any(|draft| matches!(draft.rtype.code, types::A | types::AAAA));
        }
        let ends = target.order.iter().enumerate().filter(|(_, octet)| **octet == 0).map(|(at, _)| at + 1);
        let mut above = ends.filter(|end| *end >= self.origin.order.len()).map(|end| &target.order[..end]);
        above.any(|name| {
            let other_cut = name != &*self.origin.order && name != &*draft.owner.order;
            (other_cut && self.at(name).iter().any(|draft| draft.rtype.code == types::NS))
                || !self.at(&[name, b"*\0"].concat()).is_empty()
        })
    }

    /// The sets of a name.
    fn at(&self, order: &[u8]) -> &'z [Draft] {
        let rest = &self.drafts[self.drafts.partition_point(|draft| *draft.owner.order < *order)..];
        &rest[..rest.partition_point(|draft| *draft.owner.order == *order)]
    }
}
