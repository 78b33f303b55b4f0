//! Who asks, and how.

use std::net::IpAddr;

use fairway_geo::{Located, Place};
/// How a client asks.
pub use fairway_policies::Protocol as Via;
use fairway_policies::{Device, Stream};
use ipnet::{IpNet, Ipv4Net};

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
    /// What it watches, where it told.
    pub content: Option<&'a str>,
    /// On what it plays, where it told.
    pub device: Option<Device>,
    /// Live or on demand, where it told.
    pub stream: Option<Stream>,
    /// Milliseconds of media that it has in store, from its beacons: what it can afford.
    pub buffer_ms: Option<u32>,
}

impl<'a> Client<'a> {
    /// A client of which no more is known than this.
    pub fn new(address: Option<IpAddr>, located: Located, via: Via) -> Self {
        Self { address, located, via, session: None, content: None, device: None, stream: None, buffer_ms: None }
    }

    /// Someone at `place`, wherever in it: the question of explain and of policy tests. Its decision's `holds` is 0.0.0.0/0
    /// and means nothing.
    pub fn at(place: Place, via: Via, session: Option<&'a str>) -> Self {
        let located = Located { place, id: None, prefix: IpNet::V4(Ipv4Net::default()) };
        Self { session, ..Self::new(None, located, via) }
    }
}
