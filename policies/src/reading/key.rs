//! What may be written: keys, the kinds of value that they take, and the tables that they stand in.
//!
//! This is the one definition of the language. A key is read by it (bounds and defaults come from here), is complained of
//! in its words, and stands by it in the JSON Schema and in the reference.

use std::time::Duration;

use super::vocabulary::Word;
use crate::words::{self, span};

/// A table of the language.
#[derive(Debug)]
pub(crate) struct Table {
    /// With its article, as in "a pathway has no key…".
    pub name: &'static str,
    /// Its heading in the reference: `[[pathway]]`.
    pub title: &'static str,
    /// What it says, in a paragraph or two of Markdown.
    pub doc: &'static str,
    /// What may stand in it.
    pub keys: &'static [Key],
    /// Which of them exclude each other.
    pub choice: Choice,
    /// As written in a file; each is read by a test.
    pub examples: &'static [&'static str],
}

/// One key of a table.
#[derive(Debug)]
pub(crate) struct Key {
    /// As written.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it means when left out.
    pub absent: Absent,
    /// A value, as TOML; none for tables that stand by themselves.
    pub example: &'static str,
    /// What it says, in a sentence or two of Markdown.
    pub doc: &'static str,
}

/// Keys of a table that exclude each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    /// There are none.
    Free,
    /// One of these, or neither.
    AtMost(&'static [&'static str; 2]),
    /// One of these.
    One(&'static [&'static str; 2]),
}

