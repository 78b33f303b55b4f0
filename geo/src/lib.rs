//! Where is this address? MMDB and range-CSV readers, merged into one prefix table.
//!
//! Start at [`GeoTable::load`] (files in, table out) and [`GeoTable::locate`] (address in, place and prefix out).
//! The parts, in reading order: [`place`], the words for where a client is; `table`, the look-up; `ranges`, the sorted
//! ranges under it; `load`, from files to a table, by way of `mmdb` and `range_csv` (the formats), which fill a `layer`
//! each, `values` and `continents` (what they write), and `places` (how two files' knowledge becomes one); `error`, what
//! can be wrong with a file; `trusted`, whose address it is.
//! This room never touches the network, and a look-up never allocates.

mod continents;
mod error;
mod layer;
mod load;
mod mmdb;
pub mod place;
mod places;
mod range_csv;
mod ranges;
mod table;
mod trusted;
mod values;

pub use error::GeoError;
pub use layer::Loading;
pub use place::{Asn, Continent, Coordinates, Country, Located, Place, Subdivision};
pub use table::{GeoTable, Size};
pub use trusted::{ClientAddress, TrustedProxies};
