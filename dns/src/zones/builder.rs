//! From records to a zone: what must hold of all of them together.
//!
//! Records are gathered, then sorted once by name and type; what belongs together then stands together, so that each check
//! is one pass, whatever the size of the zone. Where two records contradict each other, the later one in the file is told.

use std::{collections::HashSet, sync::Arc};

use hickory_proto::{
    rr::{Name, RecordType},
    serialize::binary::BinDecodable,
};

use super::{
    data::canonical,
    mistake::{Mistake, Place},
    text,
    types::{self, Type},
    zone::RecordSet,
};

/// Octets of a message that are left for records by its head and the longest question.
const ROOM: usize = 65_535 - 12 - 259;
/// Octets of a record beside its data, where its owner is a pointer to the question (RFC 1035 §4.1.3).
const RECORD_HEAD: usize = 12;

/// A name that records have.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) name: Name,
    /// See [`text::order`].
    pub(super) order: Box<[u8]>,
}

impl Owner {
    /// Of a name in wire form.
    pub(super) fn new(wire: &[u8]) -> Self {
        // What is no name on the wire does not come here; the root would be told as out of zone.
        Self { name: Name::from_bytes(wire).unwrap_or_default(), order: text::order(wire) }
    }

    /// As an operator writes it.
    pub(super) fn shown(&self) -> String {
        text::shown(self.name.iter())
    }

    /// Whether it is `other`, or below it.
    pub(super) fn is_within(&self, other: &[u8]) -> bool {
        self.order.starts_with(other)
    }
}

/// A record.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) owner: Arc<Owner>,
    pub(super) rtype: Type,
    pub(super) ttl: u32,
    pub(super) data: Vec<u8>,
    pub(super) place: Place,
}

/// The records of one name and type, and where each stands.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) owner: Arc<Owner>,
    pub(super) rtype: Type,
    pub(super) ttl: u32,
    /// Each record's data, place, and number in the order of reading.
    pub(super) records: Vec<(Vec<u8>, Place, usize)>,
    /// What is in it, as it is compared; empty while there is but one.
    known: HashSet<Vec<u8>>,
}

/// Gathers a zone's records.
pub(super) struct Builder {
    pub(super) origin: Arc<Owner>,
    rows: Vec<Row>,
}

impl Builder {
    /// Of a zone with this origin.
    pub(super) fn new(origin: Owner) -> Self {
        Self { origin: origin.into(), rows: Vec::new() }
    }

    pub(super) fn add(&mut self, row: Row) -> Result<(), Mistake> {
        let name = || row.owner.shown();
        if !row.owner.is_within(&self.origin.order) {
            return Err(Mistake::OutOfZone { name: name(), origin: self.origin.shown() });
        }
        if row.rtype.code == types::SOA && row.owner.order != self.origin.order {
            return Err(Mistake::Soa);
        }
        if row.rtype.code == types::NS && row.owner.name.is_wildcard() {
            return Err(Mistake::WildcardCut(name()));
        }
        self.rows.push(row);
        Ok(())
    }

    /// All records by name and type, each once.
    pub(super) fn finish(self) -> Result<Vec<Draft>, (Place, Mistake)> {
        let mut rows: Vec<_> = self.rows.into_iter().enumerate().collect();
        rows.sort_by(|(_, a), (_, b)| a.owner.order.cmp(&b.owner.order).then(a.rtype.code.cmp(&b.rtype.code)));
        let mut drafts: Vec<Draft> = Vec::new();
        for (number, row) in rows {
            match drafts.last_mut() {
                Some(draft) if draft.rtype.code == row.rtype.code && draft.owner.order == row.owner.order => {
                    draft.add(number, row)?;
                }
                _ => drafts.push(Draft::new(number, row)),
            }
        }
        drafts.iter().try_for_each(Draft::fits)?;
        drafts.chunk_by(|a, b| a.owner.order == b.owner.order).try_for_each(cname_is_alone)?;
        Ok(drafts)
    }
}

impl Draft {
    fn new(number: usize, row: Row) -> Self {
        let Row { owner, rtype, ttl, data, place } = row;
        Self { owner, rtype, ttl, records: vec![(data, place, number)], known: HashSet::new() }
    }

    fn add(&mut self, number: usize, row: Row) -> Result<(), (Place, Mistake)> {
        if row.ttl != self.ttl {
            return Err((row.place, Mistake::Ttl { ttl: row.ttl, before: self.ttl }));
        }
        if self.known.is_empty() {
            self.known.extend(self.records.iter().map(|(data, ..)| canonical(self.rtype.code, data)));
        }
        if !self.known.insert(canonical(self.rtype.code, &row.data)) {
            return Ok(());
        }
        if self.rtype.code == types::SOA {
            return Err((row.place, Mistake::Soa));
        }
        self.records.push((row.data, row.place, number));
        Ok(())
    }

    /// Whether a message can hold it.
    fn fits(&self) -> Result<(), (Place, Mistake)> {
        let octets = self.records.iter().map(|(data, ..)| RECORD_HEAD + data.len()).sum();
        match self.records.last() {
            Some((_, place, _)) if octets > ROOM => {
                let (name, rtype) = (self.owner.shown(), self.rtype.name().into());
                Err((place.clone(), Mistake::TooLarge { name, rtype, octets }))
            }
            _ => Ok(()),
        }
    }

    /// Where its first record stands.
    pub(super) fn place(&self) -> Option<&Place> {
        self.records.first().map(|(_, place, _)| place)
    }

    /// As what the zone has.
    pub(super) fn set(&self) -> RecordSet {
        let data = self.records.iter().map(|(data, ..)| data.clone()).collect();
        RecordSet { name: self.owner.name.clone(), rtype: RecordType::from(self.rtype.code), ttl: self.ttl, data }
    }
}

/// A CNAME has no other record beside it (RFC 1034 §3.6.2), and no other CNAME (RFC 2181 §10.1).
fn cname_is_alone(node: &[Draft]) -> Result<(), (Place, Mistake)> {
    let cname = |draft: &Draft| draft.rtype.code == types::CNAME;
    let records = node.iter().flat_map(|draft| draft.records.iter().map(move |record| (cname(draft), record)));
    let mut records: Vec<_> = match node {
        [draft] if !cname(draft) => return Ok(()),
        _ if !node.iter().any(cname) => return Ok(()),
        _ => records.collect(),
    };
    records.sort_by_key(|(_, (.., number))| *number);
    let Some(((first, _), others)) = records.split_first() else { return Ok(()) };
    match others.iter().find(|(cname, _)| *cname || *first) {
        Some((_, (_, place, _))) => Err((place.clone(), Mistake::Cname(node[0].owner.shown()))),
        None => Ok(()),
    }
}
