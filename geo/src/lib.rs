//! Where is this address? MMDB and range-CSV readers, merged into one prefix table.
//!
//! Start at [`GeoTable::load`] (files in, table out) and [`GeoTable::locate`] (address in, place and prefix out).
//! The parts, in reading order: [`place`], the words for where a client is; `table`, the merged ranges and their look-up;
//! `trusted`, which address is the client's.
//! This room never touches the network, and a look-up never allocates.

pub mod place;
mod table;
mod trusted;

pub use place::{Asn, Continent, Coordinates, Country, Located, Place, Subdivision};
pub use table::{GeoError, GeoTable, Loading};
pub use trusted::{ClientAddress, TrustedProxies};
