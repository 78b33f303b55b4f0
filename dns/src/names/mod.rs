//! All names that this node knows, of all its zones, and what they have, in the form in which it is sent.

pub(crate) mod build;
mod chain;
pub(crate) mod node;
pub(crate) mod set;
pub(crate) mod table;

use std::sync::Arc;

use set::Set;
use table::Table;

use crate::{dnssec::sign::Signer, wire::name::Key, zones};

/// Everything that can be looked up.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) table: Table,
    /// By the numbers that nodes give.
    pub(crate) zones: Vec<Zone>,
}

impl Names {
    /// The zone of exactly this origin.
    pub(crate) fn zone(&self, origin: &Key) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.origin == *origin)
    }
}

/// What all names of a zone have in common.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) origin: Key,
    /// Its SOA record.
    pub(crate) soa: Set,
    /// For how many seconds it may be kept that something is not there (RFC 2308 §5).
    pub(crate) negative: u32,
    /// What signs it, if anything does.
    pub(crate) signer: Option<Arc<Signer>>,
    /// What its file says.
    pub(crate) data: Arc<zones::Zone>,
    /// What secondaries are handed; empty where there are none.
    handed_over: chain::HandedOver,
}

impl Zone {
    /// Owners and sets, in canonical order, as a zone transfer sends them: what the file says, with its signatures, and what
    /// denies the rest.
    pub(crate) fn handed_over(&self) -> impl Iterator<Item = (Key, Set)> + Send + 'static {
        let sets = self.handed_over.clone();
        (0..sets.len()).filter_map(move |index| {
            let (owner, set) = sets.get(index)?;
            Some((Key::read(owner)?.0, set.clone()))
        })
    }
}
