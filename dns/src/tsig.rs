//! Signed messages: who shares a secret with us may ask for what others may not (TSIG, RFC 8945).
//!
//! A TSIG record is the last of a message. It names a key and has a hash, made with the key's secret, over the message
//! without it and over the record's own fields. [`Keys::verify`] reads the one of a query; what comes of it signs the
//! reply: [`Signer`] after a good one, with the query's hash as the first thing hashed, so that no reply fits another
//! query; in a stream of many messages each is hashed after the hash of the one before (§5.3.1). All are signed,
//! although every hundredth would do: a hash costs a thousandth of what sending costs, and a client that is lied to
//! sees it at once. [`Fault`] after a bad one: NOTAUTH, with the record that §5.2 prescribes.
//!
//! # What is told of a fault
//! In the order of §5.2: key and algorithm (BADKEY, unsigned), hash (BADSIG, unsigned), and only then the time
//! (BADTIME, signed, with our time in it, so that a client can tell whose clock is wrong). A hash cut to less than
//! half, or to under ten octets, or too long, and a record that is not where it should be, are FORMERR (§5.2.2.1). A
//! hash cut within that is taken; ours are never cut, so BADTRUNC is never said.
//!
//! # Left out, on purpose
//! HMAC-MD5 and HMAC-SHA-1: nothing still in use needs them, and a key for one is a configuration error that says so.
//! The memory of the latest time of each key against replays (§5.2.3, a SHOULD): UDP delivers out of order, and a
//! transfer that is repeated gives nobody anything but the zone he saw, within five minutes, at an address that is
//! allowed to have it.
//!
//! hickory-proto's signer is not used: it takes no cut hash, and leaves time and errors to its caller.

use std::sync::Arc;

use arrayvec::ArrayVec;
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use hickory_proto::rr::Name;
use ring::hmac;

use crate::wire::name::Key;
use record::{FIXED, Fields, Record, TIME, after};

mod record;
#[cfg(test)]
mod tests;

/// Octets of the longest hash.
const MAX_MAC: usize = 64;
/// Seconds that clocks may differ (RFC 8945 §10).
const FUDGE: u16 = 300;

/// How a hash is made (RFC 8945 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `hmac-sha256`.
    Sha256,
    /// `hmac-sha384`.
    Sha384,
    /// `hmac-sha512`.
    Sha512,
}

/// A key, as an operator writes it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySettings {
    /// Both sides call it so.
    pub name: Name,
    /// `hmac-sha256`, `hmac-sha384` or `hmac-sha512`.
    pub algorithm: String,
    /// Base64.
    pub secret: String,
}

/// Shows no secret.
impl std::fmt::Debug for KeySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeySettings({}, {})", self.name, self.algorithm)
    }
}

/// What is wrong with a configured key: the operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Two keys of one name.
    #[error("TSIG key {0} is there twice")]
    Twice(Name),
    /// HMAC-MD5 or HMAC-SHA-1.
    #[error("TSIG key {0}: {1} is too weak to be served; use hmac-sha256 on both sides")]
    Weak(Name, String),
    /// No algorithm of ours.
    #[error("TSIG key {0}: {1:?} is none of hmac-sha256, hmac-sha384, hmac-sha512")]
    Algorithm(Name, String),
    /// Not base64, or nothing.
    #[error("TSIG key {0}: its secret is not base64")]
    Secret(Name),
    /// Easily guessed.
    #[error("TSIG key {0}: its secret has {1} octets; 16 are the least (tsig-keygen makes 32)")]
    Short(Name, usize),
}

/// Octets of the shortest secret taken: 128 bits (RFC 8945 §8 asks for as many as the hash has).
const SHORTEST: usize = 16;

/// A key.
struct Shared {
    name: Key,
    algorithm: Algorithm,
    secret: hmac::Key,
}

/// The keys of this node.
#[derive(Clone, Default)]
pub struct Keys(Arc<[Arc<Shared>]>);

/// Shows no secret.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.name)).finish()
    }
}

/// What a query's TSIG record comes to.
#[expect(clippy::large_enum_variant, reason = "it lives for one query, and nothing is allocated for it")]
pub(crate) enum Verified {
    /// The query is from someone who has the key.
    Good(Signer),
    /// It is answered by NOTAUTH, with this record.
    Bad(Fault),
}