/// What it means when a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// A mistake.
    Refused,
    /// What these words say: `none`, `everyone`.
    Nothing(&'static str),
    /// The same as this TOML value.
    Means(&'static str),
}

/// What may be written for a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Any text but none.
    Text,
    /// `[A-Za-z0-9._-]+`.
    Id,
    HostName,
    Url,
    HostPort,
    Address,
    Prefix,
    Continent,
    Country,
    /// `US-CA`.
    Subdivision,
    Asn,
    /// From the one to the other.
    Duration(Duration, Duration),
    /// A duration of whole seconds, from the one to the other.
    Seconds(u32, u32),
    Number(Bounds),
    /// From the one to the other.
    Integer(u32, u32),
    BitRate,
    /// True or false.
    Truth,
    /// A date and time with its offset, unquoted.
    Instant,
    /// `18:00`.
    Hour,
    /// `Europe/Berlin`.
    Zone,
    /// The id of one of the file's pathways.
    Pathway,
    /// One of a fixed set: what they are, and their names.
    Word(&'static str, fn() -> Vec<&'static str>),
    /// Any number of these but none, and none twice.
    List(&'static Kind),
    /// A table of these by pathway id.
    ByPathway(&'static Kind),
    /// A table of these by word.
    ByWord(&'static Kind, &'static Kind),
    /// The one or the other.
    Either(&'static Kind, &'static Kind),
    /// A table with keys of its own.
    Table(&'static Table),
    /// Several of them, each under its own `[[key]]`.
    Tables(&'static Table),
    /// The chain: tables whose keys depend on what they `do`.
    Steps,
}

/// The numbers that will do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub least: f64,
    pub most: f64,
    /// Whether `least` itself will not do.
    pub above: bool,
    /// Whether `most` itself will not do.
    pub below: bool,
}

impl Key {
    /// A key that must be there.
    pub const fn needed(name: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Self {
        Self { name, kind, absent: Absent::Refused, example, doc }
    }

    /// A key that may be left out; `nothing` says what that is, in a word or two.
    pub const fn optional(
        name: &'static str,
        kind: Kind,
        nothing: &'static str,
        example: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind, absent: Absent::Nothing(nothing), example, doc }
    }

    /// A key that has a default, which is also its example.
    pub const fn default(name: &'static str, kind: Kind, means: &'static str, doc: &'static str) -> Self {
        Self { name, kind, absent: Absent::Means(means), example: means, doc }
    }

    /// What may be written, as in "`ttl` takes a duration from 5s to 1h, such as "20s"".
    pub fn takes(&self) -> String {
        match self.kind {
            Kind::Tables(_) | Kind::Steps => format!("tables that each begin with [[{}]]", self.name),
            kind => format!("{}, such as {}", kind.text(false), self.example),
        }
    }

    /// What may be written, without an example but with all its words.
    pub fn what(&self) -> String {
        match self.kind {
            Kind::Tables(_) | Kind::Steps => self.takes(),
            Kind::List(Kind::Word(what, names)) | Kind::Either(Kind::List(Kind::Word(what, names)), _) => {
                format!("{}; {what}s are {}", self.kind.text(false), words::list("and", &names()))
            }
            kind => kind.text(false),
        }
    }
}

impl Kind {
    /// One word of `W`.
    pub const fn word<W: Word>() -> Self {
        Self::Word(W::WHAT, super::vocabulary::names::<W>)
    }

    /// What the items of the list are, where it is one or may be one.
    pub fn item(self) -> Self {
        match self {
            Self::List(item) => *item,
            Self::Either(list @ Self::List(_), _) => list.item(),
            other => other,
        }
    }

    /// What the values of the table are, where it is one or may be one.
    pub fn entry(self) -> Self {
        match self {
            Self::ByPathway(entry) | Self::ByWord(_, entry) => *entry,
            Self::Either(_, table @ (Self::ByPathway(_) | Self::ByWord(..))) => table.entry(),
            other => other,
        }
    }

    /// As a person says it: `a host name`, or of many, `host names`.
    pub fn text(self, many: bool) -> String {
        let plain = |one: &str, more: &str| if many { more.to_owned() } else { one.to_owned() };
        let bounded = |one: &str, more: &str, bounds: String| format!("{} {bounds}", plain(one, more));
        match self {
            Self::Text => plain("text in quotes", "texts in quotes"),
            Self::Id => plain("an id of letters, digits, `.`, `_` and `-`", "ids"),
            Self::HostName => plain("a host name", "host names"),
            Self::Url => plain("an http or https URL", "http or https URLs"),
            Self::HostPort => plain("a host and port", "hosts and ports"),
            Self::Address => plain("an address", "addresses"),
            Self::Prefix => plain("an address prefix", "address prefixes"),
            Self::Continent => plain("a continent code", "continent codes (AF AN AS EU NA OC SA)"),
            Self::Country => plain("a two-letter country code", "two-letter country codes (ISO 3166-1)"),
            Self::Subdivision => plain("a subdivision code", "subdivision codes (ISO 3166-2)"),
            Self::Asn => plain("an autonomous system number", "autonomous system numbers"),
            Self::Duration(least, most) => {
                bounded("a duration", "durations", format!("from {} to {}", span(least), span(most)))
            }
            Self::Seconds(least, most) => {
                let [least, most] = [least, most].map(|s| span(Duration::from_secs(s.into())));
                bounded("a duration", "durations", format!("of whole seconds from {least} to {most}"))
            }
            Self::Number(bounds) => bounded("a number", "numbers", bounds.text()),
            Self::Integer(1, u32::MAX) => plain("a whole number, 1 at least", "whole numbers, 1 at least"),
            Self::Integer(least, most) => bounded("a whole number", "whole numbers", format!("from {least} to {most}")),
            Self::BitRate => plain("a bit rate", "bit rates"),
            Self::Truth => "true or false".into(),
            Self::Instant => plain("a date and time without quotes", "dates and times"),
            Self::Hour => plain("a time of day", "times of day"),
            Self::Zone => plain("a time zone of the IANA database", "time zones"),
            Self::Pathway => plain("a pathway id", "pathway ids"),
            Self::Word(what, names) => {
                if many {
                    format!("{what}s")
                } else {
                    words::list("or", &names())
                }
            }
            Self::List(item) => format!("{} of {}", plain("a list", "lists"), item.text(true)),
            Self::ByPathway(entry) => format!("{} of {} by pathway id", plain("a table", "tables"), entry.text(true)),
            Self::ByWord(word, entry) => {
                let Self::Word(what, _) = word else { return plain("a table", "tables") };
                format!("{} of {} by {what}", plain("a table", "tables"), entry.text(true))
            }
            Self::Either(one, other) => format!("{}, or {}", one.text(many), other.text(many)),
            Self::Table(_) | Self::Tables(_) | Self::Steps => plain("a table", "tables"),
        }
    }
}

impl Bounds {
    /// A share that may be nothing and may be all.
    pub const SHARE: Self = Self { least: 0.0, most: 1.0, above: false, below: false };
    /// A share of something, up to all of it.
    pub const SOME: Self = Self { above: true, ..Self::SHARE };
    /// A share that is not all.
    pub const NOT_ALL: Self = Self { below: true, ..Self::SHARE };
    /// Neither none nor all.
    pub const PART: Self = Self { above: true, below: true, ..Self::SHARE };

    /// From `least` on.
    pub const fn from(least: f64) -> Self {
        Self::of(least, f64::INFINITY)
    }

    /// From `least` to `most`, both among them.
    pub const fn of(least: f64, most: f64) -> Self {
        Self { least, most, above: false, below: false }
    }

    /// Whether `number` will do.
    pub fn hold(self, number: f64) -> bool {
        (if self.above { number > self.least } else { number >= self.least })
            && (if self.below { number < self.most } else { number <= self.most })
    }

    /// `from 0 to 1`, `above 0 and up to 1`, `above 0 and below 1`.
    pub fn text(self) -> String {
        let Self { least, most, .. } = self;
        match (self.above, self.below) {
            (false, _) if most.is_infinite() => format!("from {least} on"),
            (true, _) if most.is_infinite() => format!("above {least}"),
            (false, false) => format!("from {least} to {most}"),
            (true, false) => format!("above {least} and up to {most}"),
            (false, true) => format!("from {least} to below {most}"),
            (true, true) => format!("above {least} and below {most}"),
        }
    }
}
