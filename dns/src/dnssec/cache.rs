//! Signatures that outlive the table that they were made for.
//!
//! The table of names is made anew at each reload and each change of what is steered, and nearly all of it is as it
//! was. A signature is looked up by the hash of all that it covers and of the key, so that a set that did not change is
//! not signed again, wherever it stands and in whatever order things are built; two sets of the same octets are the
//! same set. The hash is SHA-256: a weaker one would let whoever writes one record of a zone choose it so that it takes
//! another's signature.
//!
//! A signature is made anew when [`REFRESH`] is left of it. One that nobody asked for during an hour is forgotten
//! ([`Signatures::forget`]): long enough for a decision that swings back, and a bound on what a busy control loop can
//! leave behind.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};

use super::{
    canonical::canonical_set,
    keys::SigningKey,
    sign::{REFRESH, SignError, Signer, Unsigned, expiration},
};
use crate::wire::name::Key;

/// For how long a signature is kept that nobody asks for, in seconds.
const KEPT: i64 = 3_600;

/// Signatures made so far.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    made: HashMap<[u8; 32], Made>,
    /// How many were made, ever.
    pub(crate) signed: u64,
}

#[derive(Debug)]
struct Made {
    rrsig: Box<[u8]>,
    /// Seconds since 1970, as what follows.
    made: i64,
    expires: i64,
    used: i64,
}

impl Signatures {
    /// The RDATA of the RRSIG records of a set, which is served with a TTL of [`MAX_TTL`](super::MAX_TTL) at most: from
    /// what is there where that will do. `data` is its RDATA, without pointers, in any order.
    pub(crate) fn sign(
        &mut self,
        signer: &Signer,
        owner: &Key,
        rtype: u16,
        ttl: u32,
        data: &[Vec<u8>],
        now: DateTime<Utc>,
    ) -> Result<Vec<Vec<u8>>, SignError> {
        let data = canonical_set(rtype, data.iter().map(Vec::as_slice));
        let set = Unsigned { owner, rtype, ttl, data: data.iter().map(Vec::as_slice) };
        let mut message = Vec::new();
        let rrsig = |key: &Arc<SigningKey>| {
            // The key's own octets go first: a tag does not tell two keys apart for certain.
            let public = key.dnskey();
            message.clear();
            message.extend(public);
            signer.compose(key, set.clone(), &mut message)?;
            let (hash, time) = (hash(&message), now.timestamp());
            if let Some(made) = self.made.get_mut(&hash).filter(|made| made.will_do(time)) {
                made.used = time;
                return Ok(made.rrsig.to_vec());
            }
            let expires = expiration(owner, now);
            let rrsig = signer.finish(key, &mut message[public.len()..], now, expires)?;
            self.made.insert(hash, Made { rrsig: rrsig.clone().into(), made: time, expires, used: time });
            self.signed += 1;
            Ok(rrsig)
        };
        signer.keys(rtype).iter().map(rrsig).collect()
    }

    /// Lets go of what nobody asked for during an hour, and of what is due: whatever the table needs of that has just
    /// been made anew. To be called after a table was built, with the time that it was built with.
    pub(crate) fn forget(&mut self, now: DateTime<Utc>) {
        self.made.retain(|_, made| made.used + KEPT >= now.timestamp() && made.will_do(now.timestamp()));
    }

    /// When the first of them is to be made anew: the table is to be built again by then. `None`: there are none.
    pub(crate) fn due(&self) -> Option<DateTime<Utc>> {
        let first = self.made.values().map(|made| made.expires).min()?;
        DateTime::from_timestamp(first - REFRESH, 0)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.made.len()
    }
}

impl Made {
    /// A clock that was wrong and was set right leaves signatures that do not hold yet.
    fn will_do(&self, now: i64) -> bool {
        self.made <= now && now < self.expires - REFRESH
    }
}

fn hash(message: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, message).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::dnssec::{
        Algorithm,
        sign::tests::{holds, key, now, signer},
    };

    fn addresses(last: u8) -> Vec<Vec<u8>> {
        vec![vec![192, 0, 2, last], vec![192, 0, 2, 1]]
    }

    #[test]
    fn what_did_not_change_is_not_signed_again() {
        let (signer, mut signatures) = (signer(Algorithm::EcdsaP256Sha256), Signatures::default());
        let mut sign = |owner, ttl, data: Vec<Vec<u8>>| {
            let before = signatures.signed;
            let rrsigs = signatures.sign(&signer, &key(owner), 1, ttl, &data, now()).unwrap();
            assert!(holds(&signer, &rrsigs[0], owner, 1, &[&[192, 0, 2, 1], &data[0]]));
            (rrsigs, signatures.signed - before)
        };
        let (first, made) = sign("a.z.test.", 60, addresses(2));
        assert_eq!(made, 1);
        assert_eq!(sign("a.z.test.", 60, addresses(2)), (first, 0));
        assert_eq!(sign("b.z.test.", 60, addresses(2)).1, 1, "another owner");
        assert_eq!(sign("a.z.test.", 61, addresses(2)).1, 1, "another TTL");
        assert_eq!(sign("a.z.test.", 60, addresses(3)).1, 1, "other data");
        assert_eq!(sign("a.z.test.", 60, addresses(2)).1, 0);
    }

    #[test]
    fn another_key_signs_all_anew() {
        let mut signatures = Signatures::default();
        for expected in 1..=3 {
            let signer = signer(Algorithm::Ed25519);
            signatures.sign(&signer, &key("a.z.test."), 1, 60, &addresses(2), now()).unwrap();
            assert_eq!(signatures.signed, expected);
        }
    }

    #[test]
    fn a_signature_is_made_anew_when_it_is_due() {
        let (signer, mut signatures) = (signer(Algorithm::Ed25519), Signatures::default());
        let sign = |signatures: &mut Signatures, now| {
            signatures.sign(&signer, &key("a.z.test."), 1, 60, &addresses(2), now).unwrap();
            signatures.signed
        };
        assert_eq!(signatures.due(), None);
        assert_eq!(sign(&mut signatures, now()), 1);
        let due = signatures.due().unwrap();
        assert!((5..=7).contains(&(due - now()).num_days()), "{due}");
        assert_eq!(sign(&mut signatures, due - TimeDelta::seconds(1)), 1);
        assert_eq!(sign(&mut signatures, due), 2);
        assert_eq!(sign(&mut signatures, due - TimeDelta::days(1)), 3, "the clock was set back");
    }

    #[test]
    fn what_nobody_asks_for_is_forgotten() {
        let (signer, mut signatures) = (signer(Algorithm::Ed25519), Signatures::default());
        let sign = |signatures: &mut Signatures, owner, now| {
            signatures.sign(&signer, &key(owner), 1, 60, &addresses(2), now).unwrap();
        };
        sign(&mut signatures, "a.z.test.", now());
        sign(&mut signatures, "b.z.test.", now());
        let later = now() + TimeDelta::hours(2);
        sign(&mut signatures, "b.z.test.", later);
        assert_eq!((signatures.len(), signatures.signed), (2, 2));
        signatures.forget(later);
        assert_eq!(signatures.len(), 1);

        let due = signatures.due().unwrap();
        sign(&mut signatures, "b.z.test.", due - TimeDelta::minutes(1));
        signatures.forget(due);
        assert_eq!(signatures.due(), None, "what is no longer in the table asks for no other");
    }
}
