//! What a viewer tells the node: CMCD v2 event mode (CTA-5004-B), one record a line, keys in alphabetical order.

use std::fmt::Write;

/// States of a player (`sta`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Before the first picture.
    Starting,
    /// Playing.
    Playing,
    /// Ran dry.
    Rebuffering,
    /// Gave up.
    Failed,
}

impl State {
    fn code(self) -> char {
        match self {
            Self::Starting => 's',
            Self::Playing => 'p',
            Self::Rebuffering => 'r',
            Self::Failed => 'f',
        }
    }
}

/// A session's records, gathered until they are posted.
#[derive(Debug)]
pub struct Report {
    session: String,
    content: &'static str,
    number: u32,
    lines: String,
}

/// What every record of a moment says.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Unix ms.
    pub at_ms: u64,
    /// The player's state.
    pub state: State,
    /// Ahead of the playhead, ms.
    pub buffer_ms: u64,
    /// Of the variant played, kbit/s.
    pub bitrate_kbps: u32,
}

/// A finished request.
#[derive(Debug)]
pub struct Request<'a> {
    /// What was asked.
    pub url: &'a str,
    /// The status; 0 when there was none.
    pub status: u16,
    /// To the first byte, ms.
    pub ttfb_ms: u64,
    /// To the last byte, ms.
    pub ttlb_ms: u64,
}

impl Report {
    /// Of a session that begins.
    pub fn new(session: String, content: &'static str) -> Self {
        Self { session, content, number: 0, lines: String::new() }
    }

    /// `e=ps`: the state changed. `startup_ms` when this is the first picture; `stalled_ms` when a stall has ended.
    pub fn state(&mut self, now: Moment, startup_ms: Option<u64>, stalled_ms: Option<u64>) {
        self.line(now, "ps", stalled_ms, startup_ms, "");
    }

    /// `e=t`: time has passed.
    pub fn interval(&mut self, now: Moment) {
        self.line(now, "t", None, None, "");
    }

    /// `e=e`: it is over, with an error.
    pub fn error(&mut self, now: Moment, code: &str) {
        self.line(now, "e", None, None, &format!("ec=(\"{code}\"),"));
    }

    /// `e=rr`: a response was received, or was not.
    pub fn request(&mut self, now: Moment, request: &Request<'_>) {
        self.number += 1;
        writeln!(
            self.lines,
            "br=({}),cid=\"{}\",e=rr,ot=av,rc={},sf=h,sid=\"{}\",sn={},st=l,sta={},ts={},ttfb={},ttlb={},url=\"{}\",v=2",
            now.bitrate_kbps,
            self.content,
            request.status,
            self.session,
            self.number,
            now.state.code(),
            now.at_ms,
            request.ttfb_ms,
            request.ttlb_ms,
            request.url
        )
        // Writing to a String does not fail.
        .ok();
    }

    fn line(&mut self, now: Moment, event: &str, stalled_ms: Option<u64>, startup_ms: Option<u64>, extra: &str) {
        self.number += 1;
        let stalled = stalled_ms.map_or_else(String::new, |ms| format!("bs,bsd=({ms}),"));
        let startup = startup_ms.map_or_else(String::new, |ms| format!("msd={ms},"));
        writeln!(
            self.lines,
            "bl=({}),br=({}),{stalled}cid=\"{}\",e={event},{extra}{startup}sf=h,sid=\"{}\",sn={},st=l,sta={},ts={},v=2",
            now.buffer_ms,
            now.bitrate_kbps,
            self.content,
            self.session,
            self.number,
            now.state.code(),
            now.at_ms,
        )
        .ok();
    }

    /// The body of the next post; `None` when there is nothing to tell.
    pub fn take(&mut self) -> Option<String> {
        (!self.lines.is_empty()).then(|| std::mem::take(&mut self.lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_lines_numbered_within_the_session() {
        let mut report = Report::new("s1".into(), "demo");
        let now = Moment { at_ms: 1_764_752_431_500, state: State::Playing, buffer_ms: 6000, bitrate_kbps: 500 };
        report.state(now, Some(812), None);
        report.request(now, &Request { url: "http://a/1.m4s", status: 200, ttfb_ms: 3, ttlb_ms: 9 });
        let body = report.take().unwrap();
        assert_eq!(
            body,
            "bl=(6000),br=(500),cid=\"demo\",e=ps,msd=812,sf=h,sid=\"s1\",sn=1,st=l,sta=p,ts=1764752431500,v=2\n\
             br=(500),cid=\"demo\",e=rr,ot=av,rc=200,sf=h,sid=\"s1\",sn=2,st=l,sta=p,ts=1764752431500,ttfb=3,ttlb=9,url=\"http://a/1.m4s\",v=2\n"
        );
        assert_eq!(report.take(), None);
    }
}
