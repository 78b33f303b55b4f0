//! From files to a table: each is read into a [`Layer`], and the layers are laid one under the other.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    error::GeoError,
    layer::{Layer, Loading, Progress},
    mmdb,
    places::Places,
    range_csv,
    ranges::Ranges,
    table::GeoTable,
};

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
            let mut progress = Progress::new(file, &mut *progress);
            let layer = read(file, &mut places, &mut progress)?;
            progress.finish();
            v4 = v4.overlay(&layer.v4.finish(), |a, b| places.join(a, b));
            v6 = v6.overlay(&layer.v6.finish(), |a, b| places.join(a, b));
        }
        let places = places.renumber(&mut [&mut v4.places, &mut v6.places]);
        Self::new(v4, v6, places).ok_or(GeoError::TooManyRegions)
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
