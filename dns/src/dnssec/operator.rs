//! What an operator does to a zone's keys, each a whole: read, changed, written. `fairway dnssec` is words around it.
//!
//! A key tag that a key of the zone already has is not given to a new one: two keys of one tag are allowed, but every
//! validator must then try both (RFC 6840 §5.3), and no person can tell them apart.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;

use super::{
    keyfile::{self, KeyError, Zone},
    keys::{Algorithm, KeyId, SigningKey},
    rollover::{Announced, History, Phase, Plan, Refusal},
};

/// A zone's keys, to be looked at or changed.
#[derive(Debug)]
pub struct ZoneKeys {
    folder: PathBuf,
    name: String,
    zone: Zone,
}

/// What there is to know of a zone's keys.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its origin, without the trailing dot.
    pub origin: String,
    /// What is served now, until when, and what is to be done.
    pub plan: Plan,
    /// Its keys, the oldest first.
    pub keys: Vec<KeyId>,
    /// The DS records that the parent should have, in master-file form; while nothing is announced, those of the key to
    /// come. None where it should have none.
    pub ds: Vec<String>,
}

impl ZoneKeys {
    /// Makes the first key of a zone, or of one that was unsigned.
    pub fn init(data_dir: &Path, origin: &str, algorithm: Algorithm, now: DateTime<Utc>) -> Result<Self, KeyError> {
        let folder = keyfile::folder(data_dir, origin)?;
        let name = keyfile::origin(origin)?.1;
        match keyfile::read(&folder) {
            Err(KeyError::None(_)) => {}
            Ok(zone) if zone.history.plan(now).phase == Phase::Unsigned => {}
            Ok(_) => return Err(KeyError::Exists(name)),
            Err(error) => return Err(error),
        }
        let key = make(&folder, algorithm, &[])?;
        keyfile::write_history(&folder, &History::new(key, now))?;
        Self::open(data_dir, origin)
    }

    /// Those of a zone.
    pub fn open(data_dir: &Path, origin: &str) -> Result<Self, KeyError> {
        let folder = keyfile::folder(data_dir, origin)?;
        let zone = keyfile::read(&folder)?;
        Ok(Self { folder, name: keyfile::origin(origin)?.1, zone })
    }

    /// Those of every zone that has any, by name.
    pub fn all(data_dir: &Path) -> Result<Vec<Self>, KeyError> {
        keyfile::origins(data_dir)?.iter().map(|origin| Self::open(data_dir, origin)).collect()
    }

    /// Begins a roll to a new key, of the same algorithm where none is named.
    pub fn roll(
        &mut self,
        algorithm: Option<Algorithm>,
        emergency: bool,
        now: DateTime<Utc>,
    ) -> Result<KeyId, KeyError> {
        let mut history = self.zone.history.clone();
        let algorithm = algorithm.unwrap_or(history.clone().settled(now).key.algorithm);
        // Asked first with the old key in the new one's place, so that none is made in vain.
        let old = history.clone().settled(now).key;
        history.clone().roll(old, emergency, now).map_err(|refusal| self.refused(refusal))?;
        let tags: Vec<u16> = history.keys().map(|key| key.tag).collect();
        let key = make(&self.folder, algorithm, &tags)?;
        history.roll(key, emergency, now).map_err(|refusal| self.refused(refusal))?;
        self.write(history)?;
        Ok(key)
    }

    /// The parent has done what was asked; `ttl` is that of its DS set, in seconds.
    pub fn ds_seen(&mut self, ttl: u32, now: DateTime<Utc>) -> Result<(), KeyError> {
        let mut history = self.zone.history.clone();
        history.seen(ttl, now).map_err(|refusal| self.refused(refusal))?;
        self.write(history)
    }

    /// The zone shall not be signed any more.
    pub fn unsign(&mut self, now: DateTime<Utc>) -> Result<(), KeyError> {
        let mut history = self.zone.history.clone();
        history.unsign(now).map_err(|refusal| self.refused(refusal))?;
        self.write(history)
    }

    /// How it stands.
    pub fn status(&self, now: DateTime<Utc>) -> Status {
        let history = self.zone.history.clone().settled(now);
        let plan = history.plan(now);
        let wanted = match &plan.announced {
            Announced::Keys(keys) => keys.clone(),
            Announced::Nothing => plan.published.clone(),
            Announced::Deletion => vec![],
        };
        let keys = self.zone.keys.iter().filter(|key| wanted.contains(&key.id()));
        let ds = keys.map(|key| self.ds(key)).collect();
        Status { origin: self.name.clone(), keys: history.keys().collect(), plan, ds }
    }

    fn ds(&self, key: &SigningKey) -> String {
        let data = key.ds(&self.zone.origin);
        let (head, digest) = data.split_at(4.min(data.len()));
        let mut text = format!("{}. IN DS {} {} {} ", self.name, key.id().tag, head[2], head[3]);
        // Writing into a String does not fail.
        digest.iter().for_each(|octet| write!(text, "{octet:02X}").unwrap_or_default());
        text
    }

    fn write(&mut self, history: History) -> Result<(), KeyError> {
        keyfile::write_history(&self.folder, &history)?;
        self.zone = keyfile::read(&self.folder)?;
        Ok(())
    }

    fn refused(&self, refusal: Refusal) -> KeyError {
        KeyError::Refused(self.name.clone(), refusal)
    }
}

/// Makes a key with a tag that is not one of these, and keeps it.
fn make(folder: &Path, algorithm: Algorithm, tags: &[u16]) -> Result<KeyId, KeyError> {
    loop {
        let pkcs8 = SigningKey::generate(algorithm, &SystemRandom::new())?;
        let key = SigningKey::read(algorithm, &pkcs8).map_err(|wrong| KeyError::Key { path: folder.into(), wrong })?;
        if !tags.contains(&key.id().tag) {
            keyfile::write_key(folder, key.id(), &pkcs8)?;
            return Ok(key.id());
        }
    }
}

#[cfg(test)]
#[path = "operator_tests.rs"]
mod tests;
