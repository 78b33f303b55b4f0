//! What can be wrong with geo data.

use std::{io, path::PathBuf};

use crate::regions::MAX_REGIONS;

/// Why geo data could not be loaded. All of these are the operator's to mend; none is worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The file is not there.
    #[error("{0}: no such file; `make setup` fetches the default geo data")]
    Missing(PathBuf),
    /// The file is there, but cannot be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// The name does not tell a kind of file that is read here.
    #[error("{0}: what kind of file is this? Read are .mmdb (MaxMind DB) and .csv (address ranges)")]
    UnknownKind(PathBuf),
    /// Not a MaxMind DB, or a damaged one.
    #[error("{file}: not a sound MaxMind DB: {cause}")]
    BrokenMmdb {
        /// Which file.
        file: PathBuf,
        /// What is wrong, with the offset in the file where that is known.
        cause: String,
    },
    /// A row of a range CSV that cannot be understood.
    #[error("{file}:{line}: expected {expected}, found {found:?}")]
    BrokenRow {
        /// Which file.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The file is sound, but says nothing of where an address is.
    #[error("{0}: says of no address which continent, country or AS number it has; is it the right file?")]
    NothingKnown(PathBuf),
    /// The files name more pairs of continent and country than there can be by any reckoning.
    #[error("the files name more than {MAX_REGIONS} pairs of continent and country; are these country codes?")]
    TooManyRegions,
}
