//! What is wrong with which CDN, and for whom.

use std::{collections::BTreeMap, fmt, sync::RwLock};

use fairway_geo::Country;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Segments come late: slower than they play. Probes, which ask for no segment, notice nothing.
    Slow,
    /// Half of the segments are 503.
    Errors,
    /// Connections are refused.
    Down,
}

/// A fault, for everyone or for one country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What is wrong.
    pub kind: Kind,
    /// Only for viewers there; a CDN that is down is so for everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Slow => "slow",
            Kind::Errors => "errors",
            Kind::Down => "down",
        })?;
        self.country.map_or(Ok(()), |country| write!(f, " in {country}"))
    }
}

/// The faults in force, by pathway id.
#[derive(Debug)]
pub struct Faults {
    by_pathway: RwLock<BTreeMap<String, Option<Fault>>>,
    changed: watch::Sender<u64>,
}

/// There is no CDN of this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no pathway {asked:?}; there are {known}")]
pub struct UnknownPathway {
    asked: String,
    known: String,
}

impl Faults {
    /// None yet, for these pathways.
    pub fn new(pathways: impl IntoIterator<Item = String>) -> Self {
        let by_pathway = RwLock::new(pathways.into_iter().map(|id| (id, None)).collect());
        Self { by_pathway, changed: watch::Sender::new(0) }
    }

    /// Puts a fault in force, or ends it.
    pub fn set(&self, pathway: &str, fault: Option<Fault>) -> Result<(), UnknownPathway> {
        {
            let mut faults = self.by_pathway.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            let Some(slot) = faults.get_mut(pathway) else {
                let known = faults.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(UnknownPathway { asked: pathway.to_owned(), known });
            };
            *slot = fault;
        }
        self.changed.send_modify(|n| *n += 1);
        Ok(())
    }

    /// The fault of one pathway.
    pub fn of(&self, pathway: &str) -> Option<Fault> {
        self.all().get(pathway).copied().flatten()
    }

    /// All pathways with their faults.
    pub fn all(&self) -> BTreeMap<String, Option<Fault>> {
        self.by_pathway.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Wakes at every change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
