//! What every reply must be, whatever was asked.
//!
//! The reply is read by hickory, and once more here, octet by octet: to see that nothing is left over, and in which section
//! what stands. The query is read by us, and where hickory can read it too, both must have read the same.

use std::net::IpAddr;

use hickory_proto::op::Message;

use crate::{
    reply::subnet::Subnet,
    transport::{Transfer, Transport},
    view::View,
    wire::query::{HEADER, Query, flag, option, rtype},
};

/// Types of which any data that are right are right to hickory.
const COMMON: [u16; 13] = [
    rtype::A,
    rtype::NS,
    rtype::CNAME,
    rtype::SOA,
    12, // PTR
    15, // MX
    rtype::TXT,
    rtype::AAAA,
    33, // SRV
    rtype::OPT,
    rtype::RRSIG,
    rtype::NSEC,
    rtype::TSIG,
];

/// A query that was asked.
pub(super) struct Asked<'a> {
    pub(super) query: &'a [u8],
    pub(super) source: IpAddr,
    pub(super) transport: Transport,
    pub(super) view: &'a View,
}

impl Asked<'_> {
    /// Octets of the buffer that the transport would bring.
    pub(super) fn buffer(&self) -> usize {
        if self.transport == Transport::Udp { usize::from(self.view.settings.udp_size) } else { 65_535 }
    }
}

/// A record, by its place in the message.
struct Record<'r> {
    section: usize,
    root: bool,
    rtype: u16,
    ttl: u32,
    data: &'r [u8],
}

/// Past the name that begins at `at`.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += usize::from(length) + 1,
            // A pointer goes back, or two could point at each other.
            high @ 0xc0.. => {
                let to = usize::from(high & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
                return (to < at && to >= HEADER).then_some(at + 2);
            }
            _ => return None,
        }
    }
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?))
}

/// The records of a message, to its last octet.
fn records(message: &[u8]) -> Option<Vec<Record<'_>>> {
    let mut at = HEADER;
    for _ in 0..word(message, 4)? {
        at = skip_name(message, at)? + 4;
    }
    let mut records = Vec::new();
    for section in 0..3 {
        for _ in 0..word(message, 6 + 2 * section)? {
            let root = *message.get(at)? == 0;
            at = skip_name(message, at)?;
            let (rtype, length) = (word(message, at)?, usize::from(word(message, at + 8)?));
            let ttl = u32::from_be_bytes(*message.get(at + 4..)?.first_chunk()?);
            let data = message.get(at + 10..)?.get(..length)?;
            records.push(Record { section, root, rtype, ttl, data });
            at += 10 + length;
        }
    }
    (at == message.len()).then_some(records)
}

/// The records of a message that hickory can read too. It is not asked where there is data of a type that it reads more
/// strictly than the standards are: data of no octet (RFC 3597 §5), a protocol in HTTPS that is not UTF-8 (RFC 9460 §7.1).
fn whole(message: &[u8]) -> Vec<Record<'_>> {
    let shown = || message[..message.len().min(600)].escape_ascii();
    let records = records(message).unwrap_or_else(|| panic!("not whole: {}", shown()));
    if records.iter().all(|record| COMMON.contains(&record.rtype))
        && let Err(error) = Message::from_vec(message)
    {
        panic!("{error}: {}", shown());
    }
    records
}

/// The options of an OPT record.
fn options(mut data: &[u8]) -> Vec<(u16, &[u8])> {
    let mut options = Vec::new();
    while !data.is_empty() {
        let (code, length) = (word(data, 0).expect("a code"), usize::from(word(data, 2).expect("a length")));
        options.push((code, &data[4..4 + length]));
        data = &data[4 + length..];
    }
    options
}

