//! Signatures over sets of records (RRSIG, RFC 4034 §3).
//!
//! # How long they hold
//! A signature made ahead of time holds for 14 days from when it is made, less up to two days that depend on the name,
//! so that what was signed together does not come due together; it is made anew when 7 days are left. Between the two
//! there are four days at least: signing stays rare. Seven days are what an operator has to notice a node that no
//! longer signs, and are longer than any TTL ([`MAX_TTL`]), so that a cache never holds a record past its signature
//! (RFC 6781 §4.4.2). Nothing is stored: a node that was off for a month signs everything when it starts, and one that
//! slept through a month finds everything due when it wakes ([`Signatures::due`](super::cache::Signatures::due) is a
//! time of the clock on the wall).
//!
//! A signature made while somebody waits need only outlive the caches that hold it, which is a day, and a validator's
//! clock that is late or early: it holds for two. A denial that can be replayed is the shorter the better.
//!
//! Each begins an hour before it is made, for validators whose clock is behind.
//!
//! # With which key
//! With each that [`Plan::signing`] names; DNSKEY, CDS and CDNSKEY with each that is published, so that they can be
//! followed from any DS record that a cache may hold (RFC 7344 §4.1 wants no less).

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use arrayvec::ArrayVec;
use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;

use super::{
    keys::{NoRandomness, SIGNATURE, SigningKey},
    rollover::{Announced, Plan},
    ttl::{DNSKEY_TTL, MAX_TTL},
};
use crate::wire::name::Key;

const DNSKEY: u16 = 48;
const CDS: u16 = 59;
const CDNSKEY: u16 = 60;
/// Class IN.
const IN: u16 = 1;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// How long before it is made a signature begins to hold, in seconds.
const BEFORE: i64 = HOUR;
/// How long one made ahead of time holds, at most.
const VALID: i64 = 14 * DAY;
/// By how much less it may hold.
const JITTER: u64 = 2 * DAY as u64;
/// It is made anew when so much is left.
pub(crate) const REFRESH: i64 = 7 * DAY;
/// How long one made while somebody waits holds.
const VALID_ONLINE: i64 = 2 * DAY;

/// Octets of an RRSIG's data before the signer's name.
const HEAD: usize = 18;
/// Where in them the times are.
const TIMES: std::ops::Range<usize> = 8..16;

/// The longest that can be signed while somebody waits: more than a message holds.
const MAX_MESSAGE: usize = 65_535;

/// Why something was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignError {
    /// Nobody's fault, and soon over.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The set is larger than any message, or the caller's buffer too short. The set's owner can make it smaller.
    #[error("there is no room for what is signed")]
    TooLong,
}

/// What signs a zone at one time. Immutable.
#[derive(Debug)]
pub(crate) struct Signer {
    origin: Key,
    published: Vec<Arc<SigningKey>>,
    signing: Vec<Arc<SigningKey>>,
    apex: Vec<(u16, Vec<Vec<u8>>)>,
    random: SystemRandom,
}

/// A message to be signed: what a signature covers.
pub(crate) trait Message {
    /// Adds these octets.
    fn put(&mut self, octets: &[u8]) -> Result<(), SignError>;
}

impl Message for Vec<u8> {
    fn put(&mut self, octets: &[u8]) -> Result<(), SignError> {
        self.extend_from_slice(octets);
        Ok(())
    }
}

impl<const N: usize> Message for ArrayVec<u8, N> {
    fn put(&mut self, octets: &[u8]) -> Result<(), SignError> {
        self.try_extend_from_slice(octets).map_err(|_| SignError::TooLong)
    }
}

/// A set of records to be signed.
#[derive(Clone, Copy)]
pub(crate) struct Unsigned<'s, D> {
    pub(crate) owner: &'s Key,
    pub(crate) rtype: u16,
    /// Seconds.
    pub(crate) ttl: u32,
    /// In canonical form and order.
    pub(crate) data: D,
}

impl Signer {
    /// What signs the zone of this origin by this plan; `None` where it is not signed. `keys` has every key of the
    /// plan.
    pub(crate) fn new(origin: &Key, keys: &[Arc<SigningKey>], plan: &Plan) -> Option<Self> {
        let those = |ids: &[_]| keys.iter().filter(|key| ids.contains(&key.id())).cloned().collect::<Vec<_>>();
        let (published, signing) = (those(&plan.published), those(&plan.signing));
        let of = |keys: &[Arc<SigningKey>], f: &dyn Fn(&SigningKey) -> Vec<u8>| keys.iter().map(|key| f(key)).collect();
        let mut apex = vec![(DNSKEY, of(&published, &|key| key.dnskey().to_vec()))];
        match &plan.announced {
            Announced::Nothing => {}
            Announced::Keys(ids) => {
                let announced = those(ids);
                apex.push((CDS, of(&announced, &|key| key.ds(origin))));
                apex.push((CDNSKEY, of(&announced, &|key| key.dnskey().to_vec())));
            }
            // RFC 8078 §4: "0 0 0 00" and "0 3 0 AA==".
            Announced::Deletion => apex.extend([(CDS, vec![vec![0; 5]]), (CDNSKEY, vec![vec![0, 0, 3, 0, 0]])]),
        }
        let signer = Self { origin: origin.clone(), published, signing, apex, random: SystemRandom::new() };
        (!signer.signing.is_empty()).then_some(signer)
    }

