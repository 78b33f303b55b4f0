//! The operator's zones: every `<origin>.zone` of a folder, read as a whole or not at all.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use arc_swap::ArcSwap;
use hickory_proto::rr::{Name, RecordType};

use crate::{
    key::Key,
    master::{Mistake, Records},
    zone::{Builder, Zone},
};

/// All zones that this node is authoritative for.
#[derive(Debug, Default)]
pub struct Zones {
    by_origin: HashMap<Box<[u8]>, Zone>,
    /// Labels of the longest origin: no longer suffix of a name need be looked up.
    deepest: usize,
}

/// Why zones could not be read. The operator's to mend, all of them; nothing of the folder is taken.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// The folder or a file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What stands before `.zone` in the file's name is not a domain name.
    #[error("{path}: a zone's file is named <origin>.zone, as in example.net.zone")]
    Unnamed {
        /// The file.
        path: PathBuf,
    },
    /// An entry is wrong.
    #[error("{path}:{line}: {mistake}")]
    Mistake {
        /// The file.
        path: PathBuf,
        /// The line on which the entry begins, from 1.
        line: usize,
        /// What.
        mistake: Mistake,
    },
    /// The zone has no SOA or no NS record at its origin.
    #[error("{path}: no {missing} record at {origin}")]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// The zone's.
        origin: String,
        /// SOA or NS.
        missing: RecordType,
    },
}

