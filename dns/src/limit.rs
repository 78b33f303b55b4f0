//! Response-rate limiting, and the cap on amplification: what keeps us from being aimed at others.
//!
//! A datagram's source can be forged, so whoever sends many queries in a victim's name has us send the replies there.
//! What is limited is therefore *replies, to a prefix, of a kind*: a resolver that asks a thousand different things is
//! served, and a thousand equal replies to one network in a second are not what a cache needs. Sources that are proven
//! (a connection, a good [cookie](crate::cookie)) are never limited; the caller does not ask for them.
//!
//! # What counts as the same
//! The client's /24 or /56: a victim is a network, and an attacker who may forge one address may forge its neighbours;
//! what is handed to one site is at most that wide (RFC 6177), so that strangers rarely share a bucket. The [`Kind`] of
//! reply. And a subject: for data, the *owner of the records* (the wildcard and not the name asked for, if one stands
//! for it); for denials and referrals, the zone or the delegation. So a flood of random names is one subject, however
//! many names it has.
//!
//! # How much
//! A token bucket a subject: `per_second` replies for ever, `burst` at once. It is kept as the one moment at which it
//! will be full again (the *generic cell rate algorithm*): each reply moves that moment by 1/`per_second`; a reply that
//! would move it more than `burst` replies into the future is not sent. What is refused takes no token, so that a
//! prefix under a flood gets exactly its rate, not silence. The default of 200 is for steering: a public resolver that
//! sends client subnets (RFC 7871) asks for one steered name once for each subnet of its own clients, from few
//! addresses, with TTLs of seconds; 20, usual where answers are the same for all, would limit it. 200 replies of 300
//! octets are half a megabit a second: nothing to build an attack on. Resolvers that need more are listed as exempt.
//!
//! # Slip
//! Every `slip`-th reply over the rate is not dropped but sent empty and truncated, so that a real client comes by TCP.
//! 1 drops none (such a reply is as long as its query: no gain for an attacker), 0 drops all; the default 2 halves what
//! a victim gets and lets a client through with its first retry.
//!
//! # The table
//! [`LINES`] cache lines of eight buckets of 64 bits, made once; no lock, no allocation. A subject's keyed hash
//! (SipHash-1-3 with a secret of this node: nobody can choose his neighbours) gives its line, and 24 more bits of it
//! its tag there. A newcomer takes the bucket that is full or nearest to full, since a full one and none at all say the
//! same. So memory of heavy senders is the last to go: a million prefixes that ask once push out each other, and not
//! the one that floods. When more flood at once than the table holds (131,072 subjects), the lightest are forgotten and
//! start anew with a full bucket: every failure here is a reply too many. The one the other way is two subjects with
//! one tag in one line: for a prefix beside a line full of floods, one chance in two million.
//!
//! # Clocks
//! Moments are of 36 bits in units of 2⁻²⁰ s and go round every 18 hours. One that lies more than a second further
//! ahead than the burst allows was not written under this clock: it is from before a turn, or the clock was set back;
//! the bucket counts as full. The second is for threads, each of which takes the time once for many queries. A clock
//! set forward forgives what is owed; one set back by less than a second makes it last as much longer.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use chrono::{DateTime, Utc};
use ipnet::{IpNet, Ipv4Net};
use siphasher::sip::SipHasher13;

/// Lines of the table: 1 MiB, which stays in a core's second-level cache under the floods for which it is there.
const LINES: usize = 1 << 14;
/// Buckets in a line: what one cache line holds, so that a query costs one miss.
const WAYS: usize = 8;

/// Units of a second: exact to 0.1 % at a thousand replies a second.
const SECOND: u64 = 1 << 20;
/// A bucket's lowest bits: the moment at which it is full again.
const MOMENT: u32 = 36;
/// Above it: how many were refused since the last slip.
const REFUSED: u32 = 4;
/// Above that: the subject's tag.
const TAG: u32 = 64 - MOMENT - REFUSED;
/// The largest slip that a bucket can count.
pub const MAX_SLIP: u8 = (1 << REFUSED) - 1;
/// The largest rate, per second, at which steps of a [`SECOND`] are exact to a per cent.
pub const MAX_RATE: u32 = 10_000;
/// The longest time, seconds, after which every bucket is full again.
pub const MAX_WINDOW: u32 = 3600;

