//! A query, taken apart (RFC 1035 §4.1): header, question, OPT record (RFC 6891), and where a signature begins.
//!
//! What cannot be read does not make the rest unread: a reply that says FORMERR still carries the question and an OPT
//! record, if those were there, or resolvers take us for a server without EDNS and stop sending it (RFC 6891 §7).

use super::name::Key;

/// Octets of the header.
pub(crate) const HEADER: usize = 12;

/// Bits of the header's second word (RFC 1035 §4.1.1, RFC 4035 §3.2.2).
pub(crate) mod flag {
    pub(crate) const QR: u16 = 0x8000;
    pub(crate) const AA: u16 = 0x0400;
    pub(crate) const TC: u16 = 0x0200;
    pub(crate) const RD: u16 = 0x0100;
    pub(crate) const CD: u16 = 0x0010;
    /// Where the opcode is.
    pub(crate) const OPCODE: u16 = 0x7800;
}

/// Response codes (RFC 1035 §4.1.1).
pub(crate) mod code {
    pub(crate) const FORM_ERR: u16 = 1;
    pub(crate) const SERV_FAIL: u16 = 2;
    pub(crate) const NX_DOMAIN: u16 = 3;
    pub(crate) const NOT_IMP: u16 = 4;
    pub(crate) const REFUSED: u16 = 5;
    /// RFC 8945 §5.2.
    pub(crate) const NOT_AUTH: u16 = 9;
    /// RFC 6891 §9.
    pub(crate) const BAD_VERS: u16 = 16;
    /// RFC 7873 §8.
    pub(crate) const BAD_COOKIE: u16 = 23;
}

/// Numbers of types that this module or its callers treat apart.
pub(crate) mod rtype {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const TXT: u16 = 16;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const OPT: u16 = 41;
    pub(crate) const DS: u16 = 43;
    pub(crate) const RRSIG: u16 = 46;
    pub(crate) const NSEC: u16 = 47;
    /// Says in an NSEC that there is no such name (RFC 9824 §3.1).
    pub(crate) const NXNAME: u16 = 128;
    pub(crate) const TSIG: u16 = 250;
    pub(crate) const IXFR: u16 = 251;
    pub(crate) const AXFR: u16 = 252;
    pub(crate) const ANY: u16 = 255;
}

/// Numbers of EDNS options.
pub(crate) mod option {
    pub(crate) const NSID: u16 = 3;
    pub(crate) const SUBNET: u16 = 8;
    pub(crate) const COOKIE: u16 = 10;
    pub(crate) const KEEPALIVE: u16 = 11;
    pub(crate) const PADDING: u16 = 12;
    pub(crate) const EXTENDED_ERROR: u16 = 15;
}

/// A query message.
#[derive(Debug)]
pub(crate) struct Query<'q> {
    pub(crate) id: u16,
    /// The header's second word.
    pub(crate) flags: u16,
    /// What it says of its own questions.
    pub(crate) questions: u16,
    /// The question; `None` unless there is exactly one, and it can be read.
    pub(crate) question: Option<Question<'q>>,
    /// The OPT record.
    pub(crate) edns: Option<Edns<'q>>,
    /// Something in it cannot be read, or is there twice.
    pub(crate) malformed: bool,
    /// Whether it ends in a TSIG record (RFC 8945 §5.1).
    pub(crate) signed: bool,
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Question<'q> {
    /// The name, lower case.
    pub(crate) name: Key,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    /// As it was written, in its own letters: resolvers mix case as a defence and want it back.
    pub(crate) bytes: &'q [u8],
}

/// The OPT record of a query.
#[derive(Debug, Default)]
pub(crate) struct Edns<'q> {
    /// The largest datagram that the client takes.
    pub(crate) size: u16,
    pub(crate) version: u8,
    /// Wants signatures (RFC 3225).
    pub(crate) dnssec_ok: bool,
    /// Understands NXDOMAIN with a compact denial (RFC 9824 §5.1).
    pub(crate) compact_ok: bool,
    /// The client-subnet option's data.
    pub(crate) subnet: Option<&'q [u8]>,
    /// The cookie option's data.
    pub(crate) cookie: Option<&'q [u8]>,
    /// Asks which server this is (RFC 5001).
    pub(crate) nsid: bool,
    /// Asks how long a connection is kept (RFC 7828).
    pub(crate) keepalive: bool,
    /// Was padded (RFC 7830), and so wants its reply padded.
    pub(crate) padding: bool,
}

const DNSSEC_OK: u16 = 0x8000;
const COMPACT_OK: u16 = 0x4000;

/// Something that cannot be read.
struct Malformed;

