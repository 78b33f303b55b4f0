//! Who asks, and how.

use std::net::IpAddr;

use fairway_geo::{Located, Place};
use ipnet::{IpNet, Ipv4Net};
use serde::Serialize;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Its address, or that of its network as a resolver told it; `None` when only a place is asked about
    /// ([`Client::at`]), which is then outside every CIDR.
    pub address: Option<IpAddr>,
    /// Where it is, and for which prefix that holds; see [`Snapshot::client`](crate::Snapshot::client).
    pub located: Located,
    /// How it asks.
    pub via: Via,
    /// What keeps it on one pathway under `weights`: its session where one is known; else its prefix is taken.
    pub session: Option<&'a str>,
}

impl<'a> Client<'a> {
    /// Someone at `place`, wherever in it: the question of explain and of policy tests. Its decision's `holds` is 0.0.0.0/0
    /// and means nothing.
    pub fn at(place: Place, via: Via, session: Option<&'a str>) -> Self {
        Self { address: None, located: Located { place, prefix: IpNet::V4(Ipv4Net::default()) }, via, session }
    }
}

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Authoritative DNS.
    Dns,
    /// HLS content steering.
    Hls,
    /// DASH content steering.
    Dash,
    /// The decision as JSON.
    Http,
}

impl Via {
    /// The word: `dns`, `hls`, `dash`, `http`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Hls => "hls",
            Self::Dash => "dash",
            Self::Http => "http",
        }
    }
}
