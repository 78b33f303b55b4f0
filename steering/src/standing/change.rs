//! Leads won and lost, with the numbers they rest on.

use std::fmt;

use chrono::{DateTime, Utc};
use fairway_policies::{Metric, Policy, explain::Number};

use super::leads::{Known, Standing};
use crate::{cells::Audience, event::Event};

/// One pathway won or lost its lead over another, for one audience.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// For whom.
    pub audience: Audience,
    /// Which of the two stands better by it: the one that won a lead, or is rid of the other's.
    pub ahead: u8,
    /// The other.
    pub behind: u8,
    /// What happened.
    pub turn: Turn,
}

/// How a lead changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// `ahead` passed `behind`.
    Passed(Comparison),
    /// `behind` was ahead and is no more; the numbers, if both are still known.
    LeadGone(Option<Comparison>),
}

/// Two pathways on one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub metric: Metric,
    /// Of the one that is ahead.
    pub ahead: Side,
    /// Of the other.
    pub behind: Side,
}

/// One side of a [`Comparison`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Side {
    /// In the metric's unit.
    pub value: f32,
    /// Who said so.
    pub level: Audience,
    /// How many of them.
    pub sessions: u64,
}

impl Comparison {
    /// These two on `metric`, where both are known.
    pub fn of(standing: &Standing, ahead: u8, behind: u8, metric: Metric) -> Option<Self> {
        let side = |pathway: u8| {
            let known: &Known = standing.known.get(usize::from(pathway))?.as_ref()?;
            Some(Side { value: known.value(metric)?, level: known.level, sessions: known.sessions })
        };
        Some(Self { metric, ahead: side(ahead)?, behind: side(behind)? })
    }
}

/// `stall ratio 0.4 % (continent EU, 310 sessions) against 6.1 % (country DE, 41 sessions)`.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, ahead, behind } = self;
        write!(
            f,
            "{} {ahead} against {behind}",
            metric.text(),
            ahead = ahead.text(*metric),
            behind = behind.text(*metric)
        )
    }
}

impl Side {
    fn text(&self, metric: Metric) -> String {
        let value = Number { name: String::new(), value: self.value.into(), unit: metric.unit() }.to_string();
        format!("{} ({}, {} sessions)", value.trim_start(), self.level, self.sessions)
    }
}

impl Change {
    /// As the feed tells it.
    pub fn event(&self, policy: &Policy, at: DateTime<Utc>) -> Event {
        let id = |pathway: u8| policy.pathways.get(usize::from(pathway)).map_or_else(String::new, |p| p.id.clone());
        let why = match &self.turn {
            Turn::Passed(numbers) => numbers.to_string(),
            Turn::LeadGone(Some(numbers)) => format!("the lead of {} is gone: {numbers}", id(self.behind)),
            Turn::LeadGone(None) => format!("the lead of {} rested on samples that are too old", id(self.behind)),
        };
        Event::Standing {
            at,
            service: policy.service.clone(),
            audience: self.audience.to_string(),
            ahead: id(self.ahead),
            behind: id(self.behind),
            why,
        }
    }
}

/// Appends what changed for the audience from what spoke for it before to what speaks now. Where one passed the other and
/// the other's lead went with it, only the passing is told.
pub(super) fn between(
    audience: Audience,
    before: Option<&Standing>,
    after: Option<&Standing>,
    changes: &mut Vec<Change>,
) {
    let nothing = Standing::default();
    let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
    for lead in after.leads.iter().filter(|l| before.lead(l.ahead, l.behind).is_none()) {
        let numbers = Comparison::of(after, lead.ahead, lead.behind, lead.by);
        changes.extend(numbers.map(|numbers| Change {
            audience,
            ahead: lead.ahead,
            behind: lead.behind,
            turn: Turn::Passed(numbers),
        }));
    }
    for lead in &before.leads {
        if after.lead(lead.ahead, lead.behind).is_none() && after.lead(lead.behind, lead.ahead).is_none() {
            let numbers = Comparison::of(after, lead.behind, lead.ahead, lead.by);
            changes.push(Change { audience, ahead: lead.behind, behind: lead.ahead, turn: Turn::LeadGone(numbers) });
        }
    }
}
