//! What connections may cost, and what has become of them.
//!
//! A datagram costs nothing once answered; a connection holds memory, a file descriptor and a task for as long as its
//! client likes. So each thing that a client can draw out has an end, and each sum has a cap:
//!
//! - **connections in all** and **per client** (an IPv4 address, an IPv6 /64: what one customer is given, and what
//!   changes hands at no cost within it). At a cap the connection that has been idle longest makes room for the new one,
//!   of this client or of all: a resolver that comes back has something to ask, an idle one may open again (RFC 7766
//!   §6.2.3 lets a server close idle ones at any time), and who merely holds connections cannot lock others out. Only
//!   where each one is at work is the new one refused.
//! - **idle**: since the last whole query was answered, or the beginning. Ten seconds: RFC 7766 asks for a few, and a
//!   resolver's next miss for the same zone is there by then, or not soon.
//! - **message**: a query that has begun is there within five seconds; one of 65,535 octets needs 13 kB/s for that.
//!   Octets that dribble in do not put off this end, nor the idle one.
//! - **write**: one batch of replies (at most 128 KiB), or one message of a transfer, is taken by the client within five
//!   seconds. Its own unread replies are what fills its window, so that only who does not read gets there.
//! - **handshake**: TLS and QUIC. Three round trips, and time for a lost packet in each.
//!
//! There is no cap on queries per connection: a resolver that keeps one open is the cheapest client that there is.
//!
//! **Memory.** An idle TCP connection holds [`IDLE_BUFFER`] octets for reading and nothing for writing; with its task and
//! its place that is 4 KiB, and 12 KiB with TLS (measured over thousands). At work, TCP and TLS hold one message (64 KiB)
//! for reading and two for writing: 192 MiB for a thousand connections at their worst. HTTP/2 and QUIC hold what
//! [`Limits::streams`] queries and replies are long, which for a client that reads nothing is that many of the longest
//! replies that the zones have.
//!
//! The process needs a file descriptor for each connection, and some for itself: its limit (RLIMIT_NOFILE) must be above
//! [`Limits::connections`]. Where it is not, connections wait in the kernel until others end.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::transport::Transport;

/// What a connection's buffer for reading holds while nothing comes, octets: some ten queries.
pub const IDLE_BUFFER: usize = 512;

/// What connections may cost; the page above argues each default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, over all transports.
    pub connections: usize,
    /// Connections at once from one IPv4 address or one IPv6 /64, over all transports.
    pub connections_per_client: usize,
    /// How long a connection may be without a query. What edns-tcp-keepalive (RFC 7828) tells should be this.
    pub idle: Duration,
    /// From a query's first octet to its last.
    pub message: Duration,
    /// From a write to its being taken by the kernel, which is when the client's window has room.
    pub write: Duration,
    /// From a connection's beginning to the end of the TLS or QUIC handshake.
    pub handshake: Duration,
    /// Queries under way at once on one HTTP/2 or QUIC connection. RFC 9113 §6.5.2 advises at least 100.
    pub streams: u32,
    /// Zone transfers at once; more wait for their turn, for `idle`. Each keeps one thread busy.
    pub transfers: usize,
    /// How long connections may take, when the server stops, to have their last replies taken.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_000,
            connections_per_client: 20,
            idle: Duration::from_secs(10),
            message: Duration::from_secs(5),
            write: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            streams: 100,
            transfers: 8,
            grace: Duration::from_secs(5),
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closed {
    /// The client had said all.
    ByClient,
    /// No query came for [`Limits::idle`].
    Idle,
    /// Another connection took its place; see the page above.
    Displaced,
    /// A query did not come whole within [`Limits::message`].
    Slow,
    /// Replies were not taken within [`Limits::write`].
    Unread,
    /// What came was no DNS message, or against the transport's rules.
    Malformed,
    /// The handshake failed, or was not done within [`Limits::handshake`].
    Handshake,
    /// A transfer's turn did not come.
    Crowded,
    /// The server stops.
    Stopped,
    /// The network failed.
    Failed,
}

impl Closed {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::ByClient,
        Self::Idle,
        Self::Displaced,
        Self::Slow,
        Self::Unread,
        Self::Malformed,
        Self::Handshake,
        Self::Crowded,
        Self::Stopped,
        Self::Failed,
    ];

    /// As metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ByClient => "client",
            Self::Idle => "idle",
            Self::Displaced => "displaced",
            Self::Slow => "slow",
            Self::Unread => "unread",
            Self::Malformed => "malformed",
            Self::Handshake => "handshake",
            Self::Crowded => "crowded",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// The connections of one transport, counted.
#[derive(Debug, Default)]
pub struct Counts {
    accepted: AtomicU64,
    refused: AtomicU64,
    closed: [AtomicU64; Closed::ALL.len()],
}

impl Counts {
    /// All that were let in, since the start.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// All that were turned away at a cap: every connection in their place was at work.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// All that ended so.
    pub fn closed(&self, why: Closed) -> u64 {
        self.closed[why as usize].load(Relaxed)
    }

    /// Those there are now. A difference of counters read one after the other: not below 0, and right when nothing moves.
    pub fn open(&self) -> u64 {
        let closed: u64 = self.closed.iter().map(|count| count.load(Relaxed)).sum();
        self.accepted().saturating_sub(closed)
    }

    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn close(&self, why: Closed) {
        self.closed[why as usize].fetch_add(1, Relaxed);
    }
}

/// The connections of each transport, counted. UDP has none, and stays 0.
#[derive(Debug, Default)]
pub struct Counters {
    by_transport: [Counts; Transport::ALL.len()],
    /// Times that no connection could be accepted for want of file descriptors or memory.
    pub exhausted: AtomicU64,
    /// Zone transfers begun.
    pub transfers: AtomicU64,
}

impl Counters {
    /// Those of `transport`.
    pub fn of(&self, transport: Transport) -> &Counts {
        &self.by_transport[transport as usize]
    }
}
