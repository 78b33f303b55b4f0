//! A zone as a stream of messages (AXFR, RFC 5936).
//!
//! The SOA, all other records in any order, the SOA again. Each message is made when the transport asks for it, so a
//! transfer costs the memory of one message however large the zone, and a client that stops reading costs nothing. The
//! sets come from an iterator which holds on to the version of the zone that it began with: a reload in
//! between changes nothing of it, and what arrives is one version.
//!
//! # Messages
//! Each has the question, and owners end in a pointer to it, or to the same owner before. They are filled to [`FULL`]:
//! as far as pointers reach (14 bits, RFC 1035 §4.1.4), so that a name can always be pointed to; larger ones would
//! spare one header in a thousand octets and cost what pointers save. A record that needs more has a message of up to
//! 65,535 octets to itself. One that is larger still cannot be sent by DNS at all: the stream ends without its last
//! SOA, by which a client knows that it is not whole (RFC 5936 §2.2), and the log says which record it was.

use super::{Clock, Request};
use crate::{
    names::set::{Rdata, Set},
    transport::Transfer,
    tsig::Signer,
    wire::{
        name::Key,
        query::{HEADER, rtype},
        writer::{Owner, Section, Writer},
    },
};

/// Octets to which messages are filled.
const FULL: usize = 0x3fff;
/// Octets of the largest message (RFC 1035 §4.2.2).
const LARGEST: usize = 0xffff;
/// Where the question's name is, which is the zone's origin.
const ORIGIN: u16 = HEADER as u16;

/// A zone on its way.
struct Stream {
    request: Request,
    sets: Box<dyn Iterator<Item = (Key, Set)> + Send>,
    /// What the last message did not hold: a set, and how many of its records went.
    begun: Option<(Key, Set, usize)>,
    signer: Option<Signer>,
    clock: Clock,
}

/// The whole zone: `soa` and the other `sets` with their owners, among which a SOA is passed over. Sets of one owner
/// come one after the other, or their owner is written out again. Signatures go with their sets.
pub(crate) fn whole(
    request: Request,
    soa: Set,
    sets: impl Iterator<Item = (Key, Set)> + Send + 'static,
    signer: Option<Signer>,
    clock: Clock,
) -> Transfer {
    let (origin, last) = (request.zone.clone(), soa.signed(&[]));
    let sets = sets.filter(|(_, set)| set.rtype != rtype::SOA);
    let sets = std::iter::once((origin.clone(), soa)).chain(sets).chain(std::iter::once((origin, last)));
    Box::new(Stream { request, sets: Box::new(sets), begun: None, signer, clock })
}

/// One message with the SOA: to who has this version already (RFC 1995 §2).
pub(crate) fn current(request: Request, soa: &Set, signer: Option<Signer>, clock: Clock) -> Transfer {
    let sets = Box::new(std::iter::once((request.zone.clone(), soa.signed(&[]))));
    Box::new(Stream { request, sets, begun: None, signer, clock })
}

impl Iterator for Stream {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.begun = self.begun.take().or_else(|| self.sets.next().map(|(owner, set)| (owner, set, 0)));
        let (owner, rtype) = self.begun.as_ref().map(|(owner, set, _)| (owner.clone(), set.rtype))?;
        let message = self.message(FULL).or_else(|| self.message(LARGEST));
        if message.is_none() {
            tracing::warn!(?owner, rtype, "a record is larger than a message: its zone cannot be transferred");
        }
        message
    }
}

impl Stream {
    /// The next message; `None` if not even one record fits, of which there is at least one.
    fn message(&mut self, size: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; size];
        let room = size - self.signer.as_ref().map_or(0, Signer::room);
        let mut writer = Writer::new(&mut out, room, &self.request.question)?;
        let opt = self.request.opt.as_ref();
        if let Some(opt) = opt {
            writer.reserve(opt);
        }
        // The owner written last, and where.
        let mut written: Option<(Key, u16)> = None;
        while let Some((owner, set, mut done)) =
            self.begun.take().or_else(|| self.sets.next().map(|(owner, set)| (owner, set, 0)))
        {
            for (rtype, data) in records(&set).skip(done) {
                let at = writer.length();
                let known = written.as_ref().filter(|(name, _)| *name == owner);
                let labels = owner.start(self.request.zone.labels());
                let name = match known {
                    Some((_, at)) => Owner::at(*at),
                    None => Owner { labels: &owner.as_wire()[..labels], then: ORIGIN },
                };
                if writer.record(Section::Answer, name, rtype, set.ttl, data, ORIGIN).is_err() {
                    break;
                }
                done += 1;
                if known.is_none() && at <= FULL {
                    written = Some((owner.clone(), at as u16));
                }
            }
            if done < usize::from(set.count) + usize::from(set.signed) {
                self.begun = Some((owner, set, done));
                break;
            }
        }
        if writer.is_blank() {
            return None;
        }
        let (length, _) = writer.finish(self.request.id, self.request.flags, 0, opt);
        let length = match &mut self.signer {
            Some(signer) => signer.sign(&mut out, length, (self.clock)())?,
            None => length,
        };
        out.truncate(length);
        Some(out)
    }
}

/// A set's records and its signatures, each with its type.
fn records(set: &Set) -> impl Iterator<Item = (u16, Rdata<'_>)> {
    set.data().map(|data| (set.rtype, data)).chain(set.signatures().map(|data| (rtype::RRSIG, data)))
}

#[cfg(test)]
mod tests;
