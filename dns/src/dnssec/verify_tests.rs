//! What is signed here, verified by others: `ldns-verify-zone`, and `delv`, which is BIND's validator.

use std::{collections::BTreeMap, fmt::Write, fs, net::UdpSocket, process::Command, thread};

use chrono::{DateTime, Utc};

use super::{
    Algorithm, Announced,
    denial::{Denial, NSEC, RRSIG, write_types},
    keys::tests::{hex, new_key},
    sign::{
        Signer,
        tests::{key, now, signer_of},
    },
};
use crate::wire::name::Key;

/// Owner and type of each set, with its data.
type Zone = BTreeMap<(Vec<Vec<u8>>, String, u16), Vec<Vec<u8>>>;

/// A small zone with one of each kind: names in capitals, a wildcard, an empty non-terminal, a delegation with glue.
fn zone() -> Zone {
    let wire = |name: &str| key(name).as_wire().to_vec();
    let text = b"\x05HELLO".to_vec();
    let soa = [&b"\x03NS1\x01Z\x04Test\0"[..], &wire("admin.z.test."), &[0; 20]].concat();
    let mut zone = Zone::new();
    for (owner, rtype, rdata) in [
        ("z.test.", 6, soa),
        ("z.test.", 2, b"\x03NS1\x01Z\x04Test\0".to_vec()),
        ("z.test.", 2, wire("ns2.z.test.")),
        ("z.test.", 15, b"\0\x0a\x02Mx\x01z\x04test\0".to_vec()),
        ("ns1.z.test.", 1, vec![192, 0, 2, 200]),
        ("ns1.z.test.", 1, vec![192, 0, 2, 3]),
        ("ns2.z.test.", 28, vec![0x20; 16]),
        ("*.z.test.", 16, text.clone()),
        ("deep.empty.z.test.", 33, b"\0\0\0\0\x01\xbb\x02Ns\x01z\x04test\0".to_vec()),
        ("type.z.test.", 65_280, text),
        ("cut.z.test.", 2, wire("ns.cut.z.test.")),
        ("ns.cut.z.test.", 1, vec![192, 0, 2, 9]),
    ] {
        zone.entry(place(owner, rtype)).or_default().push(rdata);
    }
    zone
}

/// Sorts by the canonical order of names.
fn place(owner: &str, rtype: u16) -> (Vec<Vec<u8>>, String, u16) {
    let labels = owner.trim_end_matches('.').rsplit('.').map(|label| label.as_bytes().to_vec());
    (labels.collect(), owner.into(), rtype)
}

/// In master-file form, with signatures and a chain of NSEC records.
fn signed(signer: &Signer) -> String {
    let mut zone = zone();
    for (rtype, _, data) in signer.apex() {
        zone.insert(place("z.test.", rtype), data.to_vec());
    }
    let mut types: BTreeMap<_, Vec<u16>> = BTreeMap::new();
    for (labels, owner, rtype) in zone.keys().filter(|(_, owner, _)| owner != "ns.cut.z.test.") {
        types.entry((labels.clone(), owner.clone())).or_default().push(*rtype);
    }
    let owners: Vec<String> = types.keys().map(|(_, owner)| owner.clone()).collect();
    for (i, ((_, owner), types)) in types.iter().enumerate() {
        let mut bitmap = [0; 600];
        let length = write_types(types, &mut bitmap).unwrap();
        let next = key(&owners[(i + 1) % owners.len()]);
        zone.insert(place(owner, NSEC), vec![[next.as_wire(), &bitmap[..length]].concat()]);
    }
    let mut text = String::new();
    for ((_, owner, rtype), data) in &zone {
        let mut line = |rtype: u16, rdata: &[u8]| {
            writeln!(text, "{owner} 300 IN TYPE{rtype} \\# {} {}", rdata.len(), hex(rdata)).unwrap();
        };
        data.iter().for_each(|rdata| line(*rtype, rdata));
        let not_ours = owner == "ns.cut.z.test." || (owner == "cut.z.test." && *rtype == 2);
        if !not_ours {
            let rrsigs = signer.sign(&key(owner), *rtype, 300, data, now()).unwrap();
            rrsigs.iter().for_each(|rrsig| line(46, rrsig));
        }
    }
    text
}