/// Reads on, octet by octet.
struct Reader<'q> {
    bytes: &'q [u8],
    at: usize,
}

impl<'q> Reader<'q> {
    fn take(&mut self, count: usize) -> Result<&'q [u8], Malformed> {
        let taken = self.bytes.get(self.at..self.at + count).ok_or(Malformed)?;
        self.at += count;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        let [a, b] = self.take(2)? else { return Err(Malformed) };
        Ok(u16::from_be_bytes([*a, *b]))
    }

    /// Passes over a name, which may end in a pointer.
    fn skip_name(&mut self) -> Result<(), Malformed> {
        loop {
            match self.take(1)? {
                [0] => return Ok(()),
                [length @ 1..=63] => self.take(usize::from(*length)).map(drop)?,
                [0xc0..=0xff] => return self.take(1).map(drop),
                _ => return Err(Malformed),
            }
        }
    }
}

impl<'q> Query<'q> {
    /// Before anything is read.
    pub(crate) const BLANK: Self =
        Self { id: 0, flags: 0, questions: 0, question: None, edns: None, malformed: false, signed: false };

    /// Takes a message apart; `None` where it has not even a header.
    pub(crate) fn read(bytes: &'q [u8]) -> Option<Self> {
        let mut query = Self::BLANK;
        query.fill(bytes).then_some(query)
    }

    /// The same into the place of a blank one, which need not be moved then; false where there is not even a header.
    pub(crate) fn fill(&mut self, bytes: &'q [u8]) -> bool {
        let Some((header, _)) = bytes.split_first_chunk::<HEADER>() else { return false };
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        (self.id, self.flags, self.questions) = (word(0), word(2), word(4));
        let mut reader = Reader { bytes, at: HEADER };
        self.malformed = self.read_rest(&mut reader, [word(6), word(8), word(10)]).is_err();
        true
    }

    pub(crate) fn opcode(&self) -> u16 {
        (self.flags & flag::OPCODE) >> 11
    }

    /// Whether it is an ordinary query that can be read, of class IN.
    pub(crate) fn is_sound_question(&self) -> bool {
        let version = self.edns.as_ref().map_or(0, |edns| edns.version);
        let class = self.question.as_ref().map(|question| question.class);
        self.flags & flag::QR == 0 && self.opcode() == 0 && !self.malformed && version == 0 && class == Some(1)
    }

    fn read_rest(&mut self, reader: &mut Reader<'q>, counts: [u16; 3]) -> Result<(), Malformed> {
        for _ in 0..self.questions {
            if self.questions > 1 {
                reader.skip_name()?; // a pointer is good in the second
                reader.take(4)?;
                continue;
            }
            if self.read_question(reader).is_err() {
                self.question = None;
                return Err(Malformed);
            }
        }
        let [answers, authorities, additionals] = counts;
        for _ in 0..u32::from(answers) + u32::from(authorities) {
            self.skip_record(reader, false)?;
        }
        for _ in 0..additionals {
            if self.signed {
                return Err(Malformed); // a TSIG is the last (RFC 8945 §5.1)
            }
            self.skip_record(reader, true)?;
        }
        if reader.at == reader.bytes.len() { Ok(()) } else { Err(Malformed) }
    }

    fn read_question(&mut self, reader: &mut Reader<'q>) -> Result<(), Malformed> {
        let begin = reader.at;
        let question = self.question.insert(Question { name: Key::ROOT, rtype: 0, class: 0, bytes: &[] });
        reader.at += question.name.fill(&reader.bytes[begin..]).ok_or(Malformed)?;
        (question.rtype, question.class) = (reader.u16()?, reader.u16()?);
        question.bytes = &reader.bytes[begin..reader.at];
        Ok(())
    }

    /// Passes over a record; takes up what an OPT says.
    fn skip_record(&mut self, reader: &mut Reader<'q>, additional: bool) -> Result<(), Malformed> {
        let begin = reader.at;
        reader.skip_name()?;
        let at_root = reader.at == begin + 1;
        let (rtype, class) = (reader.u16()?, reader.u16()?);
        let (high, low) = (reader.u16()?, reader.u16()?); // the TTL
        let length = reader.u16()?;
        let data = reader.take(usize::from(length))?;
        match rtype {
            rtype::OPT if !additional || !at_root || self.edns.is_some() => Err(Malformed), // RFC 6891 §6.1.1
            rtype::OPT => {
                let edns = self.edns.insert(Edns {
                    size: class,
                    version: high as u8, // its upper half is for replies
                    dnssec_ok: low & DNSSEC_OK != 0,
                    compact_ok: low & COMPACT_OK != 0,
                    ..Edns::default()
                });
                edns.read_options(data)
            }
            rtype::TSIG => {
                self.signed = additional;
                if additional { Ok(()) } else { Err(Malformed) }
            }
            _ => Ok(()),
        }
    }
}

