//! Who beats whom for an audience, with memory. (Skeleton: the types other rooms build on.)

use fairway_policies::{Metric, PathSet};
use serde::{Deserialize, Serialize};

use crate::cells::Audience;

/// The outcome of comparing a service's pathways for one audience.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// By pathway index: those that it beats.
    pub beats: Vec<PathSet>,
    /// By pathway index: what was known of it.
    pub known: Vec<Option<Known>>,
}

/// What a comparison knew of one pathway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// The level that had enough sessions to speak.
    pub level: Audience,
    /// How many.
    pub sessions: u64,
    /// The values compared, in the step's order.
    pub values: Vec<(Metric, f32)>,
}
