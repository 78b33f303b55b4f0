//! A TSIG record as it is on the wire, and what of a message is hashed (RFC 8945 §4.2, §4.3).

use arrayvec::ArrayVec;
use ring::hmac;

use crate::wire::{
    name::{Key, MAX_NAME},
    query::{HEADER, rtype},
};

/// The class of a TSIG record.
const CLASS_ANY: u16 = 255;
/// Octets of a record but for its names, hash and other data.
pub(super) const FIXED: usize = 10 + TIME + 2 + 2 + 2 + 2 + 2;
/// Octets of a time.
pub(super) const TIME: usize = 6;

/// Begins a hash, after that of the message before, if there is one.
pub(super) fn after(secret: &hmac::Key, before: &[u8]) -> hmac::Context {
    let mut context = hmac::Context::with_key(secret);
    if !before.is_empty() {
        context.update(&(before.len() as u16).to_be_bytes());
        context.update(before);
    }
    context
}

/// The fields of a TSIG record that are hashed (RFC 8945 §4.3.3).
pub(super) struct Fields<'f> {
    pub(super) name: &'f [u8],
    pub(super) algorithm: &'f [u8],
    pub(super) time: u64,
    pub(super) fudge: u16,
    pub(super) error: u16,
    pub(super) other: &'f [u8],
}

impl Fields<'_> {
    /// Hashes all of them, or in a stream's later messages the timers alone (RFC 8945 §5.3.1).
    pub(super) fn hash(&self, context: &mut hmac::Context, timers: bool) {
        if !timers {
            context.update(self.name);
            context.update(&CLASS_ANY.to_be_bytes());
            context.update(&0_u32.to_be_bytes());
            context.update(self.algorithm);
        }
        context.update(&self.time.to_be_bytes()[2..]);
        context.update(&self.fudge.to_be_bytes());
        if !timers {
            context.update(&self.error.to_be_bytes());
            context.update(&(self.other.len() as u16).to_be_bytes());
            context.update(self.other);
        }
    }

    /// Adds the record to the message in the first `length` octets of `out`.
    pub(super) fn write(&self, out: &mut [u8], length: usize, mac: &[u8]) -> Option<usize> {
        let data = self.algorithm.len() + FIXED - 10 + mac.len() + self.other.len();
        let id = [*out.first()?, *out.get(1)?];
        let mut at = length;
        for part in [
            self.name,
            &rtype::TSIG.to_be_bytes(),
            &CLASS_ANY.to_be_bytes(),
            &0_u32.to_be_bytes(),
            &(data as u16).to_be_bytes(),
            self.algorithm,
            &self.time.to_be_bytes()[2..],
            &self.fudge.to_be_bytes(),
            &(mac.len() as u16).to_be_bytes(),
            mac,
            &id,
            &self.error.to_be_bytes(),
            &(self.other.len() as u16).to_be_bytes(),
            self.other,
        ] {
            out.get_mut(at..at + part.len())?.copy_from_slice(part);
            at += part.len();
        }
        let additionals = u16::from_be_bytes([out[10], out[11]]) + 1;
        out[10..12].copy_from_slice(&additionals.to_be_bytes());
        Some(at)
    }
}

/// A TSIG record as it was read.
#[derive(Clone)]
pub(super) struct Record<'m> {
    /// Where in its message it begins.
    begin: usize,
    pub(super) name: Key,
    pub(super) algorithm: Key,
    pub(super) time: u64,
    pub(super) fudge: u16,
    pub(super) mac: &'m [u8],
    /// The message's ID when it was signed; forwarders change it.
    id: [u8; 2],
    pub(super) error: u16,
    pub(super) other: &'m [u8],
}

impl<'m> Record<'m> {
    /// The last record of a message, if it is a TSIG.
    pub(super) fn last(message: &'m [u8]) -> Option<Self> {
        let counts: [u16; 4] = std::array::from_fn(|i| number(message, 4 + 2 * i).unwrap_or(0));
        let [questions, answers, authorities, additionals] = counts.map(usize::from);
        let mut at = HEADER;
        for _ in 0..questions {
            at = skip_name(message, at)? + 4;
        }
        for _ in 0..answers + authorities + additionals.checked_sub(1)? {
            at = skip_name(message, at)? + 8;
            at += 2 + usize::from(number(message, at)?);
        }
        let name = expand(message, at)?;
        let fixed = skip_name(message, at)?;
        let data = message.get(fixed + 10..)?;
        if number(message, fixed)? != rtype::TSIG
            || message.get(fixed + 2..fixed + 8)? != [0, 255, 0, 0, 0, 0]
            || usize::from(number(message, fixed + 8)?) != data.len()
        {
            return None;
        }
        let (algorithm, length) = Key::read(data)?;
        let ([t0, t1, t2, t3, t4, t5, f0, f1, m0, m1], rest) = data.get(length..)?.split_first_chunk::<10>()?;
        let (mac, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*m0, *m1])))?;
        let ([i0, i1, e0, e1, o0, o1], other) = rest.split_first_chunk::<6>()?;
        (usize::from(u16::from_be_bytes([*o0, *o1])) == other.len()).then_some(())?;
        Some(Self {
            begin: at,
            name,
            algorithm,
            time: u64::from_be_bytes([0, 0, *t0, *t1, *t2, *t3, *t4, *t5]),
            fudge: u16::from_be_bytes([*f0, *f1]),
            mac,
            id: [*i0, *i1],
            error: u16::from_be_bytes([*e0, *e1]),
            other,
        })
    }

    /// Whether its hash is by this secret, over its message after the hash `before`.
    pub(super) fn is_by(&self, secret: &hmac::Key, message: &[u8], before: &[u8], timers: bool) -> bool {
        let mut context = after(secret, before);
        // The message as it was before the record was added.
        let additionals = number(message, 10).unwrap_or(0).saturating_sub(1);
        context.update(&self.id);
        context.update(&message[2..10]);
        context.update(&additionals.to_be_bytes());
        context.update(&message[HEADER..self.begin]);
        let Self { time, fudge, error, other, .. } = *self;
        let (name, algorithm) = (self.name.as_wire(), self.algorithm.as_wire());
        Fields { name, algorithm, time, fudge, error, other }.hash(&mut context, timers);
        let mac = context.sign();
        // Looks at every octet, so that the time it takes does not tell how many are right.
        let differ = mac.as_ref().iter().zip(self.mac).fold(0, |differ, (a, b)| differ | (a ^ b));
        differ == 0
    }
}

fn number(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]))
}

/// Where what follows a name begins.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0..=0xff => return Some(at + 2),
            _ => return None,
        }
    }
}

/// A name that may end in pointers, each further to the front than the one before.
fn expand(message: &[u8], mut at: usize) -> Option<Key> {
    let (mut wire, mut limit) = (ArrayVec::<u8, MAX_NAME>::new(), at);
    loop {
        match *message.get(at)? {
            length @ 0..=63 => {
                wire.try_extend_from_slice(message.get(at..=at + usize::from(length))?).ok()?;
                at += 1 + usize::from(length);
                if length == 0 {
                    return Key::read(&wire).map(|(key, _)| key);
                }
            }
            0xc0..=0xff => {
                at = usize::from(number(message, at)? & 0x3fff);
                (at < limit).then_some(())?;
                limit = at;
            }
            _ => return None,
        }
    }
}
