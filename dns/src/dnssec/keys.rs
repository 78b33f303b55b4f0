//! A key pair, and what is published of it: DNSKEY and DS records.
//!
//! Two algorithms are offered, those that RFC 8624 §3.1 recommends for signing: ECDSA P-256, which every validator
//! knows, and Ed25519, whose signatures take no random number. Both sign in 64 octets. RSA is not: its signatures are
//! four times as long, and take thirty times as long to make.
//!
//! Randomness is not handed in here, unlike elsewhere: nonces of ECDSA must come from the system, and `ring` takes no
//! others.

use std::{fmt, str::FromStr};

use ring::{
    digest::{SHA256, digest},
    rand::{self, SystemRandom},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::wire::name::Key;

/// Octets of a signature, by either algorithm (RFC 6605 §4, RFC 8080 §4).
pub(crate) const SIGNATURE: usize = 64;
/// Zone key, and secure entry point: this key is the one that a DS record at the parent names (RFC 4034 §2.1.1).
const FLAGS: u16 = 257;
/// The only value there is (RFC 4034 §2.1.2).
const PROTOCOL: u8 = 3;
/// SHA-256 (RFC 4509), which RFC 8624 §3.3 makes mandatory; SHA-1 is not for new zones.
const DIGEST: u8 = 2;

/// What stands before the private key in PKCS#8 (RFC 8410 §7).
const ED25519_PKCS8: [u8; 16] = *b"\x30\x2e\x02\x01\0\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RFC 6605.
    EcdsaP256Sha256 = 13,
    /// RFC 8080.
    Ed25519 = 15,
}

impl Algorithm {
    /// Those there are.
    pub const ALL: [Self; 2] = [Self::EcdsaP256Sha256, Self::Ed25519];

    /// Its mnemonic in IANA's registry, lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "ecdsap256sha256",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Its number in IANA's registry.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| format!("{text:?} is neither `ecdsap256sha256` nor `ed25519`"))
    }
}

/// What tells the keys of a zone from each other: `12345-ed25519`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    /// The key tag (RFC 4034 appendix B). No two keys of a zone that are made here share one.
    pub tag: u16,
    /// How it signs.
    pub algorithm: Algorithm,
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.tag, self.algorithm.name())
    }
}

impl FromStr for KeyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(tag, name)| Some((tag.parse().ok()?, name.parse().ok()?)));
        let (tag, algorithm) = parts.ok_or_else(|| format!("{text:?} is no key, such as `12345-ed25519`"))?;
        Ok(Self { tag, algorithm })
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// `ring` would not make the key or the signature: the system has no randomness. Nobody's fault; the same may work
/// later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random numbers")]
pub struct NoRandomness;

