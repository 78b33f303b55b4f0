//! What can be wrong in the operator's zone files, and where. All of it is his to mend, so each text says what to write.

use std::{fmt, io, path::PathBuf, sync::Arc};

/// A file that is read, and the `$INCLUDE` through which it was come to.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// As an operator writes it.
    pub path: PathBuf,
    /// Of links and dots free, to know a circle.
    pub(super) real: PathBuf,
    /// The `$INCLUDE` that named it; `None` for a zone's own file.
    pub included: Option<Place>,
}

/// Where something stands: shown as `path:line`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub source: Arc<Source>,
    /// The line on which the entry begins, from 1.
    pub line: usize,
}

impl Place {
    /// The `$INCLUDE`s that lead to it, innermost first.
    pub(super) fn way(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(self.source.included.as_ref(), |place| place.source.included.as_ref())
    }

    /// ` (included from a.zone:5)`, or nothing.
    pub(super) fn told_way(&self) -> String {
        self.way().map(|place| format!(" (included from {place})")).collect()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source.path.display(), self.line)
    }
}

/// What is wrong with an entry of a master file.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// `(` without `)`, or the reverse.
    #[error("unbalanced parenthesis")]
    Parenthesis,
    /// A line ends inside `"…"`.
    #[error("a quoted text does not end on its line")]
    Quote,
    /// A `$` directive without what it needs.
    #[error("{directive} needs {needs}")]
    Directive {
        /// The directive.
        directive: &'static str,
        /// What must follow it.
        needs: &'static str,
    },
    /// A `$` word of somebody's own.
    #[error("{0} is not known; there are $ORIGIN, $TTL, $INCLUDE and $GENERATE")]
    UnknownDirective(String),
    /// `$GENERATE` with a range or a `${…}` that cannot be done.
    #[error("$GENERATE: {0}")]
    Generate(&'static str),
    /// `$INCLUDE` of a file that is not read.
    #[error("$INCLUDE {path}: {fault}")]
    Include {
        /// As written.
        path: String,
        /// Why not.
        fault: NotIncluded,
    },
    /// A word that should be a name.
    #[error("\"{word}\" is not a domain name: {fault}")]
    Name {
        /// As written.
        word: String,
        /// Why not.
        fault: NotAName,
    },
    /// An entry begins with a blank, but no owner went before.
    #[error("there is no owner name yet to go on with")]
    NoOwner,
    /// A word that begins with a digit where a TTL may stand.
    #[error("\"{0}\" is not a time: seconds up to 2147483647, or as in 1h30m")]
    Time(String),
    /// The entry has no TTL, nor has any before it.
    #[error("there is no TTL: write $TTL above it")]
    NoTtl,
    /// A class other than IN.
    #[error("class {0}; only IN is served")]
    Class(String),
    /// An entry ends before its type.
    #[error("a name, but no record")]
    NoType,
    /// Not the name of a type.
    #[error(
        "\"{0}\" is not a type of record; one that is not known here is written TYPE65534 \\# 4 0A000001 (RFC 3597)"
    )]
    UnknownType(String),
    /// A type that the signer makes, or that a zone with steered names makes untrue.
    #[error("{0} is not read from files: what this server signs, it signs itself")]
    Signature(String),
    /// RFC 6672.
    #[error("DNAME is not served: write a CNAME for each name, or for a wildcard")]
    Dname,
    /// A type for questions or for the protocol itself (RFC 6895 §3.1).
    #[error("{0} is not a type that a zone can hold")]
    Meta(String),
    /// The data of a record are not those of its type.
    #[error("{rtype}: {fault}")]
    Data {
        /// The type's name.
        rtype: String,
        /// What.
        fault: NotData,
    },
    /// The name is not at or below the zone's origin.
    #[error("{name} is not in zone {origin}")]
    OutOfZone {
        /// The owner.
        name: String,
        /// The zone's.
        origin: String,
    },
    /// A second SOA, or one that is not at the origin.
    #[error("a zone has one SOA, at its origin")]
    Soa,
    /// A CNAME beside other data, or two of them (RFC 1034 §3.6.2).
    #[error("{0} has a CNAME, and so can have no other record")]
    Cname(String),
    /// Records of one name and type whose TTL differs (RFC 2181 §5.2).
    #[error("ttl {ttl}, but other records of this name and type have {before}")]
    Ttl {
        /// Of this record.
        ttl: u32,
        /// Of those before it.
        before: u32,
    },
    /// A delegation at `*`, of which RFC 4592 §4.2 says that it means nothing.
    #[error("{0} is a wildcard, which cannot be delegated (RFC 4592, section 4.2)")]
    WildcardCut(String),
    /// No message could hold them.
    #[error("the {rtype} records of {name} take {octets} octets, more than a message holds")]
    TooLarge {
        /// The owner.
        name: String,
        /// The type's name.
        rtype: String,
        /// Octets on the wire.
        octets: usize,
    },
}

