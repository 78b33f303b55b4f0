//! A reply, read octet by octet: what every reply must hold to whatever was asked, and what it says, as text.

use std::ops::Range;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, RecordType},
    serialize::binary::BinDecodable,
};

use crate::{ask::Ask, transports::Over};

/// A reply, taken apart.
pub struct Told {
    pub bytes: Vec<u8>,
    pub message: Message,
    /// Where the records of each section are, OPT and all.
    records: Vec<Record>,
    end: usize,
}

struct Record {
    section: usize,
    owner: u8,
    rtype: u16,
    class: u16,
    ttl: u32,
    data: Range<usize>,
}

const SECTIONS: [&str; 3] = ["answer", "authority", "additional"];
const OPT: u16 = 41;

impl Told {
    /// # Panics
    /// Where it cannot be read.
    pub fn read(bytes: Vec<u8>) -> Self {
        let message = Message::from_vec(&bytes).unwrap_or_else(|e| panic!("{e}: {bytes:02x?}"));
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let mut at = 12;
        for _ in 0..word(4) {
            at = after_name(&bytes, at) + 4;
        }
        let mut records = Vec::new();
        for section in 0..3 {
            for _ in 0..word(6 + 2 * section) {
                let head = after_name(&bytes, at);
                let ttl = u32::from_be_bytes([bytes[head + 4], bytes[head + 5], bytes[head + 6], bytes[head + 7]]);
                let data = head + 10..head + 10 + usize::from(word(head + 8));
                let (owner, rtype, class) = (bytes[at], word(head), word(head + 2));
                at = data.end;
                records.push(Record { section, owner, rtype, class, ttl, data });
            }
        }
        Self { message, records, end: at, bytes }
    }

    fn flags(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    pub fn truncated(&self) -> bool {
        self.flags() & 0x200 != 0
    }

    fn opt(&self) -> Option<&Record> {
        self.records.iter().find(|record| record.rtype == OPT)
    }

    /// The response code, EDNS's upper bits included.
    pub fn code(&self) -> ResponseCode {
        let high = self.opt().map_or(0, |opt| (opt.ttl >> 24) as u8);
        match (high, self.flags() as u8 & 0xf) {
            (1, 0) => ResponseCode::BADVERS, // 16, which hickory reads as BADSIG
            (high, low) => ResponseCode::from(high, low),
        }
    }

    /// The options of the OPT record.
    pub fn options(&self) -> Vec<(u16, &[u8])> {
        let mut rest = self.opt().map_or(&[][..], |opt| &self.bytes[opt.data.clone()]);
        let mut options = Vec::new();
        while let [c0, c1, l0, l1, data @ ..] = rest {
            let (data, others) = data.split_at(usize::from(u16::from_be_bytes([*l0, *l1])));
            options.push((u16::from_be_bytes([*c0, *c1]), data));
            rest = others;
        }
        assert!(rest.is_empty(), "half an option: {rest:?}");
        options
    }

    pub fn option(&self, code: u16) -> Option<&[u8]> {
        self.options().into_iter().find(|(other, _)| *other == code).map(|(_, data)| data)
    }

    /// What every reply holds to; else which law it breaks.
    pub fn lawful(&self, ask: &Ask, over: Over) -> Result<(), &'static str> {
        let law = |holds: bool, law| if holds { Ok(()) } else { Err(law) };
        let (flags, opts) = (self.flags(), self.records.iter().filter(|record| record.rtype == OPT).count());
        let limit = match ask.edns {
            _ if over != Over::Udp => usize::from(u16::MAX),
            None => 512,
            Some((size, _)) => usize::from(size.clamp(512, 1232)),
        };
        law(self.end == self.bytes.len(), "something follows the last record")?;
        law(self.bytes[..2] == ask.bytes[..2], "the ID is another (RFC 1035 §4.1.1)")?;
        law(flags & 0x8000 != 0, "QR is clear")?;
        law(flags & 0x7800 == ask.flags & 0x7800, "the opcode is another")?;
        law(flags & 0x110 == ask.flags & 0x110, "RD or CD is another (RFC 1035 §4.1.1, RFC 4035 §3.1.6)")?;
        law(flags & 0x80 == 0, "RA: recursion is offered")?;
        law(flags & 0x40 == 0, "Z is set (RFC 1035 §4.1.1)")?;
        law(flags & 0x20 == 0, "AD: we claim to have validated (RFC 4035 §3.1.6)")?;
        law(!self.truncated() || over == Over::Udp, "TC on a stream")?;
        law(self.bytes[12..].starts_with(&ask.question), "the question is another, or in other letters")?;
        law(self.bytes[4..6] == [0, u8::from(!ask.question.is_empty())], "QDCOUNT")?;
        law(self.bytes.len() <= limit, "larger than the client takes (RFC 6891 §6.2.3)")?;
        law(opts == usize::from(ask.edns.is_some()), "an OPT for an OPT, and for nothing else (RFC 6891 §7)")?;
        let empty = self.records.len() == opts;
        law(!self.truncated() || empty, "a part of an answer")?;
        let code = u16::from(self.code());
        law(empty || [0, 3].contains(&code), "an error with records")?;
        law([0, 3].contains(&code) || flags & 0x400 == 0, "an error with AA (RFC 7871 §7.1.2 and others)")?;
        let Some(opt) = self.opt() else { return Ok(()) };
        let bits = ask.edns.map_or(0, |(_, bits)| bits & 0xc000);
        law((opt.section, opt.owner, opt.class) == (2, 0, 1232), "the OPT's place, owner or size")?;
        law(opt.ttl & 0xff_0000 == 0, "another EDNS version than 0 (RFC 6891 §6.1.3)")?;
        law(opt.ttl & 0xffff == u32::from(bits), "DO or CO not echoed, or other bits (RFC 3225 §3, RFC 6891 §6.1.4)")?;
        let mut codes: Vec<_> = self.options().iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        law(codes.windows(2).all(|pair| pair[0] != pair[1]), "an option twice")?;
        law(codes.iter().all(|code| [3, 8, 10, 11, 12, 15].contains(code)), "an option that nobody understands")?;
        let echo = self.option(8).map(|data| [&data[..3], &data[4..]].concat());
        let sent = ask.subnet.as_ref().filter(|_| echo.is_some()).map(|data| [&data[..3], &data[4..]].concat());
        law(echo == sent, "the subnet's family, SOURCE or address is another (RFC 7871 §7.2.1)")?;
        let cookie = self.option(10);
        let client = ask.cookie.as_ref().and_then(|cookie| cookie.get(..8));
        law(cookie.is_none_or(|c| c.len() == 24 && Some(&c[..8]) == client), "the client's cookie is another")?;
        let padded = self.option(12).is_some();
        law(padded == (ask.padded && over.is_encrypted()), "padding: for those who pad, and encrypted (RFC 7830 §4)")?;
        law(!padded || self.bytes.len().is_multiple_of(468), "not a multiple of 468 octets (RFC 8467 §4.1)")?;
        law(self.option(11).is_none() || matches!(over, Over::Tcp | Over::Tls), "keepalive (RFC 7828 §3.3.2)")
    }

