//! What is signed while somebody waits: that a name is not there, and what a wildcard yields.
//!
//! Both are about names that only the asker knows. Each costs a signature, some 20 µs; so for sources that have not shown
//! that they are who they say, all of them together have a [budget](crate::dnssec::budget), and beyond it a reply is truncated:
//! a resolver comes by TCP, a flood does not. Nothing is allocated.
//!
//! # A name that is not there
//! With DNSSEC it is denied as one that has no types at all (RFC 9824 §3.1): one NSEC record in place of two or three. The
//! reply's code is then NOERROR, since older validators want of NXDOMAIN a proof of another kind, but for those who say
//! that they know better.

use std::iter;

use arrayvec::ArrayVec;

use super::lookup::{Lookup, Step, Stop};
use crate::{
    dnssec::{
        denial::{Denial, MAX_NSEC},
        sign::{Signer, Unsigned},
    },
    names::{
        Zone,
        node::Node,
        set::{NOWHERE, Rdata, Set},
    },
    wire::{query::rtype, writer::Section},
};

/// Room for an RRSIG's data: 18 octets, the longest name, 64 octets of signature.
const MAX_RRSIG: usize = 18 + 255 + 64;
/// Signatures of one set: by two keys, while one algorithm gives way to another.
const MAX_SIGNATURES: usize = 2;
/// Types of one name that a denial can tell; no name has half as many.
const MAX_TYPES: usize = 64;

impl Lookup<'_, '_, '_, '_> {
    /// Denies the name itself.
    pub(super) fn deny_name(&mut self, step: &Step<'_>, zone: &Zone) -> Result<(), Stop> {
        if self.asks_for_nsec(zone) || zone.signer.is_some() && self.asking.dnssec && !self.asking.compact {
            self.found.code = 0;
        }
        self.deny(step, zone, Denial::NoName, zone.negative)
    }

    /// Denies what a wildcard does not have, for the name that it stands for.
    pub(super) fn deny_types(&mut self, step: &Step<'_>, zone: &Zone, node: &Node, ttl: u32) -> Result<(), Stop> {
        let types: ArrayVec<u16, MAX_TYPES> = node.sets.iter().map(|set| set.rtype).take(MAX_TYPES).collect();
        self.deny(step, zone, Denial::Has(&types), ttl)
    }

    /// Denies that a zone of ours is signed, in the zone above it.
    pub(super) fn deny_ds(&mut self, step: &Step<'_>, zone: &Zone) -> Result<(), Stop> {
        self.deny(step, zone, Denial::Has(&[rtype::NS]), zone.negative)
    }

    /// Whether the very record is asked for by which a name would be denied. The record says that it is there itself, so
    /// it is an answer: as the proof that there is none, no validator would take it.
    fn asks_for_nsec(&self, zone: &Zone) -> bool {
        self.asking.question.rtype == rtype::NSEC && self.asking.dnssec && zone.signer.is_some()
    }

    fn deny(&mut self, step: &Step<'_>, zone: &Zone, denial: Denial<'_>, ttl: u32) -> Result<(), Stop> {
        let section = if self.asks_for_nsec(zone) { Section::Answer } else { Section::Authority };
        if section == Section::Authority {
            self.soa(step, zone, ttl)?;
        }
        let Some(signer) = self.signer(zone)? else { return Ok(()) };
        let mut room = [0; MAX_NSEC + MAX_SIGNATURES * MAX_RRSIG];
        let denied = signer.sign_nsec_into(step.name, denial, zone.negative, self.asking.now, &mut room);
        let denied = denied.map_err(|_| Stop::Failed)?;
        let (nsec, signatures) = room.split_at(denied.nsec);
        self.write(step, zone, section, rtype::NSEC, ttl, nsec)?;
        for signature in signatures.chunks_exact(denied.rrsig).take(denied.signatures) {
            self.write(step, zone, section, rtype::RRSIG, ttl, signature)?;
        }
        Ok(())
    }

    /// Signs what a wildcard yields, as if the name asked for were there.
    pub(super) fn sign(&mut self, step: &Step<'_>, zone: &Zone, set: &Set, ttl: u32) -> Result<(), Stop> {
        let Some(signer) = self.signer(zone)? else { return Ok(()) };
        let data = set.data().map(|data| data.bytes);
        self.sign_data(step, zone, signer, set.rtype, ttl, data)
    }

    /// Signs one record that was made up for the asker.
    pub(super) fn sign_one(
        &mut self,
        step: &Step<'_>,
        zone: &Zone,
        rtype: u16,
        ttl: u32,
        data: &[u8],
    ) -> Result<(), Stop> {
        let Some(signer) = self.signer(zone)? else { return Ok(()) };
        self.sign_data(step, zone, signer, rtype, ttl, iter::once(data))
    }

    fn sign_data<'d>(
        &mut self,
        step: &Step<'_>,
        zone: &Zone,
        signer: &Signer,
        rtype: u16,
        ttl: u32,
        data: impl Iterator<Item = &'d [u8]> + Clone,
    ) -> Result<(), Stop> {
        let mut room = [0; MAX_SIGNATURES * MAX_RRSIG];
        let set = Unsigned { owner: step.name, rtype, ttl, data };
        let length = signer.sign_into(set, self.asking.now, &mut room).map_err(|_| Stop::Failed)?;
        for signature in room[..length].chunks_exact(signer.signature_len()) {
            self.write(step, zone, Section::Answer, rtype::RRSIG, ttl, signature)?;
        }
        Ok(())
    }

    /// Who signs, where the asker wants that and may have it.
    fn signer<'z>(&self, zone: &'z Zone) -> Result<Option<&'z Signer>, Stop> {
        let Some(signer) = zone.signer.as_deref().filter(|_| self.asking.dnssec) else { return Ok(None) };
        let granted = self.asking.proven || self.asking.view.guards.signatures.take(self.asking.now);
        if granted { Ok(Some(signer)) } else { Err(Stop::Full) }
    }

    pub(super) fn write(
        &mut self,
        step: &Step<'_>,
        zone: &Zone,
        section: Section,
        rtype: u16,
        ttl: u32,
        data: &[u8],
    ) -> Result<(), Stop> {
        let data = Rdata { bytes: data, tails: [NOWHERE; 2] };
        Ok(self.writer.record(section, step.owner(), rtype, ttl, data, step.origin(zone))?)
    }
}
