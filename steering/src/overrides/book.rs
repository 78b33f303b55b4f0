//! The node's overrides: the list in its order, kept in a file, changed by operators and by time.
//!
//! Operators change it from the admin side while the control loop reads it, and the disk may hang: so readers take the list
//! as it is ([`Overrides::list`]) and never wait, writers queue behind each other. A change is **in force first, saved
//! then**: an operator who drains a pathway on a node with a full disk needs the drain more than the file, and is told
//! that a restart would forget it ([`Unsaved`]). Each later change saves the whole list again.
//!
//! A list that cannot be read is a refusal to start, as a broken policy is: what is in it are orders, and to answer
//! against them (with a pathway that was drained because it serves the wrong content, say) is worse than a start that
//! fails in sight of whoever starts it. The file is replaced whole, so that only hands or a failing disk can break it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use fairway_policies::Policy;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    Override,
    wish::{MOST, Refused, Wish},
};
use crate::{file, lock::lock};

/// A control loop that has not taken a change over by then is not well; changes take it microseconds, and a second or two
/// with thousands of services.
const WITHIN: Duration = Duration::from_secs(5);
/// The layout of the file that this version writes, and the only one it reads.
const FORMAT: u32 = 1;

/// What is in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    format: u32,
    /// The next override's number.
    next: u64,
    overrides: Arc<[Override]>,
}

impl Default for Book {
    fn default() -> Self {
        Self { format: FORMAT, next: 1, overrides: Arc::default() }
    }
}

impl Book {
    /// The same with this list.
    fn with(&self, overrides: impl Iterator<Item = Override>) -> Self {
        Self { overrides: overrides.collect(), ..self.clone() }
    }
}

/// Why a file of overrides cannot be used. The operator's to mend; a retry changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Permissions, or the disk.
    #[error("{}: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    /// Edited, damaged, or another version's.
    #[error("{}: not a list of overrides: {error}\nWhat was forced is not known; mend the file, or take it away to go on without", path.display())]
    Broken { path: PathBuf, error: String },
}

/// The change is in force, but the file does not have it: it is forgotten at a restart, unless a later change is saved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("in force, but not saved: a restart of the node forgets it ({0})")]
pub struct Unsaved(pub String);

/// A change that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The override that was added or taken out.
    pub forced: Override,
    /// Whether it will be known after a restart.
    pub saved: Result<(), Unsaved>,
}

/// The node's overrides.
#[derive(Debug, Default)]
pub struct Overrides {
    book: ArcSwap<Book>,
    /// Where it is kept; only in memory when there is no file. Locked by whoever changes the list by an order.
    file: Mutex<Option<PathBuf>>,
    /// Wakes the control loop, which holds the only receiver.
    changed: watch::Sender<()>,
    /// The list that the control loop has last brought into force.
    in_force: watch::Sender<Arc<[Override]>>,
}

impl Overrides {
    /// Those in this file, which need not be there yet; those whose time is over are left out. Blocks.
    pub fn open(path: PathBuf, now: DateTime<Utc>) -> Result<Self, LoadError> {
        let book = load(&path)?;
        let still = book.with(book.overrides.iter().filter(|forced| !forced.is_over(now)).cloned());
        Ok(Self { book: ArcSwap::from_pointee(still), file: Mutex::new(Some(path)), ..Self::default() })
    }

    /// All of them, in the order given. Never waits.
    pub fn list(&self) -> Arc<[Override]> {
        self.book.load().overrides.clone()
    }

    /// Adds one at the end, where it goes before all others. Blocks until it is saved.
    pub fn set<'p>(
        &self,
        wish: Wish,
        policies: impl Iterator<Item = &'p Policy> + Clone,
        now: DateTime<Utc>,
    ) -> Result<Changed, Refused> {
        let file = lock(&self.file);
        let book = self.book.load_full();
        let current = book.overrides.iter().filter(|forced| !forced.is_over(now));
        if current.clone().count() >= MOST {
            return Err(Refused::TooMany);
        }
        let forced = wish.grant(book.next, policies, now)?;
        let next = Book { next: book.next + 1, ..book.with(current.cloned().chain([forced.clone()])) };
        Ok(Changed { saved: self.turn_to(next, file.as_deref()), forced })
    }

    /// Takes out the one of this number. Blocks until that is saved.
    pub fn clear(&self, id: u64) -> Result<Changed, Refused> {
        let file = lock(&self.file);
        let book = self.book.load_full();
        let forced = book.overrides.iter().find(|forced| forced.id == id).ok_or(Refused::NoSuch(id))?.clone();
        let next = book.with(book.overrides.iter().filter(|forced| forced.id != id).cloned());
        Ok(Changed { saved: self.turn_to(next, file.as_deref()), forced })
    }

    /// Takes out those whose time is over, and gives them. Never waits: the file keeps them until the next change, and
    /// [`Overrides::open`] leaves them out.
    pub(crate) fn expire(&self, now: DateTime<Utc>) -> Vec<Override> {
        let over: Vec<Override> = self.list().iter().filter(|forced| forced.is_over(now)).cloned().collect();
        if !over.is_empty() {
            self.book.rcu(|book| book.with(book.overrides.iter().filter(|forced| !forced.is_over(now)).cloned()));
        }
        over
    }

    /// Changes when an order changes the list: for the control loop.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The control loop has swapped in a snapshot with this list.
    pub(crate) fn brought_into_force(&self, list: Arc<[Override]>) {
        self.in_force.send_replace(list);
    }

    /// Waits until the change is in force, and gives whether it is. It is not when no control loop runs, or when that does
    /// not get to it.
    pub async fn is_in_force(&self, changed: &Changed) -> bool {
        if self.changed.receiver_count() == 0 {
            return false;
        }
        let has = |list: &[Override]| list.iter().any(|forced| forced.id == changed.forced.id);
        let mut in_force = self.in_force.subscribe();
        let settled = in_force.wait_for(|list| has(list) == has(&self.list()));
        tokio::time::timeout(WITHIN, settled).await.is_ok_and(|settled| settled.is_ok())
    }

    /// Swaps the list, and saves it. Whoever calls holds the lock on the file.
    fn turn_to(&self, next: Book, file: Option<&Path>) -> Result<(), Unsaved> {
        let text = serde_json::to_vec_pretty(&next);
        self.book.store(Arc::new(next));
        self.changed.send_replace(());
        let Some(file) = file else { return Ok(()) };
        let saved = text.map_err(io::Error::from).and_then(|text| file::replace(file, &text));
        saved.map_err(|error| {
            tracing::warn!(file = %file.display(), %error, "overrides are in force, but not saved");
            Unsaved(error.to_string())
        })
    }
}

fn load(path: &Path) -> Result<Book, LoadError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::default()),
        Err(error) => return Err(LoadError::Unreadable { path: path.into(), error }),
    };
    let broken = |error: String| LoadError::Broken { path: path.into(), error };
    let book: Book = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    match book.format {
        FORMAT => Ok(book),
        other => Err(broken(format!("its format is {other}, this version reads {FORMAT}"))),
    }
}
