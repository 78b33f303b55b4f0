//! A sealed segment: found, read, and done away with.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::{Bytes, BytesMut};
use fairway_store::BeaconRow;

use super::frame;

const SUFFIX: &str = "seg";

/// A file of the spool that is not written to any more.
#[derive(Clone, Debug)]
pub struct Segment {
    /// `<run>-<number>`; never used twice in one spool.
    pub name: String,
    pub(super) path: PathBuf,
    /// How much of the file counts.
    pub bytes: u64,
    /// When it was begun.
    pub since: SystemTime,
}

/// What a segment holds.
#[derive(Debug, Default)]
pub struct Content {
    /// Names the insert, once and for all: the segment's name and a hash of the rows.
    pub token: String,
    /// How many.
    pub row_count: u64,
    /// Encoded, one behind the other.
    pub rows: Bytes,
    /// Bytes at the end that a crash left behind; never acknowledged.
    pub torn: u64,
    /// Bytes that were damaged: acknowledged, and lost.
    pub damaged: u64,
    /// It was written by another version of Fairway, whose rows are laid out differently; nothing was read.
    pub foreign: bool,
}

/// The layout of our rows.
pub(super) fn layout() -> u32 {
    crc32fast::hash(BeaconRow::COLUMNS.as_bytes())
}

pub(super) fn name(run: u64, number: u64) -> String {
    format!("{run:010}-{number:010}")
}

pub(super) fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.{SUFFIX}"))
}

/// The run of the newest name in the folder, whatever became of its file.
pub(super) fn newest_run(dir: &Path) -> io::Result<u64> {
    let mut newest = 0;
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let run = name.to_str().and_then(|n| n.split_once('-')).and_then(|(run, _)| run.parse().ok());
        newest = newest.max(run.unwrap_or(0));
    }
    Ok(newest)
}

/// The segments in the folder, oldest first.
pub(super) fn list(dir: &Path) -> io::Result<VecDeque<Segment>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let stem = path.file_stem().and_then(|s| s.to_str()).filter(|_| path.extension().is_some_and(|e| e == SUFFIX));
        if let Some(name) = stem.map(str::to_owned) {
            let metadata = entry.metadata()?;
            let since = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Segment { name, path, bytes: metadata.len(), since });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found.into())
}

impl Segment {
    /// Reads and checks it.
    pub fn read(&self) -> io::Result<Content> {
        let mut bytes = fs::read(&self.path)?;
        bytes.truncate(usize::try_from(self.bytes).unwrap_or(usize::MAX));
        Ok(self.content(&bytes))
    }

    fn content(&self, bytes: &[u8]) -> Content {
        let header = frame::layout(bytes);
        if header.is_some_and(|layout| layout != self::layout()) {
            return Content { foreign: true, ..Content::default() };
        }
        if header.is_none() && bytes.len() <= frame::HEADER {
            return Content { torn: bytes.len() as u64, ..Content::default() };
        }
        // A damaged header says nothing about the frames, which are checked one by one.
        let mut damaged = if header.is_none() { frame::HEADER } else { 0 };
        let (mut rows, mut row_count, mut torn) = (BytesMut::with_capacity(bytes.len()), 0, 0);
        let mut at = frame::HEADER;
        while at < bytes.len() {
            if let Some(frame) = frame::get(bytes, at) {
                at = frame.payload.end;
                row_count += u64::from(frame.rows);
                rows.extend_from_slice(&bytes[frame.payload]);
                continue;
            }
            let next = frame::find(bytes, at + 1);
            let end = next.unwrap_or(bytes.len());
            if next.is_some() || frame::is_whole(bytes, at) {
                damaged += end - at;
            } else {
                torn = end - at;
            }
            at = end;
        }
        let token = format!("{}-{:032x}", self.name, xxhash_rust::xxh3::xxh3_128(&rows));
        Content { token, row_count, rows: rows.freeze(), torn: torn as u64, damaged: damaged as u64, foreign: false }
    }

    /// Takes it out of the way, with the reason beside it. Without the reason where the disk has no room for that: it is
    /// in the log too, and what is behind must move on.
    pub(crate) fn set_aside(&self, suffix: &str, reason: &str) -> io::Result<PathBuf> {
        let aside = self.path.with_extension(format!("seg.{suffix}"));
        fs::rename(&self.path, &aside)?;
        if let Err(error) = fs::write(aside.with_added_extension("reason"), format!("{reason}\n")) {
            tracing::warn!(path = %aside.display(), %error, "the reason cannot be written");
        }
        Ok(aside)
    }

    /// Deletes it. That it is gone already is as good.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Makes a folder and those above it, as durable as what will be put into it.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_dir(above)?;
    fs::create_dir(dir)?;
    sync_dir(above)
}

/// Makes a folder's entries durable: without it a new file may be gone after a power cut, synced or not.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
