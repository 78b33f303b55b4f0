//! All names that this node knows, of all its zones, and what they have, in the form in which it is sent.

pub(crate) mod set;
