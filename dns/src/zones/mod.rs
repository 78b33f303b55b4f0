//! The operator's zones: master files (RFC 1035 §5), as plain data.
//!
//! Nothing here answers a query. A folder's files become [`Zone`]s, as a whole or not at all, and whoever builds tables
//! for look-up takes them from there. From the letters up: `entries` (words), `text` (names and octets), `types` (what
//! the data of each type consist of), `words`, `fields` with `lists`, `location` and `svcb` (each part of them), `data` (a
//! record's), `files` (what may be read), `generate`, `records` (a file's entries in turn), `builder` (what a zone must
//! be), `lint` (what it had better be), [`zone`] (the result), [`folder`] (all of them), [`mistake`] (what is told).
//!
//! Two kinds of fault are told apart. A *mistake* makes the whole folder be refused, and the zones that are served stay:
//! what the server would answer is not what was meant, or not a zone by the RFCs. A *warning* is served as it stands:
//! those who ask will find a delegation without glue, but nothing that the file does not say.

mod builder;
pub(crate) mod data;
mod entries;
mod fields;
mod files;
pub mod folder;
mod generate;
mod lint;
mod lists;
mod location;
pub mod mistake;
mod records;
mod svcb;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod words;
pub mod zone;

pub use folder::Zones;
pub use mistake::{Mistake, Place, ZoneError};
pub(crate) use text::order;
pub use zone::{RecordSet, Warning, Zone};