/// What an operator configures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Equal replies to one prefix in a second; 0: no limit.
    pub per_second: u32,
    /// Equal replies to one prefix at once.
    pub burst: u32,
    /// Every how many-th reply over the rate is sent truncated; 0: none.
    pub slip: u8,
    /// Whose datagrams count as proven. This machine's own, by default.
    pub exempt: Vec<IpNet>,
    /// How many times its query a reply to an unproven source may be; 0: any.
    pub amplification: u16,
}

impl Default for Limits {
    fn default() -> Self {
        // Nobody outside can send from this machine's own addresses: the kernel drops what claims to be from there.
        let loopback = IpNet::from(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8));
        let exempt = vec![loopback, IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST))];
        Self { per_second: 200, burst: 400, slip: 2, exempt, amplification: 10 }
    }
}

impl Limits {
    /// Whether they can be held.
    ///
    /// # Errors
    /// The first that no bucket can hold: the operator's fault.
    pub fn check(&self) -> Result<(), LimitError> {
        let Self { per_second, burst, slip, .. } = *self;
        if per_second > MAX_RATE {
            return Err(LimitError::Rate(per_second));
        }
        if slip > MAX_SLIP {
            return Err(LimitError::Slip(slip));
        }
        if per_second > 0 && (burst == 0 || burst / per_second >= MAX_WINDOW) {
            return Err(LimitError::Burst(burst));
        }
        Ok(())
    }
}

/// Limits that cannot be held.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// `per_second`.
    #[error("a limit of {0} replies a second is above {MAX_RATE}, the most that can be told apart; 0 sets none")]
    Rate(u32),
    /// `burst`.
    #[error("a burst of {0} replies must be at least 1, and gone by in {MAX_WINDOW} seconds at the rate")]
    Burst(u32),
    /// `slip`.
    #[error("a slip of {0} is above {MAX_SLIP}")]
    Slip(u8),
}

/// What a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// There is such data.
    Data = 0,
    /// Not of this type.
    Nodata = 1,
    /// No such name.
    Nxdomain = 2,
    /// Ask those.
    Referral = 3,
    /// REFUSED, FORMERR and the like.
    Error = 4,
}

/// What becomes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is sent.
    Pass,
    /// It is sent empty and truncated.
    Slip,
    /// It is not sent.
    Drop,
}

/// The buckets of one cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; WAYS]);

/// What a bucket holds.
struct Held {
    /// Units until it is full.
    ahead: u64,
    /// Replies refused since the last slip.
    refused: u64,
}

/// How often what was said to whom.
pub(crate) struct Limiter {
    limits: Limits,
    /// `limits.exempt`, as first and last addresses.
    exempt: Box<[(IpAddr, IpAddr)]>,
    hasher: SipHasher13,
    lines: Box<[Line]>,
    /// Units by which one reply moves a bucket's moment.
    step: u64,
    /// Units that it may be ahead before a reply.
    slack: u64,
}

impl Limiter {
    /// With a secret of this node's own.
    ///
    /// # Errors
    /// As [`Limits::check`].
    pub(crate) fn new(limits: Limits, secret: [u8; 16]) -> Result<Self, LimitError> {
        Self::with_lines(limits, secret, LINES)
    }

    /// `lines` is a power of two.
    fn with_lines(limits: Limits, secret: [u8; 16], lines: usize) -> Result<Self, LimitError> {
        limits.check()?;
        let rate = u64::from(limits.per_second.max(1));
        let step = (SECOND + rate / 2) / rate;
        Ok(Self {
            exempt: limits.exempt.iter().map(|prefix| (prefix.network(), prefix.broadcast())).collect(),
            step,
            slack: step * u64::from(limits.burst.saturating_sub(1)),
            hasher: SipHasher13::new_with_key(&secret),
            lines: (0..if limits.per_second > 0 { lines } else { 0 }).map(|_| Line::default()).collect(),
            limits,
        })
    }

    /// What becomes of a reply of this kind to a source that is not proven. `subject` is a number that the same thing
    /// keeps over snapshots: a hash of the owner's name, or of the zone's.
    pub(crate) fn judge(&self, source: IpAddr, kind: Kind, subject: u64, now: DateTime<Utc>) -> Verdict {
        if self.lines.is_empty() {
            return Verdict::Pass;
        }
        let hash = self.hash(source, kind, subject);
        let Line(line) = &self.lines[hash as usize & (self.lines.len() - 1)];
        self.take(line, hash >> (64 - TAG), units(now))
    }

    /// Whether an operator vouches for this source: it counts as proven.
    pub(crate) fn is_exempt(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        let within = |first: &IpAddr, last: &IpAddr| match (source, first, last) {
            (IpAddr::V4(source), IpAddr::V4(first), IpAddr::V4(last)) => (*first..=*last).contains(&source),
            (IpAddr::V6(source), IpAddr::V6(first), IpAddr::V6(last)) => (*first..=*last).contains(&source),
            _ => false,
        };
        self.exempt.iter().any(|(first, last)| within(first, last))
    }

