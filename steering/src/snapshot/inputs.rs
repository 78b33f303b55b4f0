//! All that a decision reads beside the policy and who asks.
//!
//! It is plain data, so that it can be recorded with a decision: with the policy's text and the asker it decides the same
//! again, bit for bit, on any node and at any later time.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fairway_policies::Policy;
use serde::{Deserialize, Serialize};

use crate::{health::Verdict, overrides::Override, standing::Standings};

/// What is known of one service's pathways. Lists go by pathway index, `standings` by step index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    /// How fit each pathway is.
    pub verdicts: Vec<Verdict>,
    /// How far each is back after it was down.
    pub ramps: Vec<Ramp>,
    /// For each step of the chain (empty unless it is `rank`): who is ahead of whom, by audience.
    pub standings: Vec<Arc<Standings>>,
    /// Of the clients that would get each pathway, the share that it can carry, 0…1; for `capacity`.
    pub admits: Vec<f32>,
    /// What one more terabyte on each costs now, commitments reckoned in; `None` where no cost is declared; for `cheapest`.
    pub prices: Vec<Option<f64>>,
    /// The operators' words on this service, in order; a later one goes before an earlier.
    pub overrides: Arc<[Override]>,
    /// Unix milliseconds of the newest beacon that the standings rest on; `None` before the first.
    pub cells_at_ms: Option<i64>,
}

/// How far a pathway is back after it was down.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ramp {
    /// The share of clients for whom it counts as fit, 0…1. 1: it is back, or was never away.
    pub share: f32,
    /// Still on trial: only sessions that can afford a failure are among them, others than a moment ago.
    pub trial: bool,
}

impl Default for Ramp {
    fn default() -> Self {
        Self { share: 1.0, trial: false }
    }
}

impl Inputs {
    /// Fills up what is missing: a pathway is unprobed since `at`, back, admitted, without a price; a step knows nothing.
    pub fn fit(mut self, policy: &Policy, at: DateTime<Utc>) -> Self {
        let pathways = policy.pathways.len();
        self.verdicts.resize_with(pathways, || Verdict::unknown(at));
        self.ramps.resize_with(pathways, Ramp::default);
        self.admits.resize(pathways, 1.0);
        self.prices.resize(pathways, None);
        self.standings.resize_with(policy.steps.len(), Arc::default);
        self
    }
}
