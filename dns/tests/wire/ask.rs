//! A query, octet by octet, from one line: `NAME TYPE [CLASS] [word …]`.
//!
//! | word | what it puts in |
//! |---|---|
//! | `-rd` `+aa` `+tc` `+ra` `+z` `+ad` `+cd` `+qr` | bits of the header; RD is set unless it is taken away |
//! | `opcode=N` | |
//! | `questions=0`, `questions=2` | none, or the same question twice |
//! | `edns` `size=N` `version=N` `do` `co` `bits` | an OPT record; `bits` are all flags that mean nothing |
//! | `nsid` `keepalive` `keepalive=HEX` `padding=N` `cookie=HEX` `ecs=HEX` `option=N:HEX` | its options, in this order |
//! | `subnet=ADDRESS/SOURCE` | a good client-subnet option, address cut to SOURCE bits |
//! | `opt=owner` `opt=answer` `opt=twice` `opt=short` | an OPT where or as it must not be |
//! | `answer=HEX` `authority=HEX` `additional=HEX` | a record of these octets |
//! | `tail=HEX` | octets after the last record |
//! | `body=HEX` | all that follows the header, which has counted one question |
//!
//! Any word of EDNS makes an OPT record, of 4096 octets if no size is given.

use std::{net::IpAddr, str::FromStr};

use hickory_proto::rr::RecordType;

use crate::transports::Over;

/// What the laws of replies (see `laws`) depend on.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub bytes: Vec<u8>,
    pub question: Vec<u8>,
    pub flags: u16,
    /// Of the OPT record, if there is one: size, flags.
    pub edns: Option<(u16, u16)>,
    pub subnet: Option<Vec<u8>>,
    pub cookie: Option<Vec<u8>>,
    pub padded: bool,
}

const RD: u16 = 0x100;
const HEADER: usize = 12;

impl Ask {
    /// Without an ID where it must be 0 (RFC 8484 §4.1, RFC 9250 §4.2.1).
    pub fn over(mut self, over: Over) -> Self {
        if matches!(over, Over::Https | Over::Quic) {
            self.bytes[..2].fill(0);
        }
        self
    }
}

