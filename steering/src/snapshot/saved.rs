//! What a node has learnt, on disk, so that its next start answers as its last end did.
//!
//! Policies and geo data are not in it: they are read afresh, and everything here goes by service id and pathway id, so that
//! it survives edits; what it tells of ids that are no more is left out. A `rank` step takes the standings of the saved
//! step that was the same in number among the service's `rank` steps. Verdicts keep their cause and time: the probes that
//! start with the node confirm or overturn them within seconds, and until then they are the best guess there is.
//!
//! JSON, because a person may want to read it after an accident; some kilobytes per service, written by the
//! control loop off the answering path. The file is replaced whole (write, fsync, rename, fsync the folder), so a crash leaves
//! the old one or the new one.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use fairway_policies::{Metric, Policy, StepKind};
use serde::{Deserialize, Serialize};

use super::{Inputs, Service, Snapshot};
use crate::{
    cells::Audience,
    counters::Counters,
    demand::{Volume, prices},
    file,
    health::{Ramp, Verdict},
    standing::{Known, Lead, Standing, Standings},
};

/// The layout that this version writes, and the only one it reads: an older one is worth a fresh start, not a converter.
const FORMAT: u32 = 3;

/// What a node has learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    format: u32,
    /// Of the snapshot that it was taken from.
    pub version: u64,
    /// When that was compiled.
    pub made_at: DateTime<Utc>,
    /// By service id.
    pub services: BTreeMap<String, SavedService>,
}

/// What a node has learnt of one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedService {
    /// By pathway id.
    pub verdicts: BTreeMap<String, Verdict>,
    /// By pathway id: those that are on their way back.
    #[serde(default)]
    pub ramps: BTreeMap<String, Ramp>,
    /// By pathway id: what those with a cost have delivered this month.
    #[serde(default)]
    pub volumes: BTreeMap<String, Volume>,
    /// For each `rank` step, in the chain's order.
    pub standings: Vec<Vec<SavedStanding>>,
    /// As in [`Service::cells_at_ms`].
    pub cells_at_ms: Option<i64>,
}

/// A [`Standing`] by pathway ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedStanding {
    /// For whom.
    pub audience: Audience,
    /// What was known.
    pub known: BTreeMap<String, Known>,
    /// Who was ahead of whom.
    pub leads: Vec<SavedLead>,
    /// As in [`Standing::moved_at`].
    pub moved_at: Option<DateTime<Utc>>,
}

/// A [`Lead`] by pathway ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedLead {
    /// The better one.
    pub ahead: String,
    /// The worse one.
    pub behind: String,
    /// As in [`Lead::by`].
    pub by: Metric,
    /// As in [`Lead::share`].
    pub share: f32,
    /// As in [`Lead::step`].
    pub step: f32,
}

/// Why a saved snapshot cannot be used. The node starts afresh; a retry changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The operator's to mend: permissions, or the disk.
    #[error("{}: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    /// Not what [`Saved::save`] wrote: edited, or damaged.
    #[error("{}: not a saved snapshot: {error}", path.display())]
    Broken { path: PathBuf, error: serde_json::Error },
    /// Written by another version.
    #[error("{}: its format is {found}, this version reads {FORMAT}", path.display())]
    Format { path: PathBuf, found: u32 },
}

impl Saved {
    /// What `snapshot` holds.
    pub fn of(snapshot: &Snapshot) -> Self {
        let services = snapshot.services.iter().map(|s| (s.policy.service.clone(), save_service(s))).collect();
        Self { format: FORMAT, version: snapshot.version, made_at: snapshot.made_at, services }
    }

