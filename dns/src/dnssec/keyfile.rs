//! Where keys are kept: `<data_dir>/keys/<origin>/`, one folder a zone.
//!
//! In it are `<tag>-<algorithm>.pem`, a private key as PKCS#8 in PEM (RFC 7468 §10), which other tools read too, and
//! `state.toml`, what was done and when ([`History`]). Only `fairway dnssec` writes there; a node reads, and what it
//! does at any time follows from what it read. So several nodes may have copies of one folder, or the folder from a
//! secret store, read-only.
//!
//! A file is written beside its place, flushed to the disk and renamed into it: after a crash it is the old or the new
//! one, never half of either. A key is there before the state that names it. Keys that the state no longer names are
//! ignored.
//!
//! A key that any user of the machine can read is refused, as `ssh` does: it would be found out too late. A group may
//! read it; secret stores mount them so.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::{DateTime, Utc};
use hickory_proto::rr::Name;

use super::{
    keys::{KeyId, NoRandomness, SigningKey},
    rollover::{History, Refusal},
    sign::Signer,
};
use crate::wire::name::Key;

/// The folder of keys, in the data folder.
const KEYS: &str = "keys";
/// The file of a zone's history, in its folder.
const STATE: &str = "state.toml";
/// What it begins with.
const STATE_HEAD: &str = "# What was done to this zone's keys, and when; written by `fairway dnssec`, read by every node that has a copy.\n\n";
const PEM: [&str; 2] = ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"];
/// Characters a line of PEM (RFC 7468 §2).
const LINE: usize = 64;

/// Why keys could not be read, made or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or folder cannot be read or written. The operator's to mend, or the disk's.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key file is not what its name says. The operator's to bring back from another node or a backup.
    #[error("{path}: {wrong}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        wrong: String,
    },
    /// The state is not as `fairway dnssec` writes it. The operator's.
    #[error("{path}: {source}")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// The state could not be put into words: a bug of ours.
    #[error("{0}")]
    Unwritten(#[from] toml::ser::Error),
    /// No name that a zone with keys can have. The operator's.
    #[error("{0:?} is no name of a zone; write it as in example.net")]
    Unnamed(String),
    /// The zone has keys already. The operator's.
    #[error("{0} has keys already; see `fairway dnssec status {0}`")]
    Exists(String),
    /// The zone has none. The operator's.
    #[error("{0} has no keys; make one with `fairway dnssec init {0}`")]
    None(String),
    /// Not now. The operator's.
    #[error("{0}: {1}")]
    Refused(String, Refusal),
    /// Nobody's; try again.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// A zone's keys, as its folder has them.
#[derive(Debug)]
pub(super) struct Zone {
    pub(super) origin: Key,
    pub(super) history: History,
    pub(super) keys: Vec<Arc<SigningKey>>,
}

/// The keys of all zones.
#[derive(Debug, Default)]
pub struct Keys {
    zones: HashMap<Box<[u8]>, Zone>,
}

impl Keys {
    /// Reads every zone's folder in `<data_dir>/keys`, as a whole or not at all. That none is there is no error: no
    /// zone is signed.
    pub fn load(data_dir: &Path) -> Result<Self, KeyError> {
        let zones = origins(data_dir)?.into_iter().map(|origin| {
            let zone = read(&folder(data_dir, &origin)?)?;
            Ok((zone.origin.as_wire().into(), zone))
        });
        Ok(Self { zones: zones.collect::<Result<_, KeyError>>()? })
    }

    /// What signs the zone of this origin now; `None` where it is not signed.
    pub(crate) fn signer(&self, origin: &Key, now: DateTime<Utc>) -> Option<Signer> {
        let zone = self.zones.get(origin.as_wire())?;
        Signer::new(origin, &zone.keys, &zone.history.plan(now))
    }

    /// When the next of them will sign otherwise, by time alone: every [`Keys::signer`] is to be asked for again then.
    pub fn due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.zones.values().filter_map(|zone| zone.history.plan(now).until).min()
    }

    /// How many zones have keys.
    pub fn len(&self) -> usize {
        self.zones.len()
    }

    /// Whether no zone has keys.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }
}

