//! What is not there, and the proof of it (RFC 9824, compact denial of existence).
//!
//! # One record
//! A denial is one NSEC record made for the very name asked. It says that this name has certain types, and that the
//! next name is the one that follows without room for any between ([`successor`]); so it denies nothing of any other
//! name, and lists no names of the zone. A name that is not there is told to be there with one type, NXNAME, that no
//! record can have; who knows it reads "no such name" from it, and who does not reads "no such data", which is as true.
//! So one signature is made, not the two or three that a proof about a wildcard needs, and none beforehand.
//!
//! The caller's part, by the RFC:
//! - the name is there without the type asked: NODATA, [`Denial::Has`] its types;
//! - it is only on the way to other names (an empty non-terminal): NODATA, [`Denial::Has`] none;
//! - it is not there: [`Denial::NoName`], with NOERROR; NXDOMAIN if the query's EDNS flags have CO (Compact Answers OK,
//!   §5.1) or it came without DO, and so gets no proof;
//! - a delegation without DS: its referral has [`Denial::Has`] NS, at the cut; without SOA, it says nothing of names
//!   below (RFC 4035 §5.4);
//! - NXNAME itself is asked for: FORMERR with extended error 30, Invalid Query Type (§3.5).
//!
//! The TTL is the smaller of the SOA's and of its minimum (RFC 9077 §3).
//!
//! # Who may use a denial for whom
//! A resolver may answer other clients from a denial (RFC 8198). A steered name may have AAAA for one client and none
//! for the next; a bitmap that told the truth about the one would deny it to the other. So its bitmap lists every type
//! that the name has for anyone, but for the one asked; see [`nodata_types`].
//!
//! # Names at the limit
//! The successor of a name is `\000` below it, which takes two octets. Where the name has 254 or 255 of its 255 already
//! it has no names below, and the next is one beside it: a zero octet more in its first label, or else that label
//! counted one up, as RFC 4471 §3.1.2 works it out. Nothing lies between, since nothing that would is short enough to
//! be a name.

use std::iter;

use arrayvec::ArrayVec;
use chrono::{DateTime, Utc};

use super::sign::{SignError, Signer, Unsigned};
use crate::wire::name::{Key, MAX_NAME};

/// NSEC (RFC 4034 §4).
pub(crate) const NSEC: u16 = 47;
/// RRSIG (RFC 4034 §3).
pub(crate) const RRSIG: u16 = 46;
/// The name does not exist (RFC 9824 §2): in bitmaps only.
pub(crate) const NXNAME: u16 = 128;

/// Octets of a label.
const MAX_LABEL: usize = 63;
/// Octets of one window of a type bitmap: its number, its length, 256 bits.
const WINDOW: usize = 34;
/// Types of one name, these two included; a hundred are registered.
const MAX_TYPES: usize = 256;
/// Room for the NSEC data of any name whose types lie in eight windows; all types that are registered lie in five.
pub(crate) const MAX_NSEC: usize = MAX_NAME + 8 * WINDOW;

/// What is denied of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial<'t> {
    /// It has these types, in any order, and no others. RRSIG and NSEC are added.
    Has(&'t [u16]),
    /// It is not there.
    NoName,
}

/// What was written for a denial: the NSEC's RDATA, then that of its RRSIG records, all of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    /// Octets of the NSEC's.
    pub(crate) nsec: usize,
    /// Octets of each RRSIG's.
    pub(crate) rrsig: usize,
    /// How many of those.
    pub(crate) signatures: usize,
}

impl Signer {
    /// Denies while somebody waits: writes the NSEC's RDATA and its RRSIG's into `out`, for which [`MAX_NSEC`] and
    /// twice [`Signer::signature_len`] octets are enough. Allocates nothing. The caller asks
    /// its [`Budget`](super::budget::Budget) first.
    pub(crate) fn sign_nsec_into(
        &self,
        owner: &Key,
        denial: Denial<'_>,
        ttl: u32,
        now: DateTime<Utc>,
        out: &mut [u8],
    ) -> Result<Denied, SignError> {
        let nsec = write_nsec(owner, self.origin(), denial, out)?;
        let (data, rest) = out.split_at_mut(nsec);
        let set = Unsigned { owner, rtype: NSEC, ttl, data: iter::once(&*data) };
        let written = self.sign_into(set, now, rest)?;
        let rrsig = self.signature_len();
        Ok(Denied { nsec, rrsig, signatures: written / rrsig })
    }
}

