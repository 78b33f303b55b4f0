//! Making plans, applying them, going back.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use fairway_policies::{FILE_ENDING, Policy};
use serde::{Deserialize, Serialize};

use super::{Guard, Plan, Weighed, impact};
use crate::{
    live::Live,
    lock::lock,
    revisions::{self, Files, Revision, RevisionError, Revisions, hash},
    sources::{self, Refused},
};

/// So many plans are kept until they are applied; who makes more has forgotten the first.
const KEPT: usize = 32;

/// Policy files as somebody would like to have them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// By name, such as `live.policy.toml`.
    pub files: BTreeMap<String, String>,
    /// Whether these are all there should be; else the others stay as they are.
    #[serde(default)]
    pub whole: bool,
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// The revision now in force.
    pub revision: u64,
    /// The one before it; 0 when there was none.
    pub before: u64,
    /// The services that changed.
    pub services: Vec<String>,
}

/// Why a change is not planned or not made.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The author's to mend; the text is what `fairway check` prints.
    #[error("{0}")]
    Broken(Refused),
    /// The asker's to mend.
    #[error("{0:?} is not the name of a policy file (<service>{FILE_ENDING})")]
    Name(String),
    /// The asker's to mend: make the plan again.
    #[error("there is no plan {0:?}: it was made before the node started, or long ago; make it again")]
    Unknown(String),
    /// Make the plan again, and look at it again.
    #[error("the policies have changed since this plan was made (revision {now} is in force, it was made on {then})")]
    Stale {
        /// The revision that it was made on.
        then: u64,
        /// The one in force.
        now: u64,
    },
    /// The asker's to confirm.
    #[error("the plan breaks guard rails:\n{}", .0.join("\n"))]
    Guarded(Vec<String>),
    /// The asker's to mend.
    #[error("say who you are and why: `author` and `message` must not be empty")]
    Anonymous,
    /// Revisions cannot be read or kept; or there is none to go back to.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// There is none before the first.
    #[error("revision {0} is the first: there is nothing to go back to")]
    First(u64),
    /// The operator's to mend: permissions, or the disk.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The one who makes changes. Everything here blocks on the disk.
#[derive(Debug)]
pub struct Changes {
    live: Arc<Live>,
    folder: PathBuf,
    revisions: Arc<Revisions>,
    guard: Guard,
    plans: Mutex<VecDeque<(Plan, Files)>>,
}

impl Changes {
    /// Changes to the policies in this folder, which are those that `live` answers by and `revisions` remembers.
    pub fn new(live: Arc<Live>, folder: PathBuf, revisions: Arc<Revisions>, guard: Guard) -> Self {
        Self { live, folder, revisions, guard, plans: Mutex::default() }
    }

    /// What was in force, and is.
    pub fn revisions(&self) -> &Revisions {
        &self.revisions
    }

    /// What the proposal would mean for these askers, by service. The plan is kept, to be applied by its id.
    pub fn plan(
        &self,
        proposal: Proposal,
        askers: &BTreeMap<String, Vec<Weighed>>,
        now: DateTime<Utc>,
    ) -> Result<Plan, ApplyError> {
        let (before, base) = (self.files()?, self.revisions.newest().map_or(0, |newest| newest.number));
        let mut files = if proposal.whole { Files::new() } else { before.clone() };
        for (name, text) in proposal.files {
            let sound = name.ends_with(FILE_ENDING) && !name.starts_with('.') && !name.contains(['/', '\\']);
            if !sound {
                return Err(ApplyError::Name(name));
            }
            files.insert(name, text.into());
        }
        let policies = check(&files)?;
        let mut plan = impact::plan(&self.live, &before, &files, policies, askers, now);
        (plan.id, plan.base) = (id(&before, &files), base);
        plan.breaches = plan.services.iter().flat_map(|service| service.breaches(&self.guard)).collect();
        let mut plans = lock(&self.plans);
        plans.retain(|(kept, _)| kept.id != plan.id);
        plans.truncate(KEPT - 1);
        plans.push_front((plan.clone(), files));
        Ok(plan)
    }

    /// Makes the change that the plan of this id describes, unless the policies have changed since, or it breaks guard rails
    /// and is not `confirmed`.
    pub fn apply(
        &self,
        plan: &str,
        author: &str,
        message: &str,
        confirmed: bool,
        now: DateTime<Utc>,
    ) -> Result<Applied, ApplyError> {
        let kept = lock(&self.plans).iter().find(|(kept, _)| kept.id == plan).cloned();
        let (kept, files) = kept.ok_or_else(|| ApplyError::Unknown(plan.to_owned()))?;
        if !kept.breaches.is_empty() && !confirmed {
            return Err(ApplyError::Guarded(kept.breaches));
        }
        self.change(files, author, message, now, |before, files, newest| {
            if id(before, files) == kept.id { Ok(()) } else { Err(ApplyError::Stale { then: kept.base, now: newest }) }
        })
    }

