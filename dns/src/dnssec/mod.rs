//! Signed zones (RFC 4033 to 4035): who signs, with which key, what is denied, and how a key gives way to the next.
//!
//! Read [`rollover`] first: a zone's keys as a pure function of what the operator has done and of the time. Then
//! [`keys`] (a key pair and what is published of it), [`keyfile`] (where they are kept), [`operator`] (what `fairway
//! dnssec` does), `canonical` and `sign` (RRSIG), `cache` (signatures that outlive a rebuild), `denial` and `budget`
//! (what is signed while somebody waits).
//!
//! # One key a zone
//! Each zone has one combined signing key, not a pair of which one signs the other (RFC 6781 §3.1). The pair was made
//! for keys that were long in one role and short in the other, and for parents that were asked by hand; these keys are
//! short in both and the parent is told by CDS (RFC 7344). What is left of the pair is twice the states in which a roll
//! can stick.
//!
//! # What is signed when
//! Everything that exists is signed ahead of time, when the table of names is built: a flood of queries for it costs no
//! signature. What does not exist is denied by a record made for the very name asked (RFC 9824): one signature each,
//! within a `budget`. What a wildcard yields is signed for the name asked too, as if that name existed: the reply needs
//! no proof that nothing closer is there, and is no larger than any other.

pub(crate) mod budget;
pub(crate) mod cache;
pub(crate) mod canonical;
pub(crate) mod denial;
pub mod keyfile;
pub mod keys;
pub mod operator;
pub mod rollover;
pub(crate) mod sign;
mod ttl;
#[cfg(test)]
mod verify_tests;

pub use keyfile::{KeyError, Keys};
pub use keys::{Algorithm, KeyId};
pub use operator::{Status, ZoneKeys};
pub use rollover::{Announced, Phase, Plan, Refusal, Task};
pub use ttl::{DNSKEY_TTL, MAX_TTL};
