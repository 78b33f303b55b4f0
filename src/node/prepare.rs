//! What a start reads, before it takes anything that another process may have.
//!
//! Most of what can be wrong with a node is wrong with what it is told: its configuration, policies, zones, keys, certificates,
//! overrides and geo data. All of that is read here, and thrown away again but for the geo data, which takes longest. So a
//! process that is to take over from another finds out that it cannot before the other has let go of anything; and
//! `fairway check` finds the same mistakes by the same functions.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use chrono::Utc;
use fairway_dns::{DnsError, Zones, dnssec, server::certificates::Certificates};
use fairway_geo::{GeoError, GeoTable};
use fairway_steering::{overrides::Overrides, sources};

use crate::{config::Config, exit::Failure};

/// Reads everything that a node is told; gives where addresses are.
pub fn prepare(config: &Config) -> Result<Arc<GeoTable>, Failure> {
    let zones = Zones::load(&config.policies).map_err(Failure::bad_input)?;
    dns_files(config)?;
    let policies = sources::read(&config.policies)?;
    let names = policies.iter().flat_map(|policy| &policy.names);
    for name in names.filter(|name| !zones.covers(name)) {
        tracing::warn!(name, "no zone file holds this steered name: DNS refuses it");
    }
    Overrides::open(config.data_dir.join("overrides.json"), Utc::now()).map_err(Failure::bad_input)?;
    load_geo(&config.geo).map(Arc::new)
}

/// Reads what DNS needs beside zones: certificate and keys.
pub fn dns_files(config: &Config) -> Result<(), Failure> {
    if let Some((certificate, key)) = config.dns.certificate.clone() {
        Certificates::load(certificate, key).map_err(Failure::bad_input)?;
    }
    dnssec::Keys::load(&config.data_dir)?;
    Ok(())
}

/// Reads the geo data; says how long it took, since it is most of a start.
pub fn load_geo(files: &[PathBuf]) -> Result<GeoTable, Failure> {
    let begun = Instant::now();
    let default = GeoTable::default_files(Path::new("."));
    let files = if files.is_empty() { &default[..] } else { files };
    let table = GeoTable::load(files, &mut |loading| {
        tracing::debug!(file = %loading.file.display(), ranges = loading.ranges, "reading geo data");
    })
    .map_err(|error| match error {
        GeoError::Missing { .. } => Failure::unavailable(error),
        _ => Failure::bad_input(error),
    })?;
    tracing::info!(size = %table.size(), milliseconds = begun.elapsed().as_millis(), "geo data read");
    Ok(table)
}

impl From<DnsError> for Failure {
    fn from(error: DnsError) -> Self {
        match error {
            DnsError::Load(_)
            | DnsError::Limit(_)
            | DnsError::Transfer(_)
            | DnsError::Tsig(_)
            | DnsError::Certificate(_)
            | DnsError::NoCertificate => Failure::bad_input(error),
            _ => Failure::unavailable(error),
        }
    }
}
