//! Moves of audiences that begin, end, and are undone, with the numbers they rest on.

use std::fmt;

use chrono::{DateTime, Utc};
use fairway_policies::{Metric, Policy, explain::Number};

use super::{leads::Standing, moves::Flight};
use crate::{cells::Audience, event::Event};

/// Something happened to the order of two pathways, for one audience.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// For whom.
    pub audience: Audience,
    /// Which of the two stands better by it: the one that passes, or is rid of the other's lead.
    pub ahead: u8,
    /// The other.
    pub behind: u8,
    /// What happened.
    pub turn: Turn,
}

/// What happened to a lead.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// `ahead` begins to pass `behind`.
    Begins {
        /// For this share of the audience at first.
        share: f32,
        /// Why.
        numbers: Comparison,
    },
    /// It has passed for everyone.
    Complete,
    /// `behind` was ahead for everyone, and begins to fall back; the numbers, if both are still known.
    FallsBack(Option<Comparison>),
    /// `behind` is ahead for nobody any more.
    Undone(Option<Comparison>),
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
    /// Whether it is of the last seconds, by which some flee: of requests the share of sessions that had one fail.
    pub lately: bool,
}

/// One side of a [`Comparison`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Side {
    /// In the metric's unit.
    pub value: f32,
    /// Who said so, mostly.
    pub level: Audience,
    /// How many of them.
    pub sessions: u64,
}

impl Comparison {
    /// These two on `metric`, where both are known.
    pub fn of(standing: &Standing, ahead: u8, behind: u8, metric: Metric) -> Option<Self> {
        let side = |pathway: u8| {
            let known = standing.known.get(usize::from(pathway))?.as_ref()?;
            Some(Side { value: known.value(metric)?.value, level: known.level, sessions: known.sessions })
        };
        Some(Self { metric, ahead: side(ahead)?, behind: side(behind)?, lately: false })
    }

    fn of_flight(flight: &Flight, audience: Audience) -> Self {
        let Flight { from, to, by, .. } = flight;
        let ahead = Side { value: to.value, level: by.level, sessions: by.sessions };
        let behind = Side { value: from.value, level: audience, sessions: from.samples.round() as u64 };
        Self { metric: from.metric, ahead, behind, lately: true }
    }
}

/// `stall ratio 0.4 % (continent EU, 310 sessions) against 6.1 % (country DE, 41 sessions)`.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, ahead, behind, lately } = self;
        let (ahead, behind) = (ahead.text(*metric), behind.text(*metric));
        let whose = if *lately && *metric == Metric::RequestErrors { "sessions with " } else { "" };
        write!(f, "{whose}{} {ahead} against {behind}", metric.text())
    }
}

impl Side {
    fn text(&self, metric: Metric) -> String {
        let value = Number { name: String::new(), value: self.value.into(), unit: metric.unit() }.to_string();
        format!("{} ({}, {} sessions)", value.trim_start(), self.level, self.sessions)
    }
}

impl Change {
    /// Whether both tell the same of the same two pathways, for whomever.
    pub fn is_like(&self, other: &Change) -> bool {
        (self.ahead, self.behind) == (other.ahead, other.behind)
            && std::mem::discriminant(&self.turn) == std::mem::discriminant(&other.turn)
    }

    /// As the feed tells it.
    pub fn event(&self, policy: &Policy, at: DateTime<Utc>) -> Event {
        let id = |pathway: u8| policy.pathways.get(usize::from(pathway)).map_or_else(String::new, |p| p.id.clone());
        let because = |numbers: &Option<Comparison>| match numbers {
            Some(numbers) => numbers.to_string(),
            None => "the samples that it rested on are too old".into(),
        };
        let why = match &self.turn {
            Turn::Begins { share, numbers } if *share < 1.0 => {
                format!("for {:.0} % of them at first: {numbers}", share * 100.0)
            }
            Turn::Begins { numbers, .. } => numbers.to_string(),
            Turn::Complete => "for all of them now".into(),
            Turn::FallsBack(numbers) => format!("step by step, {} falls back: {}", id(self.behind), because(numbers)),
            Turn::Undone(numbers) => format!("the lead of {} is gone: {}", id(self.behind), because(numbers)),
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

/// Appends what there is to tell of an audience whose leads were those of `before` and are those of `after`. Not told are the
/// steps on the way, nor a move that turns round half-way.
pub(super) fn between(
    audience: Audience,
    before: &Standing,
    after: &Standing,
    pace: f64,
    flights: &[Flight],
    changes: &mut Vec<Change>,
) {
    for lead in &after.leads {
        let was = before.lead(lead.ahead, lead.behind).map_or(0.0, |before| before.share);
        let numbers = |ahead, behind| Comparison::of(after, ahead, behind, lead.by);
        let forth = |turn| Change { audience, ahead: lead.ahead, behind: lead.behind, turn };
        let back = |turn| Change { audience, ahead: lead.behind, behind: lead.ahead, turn };
        if was == 0.0 {
            // What was known so far does not tell what they flee from.
            let flight = flights.iter().find(|flight| flight.pair == (lead.ahead, lead.behind));
            let numbers = match flight {
                Some(flight) => Some(Comparison::of_flight(flight, audience)),
                None => numbers(lead.ahead, lead.behind),
            };
            changes.extend(numbers.map(|numbers| forth(Turn::Begins { share: lead.share, numbers })));
        } else if lead.share >= 1.0 && was < 1.0 && f64::from(lead.step) >= 0.5 * pace {
            changes.push(forth(Turn::Complete));
        } else if lead.share < 1.0 && was >= 1.0 {
            changes.push(back(Turn::FallsBack(numbers(lead.behind, lead.ahead))));
        }
    }
    for lead in &before.leads {
        if after.lead(lead.ahead, lead.behind).is_none() && after.lead(lead.behind, lead.ahead).is_none() {
            let numbers = Comparison::of(after, lead.behind, lead.ahead, lead.by);
            changes.push(Change { audience, ahead: lead.behind, behind: lead.ahead, turn: Turn::Undone(numbers) });
        }
    }
}
