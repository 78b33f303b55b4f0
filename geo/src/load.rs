//! From files to a table: each is read into a [`Layer`], and the layers are laid one under the other.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use crate::{
    mmdb,
    places::{PlaceId, Places},
    range_csv,
    ranges::{Ascending, NotAscending, Ranges},
    table::GeoTable,
};

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
}

/// What one file says.
#[derive(Default)]
pub(crate) struct Layer {
    pub(crate) v4: Ascending<u32>,
    pub(crate) v6: Ascending<u128>,
}

impl Layer {
    /// `first..=last` is at `place`. A range of IPv4-mapped IPv6 addresses is one of IPv4 addresses. The two are of one
    /// family, and each family comes in ascending order.
    pub(crate) fn put(&mut self, first: IpAddr, last: IpAddr, place: PlaceId) -> Result<(), NotAscending> {
        match (first.to_canonical(), last.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => self.v4.put(first.into(), last.into(), place),
            _ => self.v6.put(number(first), number(last), place),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

/// Counts what is read from a file, and tells of it now and then.
pub(crate) struct Progress<'a> {
    loading: Loading,
    tell: &'a mut dyn FnMut(&Loading),
}

impl Progress<'_> {
    /// One more range is read. Told every 65,536: some milliseconds.
    pub(crate) fn range(&mut self) {
        self.loading.ranges += 1;
        if self.loading.ranges.is_multiple_of(1 << 16) {
            (self.tell)(&self.loading);
        }
    }
}

impl GeoTable {
    /// What `make setup` fetches, by its place under the repository's root: the country and the AS number of every
    /// allocated address.
    pub fn default_files(root: &Path) -> Vec<PathBuf> {
        ["geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb", "asn/asn-ipv4.csv", "asn/asn-ipv6.csv"]
            .map(|file| root.join("node_modules/@ip-location-db").join(file))
            .to_vec()
    }

    /// Reads and merges `files` (`.mmdb`, or range `.csv`); where two know the same thing of an address, the earlier wins.
    pub fn load(files: &[PathBuf], progress: &mut dyn FnMut(&Loading)) -> Result<Self, GeoError> {
        let mut places = Places::default();
        let (mut v4, mut v6) = (Ranges::default(), Ranges::default());
        for file in files {
            let mut progress = Progress { loading: Loading { file: file.clone(), ranges: 0 }, tell: &mut *progress };
            let layer = read(file, &mut places, &mut progress)?;
            (progress.tell)(&progress.loading);
            v4 = v4.overlay(&layer.v4.finish(), |a, b| places.join(a, b));
            v6 = v6.overlay(&layer.v6.finish(), |a, b| places.join(a, b));
        }
        let places = places.renumber(v4.places_mut().chain(v6.places_mut()));
        Ok(Self::new(v4, v6, places))
    }
}

fn read(file: &Path, places: &mut Places, progress: &mut Progress) -> Result<Layer, GeoError> {
    let reader = match file.extension().and_then(|extension| extension.to_str()) {
        Some("mmdb") => mmdb::read,
        Some("csv") => range_csv::read,
        _ => return Err(GeoError::UnknownKind(file.into())),
    };
    let bytes = fs::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => GeoError::Missing(file.into()),
        _ => GeoError::Unreadable(file.into(), error),
    })?;
    let layer = reader(file, bytes, places, progress)?;
    if layer.v4.is_unknown() && layer.v6.is_unknown() {
        return Err(GeoError::NothingKnown(file.into()));
    }
    Ok(layer)
}
