//! The authoritative DNS server over the snapshot.
//!
//! It answers two kinds of names: static ones, from the operator's master files, and *steered* ones, whose addresses are
//! a decision made for the client that asks. Read [`answer`] first: one pure function from a query to its reply, in
//! which every rule of the protocol stands. Then `lookup` (what there is for a question), `subnet` (who the client is,
//! RFC 7871), [`zones`] and `zone` (static data, from master files, and how it is found), [`server`]
//! (sockets around that function), [`metrics`].
//!
//! Answering reads one snapshot and one set of zones and touches nothing else: no lock, no disk, no log line.

pub mod answer;
mod key;
mod lookup;
pub mod metrics;
mod names;
pub mod server;
mod subnet;
pub mod transport;
mod wire;
mod zone;
pub mod zones;

pub use metrics::Metrics;
pub use server::{Bound, DnsError, serve};
pub use transport::{Answers, Transfer, Transport};
pub use zones::{Mistake, ZoneError, Zones};
