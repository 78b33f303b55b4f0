//! Verdicts: is a pathway fit to be answered? (Skeleton: the types other rooms build on.)

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Fitness of a pathway, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Works.
    #[default]
    Up,
    /// Works badly: kept, but said.
    Degraded,
    /// Does not work.
    Down,
    /// Taken out by an operator.
    Drained,
}

/// Fitness with its cause and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// How fit.
    pub health: Health,
    /// Why.
    pub cause: Cause,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Why a verdict is what it is, with the numbers it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// Nothing has been seen of it yet: taken to be up.
    Unprobed,
    /// `count` probes in a row went well.
    ProbesPassed { count: u32 },
    /// `count` probes in a row failed, the last with `error`.
    ProbesFailed { count: u32, error: String },
    /// Of `requests` that viewers told of in the last window, `errors` failed.
    RequestErrors { errors: u64, requests: u64 },
}
