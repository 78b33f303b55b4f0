//! One beacon, whatever it was written in.
//!
//! Both readers (`cmcd`, `json`) hand each key and value to [`Beacon::set`], so that a key means the same in all of them.
//! The names are CMCD's (CTA-5004-B) and, for people who write JSON by hand, the words spelled out: `sid` is `session`.
//! As CTA-5004-B asks of a receiver, unknown keys and values of a wrong type are passed over and the rest is kept.

use std::borrow::Cow;

use fairway_store::Source;

use crate::error::Cause;

/// CTA-5004-B's limits, characters.
const MAX_SESSION: usize = 64;
const MAX_CONTENT: usize = 128;
/// No event has a longer name, bytes.
const MAX_EVENT: usize = 32;
/// Video at more than 1 Gbit/s is a mistake of units, or malice: it would be taken for demand. kbit/s.
const MAX_BITRATE_KBPS: u64 = 1_000_000;
/// A player that measures more than 100 Gbit/s measured its cache. kbit/s.
const MAX_THROUGHPUT_KBPS: u64 = 100_000_000;
/// The last millisecond of the year 9999: no difference of two such moments overflows.
const MAX_TIME_MS: u64 = 253_402_300_799_999;
/// Error codes are kept up to here, bytes.
const MAX_ERROR: usize = 200;

/// One report of a player.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beacon {
    /// `v`, `version`: of CMCD; 1 where it is not told.
    pub version: Option<u64>,
    /// `e`, `event`: what made the player report, as in `ps`, `t`, `rr`, `e`.
    pub event: Option<String>,
    /// `sta`, `state`.
    pub state: Option<State>,
    /// `sid`, `session`: which playback.
    pub session: Option<String>,
    /// `cid`, `content`: of what.
    pub content: Option<String>,
    /// `sn`, `number`: counts a session's reports to one target, from 0.
    pub number: Option<u32>,
    /// `ts`, `time`: when, by the player's clock, Unix milliseconds. Of a request: when it was begun.
    pub time_ms: Option<i64>,
    /// `msd`, `startup`: from the wish to play to the first picture, milliseconds.
    pub startup_ms: Option<u32>,
    /// `bsd`, `stalled`: how long the stall that is just over was, milliseconds.
    pub stalled_ms: Option<u32>,
    /// `bsda`, `stalled_total`: all stalls of the session, milliseconds.
    pub stalled_total_ms: Option<u32>,
    /// `br`, `bitrate`: encoded, kbit/s; video and audio added up.
    pub bitrate_kbps: Option<u32>,
    /// `bl`, `buffer`: media buffered, milliseconds; of several buffers the one that runs dry first.
    pub buffer_ms: Option<u32>,
    /// `mtp`, `throughput`: as the player measured it, kbit/s; of several the highest, since the small ones of a separate
    /// audio stream measure the requests more than the network.
    pub throughput_kbps: Option<u32>,
    /// `url`: of the request told of.
    pub url: Option<String>,
    /// `rc`, `status`: its HTTP status; 0 where there was no response.
    pub status: Option<u16>,
    /// `ttfb`: from its beginning to its first byte, milliseconds.
    pub ttfb_ms: Option<u32>,
    /// `ttlb`: from its beginning to its last byte, milliseconds.
    pub ttlb_ms: Option<u32>,
    /// `ec`, `error`: error codes, comma-separated.
    pub error: Option<String>,
}

/// The player's state: CMCD `sta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `s`: wants to play, no picture yet.
    Starting,
    /// `p`
    Playing,
    /// `k`
    Seeking,
    /// `r`: ran out of media.
    Rebuffering,
    /// `a`
    Paused,
    /// `w`: for the viewer, as before an age check.
    Waiting,
    /// `e`
    Ended,
    /// `f`: given up after an error.
    Failed,
    /// `q`: the viewer left.
    Quit,
    /// `d`: loads ahead of a wish to play.
    Preloading,
}

impl State {
    /// CMCD's token and the word.
    const NAMES: [(Self, &'static str, &'static str); 10] = [
        (Self::Starting, "s", "starting"),
        (Self::Playing, "p", "playing"),
        (Self::Seeking, "k", "seeking"),
        (Self::Rebuffering, "r", "rebuffering"),
        (Self::Paused, "a", "paused"),
        (Self::Waiting, "w", "waiting"),
        (Self::Ended, "e", "ended"),
        (Self::Failed, "f", "failed"),
        (Self::Quit, "q", "quit"),
        (Self::Preloading, "d", "preloading"),
    ];

    /// CMCD's token.
    pub fn token(self) -> &'static str {
        Self::NAMES.iter().find(|(state, ..)| *state == self).map_or("", |(_, token, _)| token)
    }

    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, token, word)| name == *token || name == *word).map(|(state, ..)| *state)
    }
}

/// A value as a reader found it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Flag(bool),
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Member<'a>>),
    /// Of a type that no key has.
    Other,
}

/// A member of a list, as in `(4200;v 256;a)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member<'a> {
    pub value: Value<'a>,
    pub of: Medium,
}

/// What a number in a list is about: CMCD's object types, as far as they matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Medium {
    #[default]
    Untold,
    Video,
    Audio,
    /// Audio and video in one.
    Muxed,
    Other,
}

impl Medium {
    pub fn named(token: &str) -> Self {
        match token {
            "v" => Self::Video,
            "a" => Self::Audio,
            "av" => Self::Muxed,
            _ => Self::Other,
        }
    }
}

