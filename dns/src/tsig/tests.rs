use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    process::Command,
};

use super::*;

const SECRET: &str = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ==";

fn settings(name: &str, algorithm: &str, secret: &str) -> KeySettings {
    KeySettings { name: Name::from_ascii(name).unwrap(), algorithm: algorithm.into(), secret: secret.into() }
}

fn keys() -> Keys {
    let key = |algorithm: &str| settings(&format!("{algorithm}.key.test."), algorithm, SECRET);
    Keys::new(&Algorithm::ALL.map(|algorithm| key(algorithm.name()))).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn key(name: &str) -> Key {
    Key::new(&Name::from_ascii(name).unwrap())
}

/// A query for `z.test` SOA, ID 258.
fn query() -> Vec<u8> {
    [&[1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x01z\x04test\0\0\x06\0\x01"].concat()
}

/// The same, signed at second 0.
fn signed() -> (Vec<u8>, Signer) {
    let mut message = query();
    let signer = keys().sign(&key("hmac-sha256.key.test."), &mut message, at(0)).unwrap();
    (message, signer)
}

fn fault(keys: &Keys, message: &[u8], now: DateTime<Utc>) -> Fault {
    match keys.verify(message, now) {
        Ok(Verified::Bad(fault)) => fault,
        Ok(Verified::Good(_)) => panic!("it was taken"),
        Err(Malformed) => panic!("it could not be read"),
    }
}

/// The TSIG record of a fault's reply: error, length of the hash, other data.
fn told(fault: Fault, now: DateTime<Utc>) -> (u16, usize, Vec<u8>) {
    let mut out = query();
    let length = out.len();
    out.resize(length + fault.room(), 0);
    let signed = fault.sign(&mut out, length, now).unwrap();
    let record = Record::last(&out[..signed]).unwrap();
    (record.error, record.mac.len(), record.other.to_vec())
}

#[test]
fn a_signed_query_is_taken_and_its_reply_verified_in_a_stream_too() {
    for algorithm in Algorithm::ALL {
        let name = key(&format!("{}.key.test.", algorithm.name()));
        let mut message = query();
        let mut client = keys().sign(&name, &mut message, at(0)).unwrap();
        let Ok(Verified::Good(mut server)) = keys().verify(&message, at(1)) else { panic!("{algorithm:?}") };
        assert_eq!((server.name(), server.room()), (&name, message.len() - query().len()));
        for n in 0..3 {
            let mut reply = query();
            reply.resize(512, 0);
            let length = server.sign(&mut reply, query().len(), at(n)).unwrap();
            assert!(client.verifies(&reply[..length], at(n)), "{algorithm:?} {n}");
            assert!(!client.verifies(&reply[..length], at(n + 301)));
            assert!(!client.verifies(&reply[..length - 1], at(n)));
            client.before = Record::last(&reply[..length]).unwrap().mac.iter().copied().collect();
            client.continued = true;
        }
    }
}

#[test]
fn one_bit_anywhere_is_bad() {
    let (message, _) = signed();
    let (name, algorithm) = (query().len(), query().len() + 22 + 10);
    let names = [name..name + 22, algorithm..algorithm + 13];
    for bit in 0..message.len() * 8 {
        let mut message = message.clone();
        message[bit / 8] ^= 1 << (bit % 8);
        // A forwarder may change the ID (RFC 8945 §4.2); and letters of a name may be of either case.
        let octet = message[bit / 8];
        let letter = octet.is_ascii_alphabetic() && bit % 8 == 5 && names.iter().any(|name| name.contains(&(bit / 8)));
        let good = matches!(keys().verify(&message, at(0)), Ok(Verified::Good(_)));
        assert_eq!(good, bit < 16 || letter, "octet {} bit {}", bit / 8, bit % 8);
    }
    for length in 0..message.len() {
        assert!(keys().verify(&message[..length], at(0)).is_err());
    }
}

#[test]
fn faults_are_told_in_the_order_of_the_standard() {
    let (message, client) = signed();
    let others = Keys::new(&[settings("hmac-sha256.key.test.", "hmac-sha512", SECRET)]).unwrap();
    assert_eq!(told(fault(&Keys::default(), &message, at(9999)), at(0)), (17, 0, vec![]), "no such key");
    assert_eq!(told(fault(&others, &message, at(9999)), at(0)), (17, 0, vec![]), "of another algorithm");
    let others = Keys::new(&[settings("hmac-sha256.key.test.", "hmac-sha256", &SECRET.to_uppercase())]).unwrap();
    assert_eq!(told(fault(&others, &message, at(9999)), at(0)), (16, 0, vec![]), "another secret");
    for (late, good) in [(-301, false), (-300, true), (300, true), (301, false)] {
        assert_eq!(matches!(keys().verify(&message, at(late)), Ok(Verified::Good(_))), good, "{late}");
    }
    let fault = fault(&keys(), &message, at(301));
    assert_eq!(fault.error, Error::Time);
    let mut reply = query();
    let length = reply.len();
    reply.resize(512, 0);
    let signed = fault.sign(&mut reply, length, at(301)).unwrap();
    assert!(client.verifies(&reply[..signed], at(0)), "in the client's own time");
    let record = Record::last(&reply[..signed]).unwrap();
    assert_eq!((record.error, record.other), (18, &1_800_000_301_u64.to_be_bytes()[2..]));
}

#[test]
fn a_hash_may_be_cut_to_half_and_no_further() {
    let (message, _) = signed();
    // Behind the hash: ID, error, length of other data. Before it: its length, and 10 + 13 + 8 octets before, the
    // record's.
    let (hash, end) = (message.len() - 6 - 32, message.len() - 6);
    for (kept, good) in [(0, false), (9, false), (15, false), (16, true), (31, true), (32, true)] {
        let mut cut = [&message[..hash + kept], &message[end..]].concat();
        cut[hash - 1] = kept as u8;
        let data = hash - 10 - 13 - 2;
        let length = 13 + 10 + kept as u16 + 6;
        cut[data..data + 2].copy_from_slice(&length.to_be_bytes());
        assert_eq!(matches!(keys().verify(&cut, at(0)), Ok(Verified::Good(_))), good, "{kept}");
        assert_eq!(keys().verify(&cut, at(0)).is_err(), !good, "{kept}");
    }
}

#[test]
fn a_compressed_key_name_is_read_and_loops_are_not() {
    let message = |name: &[u8]| {
        let rest = b"\x00\xfa\x00\xff\0\0\0\0\x00\x1d\x0bhmac-sha256\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let mut message = [&query()[..], name, rest].concat();
        message[11] = 1;
        message
    };
    assert_eq!(Record::last(&message(b"\x03key\xc0\x0c")).unwrap().name, key("key.z.test."));
    for name in [&b"\xc0\x18"[..], b"\x01a\xc0\x18", b"\xc0\xff", b"\x40"] {
        assert!(Record::last(&message(name)).is_none(), "{name:?}");
    }
}

#[test]
fn keys_that_are_none_are_told_of() {
    let error = |algorithm, secret| Keys::new(&[settings("a.", algorithm, secret)]).unwrap_err().to_string();
    assert!(error("hmac-md5.sig-alg.reg.int", SECRET).contains("too weak"));
    assert!(error("HMAC-SHA1", SECRET).contains("use hmac-sha256"));
    assert!(error("sha256", SECRET).contains("none of"));
    assert!(error("hmac-sha256", "?").contains("base64"));
    assert!(error("hmac-sha256", "c2hvcnQ=").contains("5 octets"));
    let twice = [settings("a.", "hmac-sha256", SECRET), settings("A.", "hmac-sha512", SECRET)];
    assert!(matches!(Keys::new(&twice), Err(KeyError::Twice(_))));
    assert!(!format!("{:?}{:?}", keys(), twice[0]).contains("c2Vj"));
}

/// Replies to queries by TCP, one a connection: empty, signed, or with the fault.
fn serve(keys: Keys, clock: fn() -> DateTime<Utc>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut length) = (stream.unwrap(), [0; 2]);
            if stream.read_exact(&mut length).is_err() {
                continue;
            }
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query).unwrap();
            let question = skip_question(&query);
            let mut out = [&query[..2], &[0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0], &query[12..question]].concat();
            let end = out.len();
            out.resize(512, 0);
            let length = match keys.verify(&query, clock()).unwrap() {
                Verified::Good(mut signer) => signer.sign(&mut out, end, clock()).unwrap(),
                Verified::Bad(fault) => {
                    out[3] = 9;
                    fault.sign(&mut out, end, clock()).unwrap()
                }
            };
            let framed = [&(length as u16).to_be_bytes(), &out[..length]].concat();
            stream.write_all(&framed).unwrap();
        }
    });
    address
}

