//! What there is for a question: static data, decisions, and the way from one to the other, written as it is found.
//!
//! # Which of the two
//! A steered name's A, AAAA, CNAME, HTTPS and SVCB are the decision's, whatever its zone's file says of them; its other
//! types are the file's. A pathway that is a canonical name is a CNAME for every type that the file does not have.
//!
//! # CNAMEs
//! Are followed as long as they stay in our zones, through steered names too, and [`MAX_CHAIN`] names far at most: each
//! name costs a look-up, and who needs more has made a mistake.
//!
//! # For whom an answer holds
//! For everyone, unless a decision had a part in it; then for that decision's prefix, and no less so when the pathway
//! chosen has no address of the type asked, for elsewhere another may. No data is kept no longer than data would have been.
//!
//! # What cannot be answered
//! A CDN's host name at an apex, of which nobody knows an address yet, is a server failure: "no data" would be kept.
//!
//! # ANY
//! Gets one set of those that the name has, the first (RFC 8482 §4.1): it is true, it is signed where the zone is, and it is
//! no larger than what a question for that type gets. RRSIG is asked likewise, and gets the signatures of that set.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use chrono::{DateTime, Utc};
use fairway_steering::{Continent, Via, decide, record::Answered};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    limit::Kind,
    names::{
        Zone,
        node::{self, Node},
        set::{NOWHERE, Set},
        table::Found,
    },
    steered::Steered,
    view::View,
    wire::{
        name::Key,
        query::{HEADER, Question, code, rtype},
        writer::{Full, Owner, Section, Writer},
    },
};

/// How many names one answer may take to find.
pub const MAX_CHAIN: usize = 8;

/// Who asks, and what for.
pub(crate) struct Asking<'v, 'q> {
    pub(crate) view: &'v View,
    pub(crate) question: &'q Question<'q>,
    pub(crate) source: IpAddr,
    /// The client's network, where a resolver that is believed told it.
    pub(crate) subnet: Option<IpAddr>,
    /// Whether somebody wants to know for whom the answer holds.
    pub(crate) scoped: bool,
    /// Wants signatures.
    pub(crate) dnssec: bool,
    /// Understands NXDOMAIN with a compact denial (RFC 9824 §5.1).
    pub(crate) compact: bool,
    /// The source is its own: whatever it costs to answer, nobody else is harmed.
    pub(crate) proven: bool,
    pub(crate) now: DateTime<Utc>,
}

/// What was found, beside what was written.
#[derive(Debug)]
pub(crate) struct Substance {
    pub(crate) code: u16,
    pub(crate) authoritative: bool,
    /// What kind of reply it is, and of what: floods are told apart by that.
    pub(crate) kind: Kind,
    pub(crate) subject: u64,
    /// Bits of the client's prefix for which all this holds; 0: for everyone.
    pub(crate) scope: u8,
    /// By decisions of these services (their indexes), in this order.
    pub(crate) decided: ArrayVec<Decided, MAX_CHAIN>,
    /// The zone of the first name.
    pub(crate) zone: Option<usize>,
}

impl Default for Substance {
    fn default() -> Self {
        let (kind, subject) = (Kind::Data, 0);
        Self { code: 0, authoritative: false, kind, subject, scope: 0, decided: ArrayVec::new(), zone: None }
    }
}

/// A decision that had a part in the reply: as much of it as others are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided {
    /// Index in the snapshot's services.
    pub(crate) service: u32,
    /// The pathway that was answered.
    pub(crate) chosen: Option<u8>,
    /// Nothing to answer, or nothing healthy.
    pub(crate) failed: bool,
    /// For whom it was made, and where that is.
    pub(crate) address: IpAddr,
    pub(crate) continent: Option<Continent>,
}

/// Why a reply is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It does not fit, or would cost more than a stranger is worth: he may come by TCP.
    Full,
    /// Nobody's fault that asks: a server failure.
    Failed,
}

impl From<Full> for Stop {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// Where in the reply the name stands that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    begin: usize,
    /// Octets that are written there; a pointer follows, unless that is all of the name.
    written: usize,
    /// What the pointer points to.
    then: usize,
}

impl Position {
    /// Where the name's ending stands that begins `start` octets into it. (All of this is among the first few names of a
    /// message, far from a pointer's limit.)
    fn of(self, start: usize) -> u16 {
        (if start < self.written { self.begin + start } else { self.then + start - self.written }) as u16
    }
}

