//! What the policies were, are, and by whose hand.
//!
//! A *revision* is every policy file as it was, with author and message. Each that came into force is kept, one JSON file
//! each in `<data_dir>/revisions`, so that any of them can be looked at and brought back. There are two ways to make one:
//! a change is applied through the node ([`plan`](crate::plan)), or somebody edits a file in the policy folder: then the node
//! finds it there, and the revision's author is [`THE_FOLDER`]. The folder is what is true; this is its memory.
//!
//! A revision is known by its number, and its content by [`Revision::hash`]: a plan says which content it was made against,
//! so that one made against another is refused.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use chrono::{DateTime, Utc};
use fairway_policies::{FILE_ENDING, Policy};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::lock::lock;

/// The author of a revision that was found in the folder.
pub const THE_FOLDER: &str = "(edited in the policy folder)";
/// Left aside when a revision's number is read from its file's name.
const ENDING: &str = ".json";

/// Policy files by name, such as `live.policy.toml`.
pub type Files = BTreeMap<String, Arc<str>>;

/// Every policy file as it was from some moment on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// From 1, without gaps.
    pub number: u64,
    /// When it came into force.
    pub at: DateTime<Utc>,
    /// Who made it.
    pub author: String,
    /// Why.
    pub message: String,
    /// All of it.
    pub files: Files,
}

impl Revision {
    /// What its content is known by: 16 hexadecimal digits. Equal files have equal ones.
    pub fn hash(&self) -> String {
        hash(&self.files)
    }
}

/// What these files are known by.
pub fn hash(files: &Files) -> String {
    let mut hasher = Xxh3::new();
    for (name, text) in files {
        // Lengths in between: no two sets of files run together to the same bytes.
        for part in [name.as_bytes(), text.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    format!("{:016x}", hasher.digest())
}

/// The files of these policies.
pub fn files(policies: &[Policy]) -> Files {
    policies.iter().map(|policy| (name(policy), policy.text.clone())).collect()
}

/// The name of this policy's file.
pub fn name(policy: &Policy) -> String {
    format!("{}{FILE_ENDING}", policy.service)
}

/// Why a revision cannot be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// The operator's to mend: permissions, or the disk.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Not what was written: edited, or damaged.
    #[error("{}: not a revision: {error}", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// The asker's fault.
    #[error("there is no revision {asked}; the newest is {newest}")]
    Unknown {
        /// What was asked for.
        asked: u64,
        /// What there is.
        newest: u64,
    },
}

/// All that were kept. Everything here blocks on the disk.
#[derive(Debug)]
pub struct Revisions {
    folder: PathBuf,
    newest: Mutex<Option<Revision>>,
}

impl Revisions {
    /// Those kept in this folder, which is made if it is missing.
    pub fn open(folder: &Path) -> Result<Self, RevisionError> {
        fs::create_dir_all(folder).map_err(|error| RevisionError::Io { path: folder.to_owned(), error })?;
        let revisions = Self { folder: folder.to_owned(), newest: Mutex::default() };
        let newest = revisions.numbers()?.last().map(|number| revisions.load(*number)).transpose()?;
        *lock(&revisions.newest) = newest;
        Ok(revisions)
    }

    /// The one in force.
    pub fn newest(&self) -> Option<Revision> {
        lock(&self.newest).clone()
    }

    /// The one of this number.
    pub fn get(&self, number: u64) -> Result<Revision, RevisionError> {
        match lock(&self.newest).as_ref() {
            Some(newest) if newest.number == number => Ok(newest.clone()),
            Some(newest) if number >= 1 && number < newest.number => self.load(number),
            newest => Err(RevisionError::Unknown { asked: number, newest: newest.map_or(0, |newest| newest.number) }),
        }
    }

    /// The last so many, the newest first.
    pub fn last(&self, most: usize) -> Result<Vec<Revision>, RevisionError> {
        self.numbers()?.into_iter().rev().take(most).map(|number| self.load(number)).collect()
    }

    /// Keeps what was found in the policy folder, unless it is what is in force already.
    pub fn found(&self, files: Files, now: DateTime<Utc>) -> Result<(), RevisionError> {
        let change = self.begin();
        if change.newest.as_ref().is_some_and(|newest| newest.files == files) {
            return Ok(());
        }
        let message = if change.newest.is_none() { "as found at the first start" } else { "as found" };
        change.keep(THE_FOLDER, message, files, now).map(drop)
    }

    /// Begins a change: until it is kept or dropped nobody else makes one, and what is found in the folder meanwhile waits.
    pub fn begin(&self) -> Change<'_> {
        Change { folder: &self.folder, newest: lock(&self.newest) }
    }

    fn numbers(&self) -> Result<Vec<u64>, RevisionError> {
        let failed = |error| RevisionError::Io { path: self.folder.clone(), error };
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.strip_suffix(ENDING)?.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn load(&self, number: u64) -> Result<Revision, RevisionError> {
        let path = path(&self.folder, number);
        let text = fs::read(&path).map_err(|error| RevisionError::Io { path: path.clone(), error })?;
        serde_json::from_slice(&text).map_err(|error| RevisionError::Broken { path, error })
    }
}

/// A change under way.
#[derive(Debug)]
pub struct Change<'a> {
    folder: &'a Path,
    newest: MutexGuard<'a, Option<Revision>>,
}