fn skip_question(query: &[u8]) -> usize {
    12 + Key::read(&query[12..]).unwrap().1 + 4
}

fn ask(program: &str, address: SocketAddr, key: &str) -> String {
    let port = address.port().to_string();
    let output =
        Command::new(program).args(["+tcp", "-p", &port, "-y", key, "@127.0.0.1", "z.test", "SOA"]).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn dig_and_kdig_agree() {
    let (good, late) = (serve(keys(), Utc::now), serve(keys(), || Utc::now() + chrono::Duration::hours(1)));
    let wrong = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmch";
    for algorithm in Algorithm::ALL.map(Algorithm::name) {
        let key = |secret: &str| format!("{algorithm}:{algorithm}.key.test:{secret}");
        let unknown = format!("{algorithm}:unknown.test:{SECRET}");
        for program in ["dig", "kdig"] {
            let told = ask(program, good, &key(SECRET));
            assert!(told.contains("NOERROR"), "{told}");
            for complaint in ["Couldn't verify", "WARNING", "ERROR:", "expected a TSIG"] {
                assert!(!told.contains(complaint), "{program}: {told}");
            }
            for (address, key, error) in
                [(good, key(wrong), "BADSIG"), (good, unknown.clone(), "BADKEY"), (late, key(SECRET), "BADTIME")]
            {
                let told = ask(program, address, &key);
                assert!(told.contains(error), "{program} {error}: {told}");
            }
        }
    }
}
