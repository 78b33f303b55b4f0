//! What of a client the chain reads: its conditions evaluated once, its keys hashed once.

use chrono::{DateTime, Utc};
use fairway_geo::Place;
use fairway_policies::{Region, When};

use crate::{
    client::{Asker, Client, Via},
    snapshot::Service,
};

impl Service {
    /// What is left of the client for this service's chain, at this time.
    pub fn asker(&self, client: &Client<'_>, now: DateTime<Utc>) -> Asker {
        let mut left = self.prepared.conditional;
        let mut holds = !left;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            let when = &self.policy.steps[index].when;
            let meets = in_cidrs(when, client) && is_told(self, index, when, client, now);
            holds |= u64::from(meets) << index;
            left &= left - 1;
        }
        Asker::new(client, holds)
    }
}

impl Asker {
    /// Someone of whom nothing is known but the place, and who meets every condition on anything else.
    pub(super) fn somewhere(place: &Place) -> Self {
        let (session, prefix, content) = (None, None, None);
        let (device, stream) = (None, None);
        Self {
            place: *place,
            via: Via::Http,
            holds: u64::MAX,
            session,
            prefix,
            content,
            device,
            stream,
            affords: false,
        }
    }
}

/// Whether what step `index`'s condition asks holds, of all but the place and the address.
pub(super) fn is_told(service: &Service, index: usize, when: &When, client: &Client<'_>, now: DateTime<Utc>) -> bool {
    when.protocol.holds_for(Some(client.via))
        && when.device.holds_for(client.device)
        && when.stream.is_none_or(|stream| client.stream == Some(stream))
        && when.content.holds(|start| client.content.is_some_and(|id| id.starts_with(start.as_str())))
        && (when.time.is_empty() || service.prepared.open(index, &when.time, now))
}

/// Whether what the condition asks of the address holds.
fn in_cidrs(when: &When, client: &Client<'_>) -> bool {
    when.cidr.holds(|cidr| client.address.is_some_and(|address| cidr.contains(&address)))
}

/// Whether what the condition asks of the place holds.
pub(crate) fn in_place(when: &When, place: &Place) -> bool {
    let region = || Some(Region { country: place.country?, subdivision: place.subdivision? });
    when.continent.holds_for(place.continent)
        && when.country.holds_for(place.country)
        && when.asn.holds_for(place.asn)
        && (when.subdivision.is_empty() || when.subdivision.holds_for(region()))
}
