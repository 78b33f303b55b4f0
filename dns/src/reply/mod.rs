//! From a query to its reply, in one synchronous function that every transport uses.
//!
//! It reads one [`View`] and the query, and writes into a buffer of the transport's. It takes no lock, allocates nothing,
//! and writes no log line.
//!
//! # The order of checks
//! The first that fails is the reply's code; it then carries the question if there is one (and an OPT if the query had one),
//! nothing else.
//! 1. under twelve octets, or itself a response: nothing is said. Replying to a response would let two servers talk for ever;
//! 2. opcode other than QUERY: NOTIMP (RFC 8906 §3.1.1 and §8.1);
//! 3. EDNS version other than 0: BADVERS (RFC 6891 §6.1.3). Before what follows, which a later version may mean otherwise;
//! 4. something cannot be read, or is there twice: FORMERR;
//! 5. not exactly one question: FORMERR (RFC 9619), but for a query with a cookie and no question (RFC 7873 §5.4);
//! 6. a malformed client-subnet option (RFC 7871 §7.1.2) or cookie (RFC 7873 §5.2.2), or a question for OPT or another that
//!    is none: FORMERR;
//! 7. a signature that does not hold (RFC 8945 §5.2): NOTAUTH;
//! 8. class CHAOS: what the operator wants told; a zone transfer: see [`crate::transfer`]; any class but IN, a name in none of
//!    our zones: REFUSED.
//!    Not NOTIMP: that is for what a server can do with no name at all, and resolvers give up on one that says so.
//!
//! Then [`lookup`] writes what there is, `prove` what has to be signed for it now, and `why` what operators ask for.
//!
//! # Who is asking
//! The network in the client-subnet option where there is one and its sender is believed, else the resolver. The option
//! comes back only to those who sent it, with the prefix length for which the answer holds: that of the decision, 0 where
//! nothing was decided. Who is not believed is answered as if the option were not there (RFC 7871 §7.2.1).
//!
//! # What does not fit
//! A reply that is too large for its datagram is cut down to its question, which sends the client to TCP (RFC 2181 §9: a part
//! of an answer is worth nothing; RFC 9471: nor is a referral without its glue).

pub(crate) mod lookup;
mod prove;
mod signature;
pub(crate) mod subnet;
mod why;

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use self::{
    lookup::{Asking, Lookup, Stop, Substance},
    signature::Signature,
    subnet::Subnet,
};
use crate::{
    cookie,
    limit::{Kind, Verdict},
    metrics::Truncated,
    names::set::{NOWHERE, Rdata, Set},
    transfer::{PROHIBITED, Request, Ruling},
    transport::Transport,
    tsig,
    view::View,
    wire::{
        name::Key,
        query::{Edns, HEADER, Query, Question, code, flag, rtype},
        writer::{Full, Opt, Owner, Section, Writer},
    },
};

/// The largest UDP reply to those who say nothing of themselves (RFC 1035 §4.2.1), and the least that an OPT can say.
const PLAIN_UDP_SIZE: u16 = 512;
/// Octets of which a padded reply is a multiple (RFC 8467 §4.1).
const PADDED: usize = 468;
/// `IN` and `CH`.
const IN: u16 = 1;
const CHAOS: u16 = 3;

/// Extended errors (RFC 8914 §4).
mod extended {
    pub(super) const NOT_READY: u16 = 14;
    pub(super) const NOT_AUTHORITATIVE: u16 = 20;
    pub(super) const NOT_SUPPORTED: u16 = 21;
    /// RFC 9824 §3.5.
    pub(super) const INVALID_QUERY_TYPE: u16 = 30;
}

/// What was answered.
#[derive(Debug)]
pub struct Outcome {
    /// Octets of the reply.
    pub length: usize,
    /// What was asked for; `None` without a question.
    pub rtype: Option<u16>,
    /// The response code, EDNS's upper bits included.
    pub code: u16,
    /// It told of a client subnet that was looked at.
    pub subnet: bool,
    /// Why it was cut, if it was.
    pub truncated: Option<Truncated>,
    /// What the query's cookie said, where it had one.
    pub(crate) cookie: Option<cookie::State>,
    /// What was found.
    pub(crate) substance: Substance,
}

/// Why nothing was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Shorter than a header.
    Short,
    /// Itself a response.
    Response,
    /// Over the client's rate.
    Limited,
    /// Its reply, signed as the client expects it, would be too large for a datagram.
    Unsigned,
}