    /// The service of this policy, with all that is known of it here; what is not is as in [`Service::fresh`].
    pub fn service(&self, policy: Arc<Policy>, counters: Arc<Counters>, now: DateTime<Utc>) -> Service {
        let nothing = SavedService::default();
        let saved = self.services.get(&policy.service).unwrap_or(&nothing);
        let verdicts = policy.pathways.iter().map(|p| saved.verdicts.get(&p.id).cloned());
        let verdicts = verdicts.map(|v| v.unwrap_or_else(|| Verdict::unknown(now))).collect();
        let ramps = policy.pathways.iter().map(|p| saved.ramps.get(&p.id).copied().unwrap_or_default()).collect();
        let volumes: Vec<_> = policy.pathways.iter().map(|p| saved.volumes.get(&p.id).copied()).collect();
        let (volumes, prices) = prices(&policy, &volumes, now);
        let index = policy.pathways.iter().enumerate().map(|(i, p)| (p.id.as_str(), i as u8)).collect();
        let mut ranked = saved.standings.iter();
        let standings = policy.steps.iter().map(|step| match step.kind {
            StepKind::Rank(_) => Arc::new(ranked.next().map(|s| restore(s, &index)).unwrap_or_default()),
            _ => Arc::default(),
        });
        let standings = standings.collect();
        let inputs =
            Inputs { verdicts, ramps, standings, prices, volumes, cells_at_ms: saved.cells_at_ms, ..Inputs::default() };
        Service::new(policy, inputs, counters)
    }

    /// Replaces the file at `path`, durably. Blocks.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        file::replace(path, &serde_json::to_vec(self)?)
    }

    /// Reads what [`Saved::save`] wrote; `None` when there is no such file. Blocks.
    pub fn load(path: &Path) -> Result<Option<Self>, LoadError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LoadError::Unreadable { path: path.into(), error }),
        };
        /// Read first, since another format need not have the rest.
        #[derive(Deserialize)]
        struct Header {
            format: u32,
        }
        let broken = |error| LoadError::Broken { path: path.into(), error };
        match serde_json::from_slice(&text).map_err(broken)? {
            Header { format: FORMAT } => serde_json::from_slice(&text).map(Some).map_err(broken),
            Header { format: found } => Err(LoadError::Format { path: path.into(), found }),
        }
    }
}

fn save_service(service: &Service) -> SavedService {
    let id = |index: usize| service.policy.pathways[index].id.clone();
    let verdicts = service.inputs.verdicts.iter().enumerate().map(|(i, v)| (id(i), v.clone())).collect();
    let ramps = service.inputs.ramps.iter().enumerate().filter(|(_, ramp)| **ramp != Ramp::default());
    let ramps = ramps.map(|(i, ramp)| (id(i), *ramp)).collect();
    let volumes = service.inputs.volumes.iter().enumerate().filter_map(|(i, volume)| Some((id(i), (*volume)?)));
    let volumes = volumes.collect();
    let steps = service.policy.steps.iter().zip(&service.inputs.standings);
    let standings = steps.filter(|(step, _)| matches!(step.kind, StepKind::Rank(_))).map(|(_, standings)| {
        let mut saved: Vec<_> =
            standings.iter().map(|(audience, standing)| save_standing(*audience, standing, id)).collect();
        saved.sort_by_key(|s| s.audience);
        saved
    });
    let (standings, cells_at_ms) = (standings.collect(), service.inputs.cells_at_ms);
    SavedService { verdicts, ramps, volumes, standings, cells_at_ms }
}

fn save_standing(audience: Audience, standing: &Standing, id: impl Fn(usize) -> String) -> SavedStanding {
    let known = standing.known.iter().enumerate().filter_map(|(i, known)| Some((id(i), known.clone()?))).collect();
    let lead = |lead: &Lead| {
        let &Lead { ahead, behind, by, share, step } = lead;
        SavedLead { ahead: id(usize::from(ahead)), behind: id(usize::from(behind)), by, share, step }
    };
    let leads = standing.leads.iter().map(lead).collect();
    SavedStanding { audience, known, leads, moved_at: standing.moved_at }
}

fn restore(saved: &[SavedStanding], index: &HashMap<&str, u8>) -> Standings {
    let standing = |s: &SavedStanding| {
        let mut known = vec![None; index.len()];
        for (id, k) in &s.known {
            if let Some(i) = index.get(id.as_str()) {
                known[usize::from(*i)] = Some(k.clone());
            }
        }
        let lead = |lead: &SavedLead| {
            let &SavedLead { by, share, step, .. } = lead;
            let (ahead, behind) = (*index.get(lead.ahead.as_str())?, *index.get(lead.behind.as_str())?);
            Some(Lead { ahead, behind, by, share, step })
        };
        let standing = Standing::new(known, s.leads.iter().filter_map(lead).collect());
        Arc::new(Standing { moved_at: s.moved_at, ..standing })
    };
    saved.iter().map(|s| (s.audience, standing(s))).collect()
}
