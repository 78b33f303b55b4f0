//! What is refused, whose fault it is, and the one place where that becomes an HTTP status.

use std::time::Duration;

use crate::spool::SpoolError;

/// Why one record was refused. The others of its batch are kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// It cannot be read. The sender's mistake.
    #[error("cannot be read: {0}")]
    Malformed(String),
    /// It is of a CMCD version above 2, whose keys may mean something else.
    #[error("CMCD version {0} is not known here (1 and 2 are)")]
    Version(u64),
    /// It has no key that says anything.
    #[error("holds no key that is known here")]
    Empty,
    /// `sid` over 64 or `cid` over 128 characters (CTA-5004-B's limits).
    #[error("{0} is too long")]
    TooLong(&'static str),
    /// Its service is not told by the URL, nor by its host or session, and this node has several.
    #[error("its service is unknown: add ?service=<id> to the beacon URL")]
    NoService,
}

impl Cause {
    /// Its name, in answers and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Version(_) => "version",
            Self::Empty => "empty",
            Self::TooLong(_) => "too_long",
            Self::NoService => "no_service",
        }
    }
}

/// Why a whole request was refused; nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The sender's mistake: `?service=` names nothing that exists.
    #[error("there is no service {0:?}")]
    UnknownService(String),
    /// The sender's mistake: neither a body, nor CMCD headers, nor `?CMCD=`.
    #[error("holds no beacon: send a body, CMCD-* headers or ?CMCD=")]
    NoBeacon,
    /// The sender's mistake: text was expected.
    #[error("the body is not UTF-8 text")]
    NotText,
    /// The sender should send smaller batches.
    #[error("the body is over {limit} bytes")]
    TooLarge { limit: usize },
    /// The sender should send smaller batches.
    #[error("the body holds over {limit} records")]
    TooMany { limit: usize },
    /// The sender's mistake: a type or an encoding that is not spoken here.
    #[error(
        "{0} is not spoken here (application/cmcd, application/json, application/x-ndjson and text/plain are, uncompressed)"
    )]
    Unspoken(String),
    /// The sender's mistake, or a broken connection.
    #[error("the body cannot be read: {0}")]
    Body(String),
    /// The same records came by another request, and are not on disk yet: repeat this one when they are.
    #[error("the same records are being stored for another request")]
    UnderWay,
    /// Ours: repeat the same request later.
    #[error("cannot store beacons now: {0}")]
    Unavailable(#[from] SpoolError),
}

impl RequestError {
    /// Its name, in answers and metrics; the HTTP status; and when a repetition may succeed.
    pub fn describe(&self) -> (&'static str, u16, Option<Duration>) {
        match self {
            Self::UnknownService(_) => ("unknown_service", 404, None),
            Self::NoBeacon => ("no_beacon", 400, None),
            Self::NotText => ("not_text", 400, None),
            Self::Body(_) => ("unreadable_body", 400, None),
            Self::TooLarge { .. } => ("too_large", 413, None),
            Self::TooMany { .. } => ("too_many_records", 413, None),
            Self::Unspoken(_) => ("unsupported_media_type", 415, None),
            Self::UnderWay => ("under_way", 503, Some(Duration::from_secs(1))),
            Self::Unavailable(_) => ("unavailable", 503, Some(Duration::from_secs(5))),
        }
    }
}
