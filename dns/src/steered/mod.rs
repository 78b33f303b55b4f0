//! What a steered name answers: the records of each of its service's pathways, ready to be sent.
//!
//! A decision chooses a pathway; what that one answers was worked out when the table of names was made, and signed then if the
//! zone is. So nothing is put together, and nothing signed, while a query waits.
//!
//! # Which types are the decision's
//! A, AAAA, CNAME, HTTPS and SVCB: those that say where to go. At a steered name they are the chosen pathway's alone, whatever
//! the zone's file has of them; to mix a pathway's addresses with the file's HTTPS record would send clients of one
//! protocol to one place and those of another elsewhere. All other types are the file's.
//!
//! - A pathway with `addresses` has A, AAAA or both, in the author's order, and if it says `alpn`, HTTPS and SVCB (RFC 9460) in
//!   ServiceMode: `1 . alpn=… port=… ipv4hint=… ipv6hint=…`. The target is the name itself, so that the hints, the addresses and
//!   the certificate asked for agree. HTTP/1.1 stays as it is by default (§7.1.2: no `no-default-alpn`), since pathways
//!   that refuse it are none that players could fall back on.
//! - A pathway with a `cname` is a CNAME, also for a type that is the file's and that the file does not have there: beside a CNAME
//!   nothing else can be (RFC 1034 §3.6.2), and a resolver that holds it follows it for every type. Where the file has
//!   the type, the file is answered, for it was put there on purpose; but resolvers that hold the CNAME will not ask. A name
//!   with such pathways is best left out of the file.
//! - At the apex of a zone no CNAME can be. There the pathway has the host's addresses as A and AAAA, resolved in the background
//!   ([`crate::flatten`]), and if its content is fetched over TLS, HTTPS and SVCB in AliasMode, `0 cdn-host.`: clients that
//!   know it go on to the host by themselves, as with a CNAME, and find the host's own records. (An HTTPS record makes
//!   clients come over TLS, RFC 9460 §9.5, so a pathway of plain HTTP has none.)
//!
//! What the chosen pathway lacks is *no data*, and not looked for in another pathway: a client that got A of the one and AAAA of
//! the other would be in two places at once. But a pathway whose host has no address at all, or none that anybody knows, has
//! no records of any type, and is to be passed over for the next best. Where one family is not known, or no pathway
//! has anything, that is no "no data", which resolvers would keep, but a server failure: [`Variant::is_unknown`].
//!
//! # For how long
//! The records have the policy's `ttl`; the decision's, which may be shorter, is set when they are sent, and so is what is
//! left of resolved addresses' lifetime ([`Variant::ttl`]). A signature allows for less (RFC 4034 §3.1.4), so that one does for
//! all.

mod data;
#[cfg(test)]
mod tests;

use std::{net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use fairway_steering::{Client, GeoTable, Pathway, PathwayAnswer, Policy};
use hickory_proto::rr::RecordType;

use data::{alias_mode, octets, service_mode, wire};

pub(crate) use crate::flatten::ViewId;
use crate::{
    flatten::{Addresses, DEFAULT_VIEW, Family, Flattened, PlacedViews, known::Kept},
    names::set::Set,
    wire::name::Key,
};

/// The types that are the decision's, and ANY.
const DECIDED: [RecordType; 6] =
    [RecordType::A, RecordType::AAAA, RecordType::CNAME, RecordType::HTTPS, RecordType::SVCB, RecordType::ANY];

/// A steered name's answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steered {
    /// Index in the snapshot's services.
    pub(crate) service: usize,
    /// By pathway, in the policy's order.
    pub(crate) variants: Vec<Variant>,
    /// Some pathway is a CNAME here.
    pub(crate) aliases: bool,
    /// Some pathway's addresses are resolved, as these.
    views: Option<Arc<PlacedViews>>,
}

