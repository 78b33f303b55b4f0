//! What secondaries are handed of a zone: all that its file says, signed where the zone is, and what denies the rest.
//!
//! We deny a name when it is asked for, by a record made for it (RFC 9824). A secondary cannot sign; so it is handed the chain
//! of NSEC records from name to name (RFC 4035 §2.3), which denies everything between two names. The two ways do not
//! contradict each other: each is signed, and each says of a name what is so.
//!
//! Steered names have a link in the chain, with all types that any decision may answer, and nothing else: what they answer
//! is a decision, and a secondary makes none. Were they left out, a resolver that reasons from NSEC (RFC 8198) could deny
//! them to everyone by a gap that it learnt from a secondary.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hickory_proto::rr::RecordType;

use super::{
    Zone,
    node::{Kind, Node},
    set::Set,
    table::Table,
};
use crate::{
    dnssec::{
        cache::Signatures,
        denial::{MAX_NSEC, write_chained},
        sign::SignError,
    },
    wire::{name::Key, query::rtype},
    zones::order,
};

/// Owners, in wire form, and their sets.
pub(super) type HandedOver = Arc<[(Box<[u8]>, Set)]>;

/// Those of zone number `number`, in canonical order of owners.
pub(super) fn of(
    zones: &[Zone],
    number: usize,
    table: &Table,
    signatures: &mut Signatures,
    now: DateTime<Utc>,
) -> Result<HandedOver, SignError> {
    let zone = &zones[number];
    let steered = table.iter().filter(|(_, node)| node.zone == number && node.steered.is_some());
    let steered = steered.filter_map(|(name, _)| Some(Key::read(name)?.0));
    let mut owners: Vec<Key> = zone.data.sets.iter().map(|set| Key::new(&set.name)).chain(steered).collect();
    owners.sort_by_cached_key(|owner| order(owner.as_wire()));
    owners.dedup();
    let named: Vec<(&Key, &Node)> = owners
        .iter()
        .filter_map(|owner| Some((owner, table.exact(owner.as_wire()).filter(|node| node.zone == number)?)))
        .collect();
    let mut handed = Vec::new();
    for (at, (owner, node)) in named.iter().enumerate() {
        handed.extend(node.sets.iter().map(|set| (owner.as_wire().into(), set.clone())));
        let Some(signer) = zone.signer.as_ref().filter(|_| !matches!(node.kind, Kind::Below(_))) else { continue };
        // Glue is no part of the chain.
        let after = named[at + 1..].iter().find(|(_, node)| !matches!(node.kind, Kind::Below(_)));
        let next = after.map_or(&zone.origin, |(next, _)| next);
        let own = node.sets.iter().map(|set| set.rtype);
        let own = own.filter(|rtype| node.kind != Kind::Cut || matches!(*rtype, rtype::NS | rtype::DS));
        let mut types: Vec<u16> = own.chain(node.steered.iter().flat_map(|steered| steered.rtypes())).collect();
        types.sort_unstable();
        types.dedup();
        let mut data = vec![0; MAX_NSEC];
        let length = write_chained(next, &types, &mut data)?;
        data.truncate(length);
        let data = [data];
        let made = signatures.sign(signer, owner, rtype::NSEC, zone.negative, &data, now)?;
        let nsec = Set::new(RecordType::NSEC, zone.negative, &data, &zone.origin).signed(&made);
        handed.push((owner.as_wire().into(), nsec));
    }
    Ok(handed.into())
}
