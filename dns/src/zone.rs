//! One zone: its static data as a tree of names.
//!
//! Every name above a record is in the map, also where it has no data of its own (an *empty non-terminal*, RFC 8020), so
//! a look-up goes down from the apex one label at a time and ends at the first name that is not there, or at the first
//! delegation. It costs no more than the depth of the zone, whatever is asked and however many names there are.

use std::collections::HashMap;

use hickory_proto::{
    rr::{RData, Record, RecordType, rdata::NULL},
    serialize::binary::BinDecodable,
};

use crate::{
    key::Key,
    zones::zone::{RecordSet, Zone as Plain},
};

/// The authoritative static data of one zone.
#[derive(Debug)]
pub(crate) struct Zone {
    apex: usize,
    names: HashMap<Box<[u8]>, Node>,
    /// The SOA as negative answers carry it: its TTL is how long they may be kept (RFC 2308 §5).
    pub(crate) negative: Record,
}

/// The data of one name; none of its own for an empty non-terminal.
#[derive(Debug, Default)]
pub(crate) struct Node {
    sets: Vec<(RecordType, Vec<Record>)>,
}

/// What a zone has for a name in it.
#[derive(Debug)]
pub(crate) enum Found<'z> {
    /// The name exists.
    Name(&'z Node),
    /// It is at or below a delegation, whose NS records these are.
    Cut {
        /// The NS records.
        ns: &'z [Record],
        /// Whether the delegation is at the name itself.
        here: bool,
    },
    /// Neither it nor anything below it exists.
    Nothing,
}

impl Node {
    /// Its records of one type; empty if it has none.
    pub(crate) fn set(&self, rtype: RecordType) -> &[Record] {
        self.sets.iter().find(|(t, _)| *t == rtype).map_or(&[], |(_, records)| records)
    }

    /// Whether it has no data of its own.
    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}

impl Zone {
    /// Of a zone's plain data.
    pub(crate) fn new(zone: &Plain) -> Self {
        let apex = Key::new(&zone.origin);
        let mut names: HashMap<Box<[u8]>, Node> = HashMap::new();
        for set in &zone.sets {
            let key = Key::new(&set.name);
            for labels in apex.labels()..key.labels() {
                names.entry(key.suffix(labels).into()).or_default();
            }
            names.entry(key.suffix(key.labels()).into()).or_default().sets.push((set.rtype, records(set)));
        }
        let mut negative = records(&zone.soa).pop().unwrap_or_else(|| Record::update0(zone.origin.clone(), 0, RecordType::SOA));
        negative.ttl = zone.negative_ttl;
        Self { apex: apex.labels(), names, negative }
    }

    /// Whether this is the name of the zone itself.
    pub(crate) fn is_apex(&self, key: &Key) -> bool {
        key.labels() == self.apex
    }

    /// What there is for `key`, which must be in this zone.
    pub(crate) fn find(&self, key: &Key) -> Found<'_> {
        let mut found = Found::Nothing;
        for labels in self.apex..=key.labels() {
            let Some(node) = self.names.get(key.suffix(labels)) else { return Found::Nothing };
            let ns = node.set(RecordType::NS);
            if labels > self.apex && !ns.is_empty() {
                return Found::Cut { ns, here: labels == key.labels() };
            }
            found = Found::Name(node);
        }
        found
    }

    /// The addresses, as far as this zone has them, of the name servers of a delegation (*glue*, RFC 1034 §4.2.1).
    pub(crate) fn glue<'z>(&'z self, ns: &'z [Record]) -> impl Iterator<Item = &'z Record> {
        let targets = ns.iter().filter_map(|record| match &record.data {
            RData::NS(target) => Some(Key::new(target)),
            _ => None,
        });
        let nodes = targets.filter_map(|key| self.names.get(key.suffix(key.labels())));
        nodes.flat_map(|node| node.set(RecordType::A).iter().chain(node.set(RecordType::AAAA)))
    }
}

fn records(set: &RecordSet) -> Vec<Record> {
    let rdata = |data: &Vec<u8>| {
        let (mut bytes, code) = (Vec::new(), u16::from(set.rtype));
        let key = Key::new(&set.name);
        bytes.extend(key.suffix(key.labels()));
        bytes.extend([code, 1, 0, 0, data.len() as u16].into_iter().flat_map(u16::to_be_bytes));
        bytes.extend(data);
        let unknown = || RData::Unknown { code: set.rtype, rdata: NULL::with(data.clone()) };
        Record::from_bytes(&bytes).map_or_else(|_| unknown(), |record: Record| record.data)
    };
    set.data.iter().map(|data| Record::from_rdata(set.name.clone(), set.ttl, rdata(data))).collect()
}
