use chrono::TimeDelta;
use hickory_proto::rr::Name;

use super::*;
use crate::dnssec::{
    canonical::canonical_set,
    keys::{
        Algorithm,
        tests::{base64, new_key, rfc6605, rfc8080, verifies},
    },
    rollover::Phase,
};

impl Signer {
    /// The RDATA of the RRSIG records of a set, without a cache.
    pub(crate) fn sign(
        &self,
        owner: &Key,
        rtype: u16,
        ttl: u32,
        data: &[Vec<u8>],
        now: DateTime<Utc>,
    ) -> Result<Vec<Vec<u8>>, SignError> {
        let data = canonical_set(rtype, data.iter().map(Vec::as_slice));
        let set = Unsigned { owner, rtype, ttl, data: data.iter().map(Vec::as_slice) };
        let (mut message, expires) = (Vec::new(), expiration(owner, now));
        let sign = |key: &Arc<SigningKey>| {
            message.clear();
            self.compose(key, set.clone(), &mut message)?;
            self.finish(key, &mut message, now, expires)
        };
        self.keys(rtype).iter().map(sign).collect()
    }
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(&Name::from_ascii(name).unwrap())
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn signer_of(origin: &str, keys: Vec<SigningKey>, announced: Announced) -> Signer {
    let ids: Vec<_> = keys.iter().map(SigningKey::id).collect();
    let keys: Vec<_> = keys.into_iter().map(Arc::new).collect();
    let plan = Plan { phase: Phase::Secure, published: ids.clone(), signing: ids, announced, until: None, task: None };
    Signer::new(&key(origin), &keys, &plan).unwrap()
}

pub(crate) fn signer(algorithm: Algorithm) -> Signer {
    signer_of("z.test.", vec![new_key(algorithm)], Announced::Nothing)
}

/// What RFC 4034 §3.1.8.1 says is signed, worked out once more.
pub(crate) fn covered(rrsig: &[u8], owner: &str, rtype: u16, data: &[&[u8]]) -> Vec<u8> {
    let mut message = rrsig[..rrsig.len() - SIGNATURE].to_vec();
    for datum in data {
        message.extend(key(owner).as_wire());
        message.extend(rtype.to_be_bytes());
        message.extend([0, 1]);
        message.extend(&rrsig[4..8]);
        message.extend((datum.len() as u16).to_be_bytes());
        message.extend(*datum);
    }
    message
}

pub(crate) fn holds(signer: &Signer, rrsig: &[u8], owner: &str, rtype: u16, data: &[&[u8]]) -> bool {
    let tag = u16::from_be_bytes([rrsig[16], rrsig[17]]);
    let key = signer.published.iter().find(|key| key.id().tag == tag).unwrap();
    verifies(key.dnskey(), &covered(rrsig, owner, rtype, data), &rrsig[rrsig.len() - SIGNATURE..])
}

fn times(rrsig: &[u8]) -> (i64, i64) {
    let time = |at: usize| u32::from_be_bytes(rrsig[at..at + 4].try_into().unwrap()).into();
    (time(12), time(8))
}

#[test]
fn the_signature_of_rfc_6605_covers_what_we_compose() {
    let signer = signer_of("example.net.", vec![rfc6605()], Announced::Nothing);
    let address = [192, 0, 2, 1];
    let set = Unsigned { owner: &key("www.example.net."), rtype: 1, ttl: 3_600, data: [&address[..]].into_iter() };
    let mut message = Vec::new();
    signer.compose(&signer.published[0], set, &mut message).unwrap();
    let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    date(&mut message, time("2010-08-12T11:04:39Z"), time("2010-09-09T10:04:39Z").timestamp());
    let signature = base64("qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==");
    assert!(verifies(signer.published[0].dnskey(), &message, &signature));
}

#[test]
fn the_signature_of_rfc_8080_is_ours() {
    let signer = signer_of("example.com.", vec![rfc8080()], Announced::Nothing);
    let mx = b"\0\x0a\x04mail\x07EXAMPLE\x03com\0";
    let data = canonical_set(15, [&mx[..]].into_iter());
    let set = Unsigned { owner: &key("example.com."), rtype: 15, ttl: 3_600, data: data.iter().map(Vec::as_slice) };
    let mut message = Vec::new();
    signer.compose(&signer.published[0], set, &mut message).unwrap();
    let made = DateTime::from_timestamp(1_438_207_200 + BEFORE, 0).unwrap();
    let rrsig = signer.finish(&signer.published[0], &mut message, made, 1_440_021_600).unwrap();
    let signature = base64("oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==");
    assert_eq!(rrsig[rrsig.len() - SIGNATURE..], signature);
}

#[test]
fn a_set_is_signed_whatever_its_order_and_case() {
    for algorithm in Algorithm::ALL {
        let signer = signer(algorithm);
        let data = [b"\x02Ns\x04TEST\0".to_vec(), b"\x01a\0".to_vec(), b"\x02nS\x04test\0".to_vec()];
        let rrsigs = signer.sign(&key("X.z.test."), 2, 300, &data, now()).unwrap();
        let [rrsig] = &rrsigs[..] else { panic!("one key, one signature: {rrsigs:?}") };
        assert!(holds(&signer, rrsig, "x.z.test.", 2, &[b"\x01a\0", b"\x02ns\x04test\0"]));
        assert_eq!(rrsig[..8], [0, 2, algorithm.number(), 3, 0, 0, 1, 44]);
        assert_eq!(rrsig.len(), signer.signature_len());
    }
}

#[test]
fn a_wildcard_is_signed_without_its_asterisk() {
    let signer = signer(Algorithm::Ed25519);
    let labels = |owner| signer.sign(&key(owner), 1, 60, &[vec![192, 0, 2, 1]], now()).unwrap()[0][3];
    assert_eq!((labels("*.z.test."), labels("x.z.test."), labels("z.test.")), (2, 3, 2));
}

#[test]
fn no_signed_ttl_is_longer_than_a_roll_over_waits() {
    let signer = signer(Algorithm::Ed25519);
    let rrsig = &signer.sign(&key("x.z.test."), 1, 604_800, &[vec![192, 0, 2, 1]], now()).unwrap()[0];
    assert_eq!(rrsig[4..8], MAX_TTL.to_be_bytes());
}

#[test]
fn signatures_end_each_at_a_time_of_its_own() {
    let signer = signer(Algorithm::Ed25519);
    let mut ends = std::collections::BTreeSet::new();
    for n in 0..100 {
        let rrsig = &signer.sign(&key(&format!("n{n}.z.test.")), 1, 60, &[vec![192, 0, 2, 1]], now()).unwrap()[0];
        let (from, until) = times(rrsig);
        assert_eq!(from, now().timestamp() - 3_600);
        let days = (until - now().timestamp()) as f64 / 86_400.0;
        assert!((12.0..=14.0).contains(&days), "{days}");
        ends.insert(until);
    }
    assert!(ends.len() > 90);
}

#[test]
fn what_is_signed_while_somebody_waits_holds_for_two_days() {
    let signer = signer_of("z.test.", Algorithm::ALL.map(new_key).into(), Announced::Nothing);
    let (data, mut out) = ([[192, 0, 2, 1], [192, 0, 2, 2]], [0; 300]);
    let owner = key("any.z.test.");
    let set = Unsigned { owner: &owner, rtype: 1, ttl: 60, data: data.iter().map(|d| &d[..]) };
    let written = signer.sign_into(set.clone(), now(), &mut out).unwrap();
    assert_eq!(written, 2 * signer.signature_len());
    for rrsig in out[..written].chunks(signer.signature_len()) {
        assert!(holds(&signer, rrsig, "any.z.test.", 1, &[&data[0], &data[1]]));
        assert_eq!(times(rrsig), (now().timestamp() - 3_600, now().timestamp() + 2 * 86_400));
    }
    assert_eq!(signer.sign_into(set, now(), &mut out[..written - 1]), Err(SignError::TooLong));
    let large = vec![0; 60_000];
    let set = Unsigned { owner: &owner, rtype: 16, ttl: 60, data: [&large[..], &large].into_iter() };
    assert_eq!(signer.sign_into(set, now(), &mut out), Err(SignError::TooLong));
}

#[test]
fn the_apex_tells_the_parent_what_is_announced() {
    let keys = || Algorithm::ALL.map(new_key).into();
    let types = |signer: &Signer| signer.apex().map(|(rtype, ..)| rtype).collect::<Vec<_>>();
    assert_eq!(types(&signer_of("z.test.", keys(), Announced::Nothing)), [48]);

    let keys: Vec<_> = keys();
    let (id, ds) = (keys[1].id(), keys[1].ds(&key("z.test.")));
    let signer = signer_of("z.test.", keys, Announced::Keys(vec![id]));
    assert_eq!(types(&signer), [48, 59, 60]);
    let data: Vec<_> = signer.apex().map(|(_, ttl, data)| (ttl, data.len())).collect();
    assert_eq!(data, [(3_600, 2), (3_600, 1), (3_600, 1)]);
    assert_eq!(signer.apex().nth(1).unwrap().2, [ds]);

    let signer = signer_of("z.test.", vec![new_key(Algorithm::Ed25519)], Announced::Deletion);
    assert_eq!(signer.apex().nth(1).unwrap().2, [[0; 5]]);
    assert_eq!(signer.apex().nth(2).unwrap().2, [[0, 0, 3, 0, 0]]);
}

#[test]
fn times_run_past_2106() {
    let signer = signer(Algorithm::Ed25519);
    let late = DateTime::from_timestamp(i64::from(u32::MAX), 0).unwrap() + TimeDelta::days(400);
    let rrsig = &signer.sign(&key("x.z.test."), 1, 60, &[vec![192, 0, 2, 1]], late).unwrap()[0];
    let (from, until) = times(rrsig);
    assert!(from < until && until < 86_400 * 500, "{from} {until}");
}
