//! The disk between players and the store.
//!
//! **Layout.** `<dir>/<run>-<number>.seg`, append-only: a header, then frames (`frame`); one frame is the rows of one request.
//! Only the newest segment is written to, by one thread (`writer`). It is sealed when it is full, or when the drain has
//! nothing else to send; a sealed one is never written to again, so its bytes, and with them the token of its insert, stay
//! what they are over any number of restarts. `run` is counted up at each opening and kept in `<dir>/lock`, which also
//! keeps a second process out; so a name is never used twice.
//!
//! **Commit.** Requests queue to the writer. It takes all that are waiting, writes them at once, syncs once, and then tells
//! them all: one sync serves as many requests as arrived while the one before was under way, and a lone request waits for
//! one sync only.
//!
//! **Recovery.** Opening reads no segment, only the folder, so a huge backlog opens at once. What a crash left half-written
//! at the end of a segment was never acknowledged; it is passed over when the segment is read. Of a segment that is damaged
//! elsewhere the sound frames are delivered, then it is set aside as `.corrupt` for people to look at, and what is behind
//! it moves on: one bad sector must not hold up every beacon after it.
//!
//! **Bounds.** All segments together hold at most `max_bytes`; what does not fit is refused, and the player told to come
//! back. After a failed write or sync the segment ends where the last acknowledged frame does, since after a failed sync
//! nobody can say what of it is on disk; the next request tries a new one.

mod frame;
mod segment;
mod shared;
mod writer;

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Read, Seek, Write},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{mpsc, oneshot};

use crate::metrics::Metrics;
pub use segment::{Content, Segment};
use shared::Shared;
pub use shared::{Limits, SpoolError};
use writer::{Command, Writer};

/// Bytes that may wait in memory for the writer, which takes all of them with every sync. A disk that falls further behind
/// is one to come back to: a player repeats, and the node's memory stays its own.
const MAX_QUEUED: u64 = 64 << 20;

/// The spool cannot be opened. The operator's to mend: a folder's rights, a full disk, another node on the same data.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the spool.
    #[error("the spool in {0} is in use by another process")]
    InUse(String),
    /// The folder cannot be made, read or written.
    #[error("the spool in {path} cannot be opened: {error}")]
    Io {
        /// Which folder or file.
        path: String,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// The spool; clones are handles to the same.
#[derive(Clone, Debug)]
pub struct Spool {
    commands: mpsc::UnboundedSender<Command>,
    shared: Arc<Shared>,
}

impl Spool {
    /// Opens the spool in `dir`, making it if there is none.
    pub(crate) fn open(dir: &Path, limits: Limits, metrics: Metrics) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Io { path: dir.display().to_string(), error };
        segment::make_dir(dir).map_err(failed)?;
        let (lock, run) = lock(dir)?;
        let sealed = segment::list(dir).map_err(failed)?;
        let bytes = sealed.iter().map(|s| s.bytes).sum();
        metrics.spool_bytes.set(bytes as i64);
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            limits,
            metrics,
            bytes: AtomicU64::new(bytes),
            queued: AtomicU64::new(0),
            sealed: Mutex::new(sealed),
            _lock: lock,
        });
        let (commands, queue) = mpsc::unbounded_channel();
        let writer = Writer::new(shared.clone(), run);
        std::thread::Builder::new().name("spool".into()).spawn(move || writer.run(queue)).map_err(failed)?;
        Ok(Self { commands, shared })
    }

    /// Puts `rows` rows, encoded in `payload`, on disk; when it returns, they are there. Once it waits, they get there
    /// whether or not anybody waits with it.
    pub async fn append(&self, rows: u32, payload: Vec<u8>) -> Result<(), SpoolError> {
        let size = frame::size(payload.len());
        self.shared.reserve(size)?;
        let (done, told) = oneshot::channel();
        if self.commands.send(Command::Append { rows, payload, done }).is_err() {
            self.shared.count(-(size as i64));
            self.shared.queued.fetch_sub(size, Ordering::Relaxed);
            return Err(SpoolError::Closed);
        }
        told.await.unwrap_or(Err(SpoolError::Closed))
    }

    /// Whether anything would be taken now.
    pub fn check(&self) -> Result<(), SpoolError> {
        let full = self.shared.bytes.load(Ordering::Relaxed) >= self.shared.limits.max_bytes;
        match (self.commands.is_closed(), full) {
            (true, _) => Err(SpoolError::Closed),
            (false, true) => Err(SpoolError::Full),
            (false, false) => Ok(()),
        }
    }

    /// Seals what has been written, so that it can be drained. Returns when that is done.
    pub async fn seal(&self) {
        self.ask(Command::Seal).await;
    }

    /// Seals, and takes nothing more.
    pub async fn close(&self) {
        self.ask(Command::Close).await;
    }

    /// A writer that is gone has sealed what it had.
    async fn ask(&self, command: fn(oneshot::Sender<()>) -> Command) {
        let (done, told) = oneshot::channel();
        if self.commands.send(command(done)).is_ok() {
            told.await.unwrap_or(());
        }
    }

    /// The oldest sealed segment.
    pub fn oldest(&self) -> Option<Segment> {
        self.shared.sealed().front().cloned()
    }

    /// Sealed segments that wait.
    pub fn waiting(&self) -> usize {
        self.shared.sealed().len()
    }

    /// The segment is where it belongs, or set aside: it is done with. Its file has been removed or renamed.
    pub(crate) fn done(&self, segment: &Segment) {
        self.shared.sealed().retain(|s| s.name != segment.name);
        self.shared.count(-(segment.bytes as i64));
    }
}

impl Shared {
    fn sealed(&self) -> std::sync::MutexGuard<'_, VecDeque<Segment>> {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes room for `size` bytes, if there is.
    fn reserve(&self, size: u64) -> Result<(), SpoolError> {
        let full = self.count(size as i64) > self.limits.max_bytes;
        let busy = self.queued.fetch_add(size, Ordering::Relaxed) + size > MAX_QUEUED;
        if full || busy {
            self.count(-(size as i64));
            self.queued.fetch_sub(size, Ordering::Relaxed);
            return Err(if full { SpoolError::Full } else { SpoolError::Busy });
        }
        Ok(())
    }

    /// Counts bytes in, or out again; the sum.
    fn count(&self, bytes: i64) -> u64 {
        // Two's complement: adding the wrapped number subtracts.
        let sum = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed).wrapping_add(bytes as u64);
        self.metrics.spool_bytes.set(sum as i64);
        sum
    }
}

/// Keeps other processes out, and counts the openings: the second result is this one's number.
fn lock(dir: &Path) -> Result<(File, u64), OpenError> {
    let path = dir.join("lock");
    let failed = |error| OpenError::Io { path: path.display().to_string(), error };
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(OpenError::InUse(dir.display().to_string())),
        Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    // A number that cannot be read (a crash in the write below) is made up for by the names that are there.
    let newest = segment::newest_run(dir).map_err(failed)?;
    let run = text.trim().parse::<u64>().unwrap_or(0).max(newest) + 1;
    let write = |file: &mut File| -> io::Result<()> {
        file.rewind()?;
        file.write_all(format!("{run:010}\n").as_bytes())?;
        file.sync_all()
    };
    write(&mut file).map_err(failed)?;
    Ok((file, run))
}

#[cfg(test)]
mod tests;