impl<'q> Edns<'q> {
    fn read_options(&mut self, data: &'q [u8]) -> Result<(), Malformed> {
        let mut reader = Reader { bytes: data, at: 0 };
        while reader.at < data.len() {
            let (code, length) = (reader.u16()?, reader.u16()?);
            let value = reader.take(usize::from(length))?;
            match code {
                // Two of them: neither can be echoed exactly.
                option::SUBNET if self.subnet.replace(value).is_some() => return Err(Malformed),
                // Of several, the first counts (RFC 7873 §5.2).
                option::COOKIE => self.cookie = self.cookie.or(Some(value)),
                option::NSID => self.nsid = true,
                // A client has no timeout to tell (RFC 7828 §3.2.1).
                option::KEEPALIVE if !value.is_empty() => return Err(Malformed),
                option::KEEPALIVE => self.keepalive = true,
                option::PADDING => self.padding = true,
                _ => {} // RFC 6891 §6.1.2
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A query for `a.test` A with these additional records.
    fn message(additionals: &[&[u8]]) -> Vec<u8> {
        let head = [&[1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, additionals.len() as u8][..], b"\x01A\x04test\0\0\x01\0\x01"];
        [&head.concat()[..], &additionals.concat()].concat()
    }

    const OPT: &[u8] = &[0, 0, 41, 4, 0xd0, 0, 0, 0x80, 0, 0, 0];

    #[test]
    fn a_query_is_taken_apart() {
        let bytes = message(&[OPT]);
        let query = Query::read(&bytes).unwrap();
        let question = query.question.as_ref().unwrap();
        assert_eq!((query.id, query.opcode(), query.questions, query.malformed), (0x102, 0, 1, false));
        assert_eq!((question.rtype, question.class, question.bytes), (1, 1, &bytes[12..24]));
        assert_eq!(question.name.as_wire(), b"\x01a\x04test\0");
        let edns = query.edns.unwrap();
        assert_eq!((edns.size, edns.version, edns.dnssec_ok, edns.compact_ok), (1232, 0, true, false));
    }

    #[test]
    fn options_are_found_and_others_passed_over() {
        let options: &[u8] = &[0, 99, 0, 1, 7, 0, 3, 0, 0, 0, 8, 0, 4, 0, 1, 0, 0, 0, 10, 0, 1, 5, 0, 12, 0, 2, 0, 0];
        let opt = [&OPT[..9], &[0, options.len() as u8], options].concat();
        let bytes = message(&[&opt]);
        let query = Query::read(&bytes).unwrap();
        let edns = query.edns.unwrap();
        assert!(!query.malformed && edns.nsid && edns.padding && !edns.keepalive);
        assert_eq!((edns.subnet, edns.cookie), (Some(&[0, 1, 0, 0][..]), Some(&[5][..])));
    }

    #[test]
    fn what_cannot_be_read_leaves_the_rest() {
        let subnet: &[u8] = &[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 16, 0, 8, 0, 4, 0, 1, 0, 0, 0, 8, 0, 4, 0, 1, 0, 0];
        let tsig: &[u8] = &[0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0];
        for (what, bytes) in [
            ("two OPT records", message(&[OPT, OPT])),
            ("an OPT elsewhere than at the root", message(&[&[&b"\x01x"[..], OPT].concat()])),
            ("two subnets", message(&[subnet])),
            ("an option that ends beyond its record", message(&[&[&OPT[..10], &[4, 0, 3, 0, 9]].concat()])),
            ("a TSIG that is not the last", message(&[tsig, OPT])),
            ("something after the last record", [&message(&[OPT])[..], &[0]].concat()),
            ("fewer records than announced", message(&[OPT, &[]])),
        ] {
            let query = Query::read(&bytes).unwrap();
            assert!(query.malformed && query.question.is_some(), "{what}");
        }
        let bytes = message(&[OPT, tsig]);
        let query = Query::read(&bytes).unwrap();
        assert!(query.signed && !query.malformed);
    }

    #[test]
    fn no_cut_of_a_message_hurts() {
        let bytes = message(&[OPT]);
        for length in 0..bytes.len() {
            let query = Query::read(&bytes[..length]);
            assert_eq!(query.is_some(), length >= HEADER);
            assert!(query.is_none_or(|q| q.malformed));
        }
    }
}