/// Answers. The same view, query and time give the same reply, but for its rate. `out` holds
/// [`UDP_SIZE`](crate::transport::UDP_SIZE) octets or more.
pub fn answer(
    view: &View,
    bytes: &[u8],
    source: IpAddr,
    transport: Transport,
    now: DateTime<Utc>,
    out: &mut [u8],
) -> Result<Outcome, Silence> {
    let mut query = Query::BLANK;
    if !query.fill(bytes) {
        return Err(Silence::Short);
    }
    if query.flags & flag::QR != 0 {
        return Err(Silence::Response);
    }
    let cookie = match query.edns.as_ref().and_then(|edns| edns.cookie) {
        Some(option) => view.guards.cookies.judge(option, source, now).map(Some),
        None => Ok(None),
    };
    let signature = Signature::read(&query, bytes, view.transfers.keys(), now);
    let proven = transport.is_proven()
        || matches!(&cookie, Ok(Some(cookie)) if cookie.is_good())
        || view.guards.limiter.is_exempt(source);
    let asker = Asker { view, bytes, query: &query, source, transport, proven, now };

    let mut reply = Reply::new(&asker, out)?;
    if let (Some(opt), Ok(Some(cookie))) = (&mut reply.opt, &cookie) {
        opt.cookie = Some(view.guards.cookies.reply(cookie, source, now));
    }
    reply.writer.reserve_octets(signature.as_ref().map_or(0, Signature::room));
    match check(&query, view, source) {
        Err((code, extended)) => reply.refuse(code, extended),
        Ok(_) if cookie.is_err() || signature.is_err() => reply.refuse(code::FORM_ERR, None),
        Ok(_) if matches!(signature, Ok(Signature::Fault(_))) => reply.refuse(code::NOT_AUTH, None),
        Ok(checked) => match reply.write(&asker, checked, signature.as_ref().ok().and_then(Signature::key)) {
            Ok(()) => {}
            Err(Stop::Full) => reply.truncate(Truncated::Size),
            Err(Stop::Failed) => reply.refuse(code::SERV_FAIL, Some(extended::NOT_READY)),
        },
    }
    if !proven {
        let refusable = matches!(&cookie, Ok(Some(cookie)) if cookie.is_refused());
        reply.limit(&asker, refusable)?;
    }
    reply.finish(&query, cookie.ok().flatten().map(|cookie| cookie.state), signature, now)
}

/// A query and its circumstances.
struct Asker<'a> {
    view: &'a View,
    bytes: &'a [u8],
    query: &'a Query<'a>,
    source: IpAddr,
    transport: Transport,
    /// The source has shown that it is its own, or an operator vouches for it.
    proven: bool,
    now: DateTime<Utc>,
}

impl Asker<'_> {
    /// Octets that the reply may have.
    fn room(&self) -> usize {
        let room = match (&self.query.edns, self.transport) {
            (_, Transport::Tcp | Transport::Tls | Transport::Https | Transport::Quic) => u16::MAX,
            (None, Transport::Udp) => PLAIN_UDP_SIZE,
            (Some(edns), Transport::Udp) => edns.size.min(self.view.settings.udp_size).max(PLAIN_UDP_SIZE),
        };
        let most = if self.proven { usize::MAX } else { self.view.guards.limiter.largest(self.bytes.len()) };
        most.min(usize::from(room))
    }
}

/// A reply under way.
struct Reply<'a, 'o> {
    writer: Writer<'o>,
    opt: Option<Opt<'a>>,
    subnet: Option<Subnet>,
    truncated: Option<Truncated>,
    found: Substance,
}

impl<'a, 'o> Reply<'a, 'o> {
    fn new(asker: &Asker<'a>, out: &'o mut [u8]) -> Result<Self, Silence> {
        let question = asker.query.question.as_ref().map_or(&[][..], |question| question.bytes);
        Ok(Self {
            writer: Writer::new(out, asker.room(), question).ok_or(Silence::Short)?,
            opt: asker.query.edns.as_ref().map(|edns| opt(asker.view, edns, asker.transport)),
            subnet: None,
            truncated: None,
            found: Substance::default(),
        })
    }

    /// Nothing but the question, and why.
    fn refuse(&mut self, code: u16, extended: Option<u16>) {
        self.clear();
        (self.found.code, self.found.kind, self.found.authoritative) = (code, Kind::Error, false);
        if let Some(opt) = &mut self.opt {
            opt.extended_error = extended;
        }
    }

