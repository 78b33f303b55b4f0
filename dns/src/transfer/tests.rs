use super::*;
use crate::tsig::KeySettings;

mod nsd;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn key(text: &str) -> Key {
    Key::new(&name(text))
}

fn keys() -> Keys {
    let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=".to_owned();
    Keys::new(&[KeySettings { name: name("k."), algorithm: "hmac-sha256".into(), secret }]).unwrap()
}

fn secondary(zones: &str, notify: &[&str], allow: &[&str], key: Option<&str>) -> Secondary {
    Secondary {
        zones: zones.into(),
        notify: notify.iter().map(|to| to.parse().unwrap()).collect(),
        source: None,
        allow: allow.iter().map(|prefix| prefix.parse().unwrap()).collect(),
        key: key.map(name),
    }
}

/// A query of this type for `z.test`; with a serial, as an IXFR has it.
fn query(rtype: u16, serial: Option<u32>) -> Vec<u8> {
    let mut query = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, serial.is_some().into(), 0, 0][..], b"\x01Z\x04test\0"].concat();
    query.extend(rtype.to_be_bytes());
    query.extend([0, 1]);
    if let Some(serial) = serial {
        query.extend(b"\xc0\x0c\0\x06\0\x01\0\0\0\0\0\x1b\x02ns\xc0\x0c\xc0\x0c");
        query.extend(serial.to_be_bytes());
        query.extend([0; 16]);
    }
    query
}

fn request(rtype: u16, serial: Option<u32>) -> Option<Request> {
    let bytes = query(rtype, serial);
    let query = Query::read(&bytes).unwrap();
    assert!(!query.malformed);
    Request::read(&query, &bytes)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn questions_for_zones_are_read_and_others_are_not() {
    let axfr = request(252, None).unwrap();
    assert_eq!((axfr.zone, axfr.serial, axfr.whole), (key("z.test."), None, true));
    let ixfr = request(251, Some(0xfedc_ba98)).unwrap();
    assert_eq!((ixfr.serial, ixfr.whole, ixfr.flags), (Some(0xfedc_ba98), false, 0x500));
    assert_eq!(request(251, None).unwrap().serial, None);
    assert!(request(6, Some(1)).is_none());
    let whole = query(251, Some(1));
    assert!((24..whole.len()).all(|length| serial(&whole[..length], 24).is_none()));
}

#[test]
fn who_is_listed_may_and_nobody_else() {
    let transfers = Transfers::new(
        &[
            secondary("z.test", &[], &["192.0.2.0/28", "2001:db8::/64"], None),
            secondary("*.z.test.", &["198.51.100.1:53"], &[], None),
            secondary("*", &["203.0.113.1:53"], &[], Some("K.")),
            secondary("both.test", &[], &["192.0.2.0/28"], Some("k.")),
        ],
        keys(),
    )
    .unwrap();
    let (none, shown) = (None, Some(key("k.")));
    for (zone, source, with, allowed) in [
        ("z.test.", "192.0.2.15", &none, Ok(())),
        ("z.test.", "::ffff:192.0.2.15", &none, Ok(())),
        ("z.test.", "192.0.2.16", &none, Err(Refusal::Key)),
        ("z.test.", "192.0.2.16", &shown, Ok(())),
        ("z.test.", "2001:db8::9", &none, Ok(())),
        ("a.z.test.", "198.51.100.1", &none, Ok(())),
        ("a.z.test.", "192.0.2.1", &none, Err(Refusal::Key)),
        ("both.test.", "192.0.2.1", &none, Err(Refusal::Key)),
        ("both.test.", "192.0.2.1", &Some(key("other.")), Err(Refusal::Key)),
        ("both.test.", "192.0.2.1", &shown, Ok(())),
    ] {
        assert_eq!(transfers.allows(&key(zone), ip(source), with.as_ref()), allowed, "{zone} {source} {with:?}");
    }
    assert_eq!(Transfers::default().allows(&key("z.test."), ip("::1"), None), Err(Refusal::Address));
}

#[test]
fn each_question_has_its_answer_by_transport_and_serial() {
    let transfers = Transfers::new(&[secondary("*", &[], &["192.0.2.0/24"], None)], Keys::default()).unwrap();
    let rule = |request: &Request, transport, source| transfers.rule(request, 100, ip(source), transport, None);
    let (axfr, us) = (request(252, None).unwrap(), "192.0.2.1");
    for transport in [Transport::Tcp, Transport::Tls, Transport::Quic] {
        assert_eq!(rule(&axfr, transport, us), Ruling::Whole);
        assert_eq!(rule(&axfr, transport, "192.0.3.1"), Ruling::Refused(Refusal::Address));
    }
    assert_eq!(rule(&axfr, Transport::Https, us), Ruling::Refused(Refusal::Transport));
    assert_eq!(rule(&axfr, Transport::Udp, us), Ruling::Formerr);
    // Of 32 bits, 4,294,967,290 is ten before 4 and so before 100; 101 and 2^31 + 99 are after it.
    for (serial, over_tcp) in [
        (None, Ruling::Whole),
        (Some(99), Ruling::Whole),
        (Some(4_294_967_290), Ruling::Whole),
        (Some(100), Ruling::Current),
        (Some(101), Ruling::Current),
        (Some(0x8000_0063), Ruling::Current),
    ] {
        let ixfr = request(251, serial).unwrap();
        assert_eq!(rule(&ixfr, Transport::Tcp, us), over_tcp, "{serial:?}");
        assert_eq!(rule(&ixfr, Transport::Udp, us), Ruling::Current);
        assert_eq!(rule(&ixfr, Transport::Udp, "192.0.3.1"), Ruling::Refused(Refusal::Address));
    }
}

#[test]
fn secondaries_that_are_none_are_told_of() {
    let error = |secondary| Transfers::new(&[secondary], keys()).unwrap_err();
    assert!(matches!(error(secondary("*", &[], &[], None)), TransferError::Everybody(_)));
    assert!(matches!(error(secondary("*", &[], &[], Some("other."))), TransferError::Key(_, _)));
    for zones in ["", "*a", "a.*", "*.*", "*.", "a..b"] {
        let told = Transfers::new(&[secondary(zones, &[], &["::/0"], None)], keys());
        let root = zones == "*."; // all below the root
        assert_eq!(told.is_ok(), root, "{zones}");
    }
}
