//! A file as its author laid it out: lines in file order, values with the comments inside them.

use std::{borrow::Cow, iter::Peekable, vec};

use toml_parser::{
    Source,
    decoder::Encoding,
    parser::{Event, EventKind, parse_document},
};

/// A line of the file; a value may go over several.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'t> {
    Blank,
    /// On a line of its own, from `#` on.
    Comment(&'t str),
    /// `[table]` or `[[table]]`.
    Header(String, Option<&'t str>),
    /// A key with its value, and the comment behind it.
    Pair(Pair<'t>),
}

/// `key = value`, in the file or in braces; without a key it is an item of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Pair<'t> {
    /// Comments on the lines before it; in the file itself these are lines of their own.
    pub before: Vec<&'t str>,
    pub key: Option<String>,
    pub value: Value<'t>,
    /// The comment behind it, on the same line.
    pub comment: Option<&'t str>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Value<'t> {
    Scalar(Cow<'t, str>),
    List(List<'t>),
}

/// What stands in brackets or braces.
#[derive(Debug, PartialEq)]
pub(super) struct List<'t> {
    pub table: bool,
    pub pairs: Vec<Pair<'t>>,
    /// Comments after the last.
    pub after: Vec<&'t str>,
}

/// Reads a text that is known to be TOML.
pub(super) fn read(text: &str) -> Vec<Line<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(text);
    let mut events = Vec::new();
    let tokens = source.lex().into_vec();
    parse_document(&tokens, &mut |event: Event| events.push(event), &mut ());
    events.retain(|event| event.kind() != EventKind::Whitespace);
    Reader { source, events: events.into_iter().peekable() }.lines()
}

struct Reader<'t> {
    source: Source<'t>,
    events: Peekable<vec::IntoIter<Event>>,
}

impl<'t> Reader<'t> {
    fn lines(&mut self) -> Vec<Line<'t>> {
        let mut lines = Vec::new();
        let mut begun = false;
        while let Some(event) = self.events.next() {
            match event.kind() {
                EventKind::Newline => {
                    if !begun {
                        lines.push(Line::Blank);
                    }
                    begun = false;
                    continue;
                }
                EventKind::Comment => match lines.last_mut() {
                    Some(Line::Header(_, comment) | Line::Pair(Pair { comment, .. })) if begun => {
                        *comment = Some(self.comment(&event));
                    }
                    _ => lines.push(Line::Comment(self.comment(&event))),
                },
                EventKind::StdTableOpen => lines.push(Line::Header(format!("[{}]", self.keys(None)), None)),
                EventKind::ArrayTableOpen => lines.push(Line::Header(format!("[[{}]]", self.keys(None)), None)),
                EventKind::SimpleKey => lines.push(Line::Pair(self.pair(&event, Vec::new()))),
                _ => {}
            }
            begun = true;
        }
        lines
    }

    fn raw(&self, event: &Event) -> &'t str {
        self.source.get(event).map_or("", |raw| raw.as_str())
    }

    fn comment(&self, event: &Event) -> &'t str {
        self.raw(event).trim_end()
    }

    /// A dotted key that begins with `first`, up to the end of the header or the `=`.
    fn keys(&mut self, first: Option<&Event>) -> String {
        let mut keys: Vec<String> = first.map(|event| self.key(event)).into_iter().collect();
        while let Some(event) = self.events.next() {
            match event.kind() {
                EventKind::SimpleKey => keys.push(self.key(&event)),
                EventKind::KeySep => {}
                _ => break,
            }
        }
        keys.join(".")
    }

    fn key(&self, event: &Event) -> String {
        let mut key = Cow::Borrowed("");
        if let Some(raw) = self.source.get(event) {
            raw.decode_key(&mut key, &mut ());
        }
        let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if bare { key.into_owned() } else { quoted(self.raw(event), event.encoding()).into_owned() }
    }

    fn pair(&mut self, key: &Event, before: Vec<&'t str>) -> Pair<'t> {
        let key = Some(self.keys(Some(key)));
        let value = self.events.next().map_or(Value::Scalar("".into()), |event| self.value(&event));
        Pair { before, key, value, comment: None }
    }

    fn value(&mut self, event: &Event) -> Value<'t> {
        match event.kind() {
            EventKind::ArrayOpen => Value::List(self.list(false)),
            EventKind::InlineTableOpen => Value::List(self.list(true)),
            _ => Value::Scalar(quoted(self.raw(event), event.encoding())),
        }
    }

    fn list(&mut self, table: bool) -> List<'t> {
        let mut list = List { table, pairs: Vec::new(), after: Vec::new() };
        // Whether the last pair is on the line at hand: a comment there is about it.
        let mut beside = false;
        while let Some(event) = self.events.next() {
            match event.kind() {
                EventKind::ArrayClose | EventKind::InlineTableClose => break,
                EventKind::Newline => beside = false,
                EventKind::Comment => match list.pairs.last_mut() {
                    Some(pair) if beside => pair.comment = Some(self.comment(&event)),
                    _ => list.after.push(self.comment(&event)),
                },
                EventKind::ValueSep => {}
                kind => {
                    let before = std::mem::take(&mut list.after);
                    list.pairs.push(match kind {
                        EventKind::SimpleKey => self.pair(&event, before),
                        _ => Pair { before, key: None, value: self.value(&event), comment: None },
                    });
                    beside = true;
                }
            }
        }
        list
    }
}

/// Text in single quotes in double ones, where that needs no escape.
fn quoted(raw: &str, encoding: Option<Encoding>) -> Cow<'_, str> {
    let inner = raw.strip_prefix('\'').and_then(|raw| raw.strip_suffix('\''));
    match (encoding, inner) {
        (Some(Encoding::LiteralString), Some(inner)) if !inner.contains(['"', '\\']) => format!("\"{inner}\"").into(),
        _ => raw.into(),
    }
}