    /// Brings an earlier revision back: the one of this number, or that before the one in force.
    pub fn rollback(
        &self,
        to: Option<u64>,
        author: &str,
        message: &str,
        now: DateTime<Utc>,
    ) -> Result<Applied, ApplyError> {
        let newest = self.revisions.newest().map_or(0, |newest| newest.number);
        let to = to.unwrap_or(newest.saturating_sub(1));
        if to == 0 {
            return Err(ApplyError::First(newest));
        }
        let Revision { files, .. } = self.revisions.get(to)?;
        // What was good then may not be so for the program of now.
        check(&files)?;
        let message = if message.is_empty() { format!("back to revision {to}") } else { message.to_owned() };
        self.change(files, author, &message, now, |_, _, _| Ok(()))
    }

    fn change(
        &self,
        files: Files,
        author: &str,
        message: &str,
        now: DateTime<Utc>,
        fits: impl FnOnce(&Files, &Files, u64) -> Result<(), ApplyError>,
    ) -> Result<Applied, ApplyError> {
        if author.trim().is_empty() || message.trim().is_empty() {
            return Err(ApplyError::Anonymous);
        }
        let change = self.revisions.begin();
        let newest = change.newest().map_or(0, |newest| newest.number);
        let before = self.files()?;
        fits(&before, &files, newest)?;
        let mut services: Vec<String> = before.keys().chain(files.keys()).cloned().collect();
        services.sort_unstable();
        services.dedup();
        services.retain(|name| before.get(name) != files.get(name));
        if services.is_empty() {
            return Ok(Applied { revision: newest, before: newest, services });
        }
        write(&self.folder, &before, &files)?;
        let revision = change.keep(author, message, files, now)?;
        self.live.reload();
        let services = services.iter().map(|name| name.trim_end_matches(FILE_ENDING).to_owned()).collect();
        Ok(Applied { revision: revision.number, before: newest, services })
    }

    /// Whether what is kept as the newest revision is what is answered by: a moment after a change it is.
    pub fn in_force(&self) -> bool {
        let snapshot = self.live.snapshot();
        let answered =
            snapshot.services.iter().map(|service| (revisions::name(&service.policy), &*service.policy.text));
        let Some(newest) = self.revisions.newest() else { return false };
        answered.eq(newest.files.iter().map(|(name, text)| (name.clone(), &**text)))
    }

    /// What is in the folder now, sound or not.
    fn files(&self) -> Result<Files, ApplyError> {
        let refused = |error| ApplyError::Broken(Refused(vec![error]));
        let (texts, errors) = match sources::texts(&self.folder) {
            Err(sources::SourceError::Empty(_)) => return Ok(Files::new()),
            texts => texts.map_err(refused)?,
        };
        if !errors.is_empty() {
            return Err(ApplyError::Broken(Refused(errors)));
        }
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(texts.into_iter().map(|(path, text)| (name(&path), text.into())).collect())
    }
}

fn check(files: &Files) -> Result<Vec<Policy>, ApplyError> {
    let texts = files.iter().map(|(name, text)| (name.clone(), &**text));
    let none = files.is_empty().then(|| sources::SourceError::Empty(PathBuf::from("the proposal")));
    sources::check(texts, none.into_iter().collect()).map_err(ApplyError::Broken)
}

/// What a change from these files to those is known by.
fn id(before: &Files, after: &Files) -> String {
    let both = Files::from([("before".to_owned(), hash(before).into()), ("after".to_owned(), hash(after).into())]);
    hash(&both)
}

/// Makes the folder hold these files. Everything that can fail for want of room or rights is done beside the old files first.
fn write(folder: &Path, before: &Files, files: &Files) -> Result<(), ApplyError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| ApplyError::Io { path, error }
    };
    let changed: Vec<_> = files.iter().filter(|(name, text)| before.get(*name) != Some(text)).collect();
    let beside = |name: &str| folder.join(format!(".{name}.new"));
    for (name, text) in &changed {
        let path = beside(name);
        let write = || -> io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed(&path))?;
    }
    for (name, _) in &changed {
        let path = folder.join(name);
        fs::rename(beside(name), &path).map_err(failed(&path))?;
    }
    for name in before.keys().filter(|name| !files.contains_key(*name)) {
        let path = folder.join(name);
        fs::remove_file(&path).map_err(failed(&path))?;
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}
