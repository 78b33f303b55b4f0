//! The entries of master files in turn (RFC 1035 §5.1): records, with what they inherit from those before them, and
//! directives.
//!
//! What an entry inherits:
//! - the origin: `$ORIGIN`'s, to the end of its file, `$INCLUDE`d ones within it among that, unless `$INCLUDE` names another;
//! - the owner: the last one, to the end of its file, likewise;
//! - the TTL: `$TTL`'s (RFC 2308 §4), else the last that was written (RFC 1035 §5.1), else, as BIND does it, the minimum of
//!   the SOA, which had this meaning once. This goes on behind an included file, because a common head with a `$TTL` is
//!   what `$INCLUDE` is used for.

use std::sync::Arc;

use super::{
    builder::{Builder, Owner, Row},
    data,
    entries::{Entries, Word},
    files::Files,
    generate,
    mistake::{Mistake, NotIncluded, Place, Source, ZoneError},
    text::{self, Wire},
    types::{self, Type, class},
    words::time,
};

/// Reads files into a zone's builder.
pub(super) struct Reader<'f> {
    /// Where includes are found; nowhere for a text that is no file's.
    files: Option<&'f mut Files>,
    zone: Builder,
    /// The TTL of an entry without one, and whether `$TTL` said so.
    ttl: Option<(u32, bool)>,
}

/// What holds to the end of a file.
#[derive(Clone)]
struct Scope {
    origin: Wire,
    owner: Option<Arc<Owner>>,
}

impl<'f> Reader<'f> {
    /// Of a zone that has nothing yet.
    pub(super) fn new(zone: Builder, files: Option<&'f mut Files>) -> Self {
        Self { files, zone, ttl: None }
    }

    /// Reads the zone's own file, and what it includes.
    pub(super) fn read(mut self, text: &[u8], source: &Arc<Source>, origin: Wire) -> Result<Builder, ZoneError> {
        self.file(text, source, Scope { origin, owner: None })?;
        Ok(self.zone)
    }

    fn file(&mut self, text: &[u8], source: &Arc<Source>, mut scope: Scope) -> Result<(), ZoneError> {
        let (mut entries, mut words) = (Entries::new(text), Vec::new());
        while let Some(entry) = entries.next(&mut words) {
            let wrong = |line, mistake| ZoneError::Mistake { place: Place { source: source.clone(), line }, mistake };
            let entry = entry.map_err(|(line, mistake)| wrong(line, mistake))?;
            let place = Place { source: source.clone(), line: entry.line };
            let read = match &words[..] {
                [] => Ok(()),
                [first, rest @ ..] if !first.quoted && first.raw.starts_with(b"$") => match first.raw {
                    b"$INCLUDE" => {
                        self.include(rest, &place, &scope)?;
                        Ok(())
                    }
                    other => self.directive(other, rest, &place, &mut scope),
                },
                words => self.record(words, entry.indented, place, &mut scope),
            };
            read.map_err(|mistake| wrong(entry.line, mistake))?;
        }
        Ok(())
    }

    fn include(&mut self, words: &[Word<'_>], place: &Place, scope: &Scope) -> Result<(), ZoneError> {
        let wrong = |mistake| ZoneError::Mistake { place: place.clone(), mistake };
        let needs = Mistake::Directive { directive: "$INCLUDE", needs: "a file, and perhaps an origin" };
        let (path, origin) = match words {
            [path] => (path, None),
            [path, origin] => (path, Some(origin)),
            _ => return Err(wrong(needs)),
        };
        let path = String::from_utf8_lossy(path.raw);
        let found = self.files.as_mut().map_or(Err(NotIncluded::NoFile), |files| files.include(&path, place));
        let (text, source) = found.map_err(|fault| wrong(Mistake::Include { path: path.into(), fault }))?;
        let mut scope = scope.clone();
        if let Some(origin) = origin {
            scope.origin = name(origin, &scope.origin).map_err(wrong)?;
        }
        self.file(&text, &source, scope)
    }

    fn directive(&mut self, word: &[u8], rest: &[Word<'_>], place: &Place, scope: &mut Scope) -> Result<(), Mistake> {
        match word {
            b"$TTL" => {
                let needs = Mistake::Directive { directive: "$TTL", needs: "a time, as in 300 or 5m" };
                let [word] = rest else { return Err(needs) };
                self.ttl = Some((time(word.raw).ok_or(needs)?, true));
            }
            b"$ORIGIN" => {
                let needs = Mistake::Directive { directive: "$ORIGIN", needs: "a domain name" };
                let [word] = rest else { return Err(needs) };
                scope.origin = name(word, &scope.origin)?;
            }
            b"$GENERATE" => {
                for entry in generate::entries(rest)? {
                    let (entry, mut words) = (entry?, Vec::new());
                    if let Some(read) = Entries::new(&entry).next(&mut words) {
                        read.map_err(|(_, mistake)| mistake)?;
                    }
                    self.record(&words, false, place.clone(), scope)?;
                }
            }
            other => return Err(Mistake::UnknownDirective(String::from_utf8_lossy(other).into())),
        }
        Ok(())
    }

    fn record(&mut self, words: &[Word<'_>], indented: bool, place: Place, scope: &mut Scope) -> Result<(), Mistake> {
        let (owner, mut words) = match (words, &scope.owner) {
            (words, Some(owner)) if indented => (owner.clone(), words),
            (_, None) if indented => return Err(Mistake::NoOwner),
            ([first, rest @ ..], _) => (Arc::new(Owner::new(&name(first, &scope.origin)?)), rest),
            ([], _) => return Err(Mistake::NoType),
        };
        scope.owner = Some(owner.clone());
        let (mut ttl, mut has_class) = (None, false);
        let rtype = loop {
            let [word, rest @ ..] = words else { return Err(Mistake::NoType) };
            words = rest;
            if ttl.is_none() && !word.quoted && word.raw.first().is_some_and(u8::is_ascii_digit) {
                ttl = Some(time(word.raw).ok_or_else(|| Mistake::Time(word.told()))?);
            } else if let Some(class) = class(word.raw).filter(|_| !has_class && !word.quoted) {
                if class != types::IN {
                    return Err(Mistake::Class(word.told()));
                }
                has_class = true;
            } else {
                let known = Type::named(word.raw).filter(|_| !word.quoted);
                break known.ok_or_else(|| Mistake::UnknownType(word.told()))?;
            }
        };
        rtype.may_be_read()?;
        let data = data::read(rtype, words, &scope.origin)?;
        let inherited = || self.ttl.map(|(ttl, _)| ttl).or_else(|| soa_minimum(rtype, &data));
        let ttl = ttl.or_else(inherited).ok_or(Mistake::NoTtl)?;
        if !matches!(self.ttl, Some((_, true))) {
            self.ttl = Some((ttl, false));
        }
        self.zone.add(Row { owner, rtype, ttl, data, place })
    }
}

fn name(word: &Word<'_>, origin: &[u8]) -> Result<Wire, Mistake> {
    text::name(word, origin).map_err(|fault| Mistake::Name { word: word.told(), fault })
}

fn soa_minimum(rtype: Type, data: &[u8]) -> Option<u32> {
    data.last_chunk().filter(|_| rtype.code == types::SOA).map(|minimum| u32::from_be_bytes(*minimum))
}