/// What one pathway answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variant {
    /// Ascending by type; what it answers in the default view.
    pub(crate) sets: Vec<Set>,
    /// Where addresses differ by view, all that it answers there.
    pub(crate) views: Vec<(ViewId, Vec<Set>)>,
    /// By view, resolved addresses and their lifetime; empty where none are resolved.
    resolved: Vec<Addresses>,
}

impl Steered {
    /// The answers of a service, which has this index in its snapshot, at the name `name` of the zone `origin`.
    pub(crate) fn new(
        service: usize,
        policy: &Policy,
        name: &Key,
        origin: &Key,
        flattened: &Flattened,
        views: &Arc<PlacedViews>,
    ) -> Self {
        let making = Making { ttl: policy.ttl, is_apex: name == origin, origin, flattened };
        let variants: Vec<Variant> = policy.pathways.iter().map(|pathway| making.variant(pathway)).collect();
        let aliases = variants.iter().any(|variant| variant.cname().is_some());
        let resolved = variants.iter().any(|variant| !variant.resolved.is_empty());
        Self { service, variants, aliases, views: resolved.then(|| views.clone()) }
    }

    /// Whether what there is of this type is the decision's. ANY (RFC 8482) is for it to answer too, where the file has
    /// nothing.
    pub(crate) fn answers(&self, rtype: u16) -> bool {
        DECIDED.iter().any(|decided| u16::from(*decided) == rtype)
    }

    /// The view that the client is in.
    pub(crate) fn view_of(&self, client: &Client<'_>) -> ViewId {
        self.views.as_ref().map_or(DEFAULT_VIEW, |views| views.of(&client.located.place))
    }

    /// The bits of the client's prefix over which its view is the same: an answer here holds for no more. 0: for everyone.
    pub(crate) fn view_scope(&self, client: &Client<'_>, geo: &GeoTable) -> u8 {
        let address = self.views.as_ref().zip(client.address);
        address.map_or(0, |(views, address)| views.scope(geo, address, &client.located.place))
    }

    /// Every type that some pathway answers, ascending, without CNAME: what a proof that a type is not there (RFC 4034 §4)
    /// says there is. A CNAME in it would make the proof void (RFC 6840 §4.3), and where one is answered nothing is denied.
    /// What is not resolved yet is counted, so that the proof need not be made anew when it is.
    pub(crate) fn rtypes(&self) -> Vec<u16> {
        let resolved = |variant: &Variant| if variant.resolved.is_empty() { &[][..] } else { &Family::ALL };
        let mut types: Vec<u16> = self
            .variants
            .iter()
            .flat_map(|variant| variant.all().map(|set| set.rtype).chain(resolved(variant).iter().map(rtype)))
            .filter(|rtype| *rtype != u16::from(RecordType::CNAME))
            .collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    /// The same with each set as `f` makes it: signed.
    pub(crate) fn try_map<E>(mut self, mut f: impl FnMut(&Set) -> Result<Set, E>) -> Result<Self, E> {
        for variant in &mut self.variants {
            let views = variant.views.iter_mut().flat_map(|(_, sets)| sets);
            for set in variant.sets.iter_mut().chain(views) {
                *set = f(set)?;
            }
        }
        Ok(self)
    }
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

    /// The CNAME that it is, away from an apex.
    pub(crate) fn cname(&self) -> Option<&Set> {
        self.sets.iter().find(|set| set.rtype == u16::from(RecordType::CNAME))
    }

    /// The seconds for which an answer of this type, or that there is none, may be kept: what is left of resolved addresses'
    /// lifetime, 5 at least. No bound for what is not resolved.
    pub(crate) fn ttl(&self, rtype: u16, view: ViewId, now: DateTime<Utc>) -> u32 {
        let kept = self.resolved(rtype, view).and_then(Option::as_ref);
        kept.map_or(u32::MAX, |kept| kept.ttl(now))
    }

    /// Whether nobody knows its addresses of this type, since its host could not be resolved yet, or for days: a server
    /// failure.
    pub(crate) fn is_unknown(&self, rtype: u16, view: ViewId) -> bool {
        self.resolved(rtype, view).is_some_and(Option::is_none)
    }

    fn resolved(&self, rtype: u16, view: ViewId) -> Option<&Option<Arc<Kept>>> {
        let family = Family::ALL.into_iter().find(|family| self::rtype(family) == rtype)?;
        let addresses = self.resolved.get(usize::from(view)).or(self.resolved.first())?;
        Some(&addresses[family as usize])
    }

    fn all(&self) -> impl Iterator<Item = &Set> {
        self.sets.iter().chain(self.views.iter().flat_map(|(_, sets)| sets))
    }
}

/// The hosts that a service's pathways are given by (lower case, no trailing dot): what must be resolved where one of its names
/// is an apex.
pub(crate) fn hosts(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.pathways.iter().filter_map(|pathway| match &pathway.answer {
        PathwayAnswer::Cname(host) => Some(host.as_str()),
        PathwayAnswer::Addresses(_) | PathwayAnswer::None => None,
    })
}

/// What variants are made of, beside their pathway.
struct Making<'m> {
    ttl: u32,
    is_apex: bool,
    origin: &'m Key,
    flattened: &'m Flattened,
}

