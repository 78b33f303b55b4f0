//! A reply, as it is written: header, question, records, OPT; never more than it may be.
//!
//! Owner names are pointers: to the question, to the target of a CNAME written before, to the zone's origin inside either,
//! with labels before it where need be. So nothing is searched, and names are sent in the letters they were asked in.

use super::query::{HEADER, flag, option, rtype};
use crate::names::set::{NOWHERE, Rdata, Set};

/// A reply would be larger than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A section of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Answer = 1,
    Authority = 2,
    Additional = 3,
}

/// A name that ends in one which the reply has already: its labels before that, and where that is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'n> {
    pub(crate) labels: &'n [u8],
    /// From the beginning of the message; under 2¹⁴.
    pub(crate) then: u16,
}

impl Owner<'_> {
    /// The name that the reply has there.
    pub(crate) fn at(offset: u16) -> Self {
        Self { labels: &[], then: offset }
    }
}

/// The OPT record of a reply.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Opt<'a> {
    /// The largest datagram that we take.
    pub(crate) size: u16,
    pub(crate) dnssec_ok: bool,
    pub(crate) compact_ok: bool,
    /// The client-subnet option as it came, and the scope to put into it.
    pub(crate) subnet: Option<(&'a [u8], u8)>,
    pub(crate) cookie: Option<[u8; 24]>,
    pub(crate) nsid: Option<&'a [u8]>,
    /// In units of 100 ms (RFC 7828 §3.1).
    pub(crate) keepalive: Option<u16>,
    /// Its INFO-CODE; the text is for logs, and ours say more.
    pub(crate) extended_error: Option<u16>,
    /// Octets of which the whole message is to be a multiple.
    pub(crate) block: Option<usize>,
}

const PADDING_HEAD: usize = 4;

impl Opt<'_> {
    /// Octets without padding.
    fn length(&self) -> usize {
        let option = |data: usize| 4 + data;
        11 + self.subnet.map_or(0, |(data, _)| option(data.len()))
            + self.cookie.map_or(0, |data| option(data.len()))
            + self.nsid.map_or(0, |data| option(data.len()))
            + self.keepalive.map_or(0, |_| option(2))
            + self.extended_error.map_or(0, |_| option(2))
    }
}

/// A reply under way.
#[derive(Debug)]
pub(crate) struct Writer<'o> {
    out: &'o mut [u8],
    at: usize,
    /// What records may fill; an OPT has room of its own beyond.
    limit: usize,
    counts: [u16; 4],
    /// Where the records begin.
    records: usize,
}

impl<'o> Writer<'o> {
    /// A reply of at most `limit` octets (and what `out` holds), with this question; none if that does not fit.
    pub(crate) fn new(out: &'o mut [u8], limit: usize, question: &[u8]) -> Option<Self> {
        let limit = limit.min(out.len());
        let records = HEADER + question.len();
        out.get_mut(HEADER..records)?.copy_from_slice(question);
        let counts = [u16::from(!question.is_empty()), 0, 0, 0];
        Some(Self { out, at: records, limit, counts, records })
    }

    /// Keeps room for the OPT record, which is written last.
    pub(crate) fn reserve(&mut self, opt: &Opt<'_>) {
        self.reserve_octets(opt.length());
    }

    /// Keeps room for what others write after it.
    pub(crate) fn reserve_octets(&mut self, octets: usize) {
        self.limit = self.limit.saturating_sub(octets);
    }

    /// Octets so far, OPT left out.
    pub(crate) fn length(&self) -> usize {
        self.at
    }

    /// Where the next record's data would begin, after an owner that is a pointer.
    pub(crate) fn next_data(&self) -> u16 {
        (self.at + 12) as u16
    }

    /// Whether there is any record in it yet.
    pub(crate) fn is_blank(&self) -> bool {
        self.at == self.records
    }

    /// Drops all records: the reply that says that they do not fit, or that there are none.
    pub(crate) fn clear(&mut self) {
        self.at = self.records;
        self.counts = [self.counts[0], 0, 0, 0];
    }

    /// Writes one record of class IN. Names in the data that come to the zone's origin end in a pointer to `origin`.
    pub(crate) fn record(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        rtype: u16,
        ttl: u32,
        data: Rdata<'_>,
        origin: u16,
    ) -> Result<(), Full> {
        self.record_of(1, section, owner, rtype, ttl, data, origin)
    }

