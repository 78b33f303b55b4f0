//! Where is this address? MMDB and range-CSV readers, merged into one prefix table.
//!
//! Start at [`GeoTable::load`] (files in, table out), [`GeoTable::locate`] (address in, place and prefix out) and
//! [`GeoTable::block`] (how far around an address an answer that some regions share holds).
//! The parts, in reading order: [`place`], the words for where a client is, and `regions`, their coarsest; `table`, the
//! look-up; `ranges`, the sorted ranges under it, `index`, which searches them, and `marks`, sets of them; `load`, from files to a
//! table, by way of `mmdb` and `range_csv` (the formats), which fill a `layer` each, `values` and `continents` (what they
//! write), and `places` (how two files' knowledge becomes one); `error`, what can be wrong with a file; `trusted`, whose
//! address it is.
//! This room never touches the network, and a look-up never allocates.

mod continents;
mod error;
mod index;
mod layer;
mod load;
mod marks;
mod mmdb;
pub mod place;
mod places;
mod range_csv;
mod ranges;
mod regions;
mod table;
mod trusted;
mod values;

pub use error::GeoError;
pub use layer::Loading;
pub use marks::Marks;
pub use place::{Asn, Continent, Coordinates, Country, Located, Place, PlaceId, Subdivision};
pub use regions::{MAX_REGIONS, Region, RegionId, RegionSet};
pub use table::{GeoTable, Size};
pub use trusted::{ClientAddress, TrustedProxies};
