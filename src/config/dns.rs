//! How DNS is served: every key that begins with `dns`.
//!
//! What can be told to be wrong without opening a file is told here, at the line it stands in: a list of tables is checked row
//! by row, by the very functions that the server checks it with, so that the row is named and not the list.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use fairway_dns::{
    Name,
    flatten::{ViewSettings, Views},
    limit::{self, LimitError},
    server::{
        limits::Limits,
        sockets::{Listen, Listener},
    },
    settings::{Settings, Subnets},
    transfer::{Secondary, Transfers},
    tsig::{KeySettings, Keys},
};
use fairway_steering::{Continent, Country};
use ipnet::IpNet;
use serde::Deserialize;

use super::{layers::Row, reader::Reader};

/// Octets of a character-string (RFC 1035 §3.3), which is what `id.server` and `version.bind` are told in.
const MAX_TEXT: usize = 255;
const SOCKET: &str = "an address and port, such as \"127.0.0.1:5300\"";
const PREFIX: &str = "an address prefix, such as \"192.0.2.0/24\"";

/// How DNS is served, but for what the node itself knows: where zones, keys and files are.
#[derive(Clone, Debug)]
pub struct DnsConfig {
    /// Where it listens, and for what.
    pub listen: Vec<Listen>,
    /// UDP threads on each address; 0: one a core.
    threads: usize,
    /// Certificate chain and private key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Where DNS over HTTPS is asked.
    pub https_path: String,
    /// How it answers.
    pub settings: Settings,
    /// What strangers may have.
    pub rates: limit::Limits,
    /// What connections may cost.
    pub connections: Limits,
    /// The first makes cookies; none: the node's own.
    pub cookie_secrets: CookieSecrets,
    /// Signatures a second that may be made while strangers wait.
    pub signatures: u32,
    /// Of queries, the share that is logged, and octets to which the file grows.
    pub query_log: (f64, u64),
    /// Who resolves CDNs' host names; none: the machine's own.
    pub resolvers: Vec<SocketAddr>,
    /// As whom they are asked.
    pub views: Views,
    /// Who may have zones.
    pub secondaries: Vec<Secondary>,
    /// The keys shared with them.
    pub tsig: Vec<KeySettings>,
}

/// Secrets of cookies (RFC 9018).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CookieSecrets(pub Vec<[u8; 16]>);

impl CookieSecrets {
    /// Each of 32 hex digits; `None`: not all are.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let octets = |text: &str| {
            let digits = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
            digits.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(u128::to_be_bytes)
        };
        texts.into_iter().map(octets).collect::<Option<_>>().map(Self)
    }
}

/// Shows no secret.
impl std::fmt::Debug for CookieSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CookieSecrets({})", self.0.len())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecondaryRow {
    zones: String,
    #[serde(default)]
    notify: Vec<SocketAddr>,
    source: Option<IpAddr>,
    #[serde(default)]
    allow: Vec<IpNet>,
    key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TsigRow {
    name: String,
    #[serde(default = "sha256")]
    algorithm: String,
    secret: String,
}

