//! Beacons in, spool, rows out.
//!
//! ```text
//! player ──HTTP──▶ routes ─▶ intake ─▶ record ─▶ session, attribution ─▶ row ─▶ spool ─▶ 204
//!                                                                                 │
//!                                                                   drain ─▶ store (ClickHouse)
//! ```
//! A beacon is acknowledged when its row is on disk, not before; from then on it reaches the store exactly once, whatever
//! dies in between. Start at [`Collector`], which is the whole room in one value, and [`router`], its way in.
//!
//! In reading order: [`record`], one beacon whatever it was written in, with `cmcd` and `json` that read it; `intake`,
//! which mode a request speaks; [`attribution`], whose beacon it is; `session`, what a playback's successive beacons add
//! up to (and `generations`, the bounded memory for that); `row`, the line in the table; [`spool`], the disk; [`drain`],
//! from there to the store; `collector`, which ties these together; `routes`, HTTP; [`error`], what is refused and how that
//! is said.
//!
//! This room never stores or logs a client's address: it looks up the place and lets go. It never answers 410, which
//! players take for good, and never waits for the store.

pub mod attribution;
mod cmcd;
mod collector;
pub mod drain;
pub mod error;
mod generations;
mod intake;
mod json;
mod metrics;
pub mod record;
mod routes;
mod row;
mod session;
pub mod spool;

pub use attribution::{Attributed, Attribution};
pub use collector::{Collector, Config};
pub use drain::{Sink, SinkError};
pub use error::{Cause, RequestError};
pub use record::Beacon;
pub use routes::router;
pub use spool::OpenError;