    /// The zone's origin.
    pub(crate) fn origin(&self) -> &Key {
        &self.origin
    }

    /// The sets that belong at the apex, as type and RDATA: DNSKEY, CDS, CDNSKEY. Their TTL is [`DNSKEY_TTL`].
    pub(crate) fn apex(&self) -> impl Iterator<Item = (u16, u32, &[Vec<u8>])> {
        self.apex.iter().map(|(rtype, data)| (*rtype, DNSKEY_TTL, data.as_slice()))
    }

    /// The keys that sign sets of this type.
    pub(super) fn keys(&self, rtype: u16) -> &[Arc<SigningKey>] {
        if matches!(rtype, DNSKEY | CDS | CDNSKEY) { &self.published } else { &self.signing }
    }

    /// Octets of an RRSIG's RDATA in this zone.
    pub(crate) fn signature_len(&self) -> usize {
        HEAD + self.origin.as_wire().len() + SIGNATURE
    }

    /// Signs a set while somebody waits: writes the RDATA of its RRSIG records one after the other, each
    /// [`Signer::signature_len`] octets, and gives the octets of all; there are two while one key gives way to another.
    /// Allocates nothing; the octets signed stand on the stack.
    pub(crate) fn sign_into<'d>(
        &self,
        set: Unsigned<'_, impl Iterator<Item = &'d [u8]> + Clone>,
        now: DateTime<Utc>,
        out: &mut [u8],
    ) -> Result<usize, SignError> {
        let (mut message, mut at) = (ArrayVec::<u8, MAX_MESSAGE>::new_const(), 0);
        let (length, head) = (self.signature_len(), self.signature_len() - SIGNATURE);
        for key in &self.signing {
            message.clear();
            self.compose(key, set.clone(), &mut message)?;
            date(&mut message, now, now.timestamp() + VALID_ONLINE);
            let out = out.get_mut(at..at + length).ok_or(SignError::TooLong)?;
            out[..head].copy_from_slice(&message[..head]);
            out[head..].copy_from_slice(&key.sign(&message, &self.random)?);
            at += length;
        }
        Ok(at)
    }

    /// What a signature of this key covers (RFC 4034 §3.1.8.1), its times still zero.
    pub(super) fn compose<'d>(
        &self,
        key: &SigningKey,
        set: Unsigned<'_, impl Iterator<Item = &'d [u8]>>,
        message: &mut impl Message,
    ) -> Result<(), SignError> {
        let (owner, ttl) = (set.owner.as_wire(), set.ttl.min(MAX_TTL).to_be_bytes());
        // A wildcard's asterisk is not counted (§3.1.3).
        let labels = set.owner.labels() - usize::from(owner.starts_with(b"\x01*"));
        message.put(&set.rtype.to_be_bytes())?;
        message.put(&[key.id().algorithm.number(), labels as u8])?;
        message.put(&ttl)?;
        message.put(&[0; 8])?;
        message.put(&key.id().tag.to_be_bytes())?;
        message.put(self.origin.as_wire())?;
        for datum in set.data {
            message.put(owner)?;
            message.put(&set.rtype.to_be_bytes())?;
            message.put(&IN.to_be_bytes())?;
            message.put(&ttl)?;
            message.put(&(datum.len() as u16).to_be_bytes())?;
            message.put(datum)?;
        }
        Ok(())
    }

    /// Dates and signs a composed message, and gives the RRSIG's RDATA.
    pub(super) fn finish(
        &self,
        key: &SigningKey,
        message: &mut [u8],
        now: DateTime<Utc>,
        expires: i64,
    ) -> Result<Vec<u8>, SignError> {
        date(message, now, expires);
        let signature = key.sign(message, &self.random)?;
        Ok([&message[..HEAD + self.origin.as_wire().len()], &signature].concat())
    }
}

/// When a signature made now, ahead of time, ends: seconds since 1970.
pub(super) fn expiration(owner: &Key, now: DateTime<Utc>) -> i64 {
    let mut hasher = DefaultHasher::new();
    owner.as_wire().hash(&mut hasher);
    now.timestamp() + VALID - (hasher.finish() % JITTER) as i64
}

/// Writes the times; they are counted modulo 2³² (RFC 4034 §3.1.5).
fn date(message: &mut [u8], now: DateTime<Utc>, expires: i64) {
    if let Some(times) = message.get_mut(TIMES) {
        times[..4].copy_from_slice(&(expires as u32).to_be_bytes());
        times[4..].copy_from_slice(&((now.timestamp() - BEFORE) as u32).to_be_bytes());
    }
}

#[cfg(test)]
#[path = "sign_tests.rs"]
pub(crate) mod tests;
