//! All zones of a folder: every `<origin>.zone`, read as a whole or not at all.
//!
//! A reload reads every file, but takes a zone as it is where the octets of its files are those of before: hashing costs
//! a fiftieth of parsing, and everything that was made of the zone can stay too, signatures above all.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use hickory_proto::rr::Name;

use super::{
    builder::{Builder, Draft, Owner},
    entries::Word,
    files::{self, Files},
    lint,
    mistake::{Place, Source, ZoneError},
    records::Reader,
    text::{self, Wire},
    types,
    zone::{Concern, Warning, Zone},
};
use crate::wire::name::Key;

/// All zones that this node is authoritative for.
#[derive(Debug, Default)]
pub struct Zones {
    /// Ascending by origin (RFC 4034 §6.1).
    zones: Vec<Arc<Zone>>,
}

impl Zones {
    /// Reads every `<origin>.zone` of `folder`: master files (RFC 1035 §5), whose origin is what their name says.
    pub fn load(folder: &Path) -> Result<Self, ZoneError> {
        Self::default().next(folder)
    }

    /// Reads the folder again; of a zone whose files are unchanged, what is in `self` is taken.
    pub fn next(&self, folder: &Path) -> Result<Self, ZoneError> {
        let unreadable = |source| ZoneError::Unreadable { path: folder.into(), source };
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(unreadable)?;
        let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|e| e == "zone"));
        paths.sort(); // so that of two broken files the same one is told each time
        let before: HashMap<&Path, &Arc<Zone>> = self.zones.iter().map(|zone| (&*zone.file, zone)).collect();
        let mut zones: Vec<(Box<[u8]>, Arc<Zone>)> = Vec::new();
        for path in paths {
            let zone = read_again(folder, &path, before.get(&*path).copied())?;
            let key = Key::new(&zone.origin);
            zones.push((text::order(key.suffix(key.labels())), zone));
        }
        zones.sort_by(|(a, _), (b, _)| a.cmp(b));
        if let Some([(_, first), (_, zone)]) = zones.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ZoneError::Twice { path: zone.file.clone(), before: first.file.clone() });
        }
        let zones: Vec<_> = zones.into_iter().map(|(_, zone)| zone).collect();
        Ok(Self { zones })
    }

    /// The zones, ascending by origin (RFC 4034 §6.1).
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Zone>> {
        self.zones.iter()
    }

    /// Whether `name` (without trailing dot) is in one of the zones; a steered name that is not is refused.
    pub fn covers(&self, name: &str) -> bool {
        let within = |name: &Key| self.zones.iter().any(|zone| name.is_within(&Key::new(&zone.origin)));
        Name::from_ascii(name).is_ok_and(|name| within(&Key::new(&name)))
    }
}

/// The zone of one file; `before`, if that is what it still holds.
fn read_again(folder: &Path, path: &Path, before: Option<&Arc<Zone>>) -> Result<Arc<Zone>, ZoneError> {
    let unreadable = |source| ZoneError::Unreadable { path: path.into(), source };
    if let Some(before) = before
        && Files::of(folder).map_err(unreadable)?.are_as_before(&before.files, before.text_hash)
    {
        return Ok(before.clone());
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let origin = origin(stem).ok_or_else(|| ZoneError::Unnamed { path: path.into() })?;
    let mut files = Files::of(folder).map_err(unreadable)?;
    let (text, source) = files.open(path).map_err(unreadable)?;
    let mut zone = Zone::read(&text, &source, origin, Some(&mut files))?;
    (zone.files, zone.text_hash) = files.finish();
    if let Some(before) = before {
        zone.warn_of_serial(before);
    }
    Ok(zone.into())
}

/// The name that a file is named by. It is read as in a file, so that what can be written there can be a zone's name.
fn origin(stem: &str) -> Option<Wire> {
    let word = Word { raw: stem.as_bytes(), quoted: true };
    text::name(&word, b"\0").ok()
}

impl Zone {
    /// The zone `origin` (without trailing dot) of a text that is no file's, and so can include none.
    pub fn of_text(origin: &str, text: &[u8]) -> Result<Self, ZoneError> {
        let path = PathBuf::from(format!("{origin}.zone"));
        let wire = self::origin(origin).ok_or_else(|| ZoneError::Unnamed { path: path.clone() })?;
        let source = Source { real: path.clone(), path, included: None };
        let text_hash = files::hash(&[text]);
        Ok(Self { text_hash, ..Self::read(text, &source.into(), wire, None)? })
    }

    fn read(text: &[u8], source: &Arc<Source>, origin: Wire, files: Option<&mut Files>) -> Result<Self, ZoneError> {
        let builder = Reader::new(Builder::new(Owner::new(&origin)), files).read(text, source, origin)?;
        let apex = builder.origin.clone();
        let drafts = builder.finish().map_err(|(place, mistake)| ZoneError::Mistake { place, mistake })?;
        let at_apex = |rtype: u16, missing| {
            let found = drafts.iter().find(|draft| draft.rtype.code == rtype && draft.owner.order == apex.order);
            let lacks = || ZoneError::Incomplete { path: source.path.clone(), origin: apex.shown(), missing };
            found.ok_or_else(lacks)
        };
        let soa = at_apex(types::SOA, "SOA")?;
        at_apex(types::NS, "NS")?;
        let (serial, minimum) = serial_and_minimum(soa);
        let (negative_ttl, soa_place, soa) = (soa.ttl.min(minimum), soa.place().cloned(), soa.set());
        Ok(Self {
            origin: apex.name.clone(),
            soa,
            serial,
            negative_ttl,
            warnings: lint::warnings(&apex, &drafts),
            sets: drafts.iter().map(Draft::set).collect(),
            file: source.path.clone(),
            text_hash: 0,
            files: Vec::new(),
            soa_place: soa_place.unwrap_or_else(|| Place { source: source.clone(), line: 1 }),
        })
    }

    /// Adds a warning if the zone is not what it was, but its serial says so (RFC 1982).
    fn warn_of_serial(&mut self, before: &Self) {
        let (before_serial, now) = (before.serial, self.serial);
        if self.sets != before.sets && !(1..1 << 31).contains(&now.wrapping_sub(before_serial)) {
            let concern = Concern::Serial { before: before_serial, now };
            self.warnings.push(Warning { place: self.soa_place.clone(), concern });
        }
    }
}

/// From the end of the SOA's data, which five numbers are (RFC 1035 §3.3.13).
fn serial_and_minimum(soa: &Draft) -> (u32, u32) {
    let numbers = soa.records.first().and_then(|(data, ..)| data.last_chunk::<20>());
    let number = |at: usize| numbers.and_then(|n| n[at..].first_chunk()).map_or(0, |n| u32::from_be_bytes(*n));
    (number(0), number(16))
}
