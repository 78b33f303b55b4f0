//! Recorded decisions, as their pages show them.

use fairway_policies::explain::Explanation;
use serde::{Deserialize, Serialize};

/// The latest decisions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decisions {
    /// Every service there is.
    pub services: Vec<String>,
    /// The pathways of the service asked for, for their colours and the form.
    pub pathways: Vec<String>,
    /// By what they are chosen, as typed.
    pub filter: Filter,
    /// The latest first.
    pub rows: Vec<Row>,
    /// Why there are none to show.
    pub problem: Option<String>,
}

/// By what decisions are chosen: the page's state, which is its address. What is empty is not asked by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Service id.
    pub service: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The pathway answered.
    pub pathway: String,
    /// `sampled`, `failed`, `explained` or `changed`.
    pub occasion: String,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub id: String,
    /// When it was made.
    pub at_ms: i64,
    /// Where the client is: `DE, AS3320`.
    pub place: String,
    /// `dns`, `hls`, `dash` or `http`.
    pub via: String,
    /// The pathway answered; empty if there was none.
    pub chosen: String,
    /// The step that put it first, from 1; 0: none did.
    pub step: u8,
    /// Why, in a word.
    pub reason: String,
    /// The share of such clients for whom it is chosen, 0…1.
    pub probability: f64,
    /// Why it was recorded.
    pub occasion: String,
    /// For how many it stands; 0: it was not drawn.
    pub weight: u64,
}

/// One decision, made again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// Its name.
    pub id: String,
    /// When it was made.
    pub at_ms: i64,
    /// Why it was recorded.
    pub occasion: String,
    /// For how many it stands; 0: it was not drawn.
    pub weight: u64,
    /// What the policy's text is known by.
    pub policy: String,
    /// Its story as of then.
    pub explanation: Explanation,
    /// Where this build decides otherwise; nothing: it is the same bit for bit.
    pub differences: Vec<String>,
}
