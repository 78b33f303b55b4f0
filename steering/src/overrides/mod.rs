//! Overrides: what an operator says goes before what the node finds.
//!
//! **What one says.** Of the pathways whose ids a glob matches, of the services that a glob matches, for the clients of a
//! place: that they are up, down or drained, or fit for a share of those clients. `down` and `drained` do the same to an
//! answer; they differ in what they tell the next person who looks: a fault, or an intention. `up` is taken at its word:
//! at once, whatever probes and viewers say, and without a ramp, for who forces a pathway up knows something that the node
//! does not, or has nothing better.
//!
//! **Which of several holds.** They stand in the order in which they were given, and **a later one goes before an earlier**,
//! pathway by pathway and client by client, however wide or narrow either is. So "all of `cdn-*` drained", then "`cdn-b`
//! up in Germany" reads as it was said. The narrowest-first rule that one might expect instead leaves an operator in a hurry
//! guessing which of two is narrower; the last word is what people mean by the last word. Clearing one brings what
//! stood under it back.
//!
//! **How they end.** At their time, by the control loop's tick, or by being cleared. A forgotten override is the usual way
//! in which one becomes an outage of its own, months later: so each has an author and a reason, and every place that
//! shows a verdict shows what overrides it. When it ends there is no ramp: an operator's word was no sign of a fault, and
//! who wants a slow return forces a share on the way.
//!
//! **Where they are kept.** [`Overrides`] has the list and its file, `overrides.json`, in the node's data folder.
//! Snapshots hold, for each service, those that [concern](Override::concerns) it.

mod book;
mod glob;
#[cfg(test)]
mod tests;
mod wish;

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use fairway_geo::{Asn, Continent, Country, Place};
use fairway_policies::Policy;
use serde::{Deserialize, Serialize};

pub use book::{Changed, LoadError, Overrides, Unsaved};
pub use wish::{MOST, Refused, Wish};

use crate::health::Health;

/// An operator's word on some pathways, for some services and places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// Its number, by which it is cleared. Ascending, and never given twice.
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

impl Override {
    /// Whether it speaks of this pathway, of a service that it speaks of.
    pub fn names(&self, pathway: &str) -> bool {
        glob::matches(&self.pathway, pathway)
    }

    /// Whether it speaks of this service, whatever its pathways.
    pub fn is_for(&self, service: &str) -> bool {
        glob::matches(&self.service, service)
    }

    /// Whether it speaks of a pathway of this service.
    pub fn concerns(&self, policy: &Policy) -> bool {
        self.is_for(&policy.service) && policy.pathways.iter().any(|pathway| self.names(&pathway.id))
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// `drained by ana until 2026-03-01 18:00 UTC: maintenance`, with its place where it has one.
impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.force)?;
        if !self.place.is_everywhere() {
            write!(f, " for {}", self.place)?;
        }
        write!(f, " by {}", self.author)?;
        match self.expires {
            Some(expires) => write!(f, " until {}", expires.format("%Y-%m-%d %H:%M UTC"))?,
            None => f.write_str(" until cleared")?,
        }
        write!(f, ": {}", self.reason)
    }
}

/// Those of a service's overrides that speak of this pathway, the one that goes before the others first.
pub fn of_pathway<'a>(overrides: &'a [Override], pathway: &'a str) -> impl Iterator<Item = &'a Override> {
    overrides.iter().rev().filter(move |forced| forced.names(pathway))
}

/// Those that speak of a pathway of this service, in their order.
pub(crate) fn concerning(overrides: &[Override], policy: &Policy) -> Arc<[Override]> {
    overrides.iter().filter(|forced| forced.concerns(policy)).cloned().collect()
}

/// The one of a service's overrides that holds for this pathway and a client there, if one does.
pub fn in_force<'a>(overrides: &'a [Override], pathway: &str, place: &Place) -> Option<&'a Override> {
    overrides.iter().rev().find(|forced| forced.names(pathway) && forced.place.holds(place))
}

/// Where an override holds. Everything given must be the client's; what is not known of a client matches nothing.
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

impl OverridePlace {
    /// Whether it asks nothing of a client.
    pub fn is_everywhere(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a client at `place` is there.
    pub fn holds(&self, place: &Place) -> bool {
        self.continent.is_none_or(|continent| place.continent == Some(continent))
            && self.country.is_none_or(|country| place.country == Some(country))
            && self.asn.is_none_or(|asn| place.asn == Some(asn))
    }
}

/// `everywhere`, `continent EU`, `country DE`, `AS3320`, `AS3320 in DE`.
impl fmt::Display for OverridePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.continent, self.country, self.asn) {
            (None, None, None) => f.write_str("everywhere"),
            (_, Some(country), Some(asn)) => write!(f, "{asn} in {country}"),
            (_, Some(country), None) => write!(f, "country {country}"),
            (Some(continent), None, Some(asn)) => write!(f, "{asn} in {continent}"),
            (Some(continent), None, None) => write!(f, "continent {continent}"),
            (None, None, Some(asn)) => write!(f, "{asn}"),
        }
    }
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

impl Force {
    /// The health that this puts in the place of what is found; `None` of a share, which leaves it as found.
    pub fn health(self) -> Option<Health> {
        match self {
            Self::Up => Some(Health::Up),
            Self::Down => Some(Health::Down),
            Self::Drained => Some(Health::Drained),
            Self::Share(_) => None,
        }
    }
}

/// `up`, `down`, `drained`, `20 %`.
impl fmt::Display for Force {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.health()) {
            (_, Some(health)) => f.write_str(health.word()),
            (Self::Share(share), _) => write!(f, "{} %", (share * 1000.0).round() / 10.0),
            (_, None) => Ok(()),
        }
    }
}
