//! What a steering request's query says. Every player writes it its own way; nothing in it is an error.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use fairway_policies::{Device, Stream};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::device;
use crate::{client::Via, sessions::SID_LIMIT};

/// What our own `RELOAD-URI` carries begins with this; then, in base64url, a query with all that the first one told of the
/// session. A bare word rather than `key=value`: its every character survives every player's re-encoding.
const TOKEN: &str = "q-";
/// CTA-5004: a content id has at most 128 characters. A longer one is not read.
const CONTENT_LIMIT: usize = 128;

/// What was asked.
#[derive(Debug, PartialEq)]
pub(super) struct Asked<'q> {
    /// HLS, or DASH if a parameter of its is there.
    pub(super) via: Via,
    /// The pathway in use: of a DASH list, the last that is named.
    pub(super) pathway: Option<Cow<'q, str>>,
    /// Bits per second measured over it; `None` if absent, negative or not a number.
    pub(super) throughput: Option<u64>,
    /// What holds for the whole session.
    pub(super) lasting: Lasting<'q>,
}

/// What a query tells of a session that stays so while it lasts. Words as in a policy; `st` also as CMCD has it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Lasting<'q> {
    /// `sid`: its id, where one is known and is no longer than an id may be.
    session: Option<Cow<'q, str>>,
    /// `cid`: what it watches.
    content: Option<Cow<'q, str>>,
    /// `st`: live or on demand.
    pub(super) stream: Option<Stream>,
    /// `device`: on what it plays.
    pub(super) device: Option<Device>,
}

impl<'q> Asked<'q> {
    /// Reads a raw query.
    pub(super) fn of(query: &'q str) -> Self {
        let (mut via, mut pathways, mut throughputs) = (Via::Hls, None, None);
        let mut lasting = Lasting::default();
        for parameter in query.split('&') {
            let (key, raw) = parameter.split_once('=').unwrap_or((parameter, ""));
            match key {
                "_HLS_pathway" => pathways = Some(value(raw)),
                "_HLS_throughput" => throughputs = Some(value(raw)),
                "_DASH_pathway" => (via, pathways) = (Via::Dash, Some(value(raw))),
                "_DASH_throughput" => (via, throughputs) = (Via::Dash, Some(value(raw))),
                "CMCD" => cmcd(&decoded(raw), |key, value| lasting.read(key, value.to_owned().into())),
                _ if raw.is_empty() && key.starts_with(TOKEN) => lasting.unpack(key),
                key => lasting.read(key, value(raw)),
            }
        }
        let (slot, pathway) = match pathways {
            Some(list) if via == Via::Dash => last_named(&list),
            one => (0, one.filter(|id| !id.is_empty())),
        };
        let throughput = throughputs.and_then(|list| list.split(',').nth(slot).and_then(bits_per_second));
        Self { via, pathway, throughput, lasting }
    }

    /// The session's id, where one is known.
    pub(super) fn session(&self) -> Option<&str> {
        self.lasting.session.as_deref()
    }

    /// What it watches, where that is known.
    pub(super) fn content(&self) -> Option<&str> {
        self.lasting.content.as_deref()
    }
}

impl<'q> Lasting<'q> {
    fn read(&mut self, key: &str, value: Cow<'q, str>) {
        let fits = |limit| !value.is_empty() && value.len() <= limit;
        match key {
            "sid" | "session" if fits(SID_LIMIT) => self.session = Some(value),
            "cid" | "content" if fits(CONTENT_LIMIT) => self.content = Some(value),
            "st" | "stream" => {
                self.stream = match &*value {
                    "l" | "live" => Some(Stream::Live),
                    "v" | "vod" => Some(Stream::Vod),
                    _ => self.stream,
                }
            }
            "device" => self.device = device::of_word(&value).or(self.device),
            _ => {}
        }
    }

    /// All of it as one word for our own `RELOAD-URI`; `None` of nothing.
    pub(super) fn packed(&self) -> Option<String> {
        let stream = self.stream.map(Stream::word);
        let words = [
            ("sid", self.session.as_deref()),
            ("cid", self.content.as_deref()),
            ("st", stream),
            ("device", self.device.map(Device::word)),
        ];
        let said = |(key, value): (&str, Option<&str>)| {
            value.map(|value| format!("{key}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        };
        let query = words.into_iter().filter_map(said).collect::<Vec<_>>().join("&");
        (!query.is_empty()).then(|| format!("{TOKEN}{}", BASE64_URL_SAFE_NO_PAD.encode(query)))
    }

    fn unpack(&mut self, word: &str) {
        let query = word.strip_prefix(TOKEN).and_then(|word| BASE64_URL_SAFE_NO_PAD.decode(word).ok());
        let query = query.and_then(|query| String::from_utf8(query).ok()).unwrap_or_default();
        for (key, raw) in query.split('&').filter_map(|parameter| parameter.split_once('=')) {
            self.read(key, decoded(raw).into_owned().into());
        }
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

/// The keys and values of a CMCD value (CTA-5004: comma-separated, strings quoted).
fn cmcd(cmcd: &str, mut read: impl FnMut(&str, &str)) {
    let mut quoted = false;
    let items = cmcd.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    items.filter_map(|item| item.trim().split_once('=')).for_each(|(key, value)| read(key, bare(value)));
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
            ("q-c2lkPWYwMGQlMjAlQzMlQkM&_HLS_pathway=a", Via::Hls, Some("a"), None, Some("f00d ü")),
            ("q-c2lkPWYwMGQ=&_DASH_pathway=a", Via::Dash, Some("a"), None, Some("f00d")),
            ("q-!!&x&=&&%zz=%ff&_HLS_pathway=%ff", Via::Hls, Some("\u{fffd}"), None, None),
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

    #[test]
    fn what_lasts_survives_our_own_reload_uri() {
        let query = "sid=f%2600d&cid=show%2Fs1&st=l&device=tv";
        let first = Asked::of(query);
        assert_eq!((first.session(), first.content()), (Some("f&00d"), Some("show/s1")));
        assert_eq!((first.lasting.stream, first.lasting.device), (Some(Stream::Live), Some(Device::Tv)));
        let packed = first.lasting.packed().unwrap();
        assert!(packed.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{packed}");
        assert_eq!(Asked::of(&packed).lasting, first.lasting);
        let cmcd = Asked::of("CMCD=cid%3D%22a%2Cb%22%2Csid%3D%22x%22%2Cst%3Dv");
        assert_eq!((cmcd.session(), cmcd.content(), cmcd.lasting.stream), (Some("x"), Some("a,b"), Some(Stream::Vod)));
        assert_eq!(Asked::of("st=x&device=fridge&cid=").lasting, Lasting::default());
        assert_eq!(Asked::of("").lasting.packed(), None);
    }
}