/// A key pair.
pub(crate) struct SigningKey {
    pair: Pair,
    id: KeyId,
    dnskey: Box<[u8]>,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// A new private key, as PKCS#8 (RFC 5958) that other tools read too.
    pub(crate) fn generate(algorithm: Algorithm, random: &SystemRandom) -> Result<Vec<u8>, NoRandomness> {
        match algorithm {
            Algorithm::EcdsaP256Sha256 => {
                let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, random);
                document.map(|document| document.as_ref().to_vec()).map_err(|_| NoRandomness)
            }
            // `ring` would write its own version 2, which OpenSSL does not read.
            Algorithm::Ed25519 => {
                let seed = rand::generate::<[u8; 32]>(random).map_err(|_| NoRandomness)?;
                Ok([&ED25519_PKCS8[..], &seed.expose()].concat())
            }
        }
    }

    /// The pair of this private key; in words what is wrong with it.
    pub(crate) fn read(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, String> {
        let pair = match algorithm {
            Algorithm::EcdsaP256Sha256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new()).map(Pair::P256)
            }
            Algorithm::Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(Pair::Ed25519),
        };
        Ok(Self::new(algorithm, pair.map_err(|error| error.to_string())?))
    }

    fn new(algorithm: Algorithm, pair: Pair) -> Self {
        let public = match &pair {
            // A point as DNS has it is without the octet that says it is not compressed (RFC 6605 §4).
            Pair::P256(pair) => pair.public_key().as_ref().get(1..).unwrap_or_default(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        };
        let dnskey = [&FLAGS.to_be_bytes()[..], &[PROTOCOL, algorithm.number()], public].concat();
        let id = KeyId { tag: tag(&dnskey), algorithm };
        Self { pair, id, dnskey: dnskey.into() }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// The RDATA of its DNSKEY and CDNSKEY record (RFC 4034 §2.1).
    pub(crate) fn dnskey(&self) -> &[u8] {
        &self.dnskey
    }

    /// The RDATA of its DS and CDS record in the zone of this origin (RFC 4034 §5.1).
    pub(crate) fn ds(&self, origin: &Key) -> Vec<u8> {
        let digest = digest(&SHA256, &[origin.as_wire(), &self.dnskey].concat());
        [&self.id.tag.to_be_bytes()[..], &[self.id.algorithm.number(), DIGEST], digest.as_ref()].concat()
    }

    /// Its signature of this message. Allocates nothing.
    pub(crate) fn sign(&self, message: &[u8], random: &SystemRandom) -> Result<[u8; SIGNATURE], NoRandomness> {
        let signature = match &self.pair {
            Pair::P256(pair) => pair.sign(random, message).map_err(|_| NoRandomness)?,
            Pair::Ed25519(pair) => pair.sign(message),
        };
        signature.as_ref().try_into().map_err(|_| NoRandomness)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// The key tag of a DNSKEY record's RDATA (RFC 4034 appendix B).
fn tag(dnskey: &[u8]) -> u16 {
    let sum: u32 = dnskey.iter().enumerate().map(|(i, &o)| u32::from(o) << if i % 2 == 0 { 8 } else { 0 }).sum();
    (sum + (sum >> 16)) as u16
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::prelude::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};

    use super::*;

    /// Whether `signature` is this DNSKEY's of `message`.
    pub(crate) fn verifies(dnskey: &[u8], message: &[u8], signature: &[u8]) -> bool {
        match dnskey[3] {
            13 => {
                let point = [&[4], &dnskey[4..]].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            _ => UnparsedPublicKey::new(&ED25519, &dnskey[4..]).verify(message, signature).is_ok(),
        }
    }

    pub(crate) fn base64(text: &str) -> Vec<u8> {
        BASE64_STANDARD.decode(text).unwrap()
    }

    pub(crate) fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    pub(crate) fn new_key(algorithm: Algorithm) -> SigningKey {
        let pkcs8 = SigningKey::generate(algorithm, &SystemRandom::new()).unwrap();
        SigningKey::read(algorithm, &pkcs8).unwrap()
    }

    /// The key of RFC 6605 §6.1.
    pub(crate) fn rfc6605() -> SigningKey {
        let public = "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &base64("GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ="),
            &[&[4], &base64(public)[..]].concat(),
            &SystemRandom::new(),
        );
        SigningKey::new(Algorithm::EcdsaP256Sha256, Pair::P256(pair.unwrap()))
    }

    /// The first key of RFC 8080 §6.1.
    pub(crate) fn rfc8080() -> SigningKey {
        let pair = Ed25519KeyPair::from_seed_unchecked(&base64("ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI="));
        SigningKey::new(Algorithm::Ed25519, Pair::Ed25519(pair.unwrap()))
    }

    fn ds(key: &SigningKey, origin: &[u8]) -> String {
        hex(&key.ds(&Key::read(origin).unwrap().0))
    }

    #[test]
    fn dnskey_tag_and_ds_are_those_of_rfc_6605() {
        let key = rfc6605();
        assert_eq!(key.id().to_string(), "55648-ecdsap256sha256");
        let digest = "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
        assert_eq!(ds(&key, b"\x07example\x03net\0"), format!("{:04x}0d02{digest}", 55648));
    }

    #[test]
    fn dnskey_tag_and_ds_are_those_of_rfc_8080() {
        let key = rfc8080();
        assert_eq!(key.id().to_string(), "3613-ed25519");
        assert_eq!(key.dnskey()[4..], base64("l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="));
        let digest = "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b";
        assert_eq!(ds(&key, b"\x07example\x03com\0"), format!("{:04x}0f02{digest}", 3613));
    }

    #[test]
    fn what_a_new_key_signs_its_dnskey_verifies() {
        for algorithm in Algorithm::ALL {
            let key = new_key(algorithm);
            let signature = key.sign(b"message", &SystemRandom::new()).unwrap();
            assert!(verifies(key.dnskey(), b"message", &signature), "{algorithm:?}");
            assert!(!verifies(key.dnskey(), b"massage", &signature), "{algorithm:?}");
            assert_eq!(key.id().to_string().parse(), Ok(key.id()));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let ed25519 = SigningKey::generate(Algorithm::Ed25519, &SystemRandom::new()).unwrap();
        assert!(SigningKey::read(Algorithm::EcdsaP256Sha256, &ed25519).is_err());
        assert!(SigningKey::read(Algorithm::Ed25519, &ed25519[1..]).is_err());
        assert!("12345".parse::<KeyId>().is_err() && "70000-ed25519".parse::<KeyId>().is_err());
        assert_eq!("ED25519".parse(), Ok(Algorithm::Ed25519));
        assert!("rsa".parse::<Algorithm>().is_err());
    }
}
