//! From zones and steered names to the table of all names.
//!
//! Each zone brings the sets of its file; each steered name lies in one of them, and is put there. What is signed is signed
//! here, ahead of the first question: every set of which the zone is the authority, in each variant that a decision may choose,
//! and for each name what denies the types that it does not have. A delegation is not ours to sign, nor is what lies below
//! it (RFC 4035 §2.2). A steered name in none of the zones is left out; who runs the node is told of it elsewhere.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fairway_steering::{Policy, Snapshot};
use hickory_proto::rr::{Name, RecordType};

use super::{
    Names, Zone, chain,
    node::{Denial, Kind, Node},
    set::Set,
    table::Builder,
};
use crate::{
    dnssec::{
        MAX_TTL,
        cache::Signatures,
        canonical::canonical_set,
        denial::{self, MAX_NSEC, nodata_types, write_nsec},
        sign::{SignError, Signer},
    },
    steered::Steered,
    wire::{name::Key, query::rtype},
    zones,
};

/// What a table is made from.
pub(crate) struct Sources<'s> {
    /// Each with what signs it, if anything does.
    pub(crate) zones: &'s [(Arc<zones::Zone>, Option<Arc<Signer>>)],
    /// Whose services are steered, under which names.
    pub(crate) snapshot: &'s Snapshot,
    /// What the service of this index and policy answers at this name of the zone with this origin.
    pub(crate) steer: &'s dyn Fn(usize, &Policy, &Key, &Key) -> Steered,
    /// Whether the zone of this origin has secondaries.
    pub(crate) handed_over: &'s dyn Fn(&Key) -> bool,
    /// Signatures made before.
    pub(crate) signatures: &'s mut Signatures,
    pub(crate) now: DateTime<Utc>,
}

/// Makes the table; fails where something could not be signed.
pub(crate) fn build(sources: Sources<'_>) -> Result<Names, SignError> {
    let Sources { zones, snapshot, steer, handed_over, signatures, now } = sources;
    let mut builder = Builder::default();
    let origins: Vec<Key> = zones.iter().map(|(zone, _)| Key::new(&zone.origin)).collect();
    for (number, origin) in origins.iter().enumerate() {
        builder.zone(number, origin);
    }
    for (number, (zone, signer)) in zones.iter().enumerate() {
        let origin = &origins[number];
        let longest = if signer.is_some() { MAX_TTL } else { u32::MAX };
        for set in &zone.sets {
            let name = Key::new(&set.name);
            let made = Set::new(set.rtype, set.ttl.min(longest), &set.data, origin);
            builder.add(number, origin.labels(), &name, made);
        }
        for (rtype, ttl, data) in signer.iter().flat_map(|signer| signer.apex()) {
            builder.add(number, origin.labels(), origin, Set::new(rtype.into(), ttl, data, origin));
        }
    }
    for (name, index) in &snapshot.names {
        let Ok(key) = Name::from_ascii(name).map(|name| Key::new(&name)) else { continue };
        let (Some(number), Some(service)) = (builder.zone_of(&key), snapshot.services.get(*index)) else { continue };
        let origin = &origins[number];
        let node = builder.at(number, origin.labels(), &key);
        node.steered = Some(Box::new(steer(*index, &service.policy, &key, origin)));
    }
    let mut table = builder.finish();

    let heads = zones.iter().zip(origins).map(|((zone, signer), origin)| {
        let soa = table.exact(origin.as_wire()).and_then(|node| node.set(rtype::SOA));
        let soa = soa.cloned().unwrap_or_else(|| Set::new(RecordType::SOA, 0, &[], &origin));
        let negative = zone.negative_ttl.min(soa.ttl);
        Zone { origin, soa, negative, signer: signer.clone(), data: zone.clone(), handed_over: Arc::default() }
    });
    let mut zones: Vec<Zone> = heads.collect();
    if zones.iter().any(|zone| zone.signer.is_some()) {
        let mut signing = Signing { zones: &zones, signatures, now };
        for (name, node) in table.iter_mut() {
            if let Some((name, _)) = Key::read(name) {
                signing.node(&name, node)?;
            }
        }
        for zone in &mut zones {
            if let Some(soa) = table.exact(zone.origin.as_wire()).and_then(|node| node.set(rtype::SOA)) {
                zone.soa = soa.clone();
            }
        }
    }
    for number in 0..zones.len() {
        if handed_over(&zones[number].origin) {
            zones[number].handed_over = chain::of(&zones, number, &table, signatures, now)?;
        }
    }
    Ok(Names { table, zones })
}