/// Writes the query of a line.
pub fn ask(line: &str) -> Ask {
    let mut words = line.split_whitespace();
    let name = wire(words.next().expect("a name"));
    let rtype = rtype(words.next().expect("a type"));
    let (mut class, mut questions, mut flags, mut version) = (1_u16, 1_u8, RD, 0_u8);
    let (mut edns, mut options, mut odd, mut tail) = (None::<(u16, u16)>, Vec::new(), "", Vec::new());
    let mut records: [Vec<Vec<u8>>; 3] = Default::default();
    let (mut ask, mut body) = (Ask::default(), None);
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let mut option = |code: u16, data: &[u8]| {
            edns.get_or_insert((4096, 0));
            options.extend([code.to_be_bytes(), (data.len() as u16).to_be_bytes()].concat());
            options.extend(data);
        };
        match key {
            "CH" => class = 3,
            "HS" => class = 4,
            "NONE" => class = 254,
            "ANY" => class = 255,
            "-rd" => flags &= !RD,
            "+qr" => flags |= 0x8000,
            "+aa" => flags |= 0x400,
            "+tc" => flags |= 0x200,
            "+ra" => flags |= 0x80,
            "+z" => flags |= 0x40,
            "+ad" => flags |= 0x20,
            "+cd" => flags |= 0x10,
            "opcode" => flags |= number(value) << 11,
            "questions" => questions = number(value) as u8,
            "edns" => _ = edns.get_or_insert((4096, 0)),
            "size" => edns.get_or_insert((4096, 0)).0 = number(value),
            "do" => edns.get_or_insert((4096, 0)).1 |= 0x8000,
            "co" => edns.get_or_insert((4096, 0)).1 |= 0x4000,
            "bits" => edns.get_or_insert((4096, 0)).1 |= 0x3fff,
            "version" => {
                edns.get_or_insert((4096, 0));
                version = number(value) as u8;
            }
            "nsid" => option(3, &hex(value)),
            "keepalive" => option(11, &hex(value)),
            "padding" => {
                option(12, &vec![0; usize::from(number(value))]);
                ask.padded = true;
            }
            "cookie" => {
                option(10, &hex(value));
                ask.cookie = ask.cookie.or(Some(hex(value)));
            }
            "subnet" | "ecs" => {
                let data = if key == "ecs" { hex(value) } else { subnet(value) };
                option(8, &data);
                ask.subnet = Some(data);
            }
            "option" => {
                let (code, data) = value.split_once(':').expect("option=CODE:HEX");
                option(number(code), &hex(data));
            }
            "opt" => {
                edns.get_or_insert((4096, 0));
                odd = value;
            }
            "answer" => records[0].push(hex(value)),
            "authority" => records[1].push(hex(value)),
            "additional" => records[2].push(hex(value)),
            "tail" => tail = hex(value),
            "body" => body = Some(hex(value)),
            _ => panic!("{line}: {word}?"),
        }
    }
    ask.question = [&name[..], &rtype.to_be_bytes(), &class.to_be_bytes()].concat();
    if let Some((size, bits)) = edns {
        let owner: &[u8] = if odd == "owner" { b"\x01x\0" } else { b"\0" };
        let length = options.len() as u16 + u16::from(odd == "short");
        let head = [41_u16.to_be_bytes(), size.to_be_bytes(), [0, version], bits.to_be_bytes(), length.to_be_bytes()];
        let opt = [owner, &head.concat(), &options].concat();
        let section = if odd == "answer" { 0 } else { 2 };
        records[section].push(opt.clone());
        if odd == "twice" {
            records[section].push(opt);
        }
    }
    (ask.edns, ask.flags) = (edns, flags);
    if matches!(odd, "answer" | "owner" | "short") {
        ask.edns = None; // none that can be found
    }
    ask.bytes = [[0x12, 0x34], flags.to_be_bytes(), [0, questions]].concat();
    ask.bytes.extend(records.iter().flat_map(|records| (records.len() as u16).to_be_bytes()));
    (0..questions).for_each(|_| ask.bytes.extend(&ask.question));
    if questions != 1 {
        ask.question.clear();
    }
    ask.bytes.extend(records.concat().concat());
    ask.bytes.extend(tail);
    if let Some(body) = body {
        ask.question.clear();
        ask.bytes.splice(HEADER.., body);
    }
    ask
}

/// A name in wire form, letters kept; `\DDD` is an octet (RFC 1035 §5.1).
fn wire(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let (mut octets, mut rest) = (Vec::new(), label);
        while let Some(first) = rest.chars().next() {
            let (octet, length) = if first == '\\' { (number(&rest[1..4]) as u8, 4) } else { (first as u8, 1) };
            octets.push(octet);
            rest = &rest[length..];
        }
        wire.push(octets.len() as u8);
        wire.extend(octets);
    }
    wire.push(0);
    wire
}

/// By name, or by number as `TYPE1000` (RFC 3597 §5).
fn rtype(text: &str) -> u16 {
    match text.strip_prefix("TYPE") {
        Some(value) => number(value),
        None if text == "IXFR" => 251,
        None => RecordType::from_str(text).unwrap_or_else(|e| panic!("{e}")).into(),
    }
}

/// RFC 7871 §6: family, SOURCE, SCOPE, as many octets of the address as SOURCE needs.
fn subnet(text: &str) -> Vec<u8> {
    let (address, source) = text.split_once('/').expect("subnet=ADDRESS/SOURCE");
    let source = number(source) as u8;
    let (family, octets) = match address.parse().unwrap() {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (2, address.octets().to_vec()),
    };
    [&[0, family, source, 0][..], &octets[..usize::from(source.div_ceil(8))]].concat()
}

fn number(text: &str) -> u16 {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

pub fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
