//! The files that a zone is read from.
//!
//! A zone may be written by others than those who run this node, so `$INCLUDE` reaches no further than the folder of the
//! zone files, links resolved: its errors repeat words of the file that they are in, and that must not be `/etc/shadow`.

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::mistake::{NotIncluded, Place, Source};

/// Files that may be open one in another. Two are usual; a circle is found before this.
const MAX_DEPTH: usize = 8;

/// What of a folder has been read for one zone.
pub(super) struct Files {
    /// Free of links.
    folder: PathBuf,
    read: Vec<PathBuf>,
    hash: DefaultHasher,
}

impl Files {
    /// None yet of this folder.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: fs::canonicalize(folder)?, read: Vec::new(), hash: DefaultHasher::new() })
    }

    /// A zone's own file.
    pub(super) fn open(&mut self, path: &Path) -> io::Result<(Vec<u8>, Arc<Source>)> {
        let source = Source { path: path.into(), real: fs::canonicalize(path)?, included: None };
        Ok((self.text(path)?, source.into()))
    }

    /// The file that the `$INCLUDE` at `place` names, by its path from there.
    pub(super) fn include(&mut self, path: &str, place: &Place) -> Result<(Vec<u8>, Arc<Source>), NotIncluded> {
        let path = place.source.path.parent().unwrap_or(Path::new("")).join(path);
        let real = fs::canonicalize(&path).map_err(NotIncluded::Unreadable)?;
        if !real.starts_with(&self.folder) {
            return Err(NotIncluded::Outside);
        }
        if place.source.real == real || place.way().any(|place| place.source.real == real) {
            return Err(NotIncluded::Circle);
        }
        if place.way().count() + 1 >= MAX_DEPTH {
            return Err(NotIncluded::Deep(MAX_DEPTH));
        }
        let text = self.text(&path).map_err(NotIncluded::Unreadable)?;
        Ok((text, Source { path, real, included: Some(place.clone()) }.into()))
    }

    fn text(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let text = fs::read(path)?;
        add(&mut self.hash, &text);
        self.read.push(path.into());
        Ok(text)
    }

    /// All that were read, in turn, and the hash of their octets.
    pub(super) fn finish(self) -> (Vec<PathBuf>, u64) {
        (self.read, self.hash.finish())
    }

    /// Whether these files still hold the octets of this hash.
    pub(super) fn are_as_before(mut self, files: &[PathBuf], hash: u64) -> bool {
        files.iter().all(|path| self.text(path).is_ok()) && self.hash.finish() == hash
    }
}

/// Of these texts in turn.
pub(super) fn hash(texts: &[&[u8]]) -> u64 {
    let mut hash = DefaultHasher::new();
    texts.iter().for_each(|text| add(&mut hash, text));
    hash.finish()
}

fn add(hash: &mut DefaultHasher, text: &[u8]) {
    hash.write_usize(text.len()); // so that what moves from one file to the next is seen
    hash.write(text);
}