/// There is no TSIG record where one should be, or it breaks RFC 8945 §5.1 or §5.2.2.1; answered by FORMERR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Signs the replies to one query, in order.
#[derive(Clone)]
pub(crate) struct Signer {
    key: Arc<Shared>,
    /// The hash of the message before: the query's, or that of our last reply.
    before: ArrayVec<u8, MAX_MAC>,
    /// The message to come is not the first of its stream.
    continued: bool,
}

/// TSIG's own error (RFC 8945 §3); each with RCODE NOTAUTH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// BADSIG: the hash is wrong.
    Hash = 16,
    /// BADKEY: there is no such key, or it is not of this algorithm.
    Key = 17,
    /// BADTIME: the clocks differ by more than the client allows.
    Time = 18,
}

/// Writes the record of a refused query's reply.
pub(crate) struct Fault {
    pub(crate) error: Error,
    /// As the query had them.
    name: Key,
    algorithm: Key,
    time: u64,
    fudge: u16,
    /// Signs BADTIME.
    signer: Option<Signer>,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// As configuration writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "hmac-sha256",
            Self::Sha384 => "hmac-sha384",
            Self::Sha512 => "hmac-sha512",
        }
    }

    /// As records name it: in lower case and never compressed.
    fn wire(self) -> &'static [u8] {
        match self {
            Self::Sha256 => b"\x0bhmac-sha256\0",
            Self::Sha384 => b"\x0bhmac-sha384\0",
            Self::Sha512 => b"\x0bhmac-sha512\0",
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    /// Octets of its hash.
    fn length(self) -> usize {
        self.hmac().digest_algorithm().output_len()
    }
}

impl Keys {
    /// # Errors
    /// The first key that cannot be used, and why.
    pub fn new(settings: &[KeySettings]) -> Result<Self, KeyError> {
        let mut keys: Vec<Arc<Shared>> = Vec::new();
        for KeySettings { name, algorithm, secret } in settings {
            let key = Key::new(name);
            if keys.iter().any(|other| other.name == key) {
                return Err(KeyError::Twice(name.clone()));
            }
            let written = algorithm.trim_end_matches('.').to_ascii_lowercase();
            let algorithm = match Algorithm::ALL.into_iter().find(|a| a.name() == written) {
                Some(algorithm) => algorithm,
                None if written.contains("md5") || written.contains("sha1") => {
                    return Err(KeyError::Weak(name.clone(), written));
                }
                None => return Err(KeyError::Algorithm(name.clone(), written)),
            };
            let secret = BASE64_STANDARD.decode(secret.trim()).map_err(|_| KeyError::Secret(name.clone()))?;
            if secret.len() < SHORTEST {
                return Err(KeyError::Short(name.clone(), secret.len()));
            }
            keys.push(Arc::new(Shared { name: key, algorithm, secret: hmac::Key::new(algorithm.hmac(), &secret) }));
        }
        Ok(Self(keys.into()))
    }

    /// Whether there is such a key.
    pub fn has(&self, name: &Name) -> bool {
        self.find(&Key::new(name)).is_some()
    }

    fn find(&self, name: &Key) -> Option<&Arc<Shared>> {
        self.0.iter().find(|key| key.name == *name)
    }

    /// Looks at the TSIG record in which a query ends; to be asked of a query that has one, and can be read.
    pub(crate) fn verify(&self, query: &[u8], now: DateTime<Utc>) -> Result<Verified, Malformed> {
        let record = Record::last(query).ok_or(Malformed)?;
        let fault = |error, signer| {
            let Record { name, algorithm, time, fudge, .. } = record.clone();
            Verified::Bad(Fault { error, name, algorithm, time, fudge, signer })
        };
        let Some(key) = self.find(&record.name).filter(|key| key.algorithm.wire() == record.algorithm.as_wire()) else {
            return Ok(fault(Error::Key, None));
        };
        let full = key.algorithm.length();
        if record.mac.len() > full || record.mac.len() < (full / 2).max(10) {
            return Err(Malformed);
        }
        if !record.is_by(&key.secret, query, &[], false) {
            return Ok(fault(Error::Hash, None));
        }
        let before = record.mac.iter().copied().collect();
        let signer = Signer { key: key.clone(), before, continued: false };
        if seconds(now).abs_diff(record.time) > u64::from(record.fudge) {
            return Ok(fault(Error::Time, Some(signer)));
        }
        Ok(Verified::Good(signer))
    }

