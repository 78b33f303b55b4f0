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

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"bl=(6000),br=(4200;v),cid="c+1",e=t,sid="s",sn=2,sta=p,ts=1764752430000,v=2"#;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().expect("a name"), v.parse().expect("a value"))).collect()
    }

    fn media(media: &str) -> HeaderMap {
        headers(&[("content-type", media)])
    }

    #[test]
    fn every_mode_reads_the_same_values() {
        let query = form_urlencoded::Serializer::new("service=live".to_owned()).append_pair("CMCD", LINE).finish();
        let split = headers(&[
            ("cmcd-object", "br=(4200;v)"),
            ("cmcd-request", "bl=(6000),sn=2,sta=p"),
            ("cmcd-status", ""),
            ("cmcd-session", "cid=\"c+1\",sid=\"s\",v=2, e=t,ts=1764752430000"),
        ]);
        let json = r#"{"bl":6000,"br":4200,"cid":"c+1","e":"t","sid":"s","sn":2,"sta":"p","ts":1764752430000,"v":2}"#;
        let expected = vec![(1, cmcd::parse(LINE))];
        let none = HeaderMap::new();
        for (headers, query, body, mode) in [
            (&media("application/cmcd"), "", format!("{LINE}\n"), Mode::CmcdEvents),
            (&media("text/plain;charset=UTF-8"), "", LINE.into(), Mode::CmcdEvents),
            (&none, "", LINE.into(), Mode::CmcdEvents),
            (&none, query.as_str(), String::new(), Mode::CmcdQuery),
            (&split, "CMCD=sid%3D%22other%22", String::new(), Mode::CmcdHeaders),
            (&media("application/json"), "", json.into(), Mode::Json),
            (&media("application/x-ndjson"), "", format!("{json}\n"), Mode::Json),
            (&media("text/plain"), "", format!(" [{json}]"), Mode::Json),
        ] {
            let intake = read(headers, query, body.as_bytes()).expect("readable");
            assert_eq!(intake.mode, mode);
            assert_eq!(intake.records, expected, "{mode:?}");
            assert_eq!(intake.service.as_deref(), Some("live").filter(|_| query.contains("service")));
        }
    }

    #[test]
    fn a_bad_line_leaves_the_others() {
        let body = format!("{LINE}\n\nnot cmcd\nsid=\"s\",v=3\nunknown=1\nsid=\"{}\"\n{LINE}\n", "x".repeat(65));
        let intake = read(&media("application/cmcd"), "", body.as_bytes()).expect("readable");
        let outcome: Vec<_> = intake.records.iter().map(|(n, r)| (*n, r.as_ref().err().map(Cause::name))).collect();
        let expected = [
            (1, None),
            (3, Some("malformed")),
            (4, Some("version")),
            (5, Some("empty")),
            (6, Some("too_long")),
            (7, None),
        ];
        assert_eq!(outcome, expected);
    }

    #[test]
    fn what_is_not_spoken_is_refused_as_a_whole() {
        let name = |headers: &HeaderMap, body: &[u8]| read(headers, "", body).err().map(|e| e.describe().0);
        let mut zipped = media("application/json");
        zipped.insert("content-encoding", "gzip".parse().expect("a value"));
        let many = "sn=1\n".repeat(MAX_RECORDS + 1);
        for (headers, body, expected) in [
            (&media("image/png"), &b"x"[..], "unsupported_media_type"),
            (&zipped, b"{}", "unsupported_media_type"),
            (&media("application/cmcd"), b"\xff", "not_text"),
            (&media("application/cmcd"), b" \n", "no_beacon"),
            (&HeaderMap::new(), b"", "no_beacon"),
            (&media("application/cmcd"), many.as_bytes(), "too_many_records"),
        ] {
            assert_eq!(name(headers, body), Some(expected));
        }
    }
}