    /// Writes one record of any class.
    #[expect(clippy::too_many_arguments, reason = "a record has so many parts")]
    pub(crate) fn record_of(
        &mut self,
        class: u16,
        section: Section,
        owner: Owner<'_>,
        rtype: u16,
        ttl: u32,
        data: Rdata<'_>,
        origin: u16,
    ) -> Result<(), Full> {
        let whole = self.at + owner.labels.len() + 12 + data.bytes.len(); // compressed it is not longer
        if whole > self.limit && self.at + owner.labels.len() + 12 + compressed(data) > self.limit {
            return Err(Full);
        }
        self.put(owner.labels);
        self.put(&pointer(owner.then));
        self.put(&rtype.to_be_bytes());
        self.put(&class.to_be_bytes());
        self.put(&ttl.to_be_bytes());
        let length_at = self.at;
        self.at += 2;
        let mut from = 0;
        for tail in data.tails {
            if tail == NOWHERE {
                break;
            }
            let tail = usize::from(tail);
            // The name ends at the origin's end, which is found again by its labels.
            self.put(&data.bytes[from..tail]);
            self.put(&pointer(origin));
            from = tail + name_length(&data.bytes[tail..]);
        }
        self.put(&data.bytes[from..]);
        let length = (self.at - length_at - 2) as u16;
        self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        self.counts[section as usize] += 1;
        Ok(())
    }

    /// Writes a set, and with `signed` the signatures that it has.
    pub(crate) fn set(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        set: &Set,
        ttl: u32,
        origin: u16,
        signed: bool,
    ) -> Result<(), Full> {
        for data in set.data() {
            self.record(section, owner, set.rtype, ttl, data, origin)?;
        }
        if signed {
            for data in set.signatures() {
                self.record(section, owner, rtype::RRSIG, ttl, data, origin)?;
            }
        }
        Ok(())
    }

    /// Writes the OPT record and the header; gives the length of the reply, and back where it is. The code's upper bits are in
    /// the OPT.
    pub(crate) fn finish(mut self, id: u16, flags: u16, code: u16, opt: Option<&Opt<'_>>) -> (usize, &'o mut [u8]) {
        if let Some(opt) = opt {
            self.opt(opt, code);
        }
        let flags = flags | flag::QR | (code & 0xf);
        self.out[..2].copy_from_slice(&id.to_be_bytes());
        self.out[2..4].copy_from_slice(&flags.to_be_bytes());
        for (index, count) in self.counts.into_iter().enumerate() {
            self.out[4 + 2 * index..][..2].copy_from_slice(&count.to_be_bytes());
        }
        (self.at, self.out)
    }

    fn opt(&mut self, opt: &Opt<'_>, code: u16) {
        let length = opt.length();
        let plain = self.at + length;
        let padding = opt.block.map(|block| {
            let padded = (plain + PADDING_HEAD).next_multiple_of(block).min(self.out.len());
            padded.saturating_sub(plain + PADDING_HEAD)
        });
        if plain + padding.map_or(0, |p| PADDING_HEAD + p) > self.out.len() {
            return; // `reserve` saw to it that there is room; nothing is better than half of it
        }
        let flags = u16::from(opt.dnssec_ok) << 15 | u16::from(opt.compact_ok) << 14;
        self.put(&[0]);
        self.put(&rtype::OPT.to_be_bytes());
        self.put(&opt.size.to_be_bytes());
        self.put(&[(code >> 4) as u8, 0]);
        self.put(&flags.to_be_bytes());
        let data = length - 11 + padding.map_or(0, |p| PADDING_HEAD + p);
        self.put(&(data as u16).to_be_bytes());
        if let Some((data, scope)) = opt.subnet {
            self.option(option::SUBNET, data);
            let scope_at = self.at - data.len() + 3;
            self.out[scope_at] = scope;
        }
        if let Some(data) = opt.cookie {
            self.option(option::COOKIE, &data);
        }
        if let Some(data) = opt.nsid {
            self.option(option::NSID, data);
        }
        if let Some(timeout) = opt.keepalive {
            self.option(option::KEEPALIVE, &timeout.to_be_bytes());
        }
        if let Some(info) = opt.extended_error {
            self.option(option::EXTENDED_ERROR, &info.to_be_bytes());
        }
        if let Some(padding) = padding {
            self.put(&option::PADDING.to_be_bytes());
            self.put(&(padding as u16).to_be_bytes());
            self.out[self.at..self.at + padding].fill(0);
            self.at += padding;
        }
        self.counts[Section::Additional as usize] += 1;
    }

    fn option(&mut self, code: u16, data: &[u8]) {
        self.put(&code.to_be_bytes());
        self.put(&(data.len() as u16).to_be_bytes());
        self.put(data);
    }

    /// Every caller has seen to the room.
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

fn pointer(offset: u16) -> [u8; 2] {
    (0xc000 | offset).to_be_bytes()
}

/// Octets of a datum when its names end in pointers.
fn compressed(data: Rdata<'_>) -> usize {
    let tails = data.tails.into_iter().take_while(|tail| *tail != NOWHERE);
    let saved = tails.map(|tail| name_length(&data.bytes[usize::from(tail)..]) - 2);
    data.bytes.len() - saved.sum::<usize>()
}

/// Octets of the name written out at the beginning of these.
fn name_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length @ 1..) = bytes.get(at) {
        at += usize::from(*length) + 1;
    }
    at + 1
}