/// Signs the names of a table, one after the other.
struct Signing<'s> {
    zones: &'s [Zone],
    signatures: &'s mut Signatures,
    now: DateTime<Utc>,
}

impl Signing<'_> {
    /// Signs what a name has, and that it has no more.
    fn node(&mut self, name: &Key, node: &mut Node) -> Result<(), SignError> {
        if let Some((parent, Some(ds))) = &mut node.parent {
            *ds = self.set(*parent, name, ds)?;
        }
        let Some(zone) = self.zones.get(node.zone).filter(|zone| zone.signer.is_some()) else { return Ok(()) };
        if matches!(node.kind, Kind::Below(_)) {
            return Ok(());
        }
        for set in &mut node.sets {
            if name.is_wildcard() {
                // Signed once more for each name that it stands for, while somebody waits: it had better be in order.
                let data = canonical_set(set.rtype, set.data().map(|data| data.bytes));
                *set = Set::new(set.rtype.into(), set.ttl, &data, &zone.origin);
            }
            if node.kind != Kind::Cut || set.rtype == rtype::DS {
                *set = self.set(node.zone, name, set)?;
            }
        }
        let mut types: Vec<u16> = node.sets.iter().map(|set| set.rtype).collect();
        if node.kind == Kind::Cut {
            types.retain(|rtype| matches!(*rtype, rtype::NS | rtype::DS));
        }
        let Some(steered) = node.steered.take() else {
            node.denial = Denial::One(self.nsec(zone, node.zone, name, &types)?);
            return Ok(());
        };
        // What any variant may have, lest a resolver that reasons from NSEC (RFC 8198) deny to one client what another gets.
        let decided = steered.rtypes();
        types.extend(&decided);
        types.sort_unstable();
        types.dedup();
        let mut denials = Vec::with_capacity(1 + decided.len());
        for asked in std::iter::once(0).chain(decided) {
            let others: Vec<u16> = nodata_types(&types, asked).collect();
            denials.push((asked, self.nsec(zone, node.zone, name, &others)?));
        }
        node.denial = Denial::ByType(denials);
        let signed = steered.try_map(|set| self.set(node.zone, name, set))?;
        node.steered = Some(Box::new(signed));
        Ok(())
    }

    /// The NSEC set that says which types a name has.
    fn nsec(&mut self, zone: &Zone, number: usize, name: &Key, types: &[u16]) -> Result<Set, SignError> {
        let mut data = vec![0; MAX_NSEC];
        let length = write_nsec(name, &zone.origin, denial::Denial::Has(types), &mut data)?;
        data.truncate(length);
        self.set(number, name, &Set::new(RecordType::NSEC, zone.negative, &[data], &zone.origin))
    }

    /// The set with its signatures, where the zone is signed.
    fn set(&mut self, zone: usize, name: &Key, set: &Set) -> Result<Set, SignError> {
        let Some(signer) = self.zones.get(zone).and_then(|zone| zone.signer.as_ref()) else { return Ok(set.clone()) };
        let data: Vec<Vec<u8>> = set.data().map(|data| data.bytes.to_vec()).collect();
        Ok(set.signed(&self.signatures.sign(signer, name, set.rtype, set.ttl, &data, self.now)?))
    }
}
