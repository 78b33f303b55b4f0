//! Who asks, and how; and what is left of that for a decision.

use std::net::IpAddr;

use fairway_geo::{Located, Place};
/// How a client asks.
pub use fairway_policies::Protocol as Via;
use fairway_policies::{Device, Stream};
use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// IPv4 clients are hashed by /24, IPv6 clients by /48: what resolvers tell of them (RFC 7871 §11.1 and common practice),
/// so that one client is hashed alike whoever resolves for it.
const HASHED_V4: u8 = 24;
const HASHED_V6: u8 = 48;

/// Milliseconds of media in store from which on a client can afford to try a pathway that may fail: a request that fails is
/// noticed and repeated elsewhere within a few segments' time.
const AFFORDS_MS: u32 = 10_000;

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
    /// What keeps it on one pathway: its session where one is known; else its prefix is taken.
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

    /// The length of the prefix around it by which it is told from others where chance decides; 0 where its address is not known.
    pub fn hashed_bits(&self) -> u8 {
        self.address.map_or(0, hashed_bits)
    }

    /// Someone at `place`, wherever in it: the question of explain and of policy tests. Its decision's `holds` is 0.0.0.0/0
    /// and means nothing.
    pub fn at(place: Place, via: Via, session: Option<&'a str>) -> Self {
        let located = Located { place, id: None, prefix: IpNet::V4(Ipv4Net::default()) };
        Self { session, ..Self::new(None, located, via) }
    }
}

/// All that the chain reads of a client: [`Service::asker`](crate::Service::asker) makes it, and a recorded one decides
/// again, bit for bit. It has neither the address nor the session in it. (The key of a prefix is no secret: whoever
/// hashes every /24 there is finds it. It tells what a resolver would, and no more.)
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asker {
    /// Where it is.
    pub place: Place,
    /// How it asks.
    pub via: Via,
    /// Bit *i*: what step *i* asks of client and time holds; what it asks of the place is looked at when deciding.
    pub holds: u64,
    /// XXH3 of the session id.
    pub session: Option<u64>,
    /// XXH3 of the /24 or /48.
    pub prefix: Option<u64>,
    /// XXH3 of the content id.
    pub content: Option<u64>,
    /// On what it plays, where it told: for a policy whose steps are others than those that `holds` is of.
    #[serde(default)]
    pub device: Option<Device>,
    /// Live or on demand, where it told: likewise.
    #[serde(default)]
    pub stream: Option<Stream>,
    /// Has media enough in store to survive a pathway that fails.
    pub affords: bool,
}

impl Asker {
    /// What is left of this client, where it meets the conditions `holds`.
    pub(crate) fn new(client: &Client<'_>, holds: u64) -> Self {
        let key = |text: &str| xxh3_64(text.as_bytes());
        Self {
            place: client.located.place,
            via: client.via,
            holds,
            session: client.session.map(key),
            prefix: client.address.map(prefix_key),
            content: client.content.map(key),
            device: client.device,
            stream: client.stream,
            affords: client.buffer_ms.is_some_and(|ms| ms >= AFFORDS_MS),
        }
    }
}

fn prefix_key(address: IpAddr) -> u64 {
    let len = usize::from(hashed_bits(address) / 8);
    match address {
        IpAddr::V4(a) => xxh3_64(&a.octets()[..len]),
        IpAddr::V6(a) => xxh3_64(&a.octets()[..len]),
    }
}

/// The length of the prefix by which the client at `address` is hashed.
pub(crate) fn hashed_bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { HASHED_V4 } else { HASHED_V6 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::client;

    #[test]
    fn clients_of_a_prefix_have_one_key() {
        let key = |address| Asker::new(&client(address, 20, "DE"), 0).prefix;
        assert_eq!(key("192.0.2.7"), key("192.0.2.200"));
        assert_ne!(key("192.0.2.7"), key("192.0.3.7"));
        assert_eq!(key("2001:db8:7:8::1"), key("2001:db8:7:9::1"));
        assert_ne!(key("2001:db8:7:8::1"), key("2001:db8:8:8::1"));
    }

    #[test]
    fn an_asker_tells_neither_address_nor_session() {
        let client = Client { session: Some("s-4711"), buffer_ms: Some(9_999), ..client("192.0.2.7", 20, "DE") };
        let asker = Asker::new(&client, 5);
        assert!(!asker.affords && Asker::new(&Client { buffer_ms: Some(10_000), ..client }, 5).affords);
        let text = serde_json::to_string(&asker).unwrap();
        assert!(!text.contains("192.0.2") && !text.contains("4711"), "{text}");
        assert_eq!(serde_json::from_str::<Asker>(&text).unwrap(), asker);
    }
}
