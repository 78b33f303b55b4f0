//! How it is answered: EDNS, sizes, and what to say to those who do not speak properly.

use hickory_proto::{
    op::{MessageType, OpCode, ResponseCode},
    rr::{
        DNSClass,
        RecordType::{self, A, IXFR, NS, OPT, TXT},
    },
};

use crate::world::{Asking, World, echo, query};

struct Case {
    what: &'static str,
    rfc: &'static str,
    query: Asking,
    code: ResponseCode,
}

fn case(what: &'static str, rfc: &'static str, query: Asking, code: ResponseCode) -> Case {
    Case { what, rfc, query, code }
}

fn subnet(what: &'static str, rfc: &'static str, option: &[u8]) -> Case {
    let query = query("live.fairway.test.", A).raw_subnet(option);
    Case { what, rfc, query, code: ResponseCode::FormErr }
}

fn cases() -> Vec<Case> {
    let live = || query("live.fairway.test.", A);
    let of_class = |class| live().edns().of(|m| _ = m.queries[0].set_query_class(class));
    let of_opcode = |opcode| live().edns().of(|m| m.metadata.op_code = opcode);
    let bad_v6 = [&[0, 2, 129, 0][..], &[0; 17]].concat();
    vec![
        subnet("scope in a query", "7871 §6", &[0, 1, 24, 24, 192, 0, 2]),
        subnet("bits set beyond SOURCE", "7871 §6", &[0, 1, 23, 0, 192, 0, 3]),
        subnet("bits set beyond SOURCE, IPv6", "7871 §6", &[0, 2, 33, 0, 0x20, 1, 0x0d, 0xb8, 0x40]),
        subnet("address longer than SOURCE", "7871 §6", &[0, 1, 24, 0, 192, 0, 2, 0]),
        subnet("address with SOURCE 0", "7871 §6", &[0, 1, 0, 0, 192]),
        subnet("address shorter than SOURCE", "7871 §6", &[0, 1, 24, 0, 192, 0]),
        subnet("SOURCE over 32", "7871 §7.1.2", &[0, 1, 33, 0, 192, 0, 2, 1, 0]),
        subnet("SOURCE over 128", "7871 §7.1.2", &bad_v6),
        subnet("unknown family", "7871 §7.1.2", &[0, 3, 24, 0, 192, 0, 2]),
        subnet("no family", "7871 §7.1.2", &[0, 0, 0, 0]),
        subnet("cut short", "7871 §6", &[0, 1, 24]),
        case(
            "two client subnets",
            "7871 §7.1.2",
            live().raw_subnet(&[0, 1, 8, 0, 10]).raw_subnet(&[0, 1, 8, 0, 11]),
            ResponseCode::FormErr,
        ),
        case("EDNS version 1", "6891 §6.1.3", live().edns_of(|e| _ = e.set_version(1)), ResponseCode::BADVERS),
        case(
            "EDNS version 1, and a bad option",
            "8906 §8.2",
            live().raw_subnet(&[0, 1, 24, 24, 192, 0, 2]).edns_of(|e| _ = e.set_version(1)),
            ResponseCode::BADVERS,
        ),
        case("opcode STATUS", "8906 §8.1", of_opcode(OpCode::Status), ResponseCode::NotImp),
        case("opcode NOTIFY", "8906 §8.1", of_opcode(OpCode::Notify), ResponseCode::NotImp),
        case("opcode UPDATE", "2136 §3", of_opcode(OpCode::Update), ResponseCode::NotImp),
        case("opcode 15", "8906 §8.1", of_opcode(OpCode::Unknown(15)), ResponseCode::NotImp),
        case("no question", "9619 §4", live().edns().of(|m| m.queries.clear()), ResponseCode::FormErr),
        case(
            "two questions",
            "9619 §4",
            live().edns().of(|m| m.queries.push(m.queries[0].clone())),
            ResponseCode::FormErr,
        ),
        case("class CH", "1035 §3.2.4", of_class(DNSClass::CH), ResponseCode::Refused),
        case("class ANY", "1035 §3.2.5", of_class(DNSClass::ANY), ResponseCode::Refused),
        case("incremental transfer", "1995 §2", query("fairway.test.", IXFR).edns(), ResponseCode::Refused),
        case("type OPT", "6891 §6.1.1", query("fairway.test.", OPT).edns(), ResponseCode::FormErr),
        case(
            "unknown type",
            "3597 §3",
            query("ns1.fairway.test.", RecordType::Unknown(65_280)).edns(),
            ResponseCode::NoError,
        ),
        case(
            "unknown option",
            "6891 §6.1.2",
            live().edns_of(|e| {
                e.options_mut().insert(hickory_proto::rr::rdata::opt::EdnsOption::Unknown(100, vec![1, 2]));
            }),
            ResponseCode::NoError,
        ),
        case("unknown EDNS flags", "6891 §6.1.4", live().edns_of(|e| e.flags_mut().z = 0x40), ResponseCode::NoError),
        case("AD and CD", "6840 §5.7", live().edns().of(|m| m.metadata.authentic_data = true), ResponseCode::NoError),
    ]
}

