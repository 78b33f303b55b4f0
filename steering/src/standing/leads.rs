//! Who is ahead of whom, and what was known when that was found.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use fairway_policies::{Metric, PathSet};
use serde::{Deserialize, Serialize};

use crate::{cells::Audience, estimates::Known};

/// The standings of one `rank` step. Shared by audience, so that the next ones cost what has changed.
pub type Standings = HashMap<Audience, Arc<Standing>>;

/// The outcome of comparing a service's pathways for one audience.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// By pathway index: those that it beats, for some share of the audience at least.
    pub beats: Vec<PathSet>,
    /// By pathway index: what was known of it.
    pub known: Vec<Option<Known>>,
    /// Who is ahead of whom, by what, and for how many. The leads, as decisions read them.
    pub leads: Vec<Lead>,
    /// When a lead's share last changed; `None` before the first time.
    pub moved_at: Option<DateTime<Utc>>,
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
    /// The share of the audience for whom the lead is in force, above 0, 1 at most: an audience moves step by step.
    pub share: f32,
    /// The size of its last move, below 0 when that was a move back. The share may have changed by less.
    pub step: f32,
}

impl Lead {
    /// A lead in force for everyone.
    pub fn whole(ahead: u8, behind: u8, by: Metric) -> Self {
        Self { ahead, behind, by, share: 1.0, step: 1.0 }
    }
}

impl Standing {
    /// A standing with these leads; `known` has one entry per pathway.
    pub fn new(known: Vec<Option<Known>>, leads: Vec<Lead>) -> Self {
        let mut beats = vec![PathSet::default(); known.len()];
        for lead in &leads {
            beats[usize::from(lead.ahead)].insert(usize::from(lead.behind));
        }
        Self { beats, known, leads, moved_at: None }
    }

    /// Those that `pathway` beats, for some share of the audience at least.
    pub fn beaten_by(&self, pathway: u8) -> PathSet {
        self.beats.get(usize::from(pathway)).copied().unwrap_or_default()
    }

    /// The lead that `ahead` has over `behind`.
    pub fn lead(&self, ahead: u8, behind: u8) -> Option<Lead> {
        self.leads.iter().copied().find(|l| (l.ahead, l.behind) == (ahead, behind))
    }
}