impl Beacon {
    /// Takes one key in. A later value replaces an earlier one.
    pub(crate) fn set(&mut self, key: &str, value: Value<'_>) {
        match key {
            "v" | "version" => keep(&mut self.version, value.whole(u64::MAX)),
            "e" | "event" => keep(&mut self.event, value.text().map(event).filter(|e| e.len() <= MAX_EVENT)),
            "sta" | "state" => keep(&mut self.state, value.text().and_then(|t| State::named(&t))),
            "fatal" if value == Value::Flag(true) => self.state = Some(State::Failed),
            "sid" | "session" => keep(&mut self.session, value.text()),
            "cid" | "content" => keep(&mut self.content, value.text()),
            "sn" | "number" => keep(&mut self.number, value.whole(u32::MAX.into()).map(|n| n as u32)),
            "ts" | "time" => keep(&mut self.time_ms, value.whole(MAX_TIME_MS).map(|n| n as i64)),
            "msd" | "startup" => keep(&mut self.startup_ms, value.millis(f64::max)),
            "bsd" | "stalled" => keep(&mut self.stalled_ms, value.millis(f64::max)),
            "bsda" | "stalled_total" => keep(&mut self.stalled_total_ms, value.millis(f64::max)),
            "br" | "bitrate" => keep(&mut self.bitrate_kbps, value.bitrate()),
            "bl" | "buffer" => keep(&mut self.buffer_ms, value.millis(f64::min)),
            "mtp" | "throughput" => keep(&mut self.throughput_kbps, value.throughput()),
            "url" => keep(&mut self.url, value.text()),
            "rc" | "status" => keep(&mut self.status, value.whole(999).map(|n| n as u16)),
            "ttfb" => keep(&mut self.ttfb_ms, value.millis(f64::max)),
            "ttlb" => keep(&mut self.ttlb_ms, value.millis(f64::max)),
            "ec" | "error" => keep(&mut self.error, value.texts()),
            _ => {}
        }
    }

    /// Whether it may be kept, by itself.
    pub(crate) fn check(&self) -> Result<(), Cause> {
        if let Some(version) = self.version.filter(|v| *v > 2) {
            return Err(Cause::Version(version));
        }
        let says_nothing = *self == Self { version: self.version, ..Self::default() };
        let over = |text: &Option<String>, limit| text.as_ref().is_some_and(|t| t.chars().nth(limit).is_some());
        match () {
            () if says_nothing => Err(Cause::Empty),
            () if over(&self.session, MAX_SESSION) => Err(Cause::TooLong("the session id")),
            () if over(&self.content, MAX_CONTENT) => Err(Cause::TooLong("the content id")),
            () => Ok(()),
        }
    }

    /// Whether it tells of a request's response.
    pub fn is_response(&self) -> bool {
        self.event.as_deref() == Some("rr")
    }

    /// In which CMCD it is written, where it is CMCD: events came with version 2.
    pub(crate) fn cmcd(&self) -> Source {
        if self.version == Some(2) || self.event.is_some() { Source::Cmcd2 } else { Source::Cmcd1 }
    }
}

fn keep<T>(field: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field = value;
    }
}

/// The token of an event that was spelled out.
fn event(name: String) -> String {
    let token = match name.as_str() {
        "play_state" => "ps",
        "interval" => "t",
        "response" => "rr",
        "error" => "e",
        "bitrate_change" => "bc",
        _ => return name,
    };
    token.to_owned()
}

impl Value<'_> {
    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n).filter(|n| n.is_finite()),
            _ => None,
        }
    }

    /// A number, or a list's numbers with what they are of.
    fn numbers(&self) -> impl Iterator<Item = (f64, Medium)> + '_ {
        let single = self.number().map(|n| (n, Medium::Untold));
        let members = if let Self::List(members) = self { members.as_slice() } else { &[] };
        single.into_iter().chain(members.iter().filter_map(|m| m.value.number().map(|n| (n, m.of))))
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.into_owned()),
            _ => None,
        }
    }

    /// Rounded; players send what their clocks gave them, fractions and all.
    fn whole(&self, limit: u64) -> Option<u64> {
        self.number().map(f64::round).filter(|n| *n >= 0.0 && *n <= limit as f64).map(|n| n as u64)
    }

    fn millis(&self, choose: fn(f64, f64) -> f64) -> Option<u32> {
        Value::Number(self.numbers().map(|(n, _)| n).reduce(choose)?).whole(u32::MAX.into()).map(|n| n as u32)
    }

    fn bitrate(&self) -> Option<u32> {
        let of = |wanted| self.numbers().find(|(_, medium)| *medium == wanted).map(|(n, _)| n);
        let sum = match (of(Medium::Video), of(Medium::Audio)) {
            (None, None) => of(Medium::Muxed).or(of(Medium::Untold))?,
            (video, audio) => video.unwrap_or(0.0) + audio.unwrap_or(0.0),
        };
        Value::Number(sum).whole(MAX_BITRATE_KBPS).map(|n| n as u32)
    }

    /// Nothing is measured as zero, which players send for unknown.
    fn throughput(&self) -> Option<u32> {
        let highest = Value::Number(self.numbers().map(|(n, _)| n).reduce(f64::max)?);
        highest.whole(MAX_THROUGHPUT_KBPS).filter(|n| *n > 0).map(|n| n as u32)
    }

    fn texts(self) -> Option<String> {
        let mut text = match self {
            Self::Text(text) => text.into_owned(),
            Self::Number(n) => n.to_string(),
            Self::List(members) => members.into_iter().filter_map(|m| m.value.texts()).collect::<Vec<_>>().join(","),
            _ => return None,
        };
        text.truncate(text.floor_char_boundary(MAX_ERROR));
        Some(text).filter(|t| !t.is_empty())
    }
}
