//! For which addresses a decision holds.
//!
//! A resolver that is told a scope gives one answer to everyone in it, so the scope must never be too wide; one that is
//! too narrow costs cache space and queries. Each thing that a decision turns on cuts the address space into blocks over which
//! it is constant, and the decision holds over the narrowest of the blocks around the client:
//!
//! - nothing: everyone, /0;
//! - the place: the widest block whose places are all of one class ([`rows`](crate::snapshot)) and none of which differs from
//!   the rest of its region; that is everything where the service makes no difference between places. Where the client's own
//!   place differs (it is in a network that is told apart), and while an override that the class was worked out with has just
//!   ended, the prefix that the geo table gives with the place;
//! - inside a CIDR: that CIDR, or the widest of the condition's CIDRs that the address is inside of;
//! - inside none of them: the widest block around the address that touches none;
//! - hashed by prefix: the /24 or /48 that was hashed. For DNS, which answers one pathway, only where that decided which.
//!
//! A condition with CIDRs is asked about them only where all else that it asks is met. It fails as soon as the address is
//! not in one of `cidr` or is in one of `cidr_not`; where both are so the wider block suffices.
//!
//! Each of these blocks belongs to a partition of the address space (every address in a block finds the same block), and
//! those of one class are asked for the same CIDRs and hashed alike; so every address inside not only gets the same decision (over
//! DNS: the same answer) but the same scope. The scopes of one name thus never overlap differently, which RFC 7871 §7.3.1 asks
//! for.
//!
//! Nothing of this is in a decision's way: it is found out for those who ask, by [`Decision::holds`].

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use fairway_policies::When;
use ipnet::IpNet;

use super::{
    asker::{in_place, is_told},
    decision::Decision,
};
use crate::{
    client::{Client, hashed_bits},
    snapshot::{Service, Snapshot},
};

impl Decision {
    /// The addresses for which this same decision holds, or for [`Via::Dns`](crate::Via::Dns) what
    /// [`Decision::for_dns`] gives of it: the scope of a DNS answer. It must have been decided of these. /0 where it did not turn
    /// on the client; the place's prefix, which means nothing, where the client's address is not known.
    pub fn holds(&self, snapshot: &Snapshot, service: &Service, client: &Client<'_>, now: DateTime<Utc>) -> IpNet {
        let Some(address) = client.address else { return client.located.prefix };
        let prefix = if self.asked.prefix { hashed_bits(address) } else { 0 };
        let cidrs = service.policy.steps.iter().enumerate().filter(|(_, step)| !step.when.cidr.is_empty());
        let asked = cidrs.filter(|(index, step)| {
            in_place(&step.when, &client.located.place) && is_told(service, *index, &step.when, client, now)
        });
        let cidrs = asked.map(|(_, step)| condition(&step.when, address)).max().unwrap_or(0);
        let bits = self.place(snapshot, service, address, client, now).max(prefix).max(cidrs);
        IpNet::new(address, bits).map_or(client.located.prefix, |block| block.trunc())
    }

    /// The length of the prefix around the client over which its place is as good as any.
    fn place(
        &self,
        snapshot: &Snapshot,
        service: &Service,
        address: IpAddr,
        client: &Client<'_>,
        now: DateTime<Utc>,
    ) -> u8 {
        let own = client.located.prefix.prefix_len();
        let class = client.located.id.and_then(|place| service.rows.class(&snapshot.geo, place));
        match class {
            Some(class) if class.row.as_ref().is_none_or(|row| now.timestamp_millis() < row.until_ms) => {
                service.rows.block(&snapshot.geo, address, &client.located).prefix_len()
            }
            Some(_) => own,
            // A place that is of no table: nothing is known of its neighbours.
            None if self.asked.place || service.policy.steps.iter().any(|step| step.when.asks_place()) => own,
            None => 0,
        }
    }
}

/// The length of the prefix around the address over which the condition's CIDRs hold, or fail, as they do for it.
fn condition(when: &When, address: IpAddr) -> u8 {
    let (any, not) = (in_cidrs(&when.cidr.any, address), in_cidrs(&when.cidr.not, address));
    let any_fails = (!when.cidr.any.is_empty() && !any.0).then_some(any.1);
    let not_fails = not.0.then_some(not.1);
    let failed = [any_fails, not_fails].into_iter().flatten().min();
    failed.unwrap_or(any.1.max(not.1))
}

/// Whether the address is in one of the CIDRs, and the length of the block around it over which that is so.
fn in_cidrs(cidrs: &[IpNet], address: IpAddr) -> (bool, u8) {
    let (mut inside, mut clear) = (None::<u8>, 0);
    for cidr in cidrs {
        // The bits that the address shares with the CIDR; the other family's are no neighbours.
        let shared = match (address, cidr) {
            (IpAddr::V4(a), IpNet::V4(n)) => (a.to_bits() ^ n.network().to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpNet::V6(n)) => (a.to_bits() ^ n.network().to_bits()).leading_zeros(),
            _ => continue,
        } as u8;
        let len = cidr.prefix_len();
        if shared >= len {
            inside = Some(inside.map_or(len, |widest| widest.min(len)));
        } else {
            clear = clear.max(shared + 1);
        }
    }
    inside.map_or((false, clear), |widest| (true, widest))
}