/// Why a word is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// Two dots, or one at the beginning.
    #[error("a label is empty")]
    Empty,
    /// RFC 1035 §3.1.
    #[error("a label is longer than 63 octets")]
    Label,
    /// RFC 1035 §3.1; its origin counts.
    #[error("it is longer than 255 octets")]
    Long,
    /// `\`.
    #[error("a backslash in it is followed by neither three digits up to 255 nor another octet")]
    Escape,
    /// A quote, a blank, or what is not ASCII, unescaped.
    #[error("letters beyond ASCII are written as xn--…, any other octet as \\DDD")]
    Octet,
}

/// Why a file is not included.
#[derive(Debug, thiserror::Error)]
pub enum NotIncluded {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(io::Error),
    /// It is elsewhere, be it by a link.
    #[error("it is outside the folder of the zone files")]
    Outside,
    /// It is being read.
    #[error("it includes itself")]
    Circle,
    /// Includes in includes.
    #[error("more than {0} files deep")]
    Deep(usize),
    /// The text is no file's.
    #[error("this text can include no file")]
    NoFile,
}

/// Why words are not a record's data.
#[derive(Debug, thiserror::Error)]
pub enum NotData {
    /// A word is something else.
    #[error("\"{word}\" where there should be {needs}")]
    Word {
        /// As written.
        word: String,
        /// What the type has there.
        needs: &'static str,
    },
    /// The words end.
    #[error("it ends where there should be {0}")]
    Missing(&'static str),
    /// A word too many.
    #[error("\"{0}\" is more than it holds")]
    Extra(String),
    /// A word that should be a name.
    #[error("\"{word}\" is not a domain name: {fault}")]
    Name {
        /// As written.
        word: String,
        /// Why not.
        fault: NotAName,
    },
    /// A type of which only the octets are read.
    #[error("it is read in the generic form only, as in \\# 4 0A000001 (RFC 3597)")]
    GenericOnly,
    /// RFC 3597 §5.
    #[error("\\# {said}, but {octets} octets follow")]
    GenericLength {
        /// As written.
        said: u16,
        /// As counted.
        octets: usize,
    },
    /// `\#` with octets that the type cannot have.
    #[error("these octets are not its data")]
    Malformed,
    /// A parameter of SVCB or HTTPS (RFC 9460).
    #[error("{param}: {needs}")]
    Param {
        /// Its key, as written.
        param: String,
        /// What it must be.
        needs: &'static str,
    },
    /// Over 65,535 octets.
    #[error("it is longer than 65535 octets")]
    Long,
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
    /// The names of two files differ in nothing that a domain name has.
    #[error("{path}: {before} is the same zone")]
    Twice {
        /// The file.
        path: PathBuf,
        /// The other.
        before: PathBuf,
    },
    /// An entry is wrong.
    #[error("{place}: {mistake}{}", place.told_way())]
    Mistake {
        /// Where.
        place: Place,
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
        missing: &'static str,
    },
}
