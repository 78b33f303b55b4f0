//! The authoritative DNS server over the snapshot.
//!
//! It answers two kinds of names: static ones, from the operator's master files, and *steered* ones, whose records are a
//! decision made for the client that asks.
//!
//! ```text
//! zones (master files) ──┐
//! dnssec (keys) ─────────┼─▶ names (one table) ─┐
//! flatten (CDNs' hosts) ─┤                      ├─▶ view ─▶ reply::answer ◀─ serving ◀─ server (UDP, TCP, TLS, HTTPS, QUIC)
//! snapshot (steering) ───┴──────────────────────┘
//! ```
//! Read [`reply`] first: one synchronous function from a query to its reply, in which every rule of the protocol stands. Then:
//! - *what it reads*: `view`, in it `names` (all names of all zones, as they are sent), `steered` (what a pathway answers) and
//!   [`settings`]; `wire` (messages, octet by octet);
//! - *what that is made from*: [`zones`] (master files), [`dnssec`] (keys, signatures, denial), [`flatten`] (CDNs' host names at
//!   an apex, resolved in the background);
//! - *who is not to be harmed*: [`cookie`], [`limit`]; *who may have a zone*: [`transfer`], [`tsig`];
//! - *who asks it*: [`server`] (sockets, threads, connections), by `serving`, which keeps the view in step and tells
//!   [`metrics`], the recorder and the [`querylog`] what was answered.
//!
//! Answering reads one view and touches nothing else: no lock, no disk, no allocation, no log line.

pub mod cookie;
#[cfg(any(test, feature = "inside"))]
#[doc(hidden)]
pub mod costs;
pub mod dnssec;
pub mod flatten;
#[cfg(any(test, feature = "inside"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod limit;
pub mod metrics;
mod names;
pub mod querylog;
pub mod reply;
pub mod server;
mod serving;
pub mod settings;
mod steered;
pub mod transfer;
pub mod transport;
pub mod tsig;
mod view;
mod wire;
pub mod zones;

pub use hickory_proto::rr::Name;
pub use metrics::Metrics;
pub use server::{DnsError, Options, Server};
pub use serving::{LoadError, Reload};
pub use transport::{Answers, Transfer, Transport};
pub use zones::{ZoneError, Zones};
