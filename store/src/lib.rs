//! ClickHouse: the schema, its migrations, the queries, one client; and the embedded engine's process.
//!
//! ```text
//! collector ─ insert ─┐                                        ┌─ the engine (child process, loopback): `fairway store`
//! control loop ─ cells ├─▶ Store ──ClickHouse's HTTP interface──┤
//! dashboard ─ charts ──┘                                        └─ or any ClickHouse, by `store.url`
//! ```
//! There is one client and one dialect: whatever stands behind the URL, the same statements go to it.
//!
//! In reading order: [`beacon`], the row that everything begins with; `migrations/*.sql`, the tables; [`client`], the
//! [`Store`] that the other rooms hold, with `migrate`, [`queries`] and [`decisions`] (those that were recorded), and
//! `rowbinary`, how rows are written; [`engine`], which keeps the child process alive;
//! then what runs inside that child: [`serve`] (its life), `http` and `statement` (the protocol), `chdb` (the library, and
//! the only unsafe code).
//!
//! This room imports no other. It never loads the engine into the node's own process: its crash must not touch an answer.

pub mod beacon;
mod chdb;
pub mod client;
pub mod decisions;
pub mod engine;
pub mod error;
mod http;
pub mod metrics;
mod migrate;
pub mod queries;
mod rowbinary;
pub mod serve;
mod statement;

pub use beacon::{BeaconRow, Source};
pub use client::{External, Store};
pub use decisions::{DecidedAsker, DecisionQuery, DecisionRow, PolicyText, StoredDecision, StoredRecord};
pub use engine::{Engine, EngineOptions, EngineState};
pub use error::StoreError;
pub use metrics::StoreMetrics;
pub use queries::{Level, LogSums, SeriesPoint, StoredCell};
pub use serve::{PASSWORD_VARIABLE, ServeError, ServeOptions, library_places, serve};