/// Whether `ldns-verify-zone` follows this zone from the key's DS record, and what it says.
fn verified(zone: &str, ds: &str) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let (file, anchor) = (dir.path().join("zone"), dir.path().join("anchor"));
    fs::write(&file, zone).unwrap();
    fs::write(&anchor, ds).unwrap();
    let time = now().format("%Y%m%d%H%M%S").to_string();
    let mut command = Command::new("ldns-verify-zone");
    command.args(["-V", "1", "-t", &time, "-k"]).arg(anchor).arg(file);
    let done = command.output().expect("ldns-verify-zone, of Debian's ldnsutils: xtask/setup.sh test");
    let said = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn ldns_verifies_a_zone_that_was_signed_here() {
    for algorithms in [&[Algorithm::EcdsaP256Sha256][..], &[Algorithm::Ed25519], &Algorithm::ALL] {
        let keys: Vec<_> = algorithms.iter().copied().map(new_key).collect();
        let (id, ds) = (keys[0].id(), keys[0].ds(&key("z.test.")));
        let ds = format!("z.test. 300 IN TYPE43 \\# {} {}\n", ds.len(), hex(&ds));
        let zone = signed(&signer_of("z.test.", keys, Announced::Keys(vec![id])));
        let (good, said) = verified(&zone, &ds);
        assert!(good, "{algorithms:?}: {said}\n{zone}");

        // One address is another than that which was signed.
        let forged = zone.replacen("c00002c8", "c00002c9", 1);
        let (good, said) = verified(&forged, &ds);
        assert!(!good && said.contains("ns1.z.test."), "{said}");
    }
}

/// What a server says to a query when all that the zone has is its apex, and `on.z.test.` is on the way to something.
fn reply(signer: &Signer, query: &[u8], now: DateTime<Utc>) -> Vec<u8> {
    let (name, length) = Key::read(&query[12..]).unwrap();
    let question = &query[12..12 + length + 4];
    let asked = u16::from_be_bytes([question[length], question[length + 1]]);
    let mut sections = [vec![], vec![]];
    let mut add = |section: usize, owner: &Key, rtype: u16, rdata: &[u8]| {
        let head = [rtype.to_be_bytes(), [0, 1], [0, 0], [0, 60], (rdata.len() as u16).to_be_bytes()].concat();
        sections[section].push([owner.as_wire(), &head, rdata].concat());
    };
    let mut signed = |section, owner: &Key, rtype, data: &[Vec<u8>]| {
        data.iter().for_each(|rdata| add(section, owner, rtype, rdata));
        signer.sign(owner, rtype, 60, data, now).unwrap().iter().for_each(|rrsig| add(section, owner, RRSIG, rrsig));
    };
    let at_apex = &name == signer.origin();
    match signer.apex().find(|(rtype, ..)| at_apex && *rtype == asked) {
        Some((rtype, _, data)) => signed(0, &name, rtype, data),
        None => {
            signed(1, signer.origin(), 6, &[[&b"\0\0"[..], &[0; 20]].concat()]);
            let denial = match name == key("on.z.test.") {
                true => Denial::Has(&[]),
                false if at_apex => Denial::Has(&[6, 48]),
                false => Denial::NoName,
            };
            let mut out = [0; 1_500];
            let denied = signer.sign_nsec_into(&name, denial, 60, now, &mut out).unwrap();
            let (nsec, rrsigs) = out.split_at(denied.nsec);
            add(1, &name, NSEC, nsec);
            rrsigs.chunks(denied.rrsig).take(denied.signatures).for_each(|rrsig| add(1, &name, RRSIG, rrsig));
        }
    }
    let counts = [1, sections[0].len() as u8, sections[1].len() as u8, 1].map(|count| [0, count]).concat();
    let opt = [0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0];
    [&query[..2], &[0x84, 0], &counts, question, &sections.concat().concat(), &opt].concat()
}

#[test]
fn delv_validates_what_is_denied() {
    for algorithms in [&[Algorithm::EcdsaP256Sha256][..], &[Algorithm::Ed25519], &Algorithm::ALL] {
        let keys: Vec<_> = algorithms.iter().copied().map(new_key).collect();
        let (id, ds) = (keys[0].id(), keys[0].ds(&key("z.test.")));
        let signer = signer_of("z.test.", keys, Announced::Nothing);
        let dir = tempfile::tempdir().unwrap();
        let anchor = dir.path().join("anchor");
        let digest = hex(&ds[4..]);
        let text = format!("trust-anchors {{ z.test. static-ds {} {} 2 \"{digest}\"; }};\n", id.tag, ds[2]);
        fs::write(&anchor, text).unwrap();

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut query = [0; 1_500];
            // An empty datagram ends it.
            while let Ok((length @ 1.., from)) = socket.recv_from(&mut query) {
                socket.send_to(&reply(&signer, &query[..length], Utc::now()), from).unwrap();
            }
        });
        let long = format!("{}.{}", ["x".repeat(63), "y".repeat(63), "y".repeat(63)].join("."), "z".repeat(54));
        for name in ["nothing.z.test", "on.z.test", "z.test", &format!("{long}.z.test"), "a@.z.test", "\\255.z.test"] {
            let mut command = Command::new("delv");
            command.args(["@127.0.0.1", "-p", &address.port().to_string(), "+root=z.test", "-a"]).arg(&anchor);
            let done = command.args([name, "AAAA"]).output().expect("delv, of Debian's bind9-dnsutils");
            let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
            assert!(said.contains("; negative response, fully validated"), "{algorithms:?} {name}: {said}");
        }
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[], address).unwrap();
        server.join().unwrap();
    }
}
