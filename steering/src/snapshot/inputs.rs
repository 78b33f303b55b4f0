//! All that a decision reads beside the policy and who asks.
//!
//! It is plain data, so that it can be recorded with a decision: with the policy's text and the asker it decides the same
//! again, bit for bit, on any node and at any later time.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fairway_geo::Place;
use fairway_policies::Policy;
use serde::{Deserialize, Serialize};

pub use crate::health::Ramp;
use crate::{cells::Audience, demand::Volume, health::Verdict, overrides::Override, standing::Standings};

/// What is known of one service's pathways. Lists go by pathway index, `standings` by step index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// How fit each pathway is.
    pub verdicts: Vec<Verdict>,
    /// For how many each counts as fit.
    pub ramps: Vec<Ramp>,
    /// For each step of the chain (empty unless it is `rank`): who is ahead of whom, by audience.
    #[serde(with = "standings")]
    pub standings: Vec<Arc<Standings>>,
    /// Of the clients that would get each pathway, the share that it can carry, 0…1; for `capacity`.
    pub admits: Vec<f32>,
    /// What one more terabyte on each costs now, commitments reckoned in; `None` where no cost is declared; for `cheapest`.
    pub prices: Vec<Option<f64>>,
    /// What each has delivered this month; explains the price, and is kept over restarts.
    #[serde(default)]
    pub volumes: Vec<Option<Volume>>,
    /// The operators' words on this service, in order; a later one goes before an earlier.
    pub overrides: Arc<[Override]>,
    /// Unix milliseconds of the newest beacon that the standings rest on; `None` before the first.
    pub cells_at_ms: Option<i64>,
}

impl Inputs {
    /// Fills up what is missing: a pathway is unprobed since `at`, back, admitted, without a price; a step knows nothing.
    pub fn fit(mut self, policy: &Policy, at: DateTime<Utc>) -> Self {
        let pathways = policy.pathways.len();
        self.verdicts.resize_with(pathways, || Verdict::unknown(at));
        self.ramps.resize_with(pathways, Ramp::default);
        self.admits.resize(pathways, 1.0);
        self.prices.resize(pathways, None);
        self.volumes.resize(pathways, None);
        self.standings.resize_with(policy.steps.len(), Arc::default);
        self
    }

    /// Of these, what a decision for a client at `place` reads: the standings of its own audiences only.
    pub fn of(&self, place: &Place) -> Self {
        let own = |standings: &Arc<Standings>| {
            let own = Audience::of(place).filter_map(|audience| Some((audience, standings.get(&audience)?.clone())));
            Arc::new(own.collect())
        };
        Self { standings: self.standings.iter().map(own).collect(), ..self.clone() }
    }
}

/// As lists of audience and standing, the narrowest first: JSON's maps have strings for keys.
mod standings {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::{
        cells::Audience,
        standing::{Standing, Standings},
    };

    pub fn serialize<S: Serializer>(all: &[Arc<Standings>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().map(|standings| {
            let mut list: Vec<(&Audience, &Arc<Standing>)> = standings.iter().collect();
            list.sort_by_key(|(audience, _)| **audience);
            list
        }))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<Standings>>, D::Error> {
        let lists = Vec::<Vec<(Audience, Arc<Standing>)>>::deserialize(from)?;
        Ok(lists.into_iter().map(|list| Arc::new(list.into_iter().collect())).collect())
    }
}
