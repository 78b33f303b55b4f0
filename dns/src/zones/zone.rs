//! A zone as its files say it: plain data, in the order in which DNSSEC and a zone transfer want it.

use std::{fmt, path::PathBuf};

use hickory_proto::rr::{Name, RecordType};

use super::mistake::Place;

/// The static data of one zone, as whole as its files.
#[derive(Debug)]
pub struct Zone {
    /// Its name, absolute, in letters as the file is named.
    pub origin: Name,
    /// The one SOA record.
    pub soa: RecordSet,
    /// The SOA's serial number.
    pub serial: u32,
    /// Seconds for which it may be remembered that something is not there: the least of the SOA's TTL and its minimum
    /// (RFC 2308 §5).
    pub negative_ttl: u32,
    /// All records, SOA and glue among them: by name (RFC 4034 §6.1), then by the number of the type.
    pub sets: Vec<RecordSet>,
    /// `<origin>.zone`.
    pub file: PathBuf,
    /// Of all its files' octets: while it stays, so does the zone.
    pub text_hash: u64,
    /// What is served as it stands, but had better be otherwise.
    pub warnings: Vec<Warning>,
    /// All files that were read, the zone's own first.
    pub(super) files: Vec<PathBuf>,
    /// Where its SOA stands.
    pub(super) soa_place: Place,
}

/// Records of one name and type (RFC 2181 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// The owner, in letters as first written.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
    /// Seconds.
    pub ttl: u32,
    /// Each record's RDATA, each once, in the file's order: names not compressed, letters as written.
    pub data: Vec<Vec<u8>>,
}

/// Something that is served, but had better be otherwise. Shown as `path:line: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub place: Place,
    /// What.
    pub concern: Concern,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.place, self.concern, self.place.told_way())
    }
}

/// What a [`Warning`] is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Concern {
    /// Of the zone, or of a delegation for which only this zone could give it (RFC 1034 §4.2.1).
    #[error("name server {target} has no address in this zone, so that {name} cannot be reached through it")]
    NoAddress {
        /// Of the NS record.
        name: String,
        /// The name server.
        target: String,
    },
    /// RFC 2181 §10.3 for NS and MX, RFC 2782 for SRV.
    #[error("{target} is a CNAME, to which no {rtype} record may point")]
    Alias {
        /// The type's name.
        rtype: String,
        /// Its target.
        target: String,
    },
    /// Data of another zone.
    #[error("{name} is delegated by the NS records of {cut}, and is no glue of them: its {rtype} is never an answer")]
    Hidden {
        /// The owner.
        name: String,
        /// The type's name.
        rtype: String,
        /// Where the delegation is.
        cut: String,
    },
    /// RFC 4035 §2.4.
    #[error("DS belongs where a zone is delegated, beside its NS records; {0} is no such name")]
    NotDelegated(String),
    /// Secondaries keep what they have (RFC 1996 §3).
    #[error("the zone has changed, but its serial {now} is not after {before}: secondaries will not fetch it")]
    Serial {
        /// Before the change.
        before: u32,
        /// After it.
        now: u32,
    },
    /// Enough is enough.
    #[error("there are {0} more such warnings in this zone")]
    More(usize),
}