    /// Nothing but the question: the rest is to be had over TCP.
    fn truncate(&mut self, why: Truncated) {
        self.clear();
        self.truncated = Some(why);
    }

    fn clear(&mut self) {
        self.writer.clear();
        self.found.decided.clear();
    }

    /// Writes what is to be answered; `key` is what the query was signed with.
    fn write(&mut self, asker: &Asker<'a>, checked: Checked<'a>, key: Option<&Key>) -> Result<(), Stop> {
        let (view, edns) = (asker.view, asker.query.edns.as_ref());
        if let (Checked::Asked { subnet: Some(subnet), .. }, Some(opt)) = (&checked, &mut self.opt) {
            self.subnet = Some(*subnet);
            opt.subnet = edns.and_then(|edns| Some((edns.subnet?, 0)));
        }
        if let Some(opt) = &self.opt {
            self.writer.reserve(opt);
        }
        match checked {
            Checked::Nothing => Ok(()),
            Checked::Chaos(text) => {
                self.found.authoritative = true;
                Ok(chaos(&mut self.writer, text)?)
            }
            Checked::Transfer => match transfer(asker, key) {
                Ok(soa) => {
                    self.found.authoritative = true;
                    let at = HEADER as u16;
                    Ok(self.writer.set(Section::Answer, Owner::at(at), soa, soa.ttl, at, false)?)
                }
                Err((code, extended)) => {
                    self.refuse(code, extended);
                    Ok(())
                }
            },
            Checked::Asked { question, subnet } => {
                let asking = Asking {
                    view,
                    question,
                    source: asker.source,
                    subnet: subnet.and_then(Subnet::client),
                    scoped: subnet.is_some(),
                    dnssec: edns.is_some_and(|edns| edns.dnssec_ok),
                    compact: edns.is_some_and(|edns| edns.compact_ok),
                    proven: asker.proven,
                    now: asker.now,
                };
                Lookup::run(&asking, &mut self.writer, &mut self.found)
            }
        }
    }

    /// Holds the reply to the rate of those who have not shown who they are. Who can show a cookie the next time is told so.
    fn limit(&mut self, asker: &Asker<'_>, refusable: bool) -> Result<(), Silence> {
        match asker.view.guards.limiter.judge(asker.source, self.found.kind, self.found.subject, asker.now) {
            Verdict::Pass => {}
            Verdict::Slip => self.truncate(Truncated::RateLimited),
            Verdict::Drop if refusable => self.refuse(code::BAD_COOKIE, None),
            Verdict::Drop => return Err(Silence::Limited),
        }
        Ok(())
    }

    /// Puts OPT, header and signature to it.
    fn finish(
        mut self,
        query: &Query<'_>,
        cookie: Option<cookie::State>,
        signature: Result<Signature, tsig::Malformed>,
        now: DateTime<Utc>,
    ) -> Result<Outcome, Silence> {
        let mut flags = query.flags & (flag::RD | flag::CD | flag::OPCODE);
        if self.truncated.is_some() {
            flags |= flag::TC;
        }
        if self.found.authoritative {
            flags |= flag::AA;
        }
        if let Some(opt) = &mut self.opt {
            if let (Some(subnet), Some((_, scope))) = (self.subnet, &mut opt.subnet) {
                *scope = subnet.scope(self.found.scope);
            }
            if self.found.code == code::REFUSED {
                opt.extended_error.get_or_insert(extended::NOT_AUTHORITATIVE);
            }
        }
        let (mut length, out) = self.writer.finish(query.id, flags, self.found.code, self.opt.as_ref());
        if let Ok(signature) = signature {
            length = signature.sign(out, length, now).ok_or(Silence::Unsigned)?;
        }
        Ok(Outcome {
            length,
            rtype: query.question.as_ref().map(|question| question.rtype),
            code: self.found.code,
            subnet: self.subnet.is_some(),
            truncated: self.truncated,
            cookie,
            substance: self.found,
        })
    }
}

