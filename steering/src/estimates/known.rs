//! What is known of one pathway for one audience, in the metrics' units: as it is compared, saved and told.

use chrono::{DateTime, Utc};
use fairway_policies::Metric;
use serde::{Deserialize, Serialize};

use crate::cells::Audience;

/// What is known of one pathway for one audience.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// The audience whose own samples weigh most in it: this one, or a wider one.
    pub level: Audience,
    /// How many watch there at once, by what was heard.
    pub sessions: u64,
    /// How many of this audience itself do.
    pub own: u64,
    /// What is known of the metrics compared, in the step's order.
    pub values: Vec<Value>,
    /// When a cell of the level that speaks was last heard.
    pub at: DateTime<Utc>,
}

/// What is known of one metric, in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// Which.
    pub metric: Metric,
    /// The best guess.
    pub value: f32,
    /// Its standard error.
    pub error: f32,
    /// How many samples of the audience itself are in it: sessions, or starts.
    pub samples: f32,
}

impl Known {
    /// What is known where these values are sure: so many sessions of `level` said so.
    pub fn sure(level: Audience, sessions: u64, values: &[(Metric, f32)], at: DateTime<Utc>) -> Self {
        let value = |&(metric, value): &(Metric, f32)| Value { metric, value, error: 0.0, samples: sessions as f32 };
        Self { level, sessions, own: sessions, values: values.iter().map(value).collect(), at }
    }

    /// The value of this metric.
    pub fn value(&self, metric: Metric) -> Option<Value> {
        self.values.iter().find(|v| v.metric == metric).copied()
    }
}