/// A look-up under way.
pub(crate) struct Lookup<'a, 'v, 'q, 'o> {
    pub(super) asking: &'a Asking<'v, 'q>,
    pub(super) writer: &'a mut Writer<'o>,
    pub(super) found: &'a mut Substance,
}

/// One name on the way.
pub(super) struct Step<'s> {
    pub(super) name: &'s Key,
    position: Position,
    /// What was found stands for it, and is not it (RFC 4592).
    wildcard: bool,
}

impl Step<'_> {
    pub(super) fn owner(&self) -> Owner<'static> {
        Owner::at(self.position.of(0))
    }

    /// Where the origin of this zone stands; the name is in it.
    pub(super) fn origin(&self, zone: &Zone) -> u16 {
        self.position.of(self.name.start(zone.origin.labels()))
    }
}

/// The next name: a CNAME's target.
type Next = Option<(Key, Position)>;

impl<'a, 'v, 'q, 'o> Lookup<'a, 'v, 'q, 'o> {
    /// Writes all that there is.
    pub(crate) fn run(
        asking: &'a Asking<'v, 'q>,
        writer: &'a mut Writer<'o>,
        found: &'a mut Substance,
    ) -> Result<(), Stop> {
        let mut lookup = Self { asking, writer, found };
        let question = &asking.question.name;
        let position = Position { begin: HEADER, written: question.as_wire().len(), then: 0 };
        let Some((mut name, mut position)) = lookup.step(&Step { name: question, position, wildcard: false })? else {
            return Ok(());
        };
        let mut seen = ArrayVec::<u64, MAX_CHAIN>::new();
        seen.push(xxh3_64(question.as_wire()));
        while !seen.is_full() {
            let hash = xxh3_64(name.as_wire());
            if seen.contains(&hash) {
                break; // a circle
            }
            seen.push(hash);
            match lookup.step(&Step { name: &name, position, wildcard: false })? {
                Some(next) => (name, position) = next,
                None => break,
            }
        }
        Ok(())
    }

    /// Takes up what there is at one name; gives the next name where that is a CNAME to follow.
    fn step(&mut self, step: &Step<'_>) -> Result<Next, Stop> {
        let names = &*self.asking.view.names;
        let asked = self.asking.question.rtype;
        match names.table.find(step.name) {
            Found::Name(node) if asked == rtype::DS && node.kind == node::Kind::Apex => {
                let zone = self.enter(node.parent.as_ref().map_or(node.zone, |(parent, _)| *parent));
                match &node.parent {
                    Some((_, Some(set))) => self.data(step, zone, set, set.ttl)?,
                    Some((_, None)) => self.deny_ds(step, zone)?,
                    None => self.no_data(step, zone, node, u32::MAX)?,
                }
                Ok(None)
            }
            Found::Name(node) => {
                self.found.subject = xxh3_64(step.name.as_wire());
                self.at_node(step, node)
            }
            Found::Wildcard(node, labels) => {
                self.found.subject = xxh3_64(step.name.suffix(labels));
                self.at_node(&Step { wildcard: true, ..*step }, node)
            }
            Found::Cut(node, labels) if asked == rtype::DS && labels == step.name.labels() => {
                let zone = self.enter(node.zone);
                match node.set(rtype::DS) {
                    Some(set) => self.data(step, zone, set, set.ttl)?,
                    None => self.no_data(step, zone, node, u32::MAX)?,
                }
                Ok(None)
            }
            Found::Cut(node, labels) => {
                if self.writer.is_blank() {
                    self.referral(step, node, labels)?;
                } // else: at the end of a chain, the resolver asks for the rest
                Ok(None)
            }
            Found::Nothing(zone) => {
                let zone = self.enter(zone);
                if !self.why(step, zone)? {
                    (self.found.code, self.found.kind) = (code::NX_DOMAIN, Kind::Nxdomain);
                    self.found.subject = xxh3_64(zone.origin.as_wire());
                    self.deny_name(step, zone)?;
                }
                Ok(None)
            }
            Found::Outside => {
                if self.writer.is_blank() {
                    (self.found.code, self.found.kind) = (code::REFUSED, Kind::Error);
                }
                Ok(None)
            }
        }
    }

