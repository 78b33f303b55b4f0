use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    process::Command,
};

use chrono::Utc;
use hickory_proto::rr::{Name, RecordType};

use super::*;
use crate::{
    tsig::{KeySettings, Keys, Verified},
    wire::query::Query,
};

const SECRET: &str = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ==";

fn key(name: &str) -> Key {
    Key::new(&Name::from_ascii(name).unwrap())
}

fn keys() -> Keys {
    let name = Name::from_ascii("key.test.").unwrap();
    Keys::new(&[KeySettings { name, algorithm: "hmac-sha256".into(), secret: SECRET.into() }]).unwrap()
}

fn set(rtype: RecordType, data: &[Vec<u8>]) -> Set {
    Set::new(rtype, 300, data, &key("z.test."))
}

fn soa() -> Set {
    set(RecordType::SOA, &[[key("ns.z.test.").as_wire(), key("admin.z.test.").as_wire(), &[0; 20]].concat()])
}

/// Octets of a TXT record of about this many.
fn text(octets: usize) -> Vec<u8> {
    let strings = vec![[&[255][..], &[b'x'; 255]].concat(); octets / 256];
    strings.concat()
}

/// The sets of a zone beside its SOA: NS, two large texts, names with an address, with two sets, and with a signature.
fn zone(names: usize) -> Vec<(Key, Set)> {
    let target = |name: &str| key(name).as_wire().to_vec();
    let mut sets = vec![
        (key("z.test."), soa()), // passed over
        (key("z.test."), set(RecordType::NS, &[target("ns.z.test."), target("ns.elsewhere.")])),
        (key("large.z.test."), set(RecordType::TXT, &[text(17_000), text(60_000)])),
    ];
    for n in 0..names {
        let octets = (n as u32).to_be_bytes();
        let owner = key(&format!("host-{n}.of.z.test."));
        let address = set(RecordType::A, &[octets.to_vec()]);
        let signature = [&[0, 1, 8, 4, 0, 0, 1, 44][..], &[0; 10], &target("z.test."), &octets].concat();
        sets.push((owner.clone(), if n % 7 == 0 { address.signed(&[signature]) } else { address }));
        if n % 3 == 0 {
            let exchange = [&[0, 10][..], &target(&format!("mx-{n}.z.test."))].concat();
            sets.push((owner, set(RecordType::MX, &[exchange])));
        }
    }
    sets
}

/// The records of these sets, as dig and kdig write them.
fn written(sets: &[(Key, Set)]) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (owner, set) in sets {
        let owner = format!("{}.", owner.text().unwrap());
        for data in set.data().map(|data| data.bytes) {
            let data = match RecordType::from(set.rtype) {
                RecordType::A => format!("A {}", std::net::Ipv4Addr::from(<[u8; 4]>::try_from(data).unwrap())),
                RecordType::NS => format!("NS {}.", Key::read(data).unwrap().0.text().unwrap()),
                RecordType::MX => format!("MX 10 {}.", Key::read(&data[2..]).unwrap().0.text().unwrap()),
                RecordType::SOA => "SOA ns.z.test. admin.z.test. 0 0 0 0 0".into(),
                _ => format!("TXT {}", data.len()),
            };
            lines.insert(format!("{owner} 300 IN {data}"));
        }
        for data in set.signatures() {
            let [.., a, b, c, d] = data.bytes else { panic!("of four octets") };
            lines.insert(format!("{owner} 300 IN RRSIG {:?}", [a, b, c, d]));
        }
    }
    lines
}

/// A client's output in the same form.
fn parsed(output: &str) -> Vec<String> {
    let line = |line: &str| {
        let mut fields: Vec<&str> = line.split_whitespace().collect();
        let texts = fields.iter().filter(|field| field.starts_with('"')).count();
        let data = match fields.get(3) {
            Some(&"TXT") => format!("TXT {}", texts * 256),
            Some(&"RRSIG") => {
                use base64::{Engine, prelude::BASE64_STANDARD};
                let signature = BASE64_STANDARD.decode(fields.pop()?).unwrap();
                format!("RRSIG {signature:?}")
            }
            _ => fields.get(3..)?.join(" "),
        };
        (fields[3] != "TSIG").then(|| format!("{} {} {} {data}", fields[0], fields[1], fields[2]))
    };
    output.lines().filter(|line| !line.starts_with(';') && !line.is_empty()).filter_map(line).collect()
}

