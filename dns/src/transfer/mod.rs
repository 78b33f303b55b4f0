//! Zones for secondaries: who may have one, [`axfr`] for having it, [`notify`] for learning that it changed.
//!
//! What is handed over is the static part of a zone, with its signatures. Steered names are left out: their answer is a
//! decision for each client, which no record can say; a secondary serves what does not depend on one.
//!
//! # Who may have a zone
//! By default nobody. Each [`Secondary`] opens zones to addresses, to holders of a key, or to holders of a key at
//! addresses; one that would open them to all the world by having neither is refused when it is configured, and has to
//! say so instead. Who may not is told REFUSED, and with EDNS that it is [prohibited](PROHIBITED): a wrong address and
//! a wrong key alike, as to which of them was wrong is for the log of the operator.
//!
//! # What is answered by what
//! | asked | over | answer |
//! |---|---|---|
//! | AXFR | a stream | the whole zone |
//! | AXFR | UDP | FORMERR: there is no such thing (RFC 5936 §4.2) |
//! | IXFR | a stream | the SOA alone to who has this serial or a later one (RFC 1995 §2), else the whole zone (§4) |
//! | IXFR | UDP | the SOA alone, upon which the client comes by TCP if it is behind (RFC 1995 §2) |
//! | either | HTTPS | REFUSED: one reply to a request is one message (RFC 8484 §6) |
//!
//! No differences are kept: a zone is loaded whole, and one of 20,000 names is on its way in a few hundredths of a
//! second.

pub mod axfr;
pub mod notify;

use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayVec;
use chrono::{DateTime, Utc};
use hickory_proto::rr::Name;
use ipnet::IpNet;

use crate::{
    transport::{Transport, UDP_SIZE},
    tsig::Keys,
    wire::{
        name::{Key, MAX_NAME},
        query::{HEADER, Query, flag, rtype},
        writer::Opt,
    },
};

/// The extended error of a refusal (RFC 8914 §4.19).
pub(crate) const PROHIBITED: u16 = 18;

/// Octets of the longest question: a name, a type and a class.
const QUESTION: usize = MAX_NAME + 4;

/// What time it is: a stream takes as long as its client, and each message is signed when it is made.
pub(crate) type Clock = fn() -> DateTime<Utc>;

/// A server, or several, that may have zones of ours and is told when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secondary {
    /// Which zones: a name, `*.name` for all below one, or `*` for all.
    pub zones: String,
    /// Where it is told.
    pub notify: Vec<SocketAddr>,
    /// From which address it is told; `None`: the one on the way there.
    pub source: Option<IpAddr>,
    /// From where it may ask. None: with a key, from anywhere; without one, from the addresses in `notify`.
    pub allow: Vec<IpNet>,
    /// The key with which both sides sign.
    pub key: Option<Name>,
}

/// What is wrong with a configured secondary: the operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// No pattern.
    #[error("{0:?} is neither a zone's name, nor *.name, nor *")]
    Zones(String),
    /// No such key.
    #[error("the secondary for {0} signs with {1}, and there is no such TSIG key")]
    Key(String, Name),
    /// Neither address nor key.
    #[error(
        "the secondary for {0} has neither an address nor a key: everybody would be one; allow 0.0.0.0/0 and ::/0 to say so"
    )]
    Everybody(String),
}

/// Why a zone may not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No secondary for this zone has this address.
    #[error("no secondary of this zone has this address")]
    Address,
    /// One has, and the query is not signed with its key.
    #[error("the query is not signed with this secondary's key")]
    Key,
    /// Not over this transport.
    #[error("zones are not handed over by this transport")]
    Transport,
}

/// All secondaries, and the keys that they share with us.
#[derive(Clone, Debug, Default)]
pub struct Transfers {
    secondaries: Vec<Checked>,
    keys: Keys,
}

/// A secondary as it is looked up.
#[derive(Clone, Debug)]
struct Checked {
    zones: Pattern,
    notify: Vec<SocketAddr>,
    source: Option<IpAddr>,
    /// `None`: from anywhere.
    allow: Option<Vec<IpNet>>,
    key: Option<Key>,
}

#[derive(Clone, Debug)]
enum Pattern {
    All,
    Below(Box<Key>),
    One(Box<Key>),
}

/// A question for a zone.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) zone: Key,
    /// Of the version that the client has, where it asks for what changed since (RFC 1995 §3).
    pub(crate) serial: Option<u32>,
    /// AXFR, which says of no version.
    whole: bool,
    id: u16,
    flags: u16,
    question: ArrayVec<u8, QUESTION>,
    /// Of the replies.
    opt: Option<Opt<'static>>,
}

/// How a question for a zone is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// By all of the zone.
    Whole,
    /// By its SOA alone.
    Current,
    /// FORMERR.
    Formerr,
    /// REFUSED, [`PROHIBITED`].
    Refused(Refusal),
}

