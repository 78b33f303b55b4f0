use std::cmp::Ordering;

use hickory_proto::rr::Name;

use super::*;
use crate::dnssec::{
    Algorithm,
    sign::tests::{holds, key, now, signer, signer_of},
};

fn name(labels: &[&[u8]]) -> Key {
    Key::new(&Name::from_labels(labels.iter().copied()).unwrap())
}

/// The canonical order (RFC 4034 §6.1): labels from the right, each as octets.
fn order(a: &Key, b: &Key) -> Ordering {
    let labels = |key: &Key| -> Vec<Vec<u8>> {
        (1..=key.labels()).map(|n| key.suffix(n)).map(|s| s[1..=usize::from(s[0])].to_vec()).collect()
    };
    labels(a).cmp(&labels(b))
}

fn bitmap(types: &[u16]) -> Vec<u8> {
    let mut out = [0xaa; 600];
    let length = write_types(types, &mut out).unwrap();
    out[..length].to_vec()
}

/// The types of a bitmap, read as RFC 4034 §4.1.2 has them.
fn types(mut bitmap: &[u8]) -> Vec<u16> {
    let mut types = vec![];
    while let [window, length, rest @ ..] = bitmap {
        for (i, octet) in rest[..usize::from(*length)].iter().enumerate() {
            types.extend(
                (0..8)
                    .filter(|bit| octet & (0x80 >> bit) != 0)
                    .map(|bit| u16::from_be_bytes([*window, (i * 8 + bit) as u8])),
            );
        }
        bitmap = &rest[usize::from(*length)..];
    }
    types
}

#[test]
fn bitmaps_are_as_rfc_4034_writes_them() {
    // Its example, §4.3: A, MX, RRSIG, NSEC and TYPE1234.
    let windows = [&[0, 6, 0x40, 1, 0, 0, 0, 3, 4, 27][..], &[0; 26], &[0x20]].concat();
    assert_eq!(bitmap(&[1, 15, 1234]), windows);
    assert_eq!(bitmap(&[]), [0, 6, 0, 0, 0, 0, 0, 3]);
    assert_eq!(bitmap(&[NXNAME]), [&[0, 17, 0, 0, 0, 0, 0, 3][..], &[0; 10], &[0x80]].concat());
    for all in [&[1, 2, 6, 15, 16, 28, 46, 47, 48, 59, 60, 64, 65, 256, 257, 32_768, 65_535][..], &[46], &[47], &[255]]
    {
        let mut expected = [all, &[RRSIG, NSEC]].concat();
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(types(&bitmap(all)), expected);
    }
    assert_eq!(bitmap(&[257, 1, 48, 1]), bitmap(&[1, 48, 257]));
    assert_eq!(write_types(&[1; 255], &mut [0; 99]), Err(SignError::TooLong));
    for short in 0..8 {
        assert_eq!(write_types(&[], &mut vec![0; short]), Err(SignError::TooLong));
    }
}

#[test]
fn the_next_name_leaves_no_room_between() {
    let origin = key("z.test.");
    assert_eq!(successor(&key("a.z.test."), &origin)[..], *b"\x01\0\x01a\x01z\x04test\0");
    assert_eq!(successor(&origin, &origin)[..], *b"\x01\0\x01z\x04test\0");

    let (full, z) = ([b'x'; 63], [&b"z"[..], b"test"]);
    // 3 × 64 + 8 (z.test.) = 200: a first label of 54 octets makes 255.
    let long = |first: &[u8]| name(&[&[first, &full, &full, &full][..], &z].concat());
    let next = |first: &[u8]| Key::read(&successor(&long(first), &origin)).unwrap().0;
    assert_eq!(long(&[b'a'; 54]).as_wire().len(), 255);
    assert_eq!(next(&[b'a'; 52]).labels(), 7, "253 octets: there is room below");
    assert_eq!(next(&[b'a'; 53]), long(&[&[b'a'; 53][..], &[0]].concat()), "254: a zero octet more");
    assert_eq!(next(&[b'a'; 54]), long(&[&[b'a'; 53][..], b"b"].concat()), "255: one up");
    assert_eq!(next(&[&[b'a'; 53][..], b"@"].concat()), long(&[&[b'a'; 53][..], b"["].concat()), "over the capitals");
    assert_eq!(next(&[&[b'a'; 52][..], b"b\xff"].concat()), long(&[&[b'a'; 52][..], b"c"].concat()));
    let parent_up =
        name(&[&[b'x'; 62].iter().chain(b"y").copied().collect::<Vec<_>>()[..], &full, &full, b"z", b"test"]);
    assert_eq!(next(&[0xff; 54]), parent_up, "no more labels like it");
    let last = name(&[&[0xff; 54], &[0xff; 63], &[0xff; 63], &[0xff; 63], b"z", b"test"]);
    assert_eq!(successor(&last, &origin)[..], *origin.as_wire(), "after the last comes the first");
    let at_origin = long(&[b'a'; 54]);
    assert_eq!(successor(&at_origin, &at_origin)[..], *at_origin.as_wire());
}