impl Change<'_> {
    /// What the change is made to.
    pub fn newest(&self) -> Option<&Revision> {
        self.newest.as_ref()
    }

    /// Keeps the next revision, durably.
    pub fn keep(
        mut self,
        author: &str,
        message: &str,
        files: Files,
        now: DateTime<Utc>,
    ) -> Result<Revision, RevisionError> {
        let number = self.newest.as_ref().map_or(1, |newest| newest.number + 1);
        let revision = Revision { number, at: now, author: author.into(), message: message.into(), files };
        let path = path(self.folder, number);
        let write = || {
            let written = path.with_extension("new");
            let mut file = File::create(&written)?;
            file.write_all(&serde_json::to_vec_pretty(&revision)?)?;
            file.sync_all()?;
            fs::rename(&written, &path)?;
            File::open(self.folder)?.sync_all()
        };
        write().map_err(|error| RevisionError::Io { path: path.clone(), error })?;
        *self.newest = Some(revision.clone());
        Ok(revision)
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    // Padded, so that a listing is in order.
    folder.join(format!("{number:06}{ENDING}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::now;

    fn files(text: &str) -> Files {
        Files::from([("live.policy.toml".to_owned(), text.into())])
    }

    #[test]
    fn each_revision_is_kept_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let revisions = Revisions::open(&folder.path().join("revisions")).unwrap();
        assert!(revisions.newest().is_none());
        revisions.found(files("one"), now()).unwrap();
        revisions.found(files("one"), now()).unwrap();
        assert_eq!(revisions.newest().unwrap().number, 1, "the same again is no revision");
        revisions.begin().keep("ada", "two it is", files("two"), now()).unwrap();
        drop(revisions);

        let revisions = Revisions::open(&folder.path().join("revisions")).unwrap();
        let newest = revisions.newest().unwrap();
        assert_eq!((newest.number, newest.author.as_str(), newest.message.as_str()), (2, "ada", "two it is"));
        assert_eq!(revisions.get(1).unwrap().files, files("one"));
        assert_eq!(revisions.get(1).unwrap().author, THE_FOLDER);
        assert_eq!(revisions.last(9).unwrap().iter().map(|r| r.number).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(revisions.get(3).unwrap_err().to_string(), "there is no revision 3; the newest is 2");
        assert!(revisions.get(0).is_err());
    }

    #[test]
    fn a_hash_is_of_names_and_texts() {
        let of = |name: &str, text: &str| hash(&Files::from([(name.to_owned(), text.into())]));
        assert_eq!(of("a", "b"), of("a", "b"));
        assert_ne!(of("a", "b"), of("ab", ""));
        assert_ne!(of("a", "b"), of("a", "c"));
    }

    #[test]
    fn a_damaged_one_is_said_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("000001.json"), "{").unwrap();
        let error = Revisions::open(folder.path()).unwrap_err();
        assert!(matches!(&error, RevisionError::Broken { .. }) && error.to_string().contains("000001.json"), "{error}");
    }
}
