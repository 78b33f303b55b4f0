//! The node's configuration: defaults that work on a laptop, then a TOML file, then the environment.
//!
//! [`keys`] declares every key once; [`layers`] lays the three sources over each other and remembers where each value came
//! from; this file and [`dns`] give the result its types. A key that nobody declared, or a value of the wrong kind, is an error that
//! names its place.

pub mod dns;
pub mod keys;
pub mod layers;
mod reader;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use fairway_geo::TrustedProxies;
use fairway_policies::Problem;
use fairway_steering::plan::Guard;
use ipnet::IpNet;
use url::Url;

pub use dns::DnsConfig;
pub use layers::Layers;
use reader::Reader;

/// What a node is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Spool, embedded store, last snapshot.
    pub data_dir: PathBuf,
    /// Folder of policy files and zone files.
    pub policies: PathBuf,
    /// How DNS is served.
    pub dns: DnsConfig,
    /// For players.
    pub public: SocketAddr,
    /// For SREs.
    pub admin: SocketAddr,
    /// How players reach `public`, when that is not by the host name they ask with.
    pub public_url: Option<Url>,
    /// Whose word on a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// Geo files, in order of authority.
    pub geo: Vec<PathBuf>,
    /// Where beacons are stored.
    pub store: StoreConfig,
    /// Which decisions are recorded.
    pub record: RecordConfig,
    /// What a change of policies may do without being confirmed.
    pub guard: Guard,
    /// Where scaling triggers are posted.
    pub webhook: Option<Url>,
    /// What is logged, as `tracing` filters say it.
    pub log: String,
}

/// Where beacons are stored.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// A child process over libchdb.
    Embedded {
        /// libchdb.so; found by itself when not given.
        library: Option<PathBuf>,
        /// Bytes the engine may take.
        max_memory: u64,
    },
    /// A ClickHouse reached over HTTP(S).
    Remote {
        /// Its base URL.
        url: String,
        /// Who we are to it.
        user: String,
        /// And the proof.
        password: String,
        /// Where our tables are.
        database: String,
    },
}

/// Which decisions are recorded, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordConfig {
    /// Of the sample, a second at most.
    pub sample: f64,
    /// From then on.
    pub keep: Duration,
}

impl Config {
    /// Gives the layered values their types; reports every one that does not fit.
    pub fn from_layers(layers: &Layers) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut read = Reader { layers, problems: &mut problems };
        let config = Self {
            data_dir: read.text("data_dir").into(),
            policies: read.text("policies").into(),
            dns: DnsConfig::read(&mut read),
            public: read.address("http.public"),
            admin: read.address("http.admin"),
            public_url: read.url("http.public_url"),
            trusted_proxies: TrustedProxies::new(
                read.parsed_list::<IpNet>("http.trusted_proxies", "an address prefix, such as \"10.0.0.0/8\""),
            ),
            geo: read.parsed_list("geo.databases", "a path"),
            store: match read.optional("store.url") {
                Some(url) => StoreConfig::Remote {
                    url,
                    user: read.text("store.user"),
                    password: read.text("store.password"),
                    database: read.text("store.database"),
                },
                None => StoreConfig::Embedded {
                    library: read.optional("store.library").map(PathBuf::from),
                    max_memory: read.bytes("store.max_memory"),
                },
            },
            record: RecordConfig { sample: read.amount("record.sample"), keep: read.duration("record.keep") },
            guard: Guard { moved: read.amount("change.max_moved"), load: read.amount("change.max_load") },
            webhook: read.url("triggers.webhook"),
            log: read.text("log"),
        };
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}