impl Making<'_> {
    fn variant(&self, pathway: &Pathway) -> Variant {
        match &pathway.answer {
            PathwayAnswer::Addresses(addresses) => {
                let mut sets = self.addresses(addresses);
                if !pathway.alpn.is_empty() {
                    sets.extend(self.bindings(&service_mode(pathway, addresses)));
                }
                Variant { sets, ..Variant::default() }
            }
            PathwayAnswer::Cname(host) if self.is_apex => self.resolved(pathway, host),
            PathwayAnswer::Cname(host) => {
                Variant { sets: vec![self.set(RecordType::CNAME, vec![wire(host)])], ..Variant::default() }
            }
            PathwayAnswer::None => Variant::default(),
        }
    }

    /// A pathway at an apex, by its host's name.
    fn resolved(&self, pathway: &Pathway, host: &str) -> Variant {
        let alias = if pathway.is_https() { self.bindings(&alias_mode(host)).to_vec() } else { Vec::new() };
        let views = 0..self.flattened.views().max(1) as ViewId; // Views::MOST at most
        let resolved: Vec<Addresses> =
            views.map(|view| Family::ALL.map(|family| self.flattened.kept(host, view, family).cloned())).collect();
        let mut sets = resolved.iter().map(|families| {
            let addresses: Vec<IpAddr> =
                families.iter().flatten().flat_map(|kept| kept.addresses.iter().copied()).collect();
            let mut sets = self.addresses(&addresses);
            if !sets.is_empty() {
                sets.extend(alias.iter().cloned());
            }
            sets
        });
        let default = sets.next().unwrap_or_default();
        let views = (DEFAULT_VIEW + 1..).zip(sets).filter(|(_, sets)| *sets != default).collect();
        Variant { sets: default, views, resolved }
    }

    fn addresses(&self, addresses: &[IpAddr]) -> Vec<Set> {
        let of = |family: Family| {
            let data: Vec<Vec<u8>> = addresses.iter().filter_map(|address| octets(*address, family)).collect();
            (!data.is_empty()).then(|| self.set(family.rtype(), data))
        };
        Family::ALL.into_iter().filter_map(of).collect()
    }

    /// The same data as SVCB and as HTTPS.
    fn bindings(&self, data: &[u8]) -> [Set; 2] {
        [RecordType::SVCB, RecordType::HTTPS].map(|rtype| self.set(rtype, vec![data.to_vec()]))
    }

    fn set(&self, rtype: RecordType, data: Vec<Vec<u8>>) -> Set {
        Set::new(rtype, self.ttl, &data, self.origin)
    }
}

fn rtype(family: &Family) -> u16 {
    family.rtype().into()
}
