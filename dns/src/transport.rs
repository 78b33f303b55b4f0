//! How queries come, and what every transport asks.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

/// The largest UDP reply, and what our OPT offers to take: what crosses any sane path without fragments (DNS flag day
/// 2020; RFC 9715).
pub const UDP_SIZE: u16 = 1232;
/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One datagram each way, of bounded size.
    Udp,
    /// A stream, RFC 7766.
    Tcp,
    /// A stream inside TLS, RFC 7858.
    Tls,
    /// HTTPS, RFC 8484.
    Https,
    /// QUIC, RFC 9250.
    Quic,
}

impl Transport {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Https, Self::Quic];

    /// As metrics and logs call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
        }
    }

    /// Whether nobody on the way can read it.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Https | Self::Quic)
    }

    /// Whether the source's address is its own: what a handshake has shown, and a single datagram has not.
    pub fn is_proven(self) -> bool {
        self != Self::Udp
    }
}

/// The messages of a zone transfer, in order.
pub type Transfer = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// What every transport asks.
pub trait Answers: Send + Sync + 'static {
    /// Writes the reply to `query` into `out` and gives its length; `None`: nothing is said. Streams hand over 65,535
    /// octets; UDP at least [`UDP_SIZE`]. Never blocks, never allocates.
    fn answer(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        now: DateTime<Utc>,
        out: &mut [u8],
    ) -> Option<usize>;

    /// On a stream of many messages (TCP, TLS, QUIC): the zone that `query` asks for, where that may be had. `None`:
    /// [`Answers::answer`] has the reply.
    fn transfer(&self, query: &[u8], source: IpAddr, transport: Transport, now: DateTime<Utc>) -> Option<Transfer>;
}
