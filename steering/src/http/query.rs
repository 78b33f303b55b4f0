//! What a steering request's query says. Every player writes it its own way; nothing in it is an error.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;

use crate::{client::Via, sessions::SID_LIMIT};

/// What our own `RELOAD-URI` carries begins with this, then the session's id in base64url. A bare word rather than
/// `key=value`: its every character survives every player's re-encoding.
pub(super) const TOKEN: &str = "s-";

/// What was asked.
#[derive(Debug, PartialEq)]
pub(super) struct Asked<'q> {
    /// HLS, or DASH if a parameter of its is there.
    pub(super) via: Via,
    /// The pathway in use: of a DASH list, the last that is named.
    pub(super) pathway: Option<Cow<'q, str>>,
    /// Bits per second measured over it; `None` if absent, negative or not a number.
    pub(super) throughput: Option<u64>,
    /// Its id, where one is known and is no longer than an id may be.
    pub(super) session: Option<Cow<'q, str>>,
}

impl<'q> Asked<'q> {
    /// Reads a raw query.
    pub(super) fn of(query: &'q str) -> Self {
        let (mut via, mut pathways, mut throughputs, mut session) = (Via::Hls, None, None, None);
        for parameter in query.split('&') {
            let (key, raw) = parameter.split_once('=').unwrap_or((parameter, ""));
            match key {
                "_HLS_pathway" => pathways = Some(value(raw)),
                "_HLS_throughput" => throughputs = Some(value(raw)),
                "_DASH_pathway" => (via, pathways) = (Via::Dash, Some(value(raw))),
                "_DASH_throughput" => (via, throughputs) = (Via::Dash, Some(value(raw))),
                "sid" | "session" => session = Some(value(raw)),
                "CMCD" => session = cmcd_sid(&decoded(raw)).map(|sid| sid.into()).or(session),
                _ if raw.is_empty() => session = token(key).map(Cow::Owned).or(session),
                _ => {}
            }
        }
        let (slot, pathway) = match pathways {
            Some(list) if via == Via::Dash => last_named(&list),
            one => (0, one.filter(|id| !id.is_empty())),
        };
        let throughput = throughputs.and_then(|list| list.split(',').nth(slot).and_then(bits_per_second));
        Self { via, pathway, throughput, session: session.filter(|sid| !sid.is_empty() && sid.len() <= SID_LIMIT) }
    }

    /// The session's id, where one is known.
    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }
}

fn decoded(raw: &str) -> Cow<'_, str> {
    percent_decode_str(raw).decode_utf8_lossy()
}

fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c == '"' || c.is_whitespace())
}

/// Decoded, without quotes and spaces around it.
fn value(raw: &str) -> Cow<'_, str> {
    match decoded(raw) {
        Cow::Borrowed(text) => bare(text).into(),
        Cow::Owned(text) => bare(&text).to_owned().into(),
    }
}

/// The last slot of a DASH list that names a pathway, with its number.
fn last_named(list: &str) -> (usize, Option<Cow<'static, str>>) {
    let named = list.split(',').map(bare).enumerate().filter(|(_, id)| !id.is_empty()).last();
    named.map_or((0, None), |(slot, id)| (slot, Some(id.to_owned().into())))
}

/// A throughput as any player writes it: an integer or a float; negative, absent, NaN and infinite mean unknown.
fn bits_per_second(text: &str) -> Option<u64> {
    let number: f64 = bare(text).parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number as u64)
}

/// The `sid` of a CMCD value (CTA-5004: comma-separated keys, strings quoted), wherever it stands in it.
fn cmcd_sid(cmcd: &str) -> Option<String> {
    let mut quoted = false;
    let mut items = cmcd.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    items.find_map(|item| item.trim().strip_prefix("sid=")).map(|sid| bare(sid).to_owned())
}

/// The session in our own word.
fn token(word: &str) -> Option<String> {
    let sid = BASE64_URL_SAFE_NO_PAD.decode(word.strip_prefix(TOKEN)?).ok()?;
    String::from_utf8(sid).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_player_is_understood() {
        // query, via, pathway, throughput, session
        type Row = (&'static str, Via, Option<&'static str>, Option<u64>, Option<&'static str>);
        let rows: &[Row] = &[
            ("", Via::Hls, None, None, None),
            ("_HLS_pathway=cdn-a&_HLS_throughput=5140000", Via::Hls, Some("cdn-a"), Some(5_140_000), None),
            ("_HLS_pathway=\"cdn-a\"", Via::Hls, Some("cdn-a"), None, None),
            ("_HLS_pathway=%22cdn-a%22&_HLS_throughput=-12", Via::Hls, Some("cdn-a"), None, None),
            ("_HLS_pathway=&_HLS_throughput=NaN", Via::Hls, None, None, None),
            ("_HLS_throughput=5140000.75", Via::Hls, None, Some(5_140_000), None),
            ("_HLS_throughput=inf", Via::Hls, None, None, None),
            ("_DASH_pathway=%22a,b%22&_DASH_throughput=1,2", Via::Dash, Some("b"), Some(2), None),
            ("_DASH_pathway=\"a,b,\"&_DASH_throughput=1,,", Via::Dash, Some("b"), None, None),
            ("_DASH_pathway=%22a%22%2C%22b%22&_DASH_throughput=7%2C8", Via::Dash, Some("b"), Some(8), None),
            ("_DASH_pathway=,&_DASH_throughput=,", Via::Dash, None, None, None),
            ("_DASH_throughput=1000", Via::Dash, None, Some(1000), None),
            ("sid=f00d&_HLS_pathway=a", Via::Hls, Some("a"), None, Some("f00d")),
            ("sid=%22f00d%22", Via::Hls, None, None, Some("f00d")),
            ("CMCD=bl%3D100%2Ccid%3D%22a%2Csid%3Dx%22%2Csid%3D%22f00d%22%2Cv%3D2", Via::Hls, None, None, Some("f00d")),
            ("CMCD=sid=\"f00d\"", Via::Hls, None, None, Some("f00d")),
            ("s-ZjAwZCDDvA&_HLS_pathway=a", Via::Hls, Some("a"), None, Some("f00d ü")),
            ("s-ZjAwZA=&_DASH_pathway=a", Via::Dash, Some("a"), None, Some("f00d")),
            ("s-!!&x&=&&%zz=%ff&_HLS_pathway=%ff", Via::Hls, Some("\u{fffd}"), None, None),
        ];
        for (query, via, pathway, throughput, session) in rows {
            let asked = Asked::of(query);
            let got = (asked.via, asked.pathway.as_deref(), asked.throughput, asked.session());
            assert_eq!(got, (*via, *pathway, *throughput, *session), "{query}");
        }
    }

    #[test]
    fn a_session_id_beyond_the_standards_limit_is_no_session() {
        let long = format!("sid={}", "x".repeat(65));
        assert_eq!(Asked::of(&long).session(), None);
    }
}