impl Zones {
    /// Reads every `<origin>.zone` of `folder`: master files (RFC 1035 §5), whose origin is what their name says.
    pub fn load(folder: &Path) -> Result<Self, ZoneError> {
        let unreadable = |source| ZoneError::Unreadable { path: folder.into(), source };
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(unreadable)?;
        let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "zone"));
        files.sort(); // so that of two broken files the same one is told each time
        let mut zones = Self::default();
        files.iter().try_for_each(|path| zones.add(path))?;
        Ok(zones)
    }

    /// Reads the folder again and puts what it holds in the place of `current`. After an error `current` is what it was.
    pub fn reload(current: &ArcSwap<Self>, folder: &Path) -> Result<(), ZoneError> {
        current.store(Self::load(folder)?.into());
        Ok(())
    }

    /// Whether `name` (without trailing dot) is in one of the zones; a steered name that is not is refused.
    pub fn covers(&self, name: &str) -> bool {
        Name::from_ascii(name).is_ok_and(|name| self.zone_of(&Key::new(&name)).is_some())
    }

    /// The zone with the longest origin that `key` is in.
    pub(crate) fn zone_of(&self, key: &Key) -> Option<&Zone> {
        (0..=key.labels().min(self.deepest)).rev().find_map(|labels| self.by_origin.get(key.suffix(labels)))
    }

    fn add(&mut self, path: &Path) -> Result<(), ZoneError> {
        let path = || path.to_owned();
        let text = fs::read_to_string(path()).map_err(|source| ZoneError::Unreadable { path: path(), source })?;
        let stem = path().file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let mut origin = Name::from_ascii(&stem).map_err(|_| ZoneError::Unnamed { path: path() })?;
        origin.set_fqdn(true);
        let mut zone = Builder::new(origin.clone());
        for record in Records::new(&text, origin.clone()) {
            record
                .and_then(|(line, record)| zone.add(record).map_err(|mistake| (line, mistake)))
                .map_err(|(line, mistake)| ZoneError::Mistake { path: path(), line, mistake })?;
        }
        let zone = zone.finish().map_err(|missing| ZoneError::Incomplete {
            path: path(),
            origin: origin.to_string(),
            missing,
        })?;
        let key = Key::new(&origin);
        self.deepest = self.deepest.max(key.labels());
        self.by_origin.insert(key.suffix(key.labels()).into(), zone);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hickory_proto::rr::RecordType as T;

    use super::*;
    use crate::zone::Found;

    const HEAD: &str = "$TTL 300\n@ SOA ns1 admin 1 3600 900 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n";

    fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn key(name: &str) -> Key {
        Key::new(&Name::from_ascii(name).unwrap())
    }

    #[test]
    fn names_are_found_at_every_level() {
        let tree = format!("{HEAD}a.b.c TXT deep\nsub NS ns.sub\nns.sub AAAA 2001:db8::1\nsub NS elsewhere.example.\n");
        let dir = folder(&[
            ("fairway.test.zone", tree),
            ("own.fairway.test.zone", HEAD.into()),
            ("live.policy.toml", "".into()),
        ]);
        let zones = Zones::load(dir.path()).unwrap();
        let zone = zones.zone_of(&key("x.fairway.test")).unwrap();
        assert_eq!(zone.negative.ttl, 60);

        let Found::Name(node) = zone.find(&key("a.b.c.FAIRWAY.test")) else { panic!("the name is there") };
        assert_eq!(node.set(T::TXT).len(), 1);
        for empty in ["b.c.fairway.test", "c.fairway.test"] {
            let Found::Name(node) = zone.find(&key(empty)) else { panic!("{empty} is an empty non-terminal") };
            assert!(node.is_empty());
        }
        for nothing in ["x.fairway.test", "x.c.fairway.test", "x.a.b.c.fairway.test"] {
            assert!(matches!(zone.find(&key(nothing)), Found::Nothing), "{nothing}");
        }
        for (name, at) in [("sub.fairway.test", true), ("ns.sub.fairway.test", false), ("x.y.sub.fairway.test", false)]
        {
            let Found::Cut { ns, here } = zone.find(&key(name)) else { panic!("{name} is delegated") };
            assert_eq!((ns.len(), here), (2, at));
            assert_eq!(zone.glue(ns).map(|r| r.record_type()).collect::<Vec<_>>(), [T::AAAA]);
        }

        let own = zones.zone_of(&key("x.own.fairway.test")).unwrap();
        assert!(own.is_apex(&key("own.fairway.test")), "the longest origin has it");
        assert!(zones.zone_of(&key("test")).is_none() && zones.zone_of(&key("xfairway.test")).is_none());
        assert!(zones.covers("live.fairway.test") && !zones.covers("live.example.net"));
    }

    #[test]
    fn a_broken_file_is_refused_with_its_place() {
        for (text, told) in [
            (format!("{HEAD}* A 192.0.2.9\n"), "5: *.z.test. is a wildcard; wildcards are not served: write each name"),
            (format!("{HEAD}\nx.other. A 192.0.2.9\n"), "6: x.other. is not in zone z.test."),
            (format!("{HEAD}a CNAME b\na A 192.0.2.9\n"), "6: a.z.test. has a CNAME, and so can have no other record"),
            (format!("{HEAD}a A 192.0.2.9\na CNAME b\n"), "6: a.z.test. has a CNAME, and so can have no other record"),
            (format!("{HEAD}a CNAME b\na CNAME c\n"), "6: a.z.test. has a CNAME, and so can have no other record"),
            (
                format!("{HEAD}a A 192.0.2.9\na 60 A 192.0.2.8\n"),
                "6: ttl 60, but other records of this name and type have 300",
            ),
            (format!("{HEAD}a SOA ns1 admin 1 3600 900 604800 60\n"), "5: a zone has one SOA, at its origin"),
            (format!("{HEAD}@ SOA ns1 admin 2 3600 900 604800 60\n"), "5: a zone has one SOA, at its origin"),
            (format!("{HEAD}a A 1.2.3\n"), "5: network address parse error: invalid IPv4 address syntax"),
            ("ns1 60 A 192.0.2.1\n".into(), " no SOA record at z.test."),
            ("@ 60 SOA ns1 admin 1 3600 900 604800 60\n".into(), " no NS record at z.test."),
        ] {
            let dir = folder(&[("z.test.zone", text)]);
            let error = Zones::load(dir.path()).unwrap_err().to_string();
            assert_eq!(error, format!("{}:{told}", dir.path().join("z.test.zone").display()));
        }
        let dir = folder(&[("a..b.zone", HEAD.into())]);
        assert!(matches!(Zones::load(dir.path()), Err(ZoneError::Unnamed { .. })));
        assert!(matches!(Zones::load(&dir.path().join("nowhere")), Err(ZoneError::Unreadable { .. })));
    }

    #[test]
    fn a_failed_reload_changes_nothing() {
        let dir = folder(&[("z.test.zone", HEAD.into())]);
        let zones = ArcSwap::new(Arc::new(Zones::load(dir.path()).unwrap()));
        fs::write(dir.path().join("new.test.zone"), "@ 60 A").unwrap();
        assert!(Zones::reload(&zones, dir.path()).is_err());
        assert!(zones.load().covers("z.test") && !zones.load().covers("new.test"));
        fs::write(dir.path().join("new.test.zone"), HEAD).unwrap();
        Zones::reload(&zones, dir.path()).unwrap();
        assert!(zones.load().covers("z.test") && zones.load().covers("new.test"));
    }
}