/// Writes an NSEC's RDATA (RFC 4034 §4.1) and gives its length.
pub(crate) fn write_nsec(owner: &Key, origin: &Key, denial: Denial<'_>, out: &mut [u8]) -> Result<usize, SignError> {
    let next = successor(owner, origin);
    out.get_mut(..next.len()).ok_or(SignError::TooLong)?.copy_from_slice(&next);
    let types: &[u16] = match denial {
        Denial::Has(types) => types,
        Denial::NoName => &[NXNAME],
    };
    Ok(next.len() + write_types(types, &mut out[next.len()..])?)
}

/// Writes the RDATA of an NSEC in a chain (RFC 4035 §2.3), as a secondary needs it, which cannot sign: `next` is the
/// next name that the zone has, `types` those of this one.
pub(crate) fn write_chained(next: &Key, types: &[u16], out: &mut [u8]) -> Result<usize, SignError> {
    let next = next.as_wire();
    out.get_mut(..next.len()).ok_or(SignError::TooLong)?.copy_from_slice(next);
    Ok(next.len() + write_types(types, &mut out[next.len()..])?)
}

/// What a NODATA for `asked` at a steered name says that the name has: of all types that it has for anyone,
/// those that deny nothing to another client. CNAME is left out: a validator that sees its bit in a NODATA must take it
/// for a reply that was tampered with (RFC 6840 §4.3).
pub(crate) fn nodata_types(all: &[u16], asked: u16) -> impl Iterator<Item = u16> {
    const CNAME: u16 = 5;
    all.iter().copied().filter(move |rtype| *rtype != asked && *rtype != CNAME)
}

/// Writes the type bitmaps (RFC 4034 §4.1.2) of these types, RRSIG and NSEC.
pub(super) fn write_types(types: &[u16], out: &mut [u8]) -> Result<usize, SignError> {
    let mut all = ArrayVec::<u16, MAX_TYPES>::new();
    for types in [types, &[RRSIG, NSEC]] {
        all.try_extend_from_slice(types).map_err(|_| SignError::TooLong)?;
    }
    all.sort_unstable();
    let (mut at, mut head) = (0, None);
    for rtype in all {
        let [window, low] = rtype.to_be_bytes();
        let start = match head {
            Some((start, same)) if same == window => start,
            _ => {
                let start = at;
                head = Some((start, window));
                out.get_mut(start..start + 2).ok_or(SignError::TooLong)?.copy_from_slice(&[window, 0]);
                at += 2;
                start
            }
        };
        let end = start + 2 + usize::from(low / 8) + 1;
        out.get_mut(at.min(end)..end).ok_or(SignError::TooLong)?.fill(0);
        at = at.max(end);
        out[end - 1] |= 0x80 >> (low % 8);
        out[start + 1] = (at - start - 2) as u8;
    }
    Ok(at)
}

/// The name that follows `owner` in the canonical order (RFC 4034 §6.1) of all names that the zone could have; after
/// the last of all, its origin.
fn successor(owner: &Key, origin: &Key) -> ArrayVec<u8, MAX_NAME> {
    let mut name = ArrayVec::new();
    if owner.as_wire().len() + 2 <= MAX_NAME {
        name.extend([1, 0]);
        name.extend(owner.as_wire().iter().copied());
        return name;
    }
    // The deepest of its labels that can grow or be counted up, and all before it go.
    for labels in (origin.labels() + 1..=owner.labels()).rev() {
        let here = owner.suffix(labels);
        let (label, parent) = (&here[1..=usize::from(here[0])], owner.suffix(labels - 1));
        let grows = label.len() < MAX_LABEL && here.len() < MAX_NAME;
        let kept =
            if grows { label } else { &label[..label.iter().rposition(|o| *o != 0xff).map_or(0, |last| last + 1)] };
        let Some((last, most)) = kept.split_last() else { continue };
        name.push((kept.len() + usize::from(grows)) as u8);
        name.extend(most.iter().copied());
        match (grows, last) {
            (true, last) => name.extend([*last, 0]),
            (false, b'@') => name.push(b'['), // what lies between are capitals, which are not of their own
            (false, last) => name.push(last + 1),
        }
        name.extend(parent.iter().copied());
        return name;
    }
    name.extend(origin.as_wire().iter().copied());
    name
}

#[cfg(test)]
#[path = "denial_tests.rs"]
mod tests;