impl Transfers {
    /// # Errors
    /// The first secondary that cannot be served, and why.
    pub fn new(secondaries: &[Secondary], keys: Keys) -> Result<Self, TransferError> {
        let check = |secondary: &Secondary| {
            let Secondary { zones, notify, source, allow, key } = secondary;
            if let Some(key) = key.as_ref().filter(|key| !keys.has(key)) {
                return Err(TransferError::Key(zones.clone(), key.clone()));
            }
            let allow = match (&allow[..], &notify[..], key) {
                ([], [], None) => return Err(TransferError::Everybody(zones.clone())),
                ([], _, Some(_)) => None,
                ([], notify, None) => Some(notify.iter().map(|to| IpNet::from(to.ip().to_canonical())).collect()),
                (allow, ..) => Some(allow.to_vec()),
            };
            let pattern = pattern(zones).ok_or_else(|| TransferError::Zones(zones.clone()))?;
            let (notify, key) = (notify.clone(), key.as_ref().map(Key::new));
            Ok(Checked { zones: pattern, notify, source: *source, allow, key })
        };
        Ok(Self { secondaries: secondaries.iter().map(check).collect::<Result<_, _>>()?, keys })
    }

    /// Whether any secondary may have the zone of this origin.
    pub(crate) fn may_be_had(&self, origin: &Key) -> bool {
        self.secondaries.iter().any(|secondary| secondary.zones.holds(origin))
    }

    /// The keys, for queries of all kinds.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How a question for a zone of ours of this serial is answered, to this source, whose query `key` has verified.
    pub(crate) fn rule(
        &self,
        request: &Request,
        serial: u32,
        source: IpAddr,
        transport: Transport,
        key: Option<&Key>,
    ) -> Ruling {
        if transport == Transport::Udp && request.whole {
            return Ruling::Formerr;
        }
        if transport == Transport::Https {
            return Ruling::Refused(Refusal::Transport);
        }
        if let Err(refusal) = self.allows(&request.zone, source, key) {
            return Ruling::Refused(refusal);
        }
        // Which serial is the later is told by their difference (RFC 1982).
        let behind = request.serial.is_none_or(|theirs| serial.wrapping_sub(theirs).cast_signed() > 0);
        match transport {
            Transport::Udp => Ruling::Current,
            _ if behind => Ruling::Whole,
            _ => Ruling::Current,
        }
    }

    /// Whether any secondary for the zone is at this address and has shown its key.
    fn allows(&self, zone: &Key, source: IpAddr, key: Option<&Key>) -> Result<(), Refusal> {
        let source = source.to_canonical();
        let mut refusal = Refusal::Address;
        for secondary in self.secondaries.iter().filter(|secondary| secondary.zones.holds(zone)) {
            if secondary.allow.as_ref().is_some_and(|allow| !allow.iter().any(|prefix| prefix.contains(&source))) {
                continue;
            }
            if secondary.key.is_none() || secondary.key.as_ref() == key {
                return Ok(());
            }
            refusal = Refusal::Key;
        }
        Err(refusal)
    }
}

/// Reads a pattern of zones.
fn pattern(text: &str) -> Option<Pattern> {
    let key = |name: &str| Name::from_ascii(name).ok().map(|name| Box::new(Key::new(&name)));
    match text.strip_prefix('*') {
        Some("") => Some(Pattern::All),
        Some(rest) => key(rest.strip_prefix('.').filter(|name| !name.contains('*'))?).map(Pattern::Below),
        None if text.is_empty() || text.contains('*') => None,
        None => key(text).map(Pattern::One),
    }
}

impl Pattern {
    fn holds(&self, zone: &Key) -> bool {
        match self {
            Self::All => true,
            Self::Below(name) => zone != &**name && zone.is_within(name),
            Self::One(name) => zone == &**name,
        }
    }
}

impl Request {
    /// The question for a zone that a query asks; `None` where it asks something else. `bytes` are all of the query.
    pub(crate) fn read(query: &Query<'_>, bytes: &[u8]) -> Option<Self> {
        let question = query.question.as_ref()?;
        let whole = match question.rtype {
            rtype::AXFR => true,
            rtype::IXFR => false,
            _ => return None,
        };
        let opt = query.edns.as_ref().map(|edns| Opt { size: UDP_SIZE, dnssec_ok: edns.dnssec_ok, ..Opt::default() });
        Some(Self {
            zone: question.name.clone(),
            serial: if whole { None } else { serial(bytes, HEADER + question.bytes.len()) },
            whole,
            id: query.id,
            flags: query.flags & flag::RD | flag::AA,
            question: question.bytes.iter().copied().collect(),
            opt,
        })
    }
}

/// The serial in the SOA record of an IXFR query, whose authority section begins here.
fn serial(bytes: &[u8], section: usize) -> Option<u32> {
    let mut at = section;
    loop {
        match *bytes.get(at)? {
            0 => break at += 1,
            0xc0..=0xff => break at += 2,
            length => at += 1 + usize::from(length),
        }
    }
    let ([t0, t1, _, _, _, _, _, _, l0, l1], data) = bytes.get(at..)?.split_first_chunk::<10>()?;
    let data = data.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
    // Behind two names, which may be compressed, are five numbers: the serial, and four times.
    let (_, [a, b, c, d, ..]) = data.split_last_chunk::<20>()?;
    (u16::from_be_bytes([*t0, *t1]) == rtype::SOA).then(|| u32::from_be_bytes([*a, *b, *c, *d]))
}

#[cfg(test)]
mod tests;
