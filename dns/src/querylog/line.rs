//! What the log tells of one query.

use std::{net::IpAddr, sync::Arc};

use arrayvec::ArrayVec;
use chrono::{DateTime, Utc};
use fairway_steering::Snapshot;

use crate::transport::Transport;

/// Octets of a name (RFC 1035 §3.1).
const MAX_NAME: usize = 255;

/// One query and its reply.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it came.
    pub time: DateTime<Utc>,
    /// How.
    pub transport: Transport,
    /// Who it was answered for: the network that a resolver told of, else the resolver.
    pub client: IpAddr,
    /// The name asked for, in wire form (RFC 1035 §3.1); empty without a question.
    pub name: ArrayVec<u8, MAX_NAME>,
    /// The type asked for.
    pub rtype: Option<u16>,
    /// The response code, EDNS's upper bits included.
    pub code: u16,
    /// What the reply was decided by, if by anything: the snapshot, the index of the service in it, and that of the pathway in
    /// the service.
    pub decided: Option<(Arc<Snapshot>, usize, Option<u8>)>,
    /// Bits of the client's prefix for which the reply holds.
    pub scope: u8,
    /// Octets of the reply.
    pub size: u16,
    /// The second word of the reply's header (RFC 1035 §4.1.1).
    pub flags: u16,
}
