//! Who is ahead of whom, and what was known when that was found.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use fairway_policies::{Metric, PathSet};
use serde::{Deserialize, Serialize};

use crate::cells::Audience;

/// The standings of one `rank` step.
pub type Standings = HashMap<Audience, Standing>;

/// The outcome of comparing a service's pathways for one audience.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// By pathway index: those that it beats. The leads, as decisions read them.
    pub beats: Vec<PathSet>,
    /// By pathway index: what was known of it.
    pub known: Vec<Option<Known>>,
    /// Who is ahead of whom, and by what.
    pub leads: Vec<Lead>,
}

/// One pathway's lead over another, by index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// The better one.
    pub ahead: u8,
    /// The worse one.
    pub behind: u8,
    /// The metric that decided when it passed.
    pub by: Metric,
    /// The share of the audience for whom the lead is in force, 0…1: an audience moves step by step.
    pub share: f32,
}

/// What a comparison knew of one pathway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// The level that had enough sessions to speak.
    pub level: Audience,
    /// How many.
    pub sessions: u64,
    /// The most that spoke since it was last forgotten.
    #[serde(default)]
    pub most: u64,
    /// Playbacks that they began.
    pub starts: u64,
    /// The values compared, in the step's order.
    pub values: Vec<(Metric, f32)>,
    /// When a cell last said so.
    pub at: DateTime<Utc>,
}

impl Known {
    /// The value of this metric.
    pub fn value(&self, metric: Metric) -> Option<f32> {
        self.values.iter().find(|(m, _)| *m == metric).map(|(_, value)| *value)
    }

    /// How many viewers' experiences this metric's value is made of.
    pub(super) fn samples(&self, metric: Metric) -> u64 {
        match metric {
            Metric::StartFailures | Metric::StartupTime => self.starts,
            _ => self.sessions,
        }
    }
}

impl Standing {
    /// A standing with these leads; `known` has one entry per pathway.
    pub fn new(known: Vec<Option<Known>>, leads: Vec<Lead>) -> Self {
        let mut beats = vec![PathSet::default(); known.len()];
        for lead in &leads {
            beats[usize::from(lead.ahead)].insert(usize::from(lead.behind));
        }
        Self { beats, known, leads }
    }

    /// Those that `pathway` beats.
    pub fn beaten_by(&self, pathway: u8) -> PathSet {
        self.beats.get(usize::from(pathway)).copied().unwrap_or_default()
    }

    /// The lead that `ahead` has over `behind`.
    pub fn lead(&self, ahead: u8, behind: u8) -> Option<Lead> {
        self.leads.iter().copied().find(|l| (l.ahead, l.behind) == (ahead, behind))
    }
}
