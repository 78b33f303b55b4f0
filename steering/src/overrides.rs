//! Overrides: what an operator says goes before what the node finds.

use chrono::{DateTime, Utc};
use fairway_geo::{Asn, Continent, Country};
use serde::{Deserialize, Serialize};

/// An operator's word on some pathways, for some services and places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// Its number, by which it is cleared. Ascending.
    pub id: u64,
    /// Service ids: a glob of `*` and `?`.
    pub service: String,
    /// Pathway ids: a glob of `*` and `?`.
    pub pathway: String,
    /// For clients there; all parts left out: everywhere.
    #[serde(default)]
    pub place: OverridePlace,
    /// What is so.
    pub force: Force,
    /// Who says so.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when; `None`: until it is cleared.
    pub expires: Option<DateTime<Utc>>,
}

/// Where an override holds. Everything given must be the client's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverridePlace {
    /// There.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continent: Option<Continent>,
    /// There.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// In this network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<Asn>,
}

/// What an operator forces.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Force {
    /// Fit, whatever is found.
    Up,
    /// Unfit.
    Down,
    /// Unfit, on purpose: no fault.
    Drained,
    /// Fit for this share of clients, 0…1, unfit for the others.
    Share(f32),
}
