//! What fuzzers run: each function takes any octets, and panics where a promise is broken.
//!
//! No part of the server: it is compiled for this crate's tests, which replay the seeds that are kept (`dns/fuzz/seeds`),
//! and with the feature `inside`, for the fuzzers themselves (`dns/fuzz`, `make fuzz`). It stands here and not there since
//! what it holds to account is private: a reader of options alone, a table made of any zone. So the crate shows nothing
//! more than it did.
//!
//! Not panicking is the least of it. What is checked is what any reply must be, whatever was asked ([`reply`]); that we and
//! hickory read the same in what both can read ([`option`]); that a zone that is taken is served, and can be handed over
//! ([`zone`]); and that a decision's answer is of its policy, and the same wherever its scope says so ([`policy`]).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "to panic is how a fuzz target says no")]

mod message;
mod option;
mod policy;
mod reply;
#[cfg(test)]
mod tests;
pub(crate) mod world;
mod zone;

pub use message::message;
pub use option::{cookie, subnet};
pub use policy::policy;
pub use world::{Parse, World};
pub use zone::zone;