#[test]
fn the_next_name_is_later_whatever_the_name() {
    let mut random = fastrand::Rng::with_seed(3);
    let origin = key("z.test.");
    for _ in 0..20_000 {
        let mut labels: Vec<Vec<u8>> = vec![b"z".to_vec(), b"test".to_vec()];
        let mut left = 255 - origin.as_wire().len();
        let short = if random.bool() { random.usize(0..left) } else { random.usize(0..3) };
        while left > short + 2 {
            let length = random.usize(1..=63.min(left - 1));
            let octets = [0, b'@', b'a', b'z', 0xfe, 0xff];
            let odd = random.bool();
            let octet = |_| if odd { 0xff } else { octets[random.usize(0..octets.len())] };
            labels.insert(0, (0..length).map(octet).collect());
            left -= length + 1;
        }
        let owner = name(&labels.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let next = Key::read(&successor(&owner, &origin)).unwrap().0;
        assert!(next.is_within(&origin));
        assert!(next == origin || order(&owner, &next) == Ordering::Less, "{owner:?} {next:?}");
    }
}

#[test]
fn a_denial_is_signed_and_says_which_it_is() {
    for algorithm in Algorithm::ALL {
        let signer = signer(algorithm);
        let mut out = [0; MAX_NSEC + 200];
        let mut deny = |owner, denial| {
            let denied = signer.sign_nsec_into(&key(owner), denial, 60, now(), &mut out).unwrap();
            assert_eq!((denied.signatures, denied.rrsig), (1, signer.signature_len()));
            let (nsec, rrsig) = out[..denied.nsec + denied.rrsig].split_at(denied.nsec);
            assert!(holds(&signer, rrsig, owner, NSEC, &[nsec]));
            assert_eq!(nsec[..2], [1, 0]);
            types(&nsec[2 + key(owner).as_wire().len()..])
        };
        assert_eq!(deny("nothing.z.test.", Denial::NoName), [RRSIG, NSEC, NXNAME]);
        assert_eq!(deny("on.the.way.z.test.", Denial::Has(&[])), [RRSIG, NSEC]);
        assert_eq!(deny("cut.z.test.", Denial::Has(&[2])), [2, RRSIG, NSEC]);
        assert_eq!(deny("z.test.", Denial::Has(&[2, 6, 48])), [2, 6, RRSIG, NSEC, 48]);
    }
}

#[test]
fn while_algorithms_change_there_are_two_signatures() {
    let keys = Algorithm::ALL.map(crate::dnssec::keys::tests::new_key).into();
    let signer = signer_of("z.test.", keys, crate::dnssec::Announced::Nothing);
    let mut out = [0; MAX_NSEC + 400];
    let denied = signer.sign_nsec_into(&key("x.z.test."), Denial::NoName, 60, now(), &mut out).unwrap();
    assert_eq!(denied.signatures, 2);
    let (nsec, rrsigs) = out[..denied.nsec + 2 * denied.rrsig].split_at(denied.nsec);
    assert!(rrsigs.chunks(denied.rrsig).all(|rrsig| holds(&signer, rrsig, "x.z.test.", NSEC, &[nsec])));
}

#[test]
fn a_steered_name_denies_only_what_was_asked() {
    let of = |all: &[u16], asked| nodata_types(all, asked).collect::<Vec<_>>();
    assert_eq!(of(&[1, 5, 28, 65], 28), [1, 65]);
    assert_eq!(of(&[1, 5, 28, 65], 16), [1, 28, 65]);
}

#[test]
fn a_denial_allocates_nothing() {
    for algorithm in Algorithm::ALL {
        let signer = signer(algorithm);
        let (owner, mut out) = (key("nothing.z.test."), [0; MAX_NSEC + 200]);
        let mut deny = || signer.sign_nsec_into(&owner, Denial::NoName, 60, now(), &mut out).map(|d| d.nsec);
        deny().unwrap(); // `ring` looks up once what the processor can do
        let allocated = allocation_counter::measure(|| assert!(deny().is_ok()));
        assert_eq!(allocated.count_total, 0, "{algorithm:?}");
    }
}
