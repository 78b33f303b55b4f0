//! What there is for a question: static data, decisions, and the way from one to the other.
//!
//! # Which of the two
//! A steered name's A, AAAA and CNAME are the decision's, whatever its zone's file says of them; its other types are the
//! file's. Both need a zone: what is in none is refused, steered or not.
//!
//! # CNAMEs
//! Are followed as long as they stay in our zones, through steered names too, and [`MAX_CHAIN`] names far at most: each
//! name costs a look-up, and who needs more has made a mistake. A pathway's canonical name is a CNAME that the decision
//! chose. Not so at the apex of a zone, which must keep its SOA and NS (RFC 1034 §3.6.2): there is no data then.
//!
//! # For whom an answer holds
//! For everyone, unless a decision had a part in it; then for that decision's prefix, and no less so when the pathway
//! chosen has no address of the type asked, for elsewhere another may. No data is kept no longer than data would have been.
//!
//! # ANY
//! Gets the least that stops the asker: a HINFO made up for it (RFC 8482 §4.2). All types at once serve amplifiers only.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use chrono::{DateTime, Utc};
use fairway_steering::{Client, PathwayAnswer, Service, Snapshot, decide, record::Answered};
use hickory_proto::{
    op::{LowerQuery, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata},
};

use crate::{
    key::Key,
    zone::{Found, Node, Zone},
    zones::Zones,
};

/// How many names one answer may take to find.
pub const MAX_CHAIN: usize = 8;
/// Seconds; RFC 8482 §4.2 asks for long.
const ANY_TTL: u32 = 3600;

/// The substance of a reply.
#[derive(Debug, Default)]
pub(crate) struct Lookup<'s> {
    pub(crate) code: ResponseCode,
    pub(crate) authoritative: bool,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    pub(crate) additionals: Vec<Record>,
    /// Bits of the client's prefix for which all this holds; 0: for everyone.
    pub(crate) scope: u8,
    pub(crate) decided: ArrayVec<(&'s Service, Answered), MAX_CHAIN>,
}

/// What is asked, by whom, and of what.
struct Asking<'s, 'c> {
    snapshot: &'s Snapshot,
    client: &'c Client<'c>,
    rtype: RecordType,
    now: DateTime<Utc>,
}

impl<'s> Lookup<'s> {
    pub(crate) fn run(
        snapshot: &'s Snapshot,
        zones: &Zones,
        question: &LowerQuery,
        client: &Client<'_>,
        now: DateTime<Utc>,
    ) -> Self {
        let asking = Asking { snapshot, client, rtype: question.query_type(), now };
        let mut lookup = Self::default();
        let mut name = question.original().name().clone();
        for _ in 0..MAX_CHAIN {
            let key = Key::new(&name);
            let Some(zone) = zones.zone_of(&key) else { break };
            lookup.authoritative = true;
            let Some(target) = lookup.step(&asking, zone, &key, name) else { return lookup };
            if lookup.answers.iter().any(|record| record.name == target) {
                return lookup; // a circle
            }
            name = target;
        }
        if !lookup.authoritative {
            lookup.code = ResponseCode::Refused;
        }
        lookup
    }

    /// Takes up what there is at one name; gives the next name where that is a CNAME to follow.
    fn step(&mut self, asking: &Asking<'s, '_>, zone: &Zone, key: &Key, name: Name) -> Option<Name> {
        let text = key.text();
        let service = text.and_then(|text| asking.snapshot.service_of_name(&text));
        if let (Some(service), RecordType::A | RecordType::AAAA | RecordType::CNAME) = (service, asking.rtype) {
            return self.steered(asking, service, zone, key, name);
        }
        match zone.find(key) {
            Found::Name(node) => return self.at_node(asking.rtype, zone, node, service.is_some(), name),
            Found::Cut { here: true, .. } if asking.rtype == RecordType::DS => self.no_data(zone), // RFC 4035 §3.1.4.1
            Found::Cut { ns, .. } if self.answers.is_empty() => {
                self.authoritative = false;
                self.authorities.extend_from_slice(ns);
                self.additionals.extend(zone.glue(ns).cloned());
            }
            Found::Cut { .. } => {} // at the end of a chain: the resolver asks for the rest
            Found::Nothing if service.is_some() => {
                return self.at_node(asking.rtype, zone, &Node::default(), true, name);
            }
            Found::Nothing => {
                self.no_data(zone);
                if !text.is_some_and(|text| asking.snapshot.encloses_name(&text)) {
                    self.code = ResponseCode::NXDomain;
                }
            }
        }
        None
    }

    /// The decision's records for a steered name.
    fn steered(
        &mut self,
        asking: &Asking<'s, '_>,
        service: &'s Service,
        zone: &Zone,
        key: &Key,
        name: Name,
    ) -> Option<Name> {
        let decision = decide(asking.snapshot, service, asking.client, asking.now, &mut ());
        let holds = decision.holds(asking.snapshot, service, asking.client, asking.now);
        self.scope = self.scope.max(holds.prefix_len());
        let chosen = decision.for_dns(&service.policy);
        let mut target = None;
        let before = self.answers.len();
        match chosen {
            Some((_, PathwayAnswer::Addresses(addresses))) => {
                let data = addresses.iter().map(|a| match a {
                    IpAddr::V4(a) => RData::A((*a).into()),
                    IpAddr::V6(a) => RData::AAAA((*a).into()),
                });
                let asked = data.filter(|data| data.record_type() == asking.rtype);
                self.answers.extend(asked.map(|data| Record::from_rdata(name.clone(), decision.ttl, data)));
            }
            Some((_, PathwayAnswer::Cname(canonical))) if !zone.is_apex(key) => {
                target = Name::from_ascii(canonical).ok();
                if let Some(target) = &mut target {
                    target.set_fqdn(true);
                    let data = RData::CNAME(rdata::CNAME(target.clone()));
                    self.answers.push(Record::from_rdata(name, decision.ttl, data));
                }
            }
            _ => {}
        }
        let answered = self.answers.len() > before;
        if !answered {
            self.no_data(zone);
            self.authorities.iter_mut().for_each(|soa| soa.ttl = soa.ttl.min(decision.ttl));
        }
        // A pathway without an address of the type asked is no answer by it, and no failure.
        if answered || chosen.is_none() {
            self.decided.push((service, Answered::of(&decision, service, asking.client.via, asking.now)));
        }
        target.filter(|_| asking.rtype != RecordType::CNAME)
    }

    /// The static data of a name that exists; `steered` if also as a steered one.
    fn at_node(&mut self, rtype: RecordType, zone: &Zone, node: &Node, steered: bool, name: Name) -> Option<Name> {
        let own = |record: &Record| Record::from_rdata(name.clone(), record.ttl, record.data.clone());
        let cname = if steered { &[] } else { node.set(RecordType::CNAME) };
        let set = node.set(rtype);
        if !set.is_empty() {
            self.answers.extend(set.iter().map(own));
        } else if let [cname, ..] = cname {
            self.answers.push(own(cname));
            if let RData::CNAME(target) = &cname.data
                && rtype != RecordType::ANY
            {
                return Some(target.0.clone());
            }
        } else if rtype == RecordType::ANY && (steered || !node.is_empty()) {
            let data = RData::HINFO(rdata::HINFO::new("RFC8482".into(), String::new()));
            self.answers.push(Record::from_rdata(name, ANY_TTL, data));
        } else {
            self.no_data(zone);
        }
        None
    }

    fn no_data(&mut self, zone: &Zone) {
        self.authorities.push(zone.negative.clone());
    }
}