/// The zones that have a folder, in order.
pub(super) fn origins(data_dir: &Path) -> Result<Vec<String>, KeyError> {
    let path = data_dir.join(KEYS);
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(at(&path))?,
    };
    // What has no state was never finished, or is not ours.
    let zones = entries.into_iter().filter(|entry| entry.path().join(STATE).exists());
    let mut origins: Vec<_> = zones.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    origins.sort();
    Ok(origins)
}

/// A zone's name as its folder is called: lower case, without the trailing dot.
pub(super) fn origin(text: &str) -> Result<(Key, String), KeyError> {
    let unnamed = || KeyError::Unnamed(text.into());
    let key = Key::new(&Name::from_ascii(text).map_err(|_| unnamed())?);
    let name = key.text().map(|name| name.to_string()).filter(|name| {
        !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet))
    });
    Ok((key, name.ok_or_else(unnamed)?))
}

/// The folder of a zone's keys, whether it is there or not.
pub(super) fn folder(data_dir: &Path, text: &str) -> Result<PathBuf, KeyError> {
    Ok(data_dir.join(KEYS).join(origin(text)?.1))
}

/// Reads a zone's folder.
pub(super) fn read(folder: &Path) -> Result<Zone, KeyError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let (origin, name) = origin(&name)?;
    let path = folder.join(STATE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(KeyError::None(name)),
        text => text.map_err(at(&path))?,
    };
    let history: History = toml::from_str(&text).map_err(|source| KeyError::State { path, source: source.into() })?;
    let keys = history.keys().map(|id| read_key(folder, id).map(Arc::new)).collect::<Result<_, _>>()?;
    Ok(Zone { origin, history, keys })
}

/// Writes a zone's history, and removes the keys that it no longer names.
pub(super) fn write_history(folder: &Path, history: &History) -> Result<(), KeyError> {
    write(&folder.join(STATE), &format!("{STATE_HEAD}{}", toml::to_string(history)?))?;
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let id = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".pem")?.parse::<KeyId>().ok());
        if id.is_some_and(|id| !history.keys().any(|named| named == id)) {
            fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

/// Writes a private key (PKCS#8), and the folder where there is none.
pub(super) fn write_key(folder: &Path, id: KeyId, pkcs8: &[u8]) -> Result<(), KeyError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
    let body = BASE64_STANDARD.encode(pkcs8);
    let lines = body.as_bytes().chunks(LINE).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    write(&key_path(folder, id), &format!("{}\n{lines}\n{}\n", PEM[0], PEM[1]))
}

fn read_key(folder: &Path, id: KeyId) -> Result<SigningKey, KeyError> {
    let path = key_path(folder, id);
    let wrong = |wrong: &str| KeyError::Key { path: path.clone(), wrong: wrong.into() };
    let mode = fs::metadata(&path).map_err(at(&path))?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(wrong("every user of this machine can read this private key: `chmod 600` it, or roll it over"));
    }
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    let body = text.trim().strip_prefix(PEM[0]).and_then(|text| text.strip_suffix(PEM[1]));
    let body: String = body.ok_or_else(|| wrong("no private key in PEM"))?.split_whitespace().collect();
    let pkcs8 = BASE64_STANDARD.decode(body).map_err(|error| wrong(&error.to_string()))?;
    let key = SigningKey::read(id.algorithm, &pkcs8).map_err(|error| wrong(&error))?;
    if key.id() != id {
        return Err(wrong(&format!("this is key {}", key.id())));
    }
    Ok(key)
}

fn key_path(folder: &Path, id: KeyId) -> PathBuf {
    folder.join(format!("{id}.pem"))
}

/// Puts a file in its place, whole.
fn write(path: &Path, text: &str) -> Result<(), KeyError> {
    let new = path.with_extension("new");
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(0o600))?; // of one that a crash has left too
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    written.map_err(at(&new))?;
    fs::rename(&new, path).map_err(at(path))?;
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

fn at(path: &Path) -> impl Fn(io::Error) -> KeyError {
    move |source| KeyError::File { path: path.into(), source }
}