    fn hash(&self, source: IpAddr, kind: Kind, subject: u64) -> u64 {
        // The families differ in the octet that a /56 leaves free.
        let (prefix, family) = match source.to_canonical() {
            IpAddr::V4(address) => (u64::from(address.to_bits() & 0xffff_ff00), 0x40),
            IpAddr::V6(address) => ((address.to_bits() >> 64) as u64 & !0xff, 0x60),
        };
        let mut input = [0; 16];
        input[..8].copy_from_slice(&(prefix | family | kind as u64).to_le_bytes());
        input[8..].copy_from_slice(&subject.to_le_bytes());
        self.hasher.hash(&input)
    }

    /// Takes a token from the subject's bucket.
    fn take(&self, line: &[AtomicU64; WAYS], tag: u64, now: u64) -> Verdict {
        loop {
            let (bucket, before, Held { ahead, refused }) = self.bucket(line, tag, now);
            let (ahead, refused, verdict) = if ahead <= self.slack {
                (ahead + self.step, refused, Verdict::Pass)
            } else {
                match u64::from(self.limits.slip) {
                    0 => return Verdict::Drop,
                    1 => return Verdict::Slip,
                    slip if refused + 1 >= slip => (ahead, 0, Verdict::Slip),
                    _ => (ahead, refused + 1, Verdict::Drop),
                }
            };
            let after = tag << (MOMENT + REFUSED) | refused << MOMENT | moment(now.wrapping_add(ahead));
            // Another thread took from it in between: its state is not what was judged.
            if bucket.compare_exchange(before, after, Relaxed, Relaxed).is_ok() {
                return verdict;
            }
        }
    }

    /// The bucket for a tag, its bits, and what it holds: its own, else the one nearest to full, for it to begin with.
    fn bucket<'l>(&self, line: &'l [AtomicU64; WAYS], tag: u64, now: u64) -> (&'l AtomicU64, u64, Held) {
        let all: [u64; WAYS] = std::array::from_fn(|way| line[way].load(Relaxed));
        if let Some(way) = all.iter().position(|bits| bits >> (MOMENT + REFUSED) == tag) {
            let bits = all[way];
            let refused = (bits >> MOMENT) & u64::from(MAX_SLIP);
            return (&line[way], bits, Held { ahead: self.ahead(bits, now), refused });
        }
        let (mut nearest, mut least) = (0, u64::MAX);
        for (way, bits) in all.into_iter().enumerate() {
            let ahead = self.ahead(bits, now);
            if ahead < least {
                (nearest, least) = (way, ahead);
            }
        }
        (&line[nearest], all[nearest], Held { ahead: 0, refused: 0 })
    }

    /// How far ahead of `now` a bucket's moment is; 0 where it has passed, or was not written under this clock.
    fn ahead(&self, bits: u64, now: u64) -> u64 {
        let ahead = moment(bits.wrapping_sub(now));
        if ahead <= self.slack + self.step + SECOND { ahead } else { 0 }
    }

    /// The most octets of a reply to an unproven source, by those of its query.
    ///
    /// A cap breaks nobody: what does not fit is truncated, and a resolver then comes by TCP (RFC 7766 §5) or, the next
    /// time, with a cookie. So it may be lower than the longest good reply, and has only to leave alone what is asked
    /// often. 512 octets, which every query was always due (RFC 1035 §4.2.1), hold what validators ask for all day:
    /// signed addresses, compact denials, and a DNSKEY set of elliptic curves but for days of a roll-over. For a short
    /// query of 40 octets that is 13 times; from 52 octets on (a longer name, a cookie) ten times is more. What is
    /// beyond are large TXT sets: those that attackers look for.
    pub(crate) fn largest(&self, query: usize) -> usize {
        match self.limits.amplification {
            0 => usize::MAX,
            times => (query * usize::from(times)).max(512),
        }
    }
}

fn moment(units: u64) -> u64 {
    units & ((1 << MOMENT) - 1)
}

/// Units since 1970, going round.
fn units(now: DateTime<Utc>) -> u64 {
    let fraction = u64::from(now.timestamp_subsec_nanos()) * SECOND / 1_000_000_000;
    (now.timestamp() as u64).wrapping_mul(SECOND).wrapping_add(fraction)
}

#[cfg(test)]
mod tests;