/// The OPT record before anything is known of the answer.
fn opt<'v>(view: &'v View, edns: &Edns<'_>, transport: Transport) -> Opt<'v> {
    let identity = view.settings.identity.as_bytes();
    Opt {
        size: view.settings.udp_size,
        dnssec_ok: edns.dnssec_ok,
        compact_ok: edns.compact_ok,
        nsid: (edns.nsid && !identity.is_empty()).then_some(identity),
        // In units of 100 ms; not over UDP (RFC 7828 §3.2.2).
        keepalive: (edns.keepalive && matches!(transport, Transport::Tcp | Transport::Tls))
            .then_some(view.settings.idle.saturating_mul(10)),
        block: (edns.padding && transport.is_encrypted()).then_some(PADDED),
        ..Opt::default()
    }
}

/// What is to be answered.
enum Checked<'a> {
    /// A name of ours, perhaps.
    Asked { question: &'a Question<'a>, subnet: Option<Subnet> },
    /// A text of class CHAOS.
    Chaos(&'a str),
    /// A zone.
    Transfer,
    /// A cookie, and no question.
    Nothing,
}

/// The checks of the page above, in its order; the code and the extended error of the first that fails.
fn check<'a>(query: &'a Query<'a>, view: &'a View, source: IpAddr) -> Result<Checked<'a>, (u16, Option<u16>)> {
    if query.opcode() != 0 {
        return Err((code::NOT_IMP, Some(extended::NOT_SUPPORTED)));
    }
    if query.edns.as_ref().is_some_and(|edns| edns.version != 0) {
        return Err((code::BAD_VERS, None));
    }
    if query.malformed {
        return Err((code::FORM_ERR, None));
    }
    let Some(question) = &query.question else {
        let cookie = query.edns.as_ref().is_some_and(|edns| edns.cookie.is_some());
        return if query.questions == 0 && cookie { Ok(Checked::Nothing) } else { Err((code::FORM_ERR, None)) };
    };
    let mut subnet = None;
    if let Some(data) = query.edns.as_ref().and_then(|edns| edns.subnet)
        && view.settings.subnets.from(source)
    {
        subnet = Some(Subnet::read(data).ok_or((code::FORM_ERR, None))?);
    }
    match (question.class, question.rtype) {
        (_, rtype::NXNAME) => Err((code::FORM_ERR, Some(extended::INVALID_QUERY_TYPE))),
        (_, rtype::OPT | rtype::TSIG) => Err((code::FORM_ERR, None)),
        (IN, rtype::AXFR | rtype::IXFR) => Ok(Checked::Transfer),
        (IN, _) => Ok(Checked::Asked { question, subnet }),
        (CHAOS, rtype::TXT | rtype::ANY) => match question.name.as_wire() {
            b"\x07version\x04bind\0" | b"\x07version\x06server\0" => Some(&view.settings.version),
            b"\x02id\x06server\0" | b"\x08hostname\x04bind\0" => Some(&view.settings.identity),
            _ => None,
        }
        .filter(|text| !text.is_empty())
        .map(|text| Checked::Chaos(text))
        .ok_or((code::REFUSED, None)),
        _ => Err((code::REFUSED, None)),
    }
}

/// The SOA that a question for a zone gets where it does not get all of the zone (see [`crate::transfer`]), or why none.
fn transfer<'v>(asker: &Asker<'v>, key: Option<&Key>) -> Result<&'v Set, (u16, Option<u16>)> {
    let Asker { view, bytes, query, source, transport, .. } = *asker;
    let request = Request::read(query, bytes).ok_or((code::FORM_ERR, None))?;
    let zone = view.names.zone(&request.zone).ok_or((code::REFUSED, Some(extended::NOT_AUTHORITATIVE)))?;
    match view.transfers.rule(&request, zone.data.serial, source, transport, key) {
        Ruling::Current | Ruling::Whole => Ok(&zone.soa),
        Ruling::Formerr => Err((code::FORM_ERR, None)),
        Ruling::Refused(_) => Err((code::REFUSED, Some(PROHIBITED))),
    }
}

/// One TXT record of class CHAOS (RFC 4892).
fn chaos(writer: &mut Writer<'_>, text: &str) -> Result<(), Full> {
    let text = &text.as_bytes()[..text.len().min(255)];
    let mut data = [0; 256];
    data[0] = text.len() as u8;
    data[1..=text.len()].copy_from_slice(text);
    let data = Rdata { bytes: &data[..=text.len()], tails: [NOWHERE; 2] };
    writer.record_of(CHAOS, Section::Answer, Owner::at(HEADER as u16), rtype::TXT, 0, data, 0)
}
