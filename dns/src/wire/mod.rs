//! Messages as they are on the wire (RFC 1035 §4): names, queries in, replies out. No rule of what to answer is here.

pub(crate) mod name;
pub(crate) mod query;
pub(crate) mod writer;