    /// This zone answers.
    fn enter(&mut self, zone: usize) -> &'v Zone {
        self.found.authoritative = true;
        self.found.zone.get_or_insert(zone);
        &self.asking.view.names.zones[zone]
    }

    fn at_node(&mut self, step: &Step<'_>, node: &'v Node) -> Result<Next, Stop> {
        let zone = self.enter(node.zone);
        let asked = self.asking.question.rtype;
        if let Some(steered) = &node.steered
            && (steered.answers(asked) && (asked != rtype::ANY || node.sets.is_empty())
                || steered.aliases && node.set(asked).is_none())
        {
            return self.steered(step, zone, node, steered);
        }
        if let Some(set) = node.set(asked) {
            self.data(step, zone, set, set.ttl)?;
        } else if let Some(cname) = node.set(rtype::CNAME).filter(|_| node.steered.is_none()) {
            return self.alias(step, zone, cname, cname.ttl);
        } else {
            match (asked, node.sets.first()) {
                (rtype::ANY, Some(set)) => self.data(step, zone, set, set.ttl)?,
                (rtype::RRSIG, Some(set)) if set.signed > 0 => self.signatures(step, zone, set, set.ttl)?,
                (rtype::NSEC, _) if let Some(set) = node.denial.of(0).filter(|_| !step.wildcard) => {
                    self.data(step, zone, set, set.ttl)?;
                }
                _ => self.no_data(step, zone, node, u32::MAX)?,
            }
        }
        Ok(None)
    }

    /// The decision's records for a steered name.
    fn steered(&mut self, step: &Step<'_>, zone: &'v Zone, node: &'v Node, steered: &'v Steered) -> Result<Next, Stop> {
        let asking = self.asking;
        let (snapshot, asked) = (&*asking.view.snapshot, asking.question.rtype);
        let Some(service) = snapshot.services.get(steered.service) else { return Err(Stop::Failed) };
        let address = asking.subnet.filter(|_| service.policy.client_subnet).unwrap_or(asking.source);
        let client = snapshot.client(address, Via::Dns, None);
        let decision = decide(snapshot, service, &client, asking.now, &mut ());
        // A CDN's host name that could not be resolved has no records: the next best pathway that has takes its place.
        let view = steered.view_of(&client);
        let mut order = decision.for_dns_in_order(&service.policy);
        let chosen = order.find_map(|pathway| {
            let variant = steered.variants.get(usize::from(pathway))?;
            (!variant.sets(view).is_empty()).then_some((pathway, variant))
        });
        let Answered { chosen: first, failed, .. } = Answered::of(&decision, service, Via::Dns, asking.now);
        let answered = chosen.map(|(pathway, _)| pathway).or(first);
        if asking.scoped && service.policy.client_subnet {
            let holds = decision.holds(snapshot, service, &client, asking.now).prefix_len();
            // It holds for the first choice; who comes after that may be by chance.
            let passed_over = if answered == first { 0 } else { client.hashed_bits() };
            let scope = holds.max(passed_over).max(steered.view_scope(&client, &snapshot.geo));
            self.found.scope = self.found.scope.max(scope);
        }
        let decided = Decided {
            service: steered.service as u32,
            chosen: answered,
            failed,
            address,
            continent: client.located.place.continent,
        };
        let Some((_, variant)) = chosen else {
            if steered.variants.iter().any(|variant| variant.is_unknown(asked, view)) {
                return Err(Stop::Failed);
            }
            self.decided(decided);
            self.no_data(step, zone, node, decision.ttl)?;
            return Ok(None);
        };
        let ttl = decision.ttl.min(variant.ttl(asked, view, asking.now));
        let set = match asked {
            rtype::ANY => variant.sets(view).first(),
            _ => variant.set(asked, view),
        };
        if let Some(set) = set {
            self.decided(decided);
            self.data(step, zone, set, set.ttl.min(ttl))?;
        } else if let Some(cname) = variant.cname() {
            self.decided(decided);
            return self.alias(step, zone, cname, cname.ttl.min(ttl));
        } else if variant.is_unknown(asked, view) {
            return Err(Stop::Failed);
        } else {
            // A pathway without an address of the type asked is no answer by it, and no failure.
            self.no_data(step, zone, node, ttl)?;
        }
        Ok(None)
    }

    fn decided(&mut self, decided: Decided) {
        // There is room for one in each step.
        let _full = self.found.decided.try_push(decided);
    }

    fn alias(&mut self, step: &Step<'_>, zone: &Zone, cname: &Set, ttl: u32) -> Result<Next, Stop> {
        let begin = usize::from(self.writer.next_data());
        self.data(step, zone, cname, ttl)?;
        let asked = self.asking.question.rtype;
        if matches!(asked, rtype::CNAME | rtype::ANY | rtype::RRSIG) {
            return Ok(None);
        }
        let Some(data) = cname.data().next() else { return Ok(None) };
        let Some((target, length)) = Key::read(data.bytes) else { return Ok(None) };
        let [tail, _] = data.tails;
        let written = if tail == NOWHERE { length } else { usize::from(tail) };
        Ok(Some((target, Position { begin, written, then: usize::from(step.origin(zone)) })))
    }

    /// An answer.
    fn data(&mut self, step: &Step<'_>, zone: &Zone, set: &Set, ttl: u32) -> Result<(), Stop> {
        let presigned = self.asking.dnssec && !step.wildcard;
        self.writer.set(Section::Answer, step.owner(), set, ttl, step.origin(zone), presigned)?;
        if step.wildcard { self.sign(step, zone, set, ttl) } else { Ok(()) }
    }

    fn signatures(&mut self, step: &Step<'_>, zone: &Zone, set: &Set, ttl: u32) -> Result<(), Stop> {
        for data in set.signatures() {
            self.writer.record(Section::Answer, step.owner(), rtype::RRSIG, ttl, data, step.origin(zone))?;
        }
        Ok(())
    }

    /// The name is there, what was asked for is not, and that may be kept for `ttl` seconds at most.
    fn no_data(&mut self, step: &Step<'_>, zone: &Zone, node: &Node, ttl: u32) -> Result<(), Stop> {
        (self.found.kind, self.found.subject) = (Kind::Nodata, xxh3_64(zone.origin.as_wire()));
        let ttl = ttl.min(zone.negative);
        if step.wildcard {
            return self.deny_types(step, zone, node, ttl);
        }
        self.soa(step, zone, ttl)?;
        match node.denial.of(self.asking.question.rtype) {
            Some(nsec) if self.asking.dnssec => {
                let ttl = nsec.ttl.min(ttl);
                Ok(self.writer.set(Section::Authority, step.owner(), nsec, ttl, step.origin(zone), true)?)
            }
            _ => Ok(()),
        }
    }

    /// The SOA as negative answers carry it: its TTL is how long they may be kept (RFC 2308 §5).
    pub(super) fn soa(&mut self, step: &Step<'_>, zone: &Zone, ttl: u32) -> Result<(), Stop> {
        let origin = step.origin(zone);
        Ok(self.writer.set(Section::Authority, Owner::at(origin), &zone.soa, ttl, origin, self.asking.dnssec)?)
    }

    /// Sends the asker to the servers of a delegation, with their addresses as far as the zone has them (*glue*, RFC 1034
    /// §4.2.1, RFC 9471), and says whether what is there is signed.
    fn referral(&mut self, step: &Step<'_>, cut: &'v Node, labels: usize) -> Result<(), Stop> {
        let names = &*self.asking.view.names;
        let zone = &names.zones[cut.zone];
        let (owner, origin) = (Owner::at(step.position.of(step.name.start(labels))), step.origin(zone));
        (self.found.kind, self.found.subject) = (Kind::Referral, xxh3_64(step.name.suffix(labels)));
        self.found.zone.get_or_insert(cut.zone);
        let Some(servers) = cut.set(rtype::NS) else { return Ok(()) };
        self.writer.set(Section::Authority, owner, servers, servers.ttl, origin, false)?;
        if self.asking.dnssec
            && let Some(proof) = cut.set(rtype::DS).or(cut.denial.of(rtype::DS))
        {
            self.writer.set(Section::Authority, owner, proof, proof.ttl, origin, true)?;
        }
        for server in servers.data() {
            let Some((name, _)) = Key::read(server.bytes).filter(|(name, _)| name.is_within(&zone.origin)) else {
                continue;
            };
            let Some(node) = names.table.exact(name.as_wire()).filter(|node| node.zone == cut.zone) else { continue };
            let labels = &server.bytes[..name.start(zone.origin.labels())];
            for set in [rtype::A, rtype::AAAA].into_iter().filter_map(|rtype| node.set(rtype)) {
                self.writer.set(Section::Additional, Owner { labels, then: origin }, set, set.ttl, origin, false)?;
            }
        }
        Ok(())
    }
}
