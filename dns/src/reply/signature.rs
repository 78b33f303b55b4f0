//! The TSIG record of a query (RFC 8945), and that of its reply.
//!
//! Few queries have one: zone transfers, and what operators ask. So what it takes is allocated, for those alone.

use chrono::{DateTime, Utc};

use crate::{
    tsig::{Fault, Keys, Malformed, Signer, Verified},
    wire::{name::Key, query::Query},
};

/// What a query is signed with.
pub(super) enum Signature {
    /// Nothing.
    None,
    /// A key that we share.
    By(Box<Signer>),
    /// Not what it should be.
    Fault(Box<Fault>),
}

impl Signature {
    /// Of this query, whose octets are `bytes`.
    pub(super) fn read(query: &Query<'_>, bytes: &[u8], keys: &Keys, now: DateTime<Utc>) -> Result<Self, Malformed> {
        if !query.signed || query.malformed {
            return Ok(Self::None);
        }
        Ok(match keys.verify(bytes, now)? {
            Verified::Good(signer) => Self::By(Box::new(signer)),
            Verified::Bad(fault) => Self::Fault(Box::new(fault)),
        })
    }

    /// The name of the key.
    pub(super) fn key(&self) -> Option<&Key> {
        match self {
            Self::By(signer) => Some(signer.name()),
            Self::None | Self::Fault(_) => None,
        }
    }

    /// Octets that the reply's record takes.
    pub(super) fn room(&self) -> usize {
        match self {
            Self::None => 0,
            Self::By(signer) => signer.room(),
            Self::Fault(fault) => fault.room(),
        }
    }

    /// Ends the reply, the first `length` octets of `out`; gives its new length. `None`: there was no room.
    pub(super) fn sign(self, out: &mut [u8], length: usize, now: DateTime<Utc>) -> Option<usize> {
        match self {
            Self::None => Some(length),
            Self::By(mut signer) => signer.sign(out, length, now),
            Self::Fault(fault) => fault.sign(out, length, now),
        }
    }
}