    /// What it says: the code, with AA and TC, then a line for each record, then one for the options.
    pub fn text(&self) -> Vec<String> {
        let flag = |bit, name| if self.flags() & bit == 0 { "" } else { name };
        let code = format!("{:?}", self.code()).to_uppercase();
        let mut lines = vec![format!("{code}{}{}", flag(0x400, " aa"), flag(0x200, " tc"))];
        let message = &self.message;
        for (section, records) in SECTIONS.iter().zip([&message.answers, &message.authorities, &message.additionals]) {
            lines.extend(records.iter().map(|record| {
                let class = if record.dns_class.to_string() == "IN" { "" } else { "CH " };
                let data = match &record.data {
                    RData::Unknown { rdata, .. } => dnssec(record.record_type(), &rdata.anything),
                    RData::HTTPS(_) | RData::SVCB(_) => {
                        record.data.to_string().trim_end_matches(',').replace(", ", " ")
                    }
                    data => data.to_string(),
                };
                let rtype = name_of(record.record_type().into());
                format!("{section} {} {} {class}{rtype} {data}", record.name.to_ascii(), record.ttl)
            }));
        }
        let options: Vec<_> = self.options().into_iter().map(|(code, data)| option(code, data)).collect();
        if !options.is_empty() {
            lines.push(format!("opt {}", options.join(" ")));
        }
        lines
    }
}

fn option(code: u16, data: &[u8]) -> String {
    match (code, data) {
        (3, data) => format!("nsid={}", String::from_utf8_lossy(data)),
        (8, [_, _, _, scope, ..]) => format!("scope={scope}"),
        (10, _) => "cookie".into(),
        (11, [a, b]) => format!("keepalive={}", u16::from_be_bytes([*a, *b])),
        (12, _) => "padding".into(),
        (15, [a, b]) => format!("error={}", u16::from_be_bytes([*a, *b])),
        _ => format!("{code}={data:02x?}"),
    }
}

/// What this build of the library does not read: of an RRSIG the type that it covers, of an NSEC the next name and the types.
fn dnssec(rtype: RecordType, data: &[u8]) -> String {
    match (rtype, data) {
        (RecordType::RRSIG, [a, b, ..]) => name_of(u16::from_be_bytes([*a, *b])),
        (RecordType::NSEC, data) => {
            let (name, mut windows) = data.split_at(after_name(data, 0));
            let mut text = Name::from_bytes(name).unwrap().to_ascii();
            while let [window, length, rest @ ..] = windows {
                let (map, others) = rest.split_at(usize::from(*length));
                for bit in (0..map.len() * 8).filter(|bit| map[bit / 8] & (0x80 >> (bit % 8)) != 0) {
                    text = format!("{text} {}", name_of(u16::from(*window) * 256 + bit as u16));
                }
                windows = others;
            }
            text
        }
        (_, data) => format!("\\# {}", data.iter().map(|octet| format!("{octet:02x}")).collect::<String>()),
    }
}

fn name_of(rtype: u16) -> String {
    match RecordType::from(rtype) {
        RecordType::Unknown(number) => format!("TYPE{number}"),
        known => known.to_string(),
    }
}

fn after_name(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes[at] {
            0 => return at + 1,
            0xc0.. => return at + 2,
            length => at += 1 + usize::from(length),
        }
    }
}