/// Panics where a reply, or that there is none, breaks a promise.
pub(super) fn check(asked: &Asked<'_>, reply: Option<&[u8]>) {
    let Some(query) = Query::read(asked.query).filter(|query| query.flags & flag::QR == 0) else {
        return assert!(reply.is_none(), "too short, or a response, and answered");
    };
    let limiter = &asked.view.guards.limiter;
    let Some(reply) = reply else {
        let may_be_silent = query.signed || limiter.largest(asked.query.len()) < 65_535;
        return assert!(asked.transport == Transport::Udp && may_be_silent, "nothing was said");
    };
    let records = whole(reply);
    same_query(asked.query, &query);

    // The header, and the question as it was written.
    let flags = word(reply, 2).expect("flags");
    let (tc, aa) = (flags & flag::TC != 0, flags & flag::AA != 0);
    let opts: Vec<&Record<'_>> = records.iter().filter(|record| record.rtype == rtype::OPT).collect();
    let code = flags & 0xf | opts.first().map_or(0, |opt| (opt.ttl >> 20) as u16 & 0xff0);
    assert_eq!(word(reply, 0), Some(query.id));
    let echoed = flag::RD | flag::CD | flag::OPCODE;
    assert_eq!(flags & !(flag::AA | flag::TC | 0xf), flag::QR | query.flags & echoed, "flags");
    let question = query.question.as_ref().map_or(&[][..], |question| question.bytes);
    assert_eq!(word(reply, 4), Some(u16::from(!question.is_empty())));
    assert_eq!(reply.get(HEADER..HEADER + question.len()), Some(question));

    // Its size, and what is left of it where that was too much.
    if asked.transport == Transport::Udp {
        let told = query.edns.as_ref().map_or(512, |edns| edns.size.clamp(512, asked.view.settings.udp_size));
        assert!(reply.len() <= usize::from(told), "{} octets", reply.len());
        let cookie = query.edns.as_ref().is_some_and(|edns| edns.cookie.is_some());
        let signed = if query.signed { 512 } else { 0 };
        let cap = limiter.largest(asked.query.len()).saturating_add(signed);
        assert!(cookie || reply.len() <= cap.max(asked.query.len() + 64), "{} for {}", reply.len(), asked.query.len());
    } else {
        assert!(!tc, "cut on a stream");
    }
    let data: Vec<&Record<'_>> =
        records.iter().filter(|record| !matches!(record.rtype, rtype::OPT | rtype::TSIG)).collect();
    assert!(!tc || data.is_empty(), "a part of an answer");
    if !matches!(code, 0 | 3) {
        assert!(data.is_empty() && !aa, "an error says nothing else: {code}, {flags:x}");
    }
    for record in &data {
        assert!(record.ttl <= i32::MAX as u32 || !aa, "RFC 2181 §8: {}", record.ttl);
    }

    // Its OPT record, if it was asked with one.
    assert_eq!(opts.len(), usize::from(query.edns.is_some()), "OPT");
    let told = opts.first().map(|opt| {
        assert!(opt.section == 2 && opt.root && opt.ttl >> 16 & 0xff == 0);
        options(opt.data)
    });
    let told = |code| told.iter().flatten().find(|(other, _)| *other == code).map(|(_, data)| *data);
    if let Some([_, _, source, scope, ..]) = told(option::SUBNET) {
        let theirs = query.edns.as_ref().and_then(|edns| edns.subnet).expect("not told without being asked");
        let ours = told(option::SUBNET).expect("it is there");
        assert!(asked.view.settings.subnets.from(asked.source), "told to one who is not believed");
        assert!(Subnet::read(theirs).is_some() && ours[..3] == theirs[..3] && ours[4..] == theirs[4..], "echo");
        assert!(*scope <= if ours[1] == 1 { 32 } else { 128 } && (*source > 0 || *scope == 0), "scope {scope}");
    }
    if let Some(cookie) = told(option::COOKIE) {
        let theirs = query.edns.as_ref().and_then(|edns| edns.cookie).expect("not told without being asked");
        assert!(cookie.len() == 24 && cookie[..8] == theirs[..8], "cookie");
    }
    // And a signature at the very end, if at all.
    let tsig = records.iter().position(|record| record.rtype == rtype::TSIG);
    assert!(tsig.is_none_or(|at| query.signed && at + 1 == records.len()), "TSIG");
}

/// What both can read must be the same.
fn same_query(bytes: &[u8], ours: &Query<'_>) {
    let Ok(theirs) = Message::from_vec(bytes) else { return };
    if ours.malformed {
        return;
    }
    if let (Some(ours), [theirs]) = (&ours.question, &theirs.queries[..]) {
        assert_eq!(ours.name, crate::wire::name::Key::new(&theirs.name().to_lowercase()));
        assert_eq!((ours.rtype, ours.class), (theirs.query_type().into(), theirs.query_class().into()));
    }
    assert_eq!(ours.edns.is_some(), theirs.edns.is_some());
    if let (Some(ours), Some(theirs)) = (&ours.edns, &theirs.edns) {
        assert_eq!((ours.version, ours.dnssec_ok), (theirs.version(), theirs.flags().dnssec_ok));
        assert_eq!(ours.size.max(512), theirs.max_payload());
    }
}

/// A zone is handed over in whole messages, which begin and end with its SOA.
pub(super) fn check_transfer(query: &[u8], messages: Transfer) {
    let mut types = Vec::new();
    for message in messages {
        assert!(message.len() <= 65_535 && message[..2] == query[..2]);
        let records = whole(&message);
        types.extend(records.iter().filter(|record| record.section == 0).map(|record| record.rtype));
    }
    assert_eq!((types.first(), types.last()), (Some(&rtype::SOA), Some(&rtype::SOA)));
}