fn sha256() -> String {
    "hmac-sha256".into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewRow {
    name: String,
    #[serde(default)]
    countries: Vec<Country>,
    #[serde(default)]
    continents: Vec<Continent>,
    subnet: Option<IpNet>,
}

impl DnsConfig {
    /// UDP threads on each address.
    pub fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    pub(super) fn read(read: &mut Reader<'_>) -> Self {
        let listen = listen(read);
        let connections = connections(read);
        let tsig = tsig(read);
        Self {
            listen,
            threads: read.number("dns.threads", 0, 1_024),
            certificate: certificate(read),
            https_path: match read.text("dns.https_path") {
                path if path.starts_with('/') => path,
                _ => read.refuse("dns.https_path", "a path that begins with /"),
            },
            settings: Settings {
                udp_size: read.number("dns.udp_size", 512, 1_472),
                identity: told(read, "dns.identity"),
                version: told(read, "dns.version"),
                subnets: subnets(read),
                debug: read.parsed_list("dns.debug", PREFIX),
                idle: connections.idle.as_secs().try_into().unwrap_or(u16::MAX),
            },
            rates: rates(read),
            connections,
            cookie_secrets: {
                let texts = read.parsed_list::<String>("dns.cookie_secrets", "32 hex digits");
                CookieSecrets::parse(texts.iter().map(String::as_str))
                    .unwrap_or_else(|| read.refuse("dns.cookie_secrets", "a list of which each is 32 hex digits"))
            },
            signatures: read.number("dns.signatures", 0, i64::from(u32::MAX)),
            query_log: (
                match read.amount("dns.query_log.share") {
                    share if share <= 1.0 => share,
                    _ => read.refuse("dns.query_log.share", "a share, from 0 to 1"),
                },
                read.bytes("dns.query_log.size"),
            ),
            resolvers: read.parsed_list("dns.resolvers", "an address and port, such as \"192.0.2.53:53\""),
            views: views(read),
            secondaries: secondaries(read, &tsig),
            tsig,
        }
    }
}

fn listen(read: &mut Reader<'_>) -> Vec<Listen> {
    let services = [
        ("dns.listen", Listener::Plain),
        ("dns.tls", Listener::Tls),
        ("dns.https", Listener::Https),
        ("dns.quic", Listener::Quic),
    ];
    let mut listen = Vec::new();
    for (key, service) in services {
        listen.extend(read.parsed_list(key, SOCKET).into_iter().map(|address| Listen { service, address }));
    }
    listen
}

fn certificate(read: &mut Reader<'_>) -> Option<(PathBuf, PathBuf)> {
    let mut refuse = |key, message: &str| {
        read.problems.push(read.layers.problem(key, message.to_owned()));
        None
    };
    let given = |key| read.layers.value(key).as_array().is_none_or(|addresses| !addresses.is_empty());
    match ["dns.certificate", "dns.key"].map(|key| read.layers.text(key).unwrap_or_default()) {
        ["", ""] => match ["dns.tls", "dns.https", "dns.quic"].into_iter().find(|key| given(key)) {
            Some(key) => refuse(key, &format!("`{key}` needs `dns.certificate` and `dns.key`")),
            None => None,
        },
        ["", _] => refuse("dns.key", "`dns.key` needs its `dns.certificate`"),
        [_, ""] => refuse("dns.certificate", "`dns.certificate` needs its private key, `dns.key`"),
        [certificate, key] => Some((certificate.into(), key.into())),
    }
}

/// What whoever asks is told, in one character-string.
fn told(read: &mut Reader<'_>, key: &'static str) -> String {
    match read.text(key) {
        text if text.len() <= MAX_TEXT => text,
        _ => read.refuse(key, "a string of 255 octets at most"),
    }
}

fn subnets(read: &mut Reader<'_>) -> Subnets {
    match read.layers.text("dns.client_subnet") {
        Some("everybody") => Subnets::Everybody,
        Some("nobody") => Subnets::Nobody,
        _ => Subnets::Only(
            read.parsed_list("dns.client_subnet", "an address prefix; or it is \"everybody\" or \"nobody\""),
        ),
    }
}

fn rates(read: &mut Reader<'_>) -> limit::Limits {
    let most = i64::from(u32::MAX);
    let rates = limit::Limits {
        per_second: read.number("dns.rate.per_second", 0, most),
        burst: read.number("dns.rate.burst", 0, most),
        slip: read.number("dns.rate.slip", 0, 255),
        exempt: read.parsed_list("dns.rate.exempt", PREFIX),
        amplification: read.number("dns.rate.amplification", 0, 65_535),
    };
    if let Err(error) = rates.check() {
        let key = match error {
            LimitError::Rate(_) => "dns.rate.per_second",
            LimitError::Burst(_) => "dns.rate.burst",
            LimitError::Slip(_) => "dns.rate.slip",
        };
        read.problems.push(read.layers.problem(key, error.to_string()));
    }
    rates
}

fn connections(read: &mut Reader<'_>) -> Limits {
    Limits {
        connections: read.number("dns.connections.all", 1, 1_000_000),
        connections_per_client: read.number("dns.connections.per_client", 1, 1_000_000),
        idle: read.duration("dns.connections.idle"),
        message: read.duration("dns.connections.message"),
        write: read.duration("dns.connections.write"),
        handshake: read.duration("dns.connections.handshake"),
        streams: read.number("dns.connections.streams", 1, 65_535),
        transfers: read.number("dns.connections.transfers", 1, 10_000),
        grace: read.duration("dns.connections.grace"),
    }
}

/// A name as a key has it: with or without the last dot, it is absolute.
fn name(text: &str) -> Result<Name, String> {
    let dotted = if text.ends_with('.') { text.to_owned() } else { format!("{text}.") };
    Name::from_ascii(&dotted).map_err(|error| format!("{text:?} is no name: {error}"))
}

/// Takes over each row that stands beside those before it.
fn grow<T, S>(
    read: &mut Reader<'_>,
    key: &'static str,
    rows: Vec<Row<T>>,
    make: impl Fn(&T) -> Result<S, String>,
    check: impl Fn(&[S]) -> Result<(), String>,
) -> Vec<S> {
    let mut taken = Vec::new();
    for row in rows {
        let added = make(&row.value).and_then(|made| {
            taken.push(made);
            check(&taken).inspect_err(|_| drop(taken.pop()))
        });
        if let Err(message) = added {
            read.problems.push(read.layers.problem_of(key, &row, message));
        }
    }
    taken
}

fn tsig(read: &mut Reader<'_>) -> Vec<KeySettings> {
    let rows = read.rows::<TsigRow>("dns.tsig");
    let make = |row: &TsigRow| {
        Ok(KeySettings { name: name(&row.name)?, algorithm: row.algorithm.clone(), secret: row.secret.clone() })
    };
    grow(read, "dns.tsig", rows, make, |keys| Keys::new(keys).map(drop).map_err(|error| error.to_string()))
}

fn secondaries(read: &mut Reader<'_>, tsig: &[KeySettings]) -> Vec<Secondary> {
    let rows = read.rows::<SecondaryRow>("dns.secondary");
    let keys = Keys::new(tsig).unwrap_or_default(); // what is wrong with them has been told
    let make = |row: &SecondaryRow| {
        Ok(Secondary {
            zones: row.zones.clone(),
            notify: row.notify.clone(),
            source: row.source,
            allow: row.allow.clone(),
            key: row.key.as_deref().map(name).transpose()?,
        })
    };
    let check = |all: &[Secondary]| Transfers::new(all, keys.clone()).map(drop).map_err(|error| error.to_string());
    grow(read, "dns.secondary", rows, make, check)
}

fn views(read: &mut Reader<'_>) -> Views {
    let rows = read.rows::<ViewRow>("dns.flatten_view");
    let make = |row: &ViewRow| {
        Ok(ViewSettings {
            name: row.name.clone(),
            countries: row.countries.clone(),
            continents: row.continents.clone(),
            subnet: row.subnet,
        })
    };
    let check = |all: &[ViewSettings]| Views::new(all).map(drop).map_err(|error| error.to_string());
    let rows = grow(read, "dns.flatten_view", rows, make, check);
    Views::new(&rows).unwrap_or_default() // each was checked beside the others
}