#[tokio::test]
async fn what_is_malformed_or_unusual_gets_its_code_over_udp_and_tcp() {
    let world = World::new().await;
    for Case { what, rfc, query, code } in cases() {
        let asked = query.0.queries.len();
        let bytes = query.bytes();
        for reply in [world.udp(&bytes).await, world.tcp(&bytes).await] {
            let told = format!("{what} (RFC {rfc}): {reply}");
            // On the wire BADVERS and BADSIG are one number, 16; hickory reads it as the latter.
            let got = reply.metadata.response_code;
            assert_eq!(u16::from(got), u16::from(code), "{told}");
            assert_eq!((reply.metadata.id, reply.metadata.message_type), (query.0.metadata.id, MessageType::Response));
            assert_eq!(reply.metadata.op_code, query.0.metadata.op_code, "{told}");
            assert!(reply.metadata.recursion_desired && !reply.metadata.recursion_available, "{told}");
            assert!(!reply.metadata.authentic_data && !reply.metadata.truncation, "{told}");
            if code != ResponseCode::NoError {
                assert!(reply.answers.is_empty() && reply.authorities.is_empty(), "{told}");
                assert!(!reply.metadata.authoritative && echo(&reply).is_none(), "{told}");
            }
            // Two questions cannot both be answered, and are not sent back either.
            assert_eq!(reply.queries.len(), asked % 2, "{told}");
            let edns = reply.edns.as_ref().unwrap_or_else(|| panic!("an OPT for an OPT: {told}"));
            assert_eq!((edns.version(), edns.max_payload(), edns.flags().z), (0, 1232, 0), "{told}");
        }
    }
}

#[tokio::test]
async fn edns_is_for_those_who_asked_with_it() {
    let world = World::new().await;
    assert!(world.udp(&query("live.fairway.test.", A).bytes()).await.edns.is_none());
    for dnssec_ok in [false, true] {
        let asked = query("live.fairway.test.", A).edns_of(|e| _ = e.set_max_payload(65_535).set_dnssec_ok(dnssec_ok));
        let edns = world.udp(&asked.bytes()).await.edns.unwrap();
        assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (1232, dnssec_ok), "RFC 3225 §3");
    }
    let asked = query("live.fairway.test.", A).of(|m| m.metadata.checking_disabled = true);
    assert!(world.udp(&asked.bytes()).await.metadata.checking_disabled, "RFC 4035 §3.1.6");
}

#[tokio::test]
async fn what_does_not_fit_is_truncated_and_whole_over_tcp() {
    let world = World::new().await;
    for (name, size, fits) in [
        ("large.fairway.test.", None, false),
        ("large.fairway.test.", Some(0), false), // RFC 6891 §6.2.3: less than 512 is 512
        ("large.fairway.test.", Some(512), false),
        ("large.fairway.test.", Some(1000), true),
        ("huge.fairway.test.", Some(1232), false),
        ("huge.fairway.test.", Some(65_535), false), // our own limit
    ] {
        let mut asked = query(name, TXT);
        if let Some(size) = size {
            asked = asked.subnet("192.0.2.0/24").edns_of(|e| *e.flags_mut() = Default::default());
            asked = asked.edns_of(|e| _ = e.set_max_payload(size));
        }
        let mut bytes = asked.bytes();
        if size == Some(0) {
            let class = bytes.len() - 11 - 2 - 4 - 2; // of an OPT with one option of 11 octets; hickory would not write 0
            assert_eq!(bytes[class..class + 2], [2, 0]);
            bytes[class] = 0;
        }
        let reply = world.udp(&bytes).await;
        assert_eq!(reply.metadata.truncation, !fits, "{name} {size:?}");
        assert_eq!(reply.answers.len(), usize::from(fits), "{name} {size:?}");
        assert_eq!((reply.edns.is_some(), echo(&reply).is_some()), (size.is_some(), size.is_some()), "{name} {size:?}");
        assert!(reply.metadata.authoritative && reply.queries.len() == 1);

        let reply = world.tcp(&bytes).await;
        assert!(!reply.metadata.truncation && reply.answers.len() == 1, "{name} {size:?}");
    }
}

#[tokio::test]
async fn many_questions_go_over_one_tcp_connection() {
    let world = World::new().await;
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    for (name, rtype) in [("live.fairway.test.", A), ("fairway.test.", NS), ("huge.fairway.test.", TXT)] {
        let asked = query(name, rtype);
        let reply = crate::world::over_tcp(&mut stream, &asked.bytes()).await;
        assert_eq!((reply.metadata.id, reply.answers.is_empty()), (asked.0.metadata.id, false));
    }
}

#[tokio::test]
async fn runts_and_responses_are_not_replied_to() {
    let world = World::new().await;
    let good = query("live.fairway.test.", A);
    let response = query("live.fairway.test.", A).of(|m| m.metadata.message_type = MessageType::Response).bytes();
    let reply = world.udp_first(&[&[0; 11], &[], &response, &good.bytes()]).await;
    assert_eq!(reply.metadata.id, good.0.metadata.id, "a reply to a reply never ends");
}
