//! Plans: what a change of policies would mean, before it is made.
//!
//! # What is compared
//! The decisions of now with the decisions of then: the same askers, decided for twice by the one function that answers
//! (`decide_for`), under the policy in force and under the new one, with the same knowledge (verdicts, standings, volumes of the
//! pathways that both have). So a plan cannot disagree with what the change then does, save where the world moves on.
//!
//! # Whose decisions
//! Those recorded in the last hour, each weighing as many as it stands for. Where none are there yet (a new service, recording
//! turned off, the store away), sessions are made up in the countries that the cells have viewers in, as many as these; where there
//! are none of these either, as many in each place that the policies name; and the plan says on what it rests. A recorded asker has no address: a
//! condition on CIDRs that the policy in force does not have as well cannot be judged, and is taken not to hold.
//!
//! # Load and cost
//! The service's traffic now, shared out as the decisions are. That is where it would end, after one TTL; and as if every session
//! weighed the same within its country, which the law of large numbers grants.
//!
//! # Guard rails
//! A change that moves more than a share of a service's decisions ([`Guard::moved`]), or fills a pathway beyond a share of its capacity
//! ([`Guard::load`]), is applied only by someone who says so: most outages of steering are changes made on purpose.
//! Adding a service moves nobody; removing one moves everyone it had. To go back to an earlier revision is always allowed:
//! who needs it needs it now.
//!
//! # Stale plans
//! A plan is for one content of the policy folder and is known by that and by its own: [`Plan::id`]. If the folder has
//! changed since, the id no longer fits and applying it is refused; who planned looks again.

mod apply;
mod impact;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use apply::{Applied, ApplyError, Changes, Proposal};
pub use impact::{Basis, Weighed, askers_of_cells};

/// What a change may do without being confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// Of a service's decisions, at most this share may get another first pathway, 0…1.
    pub moved: f64,
    /// Of its capacity, at most this share of a pathway may be filled, 0…; where it is not so full already.
    pub load: f64,
}

/// A quarter of the viewers is a bad day, half of them is the evening news; and a pathway nine tenths full has no room for
/// the next failure of another.
impl Default for Guard {
    fn default() -> Self {
        Self { moved: 0.25, load: 0.9 }
    }
}

/// What a change would mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What it is applied by: stands for what is in force and what would be.
    pub id: String,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The revision in force.
    pub base: u64,
    /// The services that would change, by id.
    pub services: Vec<ServicePlan>,
    /// Guard rails that it breaks: applied only if confirmed.
    pub breaches: Vec<String>,
}

/// What becomes of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is new.
    Added,
    /// Its file changes.
    Changed,
    /// Its file goes: its names and URLs are answered no more.
    Removed,
}

/// What a change would mean for one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServicePlan {
    /// Its id.
    pub service: String,
    /// What becomes of it.
    pub fate: Fate,
    /// The change of its file, as a unified diff.
    pub diff: String,
    /// What `fairway check` warns of in the new file.
    pub warnings: Vec<String>,
    /// On what the following rests.
    pub basis: Basis,
    /// Of its decisions, the share that would get another first pathway, 0…1.
    pub moved: f64,
    /// Countries, those with the most moved decisions first.
    pub audiences: Vec<AudiencePlan>,
    /// Pathways, those of the policy in force first, in file order.
    pub pathways: Vec<PathwayPlan>,
}

/// What a change would mean for the clients of one country.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudiencePlan {
    /// ISO 3166-1 alpha-2; empty where the country is not known.
    pub country: String,
    /// Of the service's decisions, the share made for it, 0…1.
    pub share: f64,
    /// Of these, the share that would get another first pathway, 0…1.
    pub moved: f64,
    /// Of these, the share that each pathway has now.
    pub before: BTreeMap<String, f64>,
    /// And would have.
    pub after: BTreeMap<String, f64>,
}

/// What a change would mean for one pathway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathwayPlan {
    /// Its id.
    pub pathway: String,
    /// As it is; `None` when it is new.
    pub before: Option<Projection>,
    /// As it would be; `None` when it goes.
    pub after: Option<Projection>,
}

/// A pathway's part of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// Of the decisions, 0…1.
    pub share: f64,
    /// Load, bit/s; `None` while no traffic is measured.
    pub bits_per_second: Option<f64>,
    /// That load over its declared capacity.
    pub of_capacity: Option<f64>,
    /// What an hour of that load costs at the next terabyte's price, commitments reckoned in.
    pub cost_per_hour: Option<f64>,
}

impl Plan {
    /// Whether anything would change.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }
}
