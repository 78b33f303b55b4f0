//! The snapshot: everything the data plane needs to decide, immutable, versioned, swapped atomically.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use fairway_geo::GeoTable;
use fairway_policies::Policy;

use crate::{cells::Audience, health::Verdict, live::Counters, standing::Standing};

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
    pub services: Vec<Service>,
    /// Steered name (lower case, no trailing dot) to index in `services`.
    pub names: HashMap<String, usize>,
}

/// One service, ready to decide.
#[derive(Debug)]
pub struct Service {
    /// What the operator wrote.
    pub policy: Arc<Policy>,
    /// By pathway index.
    pub verdicts: Vec<Verdict>,
    /// For each step of the chain (empty unless it is `rank`): who beats whom, by audience.
    pub standings: Vec<HashMap<Audience, Standing>>,
    /// Unix milliseconds of the newest cell that the standings rest on; `None` before the first.
    pub cells_at_ms: Option<i64>,
    /// Counts its decisions; the same over all snapshots.
    pub counters: Arc<Counters>,
}

impl Snapshot {
    /// The service of this id.
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.binary_search_by(|s| s.policy.service.as_str().cmp(id)).ok().map(|i| &self.services[i])
    }
    /// The service steered under this DNS name (lower case, no trailing dot).
    pub fn service_of_name(&self, name: &str) -> Option<&Service> {
        self.names.get(name).map(|i| &self.services[*i])
    }
}
