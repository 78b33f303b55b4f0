//! One zone: its static data as a tree of names.
//!
//! Every name above a record is in the map, also where it has no data of its own (an *empty non-terminal*, RFC 8020), so
//! a look-up goes down from the apex one label at a time and ends at the first name that is not there, or at the first
//! delegation. It costs no more than the depth of the zone, whatever is asked and however many names there are.

use std::collections::{HashMap, hash_map::Entry};

use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::{key::Key, master::Mistake};

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

    fn insert(&mut self, record: Record) -> Result<(), Mistake> {
        let rtype = record.record_type();
        let alone = matches!(rtype, RecordType::CNAME | RecordType::SOA);
        let Some((_, records)) = self.sets.iter_mut().find(|(t, _)| *t == rtype) else {
            if !self.sets.is_empty() && (rtype == RecordType::CNAME || !self.set(RecordType::CNAME).is_empty()) {
                return Err(Mistake::Cname(record.name.to_string()));
            }
            self.sets.push((rtype, vec![record]));
            return Ok(());
        };
        match records.first() {
            _ if records.contains(&record) => {}
            Some(_) if alone => {
                return Err(if rtype == RecordType::SOA {
                    Mistake::Soa
                } else {
                    Mistake::Cname(record.name.to_string())
                });
            }
            Some(first) if first.ttl != record.ttl => {
                return Err(Mistake::Ttl { ttl: record.ttl, before: first.ttl });
            }
            _ => records.push(record),
        }
        Ok(())
    }
}

/// Gathers a zone record by record.
#[derive(Debug)]
pub(crate) struct Builder {
    origin: Name,
    apex: Key,
    names: HashMap<Box<[u8]>, Node>,
}

impl Builder {
    pub(crate) fn new(origin: Name) -> Self {
        let apex = Key::new(&origin);
        let names = HashMap::from([(apex.suffix(apex.labels()).into(), Node::default())]);
        Self { origin, apex, names }
    }

    pub(crate) fn add(&mut self, record: Record) -> Result<(), Mistake> {
        if !self.origin.zone_of(&record.name) {
            return Err(Mistake::OutOfZone { name: record.name.to_string(), origin: self.origin.to_string() });
        }
        if record.name.is_wildcard() {
            return Err(Mistake::Wildcard(record.name.to_string()));
        }
        let key = Key::new(&record.name);
        if record.record_type() == RecordType::SOA && key.labels() != self.apex.labels() {
            return Err(Mistake::Soa);
        }
        for labels in self.apex.labels()..key.labels() {
            self.names.entry(key.suffix(labels).into()).or_default();
        }
        match self.names.entry(key.suffix(key.labels()).into()) {
            Entry::Occupied(mut node) => node.get_mut().insert(record),
            Entry::Vacant(node) => node.insert(Node::default()).insert(record),
        }
    }

    /// The zone, or the type of record that it lacks at its apex.
    pub(crate) fn finish(self) -> Result<Zone, RecordType> {
        let apex = &self.names[self.apex.suffix(self.apex.labels())];
        let mut negative = apex.set(RecordType::SOA).first().cloned().ok_or(RecordType::SOA)?;
        if apex.set(RecordType::NS).is_empty() {
            return Err(RecordType::NS);
        }
        if let RData::SOA(soa) = &negative.data {
            negative.ttl = negative.ttl.min(soa.minimum);
        }
        Ok(Zone { apex: self.apex.labels(), names: self.names, negative })
    }
}

impl Zone {
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
