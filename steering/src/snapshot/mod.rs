//! The snapshot: everything the data plane needs to decide, immutable, versioned, swapped atomically.
//!
//! The control loop makes one [`Service`] per policy and compiles them: the first time by [`Snapshot::compile`], then by
//! [`Snapshot::next`], which shares what did not change with the snapshot before. What decisions of a service have in common by
//! place is in its `rows`, made along the `dimensions` that it uses. What a node has learnt survives it as [`Saved`].

mod compile;
mod dimensions;
mod inputs;
mod prepared;
mod rows;
mod saved;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use fairway_geo::{GeoTable, Place};
use fairway_policies::Policy;

pub use inputs::{Inputs, Ramp};
pub(crate) use prepared::Forced;
use prepared::Prepared;
use rows::Rows;
pub use saved::{LoadError, Saved, SavedLead, SavedService, SavedStanding};

use crate::{
    cells::Audience,
    client::{Client, Via},
    counters::Counters,
    demand::prices,
    health::Health,
    standing::Standing,
};

/// All services at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Grows by one with each swap, over restarts too.
    pub version: u64,
    /// When it was compiled.
    pub made_at: DateTime<Utc>,
    /// Where addresses are.
    pub geo: Arc<GeoTable>,
    /// By service id, ascending.
    pub services: Vec<Arc<Service>>,
    /// Steered name (lower case, no trailing dot) to index in `services`.
    pub names: HashMap<String, usize>,
    /// Every name above a steered one: in DNS such a name exists, though it has no data (RFC 8020).
    pub enclosing: HashSet<String>,
}

/// One service, ready to decide. Made by [`Service::new`], which sees to the lengths.
#[derive(Debug)]
pub struct Service {
    /// What the operator wrote.
    pub policy: Arc<Policy>,
    /// What is known of it.
    pub inputs: Inputs,
    /// Counts its decisions; the same over all snapshots.
    pub counters: Arc<Counters>,
    /// What is worked out of the two once.
    pub(crate) prepared: Prepared,
    /// What its decisions have in common, by place. Nothing until [`Snapshot::compile`] or [`Snapshot::next`] fills it in.
    pub(crate) rows: Arc<Rows>,
}

impl Service {
    /// A service of which this is known; what is missing is as [`Inputs::fit`] says, since the epoch.
    pub fn new(policy: Arc<Policy>, inputs: Inputs, counters: Arc<Counters>) -> Self {
        let inputs = inputs.fit(&policy, DateTime::UNIX_EPOCH);
        let prepared = Prepared::new(&policy, &inputs);
        Self { policy, inputs, counters, prepared, rows: Arc::default() }
    }

    /// A service of which nothing is known yet.
    pub fn fresh(policy: Arc<Policy>, now: DateTime<Utc>) -> Self {
        let (volumes, prices) = prices(&policy, &[], now);
        let inputs = Inputs { volumes, prices, ..Inputs::default() }.fit(&policy, now);
        Self::new(policy, inputs, Arc::default())
    }

    /// The standing that speaks at step `step` for a client at `place`, and for whom it is: the narrowest audience of the
    /// place that has one.
    pub fn standing(&self, step: usize, place: &Place) -> Option<(Audience, &Standing)> {
        let standings = self.inputs.standings.get(step).filter(|s| !s.is_empty())?;
        Audience::of(place).find_map(|audience| Some((audience, standings.get(&audience)?.as_ref())))
    }

    /// The number of the row that decides for this client; good for this snapshot only.
    pub fn row_of(&self, snapshot: &Snapshot, client: &Client<'_>) -> Option<u32> {
        client.located.id.and_then(|place| self.rows.number_of(&snapshot.geo, place))
    }

    /// How many classes of places it tells apart, and how many places are exceptions in their region.
    pub fn classes(&self) -> (usize, usize) {
        self.rows.size()
    }

    pub(crate) fn health(&self, pathway: u8) -> Health {
        self.inputs.verdicts[usize::from(pathway)].health
    }
}

impl Snapshot {
    /// The client at this address; an IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2) is an IPv4 address.
    pub fn client<'a>(&self, address: IpAddr, via: Via, session: Option<&'a str>) -> Client<'a> {
        let address = address.to_canonical();
        Client { session, ..Client::new(Some(address), self.geo.locate(address), via) }
    }

    /// The service of this id.
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.binary_search_by(|s| s.policy.service.as_str().cmp(id)).ok().map(|i| &*self.services[i])
    }

    /// The service steered under this DNS name (lower case, no trailing dot).
    pub fn service_of_name(&self, name: &str) -> Option<&Service> {
        self.names.get(name).map(|i| &*self.services[*i])
    }

    /// Whether some steered name is below this DNS name (lower case, no trailing dot).
    pub fn encloses_name(&self, name: &str) -> bool {
        self.enclosing.contains(name)
    }
}