    /// Signs a query of our own: the message in `out` becomes longer. Gives what verifies the reply; `None` where there
    /// is no such key, or no room.
    pub(crate) fn sign(&self, name: &Key, query: &mut Vec<u8>, now: DateTime<Utc>) -> Option<Signer> {
        let mut signer = Signer { key: self.find(name)?.clone(), before: ArrayVec::new(), continued: false };
        let length = query.len();
        query.resize(length + signer.room(), 0);
        let signed = signer.sign(query, length, now)?;
        query.truncate(signed);
        signer.continued = false;
        Some(signer)
    }
}

impl Signer {
    /// The name of the key that the query was signed with.
    pub(crate) fn name(&self) -> &Key {
        &self.key.name
    }

    /// Octets that the record adds to a message.
    pub(crate) fn room(&self) -> usize {
        let Shared { name, algorithm, .. } = &*self.key;
        name.as_wire().len() + algorithm.wire().len() + FIXED + algorithm.length()
    }

    /// Signs the next message, the first `length` octets of `out`, and gives its new length; `None`: there is no room.
    pub(crate) fn sign(&mut self, out: &mut [u8], length: usize, now: DateTime<Utc>) -> Option<usize> {
        let signed = self.sign_as(out, length, seconds(now), FUDGE, &[], 0)?;
        self.continued = true;
        Some(signed)
    }

    fn sign_as(
        &mut self,
        out: &mut [u8],
        length: usize,
        time: u64,
        fudge: u16,
        other: &[u8],
        error: u16,
    ) -> Option<usize> {
        let Shared { name, algorithm, secret } = &*self.key;
        let mut context = after(secret, &self.before);
        context.update(out.get(..length)?);
        let fields = Fields { name: name.as_wire(), algorithm: algorithm.wire(), time, fudge, error, other };
        fields.hash(&mut context, self.continued);
        let mac = context.sign();
        self.before = mac.as_ref().iter().copied().collect();
        fields.write(out, length, mac.as_ref())
    }

    /// Whether a reply to a query of ours, at this time, is signed as it should be.
    pub(crate) fn verifies(&self, reply: &[u8], now: DateTime<Utc>) -> bool {
        Record::last(reply).is_some_and(|record| {
            record.name == self.key.name
                && record.algorithm.as_wire() == self.key.algorithm.wire()
                && record.mac.len() == self.key.algorithm.length()
                && record.is_by(&self.key.secret, reply, &self.before, self.continued)
                && seconds(now).abs_diff(record.time) <= u64::from(record.fudge)
        })
    }
}

impl Fault {
    /// The most octets that the record adds to a message.
    pub(crate) fn room(&self) -> usize {
        let mac = self.signer.as_ref().map_or(0, |signer| signer.key.algorithm.length());
        self.name.as_wire().len() + self.algorithm.as_wire().len() + FIXED + mac + TIME
    }

    /// Ends a reply of RCODE NOTAUTH, the first `length` octets of `out`, and gives its new length; `None`: there is no
    /// room.
    pub(crate) fn sign(self, out: &mut [u8], length: usize, now: DateTime<Utc>) -> Option<usize> {
        let Self { error, name, algorithm, time, fudge, signer } = self;
        let error = error as u16;
        match signer {
            // In the client's own time, so that it can verify it (RFC 8945 §5.2.3).
            Some(mut signer) => {
                let other = &seconds(now).to_be_bytes()[2..];
                signer.sign_as(out, length, time, fudge, other, error)
            }
            None => {
                let (name, algorithm) = (name.as_wire(), algorithm.as_wire());
                Fields { name, algorithm, time, fudge, error, other: &[] }.write(out, length, &[])
            }
        }
    }
}

fn seconds(now: DateTime<Utc>) -> u64 {
    now.timestamp().cast_unsigned()
}