fn stream(query: &[u8], names: usize, signer: Option<Signer>) -> Transfer {
    let request = Request::read(&Query::read(query).unwrap(), query).unwrap();
    whole(request, soa(), zone(names).into_iter(), signer, Utc::now)
}

/// Hands the zone over by TCP to everybody, and to those who sign, signed.
fn serve(names: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (mut connection, mut length) = (connection.unwrap(), [0; 2]);
            if connection.read_exact(&mut length).is_err() {
                continue;
            }
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            connection.read_exact(&mut query).unwrap();
            let signer = match Query::read(&query).unwrap().signed.then(|| keys().verify(&query, Utc::now()).unwrap()) {
                Some(Verified::Good(signer)) => Some(signer),
                Some(Verified::Bad(fault)) => panic!("{:?}", fault.error),
                None => None,
            };
            for message in stream(&query, names, signer) {
                connection.write_all(&(message.len() as u16).to_be_bytes()).unwrap();
                connection.write_all(&message).unwrap();
            }
        }
    });
    address
}

const QUERY: &[u8] = b"\0\x07\0\0\0\x01\0\0\0\0\0\0\x01z\x04test\0\0\xfc\0\x01";

#[test]
fn dig_and_kdig_get_every_record_of_20_000_names_signed_or_not() {
    let port = serve(20_000).port().to_string();
    let wanted = written(&zone(20_000));
    let key = format!("hmac-sha256:key.test:{SECRET}");
    for program in ["dig", "kdig"] {
        for arguments in [&[][..], &["-y", &key]] {
            let mut command = Command::new(program);
            command.args(["@127.0.0.1", "-p", &port]).args(arguments).args(["z.test", "AXFR"]);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{program}");
            let output = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            for complaint in ["Couldn't verify", "WARNING", ";; ERROR", "Transfer failed"] {
                assert!(!output.contains(complaint), "{program}: {complaint}");
            }
            let lines = parsed(&output);
            assert!(lines.first() == lines.last() && lines[0].contains(" SOA "), "{program}: {:?}", lines.last());
            assert_eq!(lines.len(), wanted.len() + 1, "{program} {arguments:?}: the SOA twice, and nothing else");
            assert!(lines.into_iter().collect::<BTreeSet<_>>() == wanted, "{program} {arguments:?}");
        }
    }
}

#[test]
fn messages_are_full_and_only_a_large_record_has_one_above() {
    let messages: Vec<_> = stream(QUERY, 5_000, None).collect();
    let above: Vec<_> = messages.iter().map(Vec::len).filter(|length| *length > FULL).collect();
    assert_eq!(above.len(), 2, "{above:?}");
    let (last, others) = messages.split_last().unwrap();
    assert!(others.iter().filter(|message| message.len() > FULL - 64).count() >= others.len() - 3);
    assert!(!last.is_empty());
    for message in &messages {
        let query = Query::read(message).unwrap();
        assert!(!query.malformed && query.id == 7 && query.flags == 0x8400, "{query:?}");
        assert_eq!(query.question.unwrap().bytes, &QUERY[12..]);
    }
    let octets: usize = messages.iter().map(Vec::len).sum();
    let plain: usize = written(&zone(5_000)).iter().map(String::len).sum();
    assert!(octets < plain, "{octets} octets");
}

#[test]
fn who_asks_with_edns_is_answered_with_it() {
    let mut query = [QUERY, b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"].concat();
    query[11] = 1;
    for message in stream(&query, 100, None) {
        let reply = Query::read(&message).unwrap();
        assert!(reply.edns.is_some_and(|edns| edns.dnssec_ok && edns.size == 1232) && !reply.malformed);
    }
}

#[test]
fn who_is_up_to_date_gets_the_soa_alone() {
    let request = Request::read(&Query::read(QUERY).unwrap(), QUERY).unwrap();
    let messages: Vec<_> = current(request, &soa(), None, Utc::now).collect();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0][4..12], [0, 1, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn a_record_beyond_every_message_ends_the_stream_before_its_last_soa() {
    let request = Request::read(&Query::read(QUERY).unwrap(), QUERY).unwrap();
    let sets = [(key("a.z.test."), set(RecordType::TXT, &[vec![0; 65_520]])), zone(1).remove(1)];
    let messages: Vec<_> = whole(request, soa(), sets.into_iter(), None, Utc::now).collect();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0][6..8], [0, 1], "the first SOA");
}
