//! Which mode does a request speak? From its parts to records.
//!
//! A body comes first: it is what the request was made for. Without one, CMCD headers; and only without these, the query
//! (CTA-5004-B: where both are sent, the query is ignored). `text/plain`, and no type at all, are what `sendBeacon` and
//! plain scripts send: the first character tells JSON from CMCD.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use url::form_urlencoded;

use crate::{
    cmcd,
    error::{Cause, RequestError},
    json,
    record::Beacon,
};

/// The records that one request may hold.
pub(crate) const MAX_RECORDS: usize = 5_000;

const HEADERS: [&str; 4] = ["cmcd-request", "cmcd-object", "cmcd-status", "cmcd-session"];

/// How the records came; a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    CmcdEvents,
    CmcdHeaders,
    CmcdQuery,
    Json,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::CmcdEvents => "cmcd_events",
            Self::CmcdHeaders => "cmcd_headers",
            Self::CmcdQuery => "cmcd_query",
            Self::Json => "json",
        }
    }
}

/// What a request brought.
#[derive(Debug)]
pub(crate) struct Intake {
    pub mode: Mode,
    /// `?service=`.
    pub service: Option<String>,
    /// Each with its number from 1: its line, or its place in an array.
    pub records: Vec<(usize, Result<Beacon, Cause>)>,
}

/// Reads a request.
pub(crate) fn read(headers: &HeaderMap, query: &str, body: &[u8]) -> Result<Intake, RequestError> {
    let parameter = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, v)| v);
    let service = parameter("service").map(Cow::into_owned).filter(|s| !s.is_empty());
    let (mode, records) = match from_body(headers, body)? {
        Some(read) => read,
        None => match (from_headers(headers), parameter("CMCD")) {
            (Some(text), _) => (Mode::CmcdHeaders, vec![(1, cmcd::parse(&text))]),
            (None, Some(text)) => (Mode::CmcdQuery, vec![(1, cmcd::parse(&text))]),
            (None, None) => return Err(RequestError::NoBeacon),
        },
    };
    if records.len() > MAX_RECORDS {
        return Err(RequestError::TooMany { limit: MAX_RECORDS });
    }
    let checked = records.into_iter().map(|(n, record)| (n, record.and_then(|r| r.check().map(|()| r)))).collect();
    Ok(Intake { mode, service, records: checked })
}

type Read = (Mode, Vec<(usize, Result<Beacon, Cause>)>);

/// `None` where there is no body to speak of.
fn from_body(headers: &HeaderMap, body: &[u8]) -> Result<Option<Read>, RequestError> {
    let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    if let Some(encoding) = text(header::CONTENT_ENCODING).filter(|e| !e.eq_ignore_ascii_case("identity")) {
        return Err(RequestError::Unspoken(format!("content encoding {encoding:?}")));
    }
    let body = std::str::from_utf8(body).map_err(|_| RequestError::NotText)?;
    let Some(first) = body.trim_start().chars().next() else {
        return Ok(None);
    };
    let media = text(header::CONTENT_TYPE).and_then(|t| t.split(';').next()).unwrap_or("").trim();
    let mode = match media.to_ascii_lowercase().as_str() {
        "application/cmcd" => Mode::CmcdEvents,
        "application/json" | "application/x-ndjson" | "application/ndjson" => Mode::Json,
        "text/plain" | "" if first == '{' || first == '[' => Mode::Json,
        "text/plain" | "" => Mode::CmcdEvents,
        other => return Err(RequestError::Unspoken(format!("{other:?}"))),
    };
    Ok(Some((mode, if mode == Mode::Json { json::parse(body) } else { lines(body) })))
}

fn lines(body: &str) -> Vec<(usize, Result<Beacon, Cause>)> {
    let lines = body.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(i, line)| (i + 1, cmcd::parse(line))).collect()
}

/// The headers' dictionaries as one; `None` where there is no such header. A header that is not text makes the record
/// malformed, as it should.
fn from_headers(headers: &HeaderMap) -> Option<String> {
    let values = HEADERS.iter().flat_map(|name| headers.get_all(*name)).map(|v| v.to_str().unwrap_or("?"));
    let values: Vec<&str> = values.collect();
    let said: Vec<&str> = values.iter().copied().filter(|v| !v.trim().is_empty()).collect();
    (!values.is_empty()).then(|| said.join(","))
}
