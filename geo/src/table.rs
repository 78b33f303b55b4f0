//! The merged prefix table. (Skeleton: the signatures other rooms build on.)

use std::{net::IpAddr, path::PathBuf};

use ipnet::IpNet;

use crate::place::{Located, Place};

/// What loading is doing, for a progress line.
#[derive(Clone, Debug)]
pub struct Loading {
    /// The file being read.
    pub file: PathBuf,
    /// Ranges read from it so far.
    pub ranges: usize,
}

/// Why geo data could not be loaded. All of these are the operator's to mend; none is worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The file is not there.
    #[error("{0}: no such file; `make setup` fetches the default geo data")]
    Missing(PathBuf),
}

/// Immutable: every address there is, cut into ranges with one place each.
#[derive(Debug, Default)]
pub struct GeoTable {}

impl GeoTable {
    /// Reads and merges `files`; where two know the same thing of an address, the earlier file wins.
    pub fn load(_files: &[PathBuf], _progress: &mut dyn FnMut(&Loading)) -> Result<Self, GeoError> {
        Ok(Self {})
    }

    /// A table that knows nothing.
    pub fn empty() -> Self {
        Self {}
    }

    /// Where `address` is, and the prefix over which that holds.
    pub fn locate(&self, address: IpAddr) -> Located {
        Located { place: Place::default(), prefix: IpNet::from(address) }
    }

    /// Every block with a known place, in address order, IPv4 first.
    pub fn blocks(&self) -> impl Iterator<Item = (IpNet, Place)> + '_ {
        std::iter::empty()
    }
}
