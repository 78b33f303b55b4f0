//! All names that this node knows, of all its zones, and what they have, in the form in which it is sent.

pub(crate) mod node;
pub(crate) mod set;
pub(crate) mod table;

use set::Set;
use table::Table;

use crate::wire::name::Key;

/// Everything that can be looked up.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) table: Table,
    /// By the numbers that nodes give.
    pub(crate) zones: Vec<Zone>,
}

/// What all names of a zone have in common.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) origin: Key,
    /// Its SOA record.
    pub(crate) soa: Set,
    /// For how many seconds it may be kept that something is not there (RFC 2308 §5).
    pub(crate) negative: u32,
}
