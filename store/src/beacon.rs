//! The beacon as a row.

use bytes::BufMut;

use crate::rowbinary::{nullable, string};

/// What the player spoke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i8)]
pub enum Source {
    /// CMCD version 1 (CTA-5004).
    Cmcd1 = 1,
    /// CMCD version 2 (CTA-5004-B).
    #[default]
    Cmcd2 = 2,
    /// Fairway's JSON.
    Json = 3,
}

/// One beacon: a row of the table `beacons`. Field order is column order. An empty string means unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BeaconRow {
    /// When the collector got it, Unix milliseconds. Days, retention and cells go by this clock, not by the player's.
    pub received_ms: i64,
    /// When the player says it happened, Unix milliseconds.
    pub ts_ms: i64,
    /// Service id.
    pub service: String,
    /// The pathway that the beacon speaks of.
    pub pathway: String,
    /// Playback: CMCD `sid`.
    pub session: String,
    /// CMCD `sn`: the number of the beacon in its session.
    pub sn: u32,
    /// CMCD `e`: what it reports, as in `ps`, `e`, `t`, `rr`.
    pub event: String,
    /// CMCD `sta`: the player's state, as in `p` or `r`.
    pub state: String,
    /// CMCD `cid`.
    pub content: String,
    /// GeoNames' two letters.
    pub continent: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// ISO 3166-2 without the country.
    pub subdivision: String,
    /// Autonomous system number; 0 unknown.
    pub asn: u32,
    /// Milliseconds watched since the session's beacon before: startup, playing, stalled; not paused.
    pub watched_ms: u32,
    /// Of those, stalled.
    pub stalled_ms: u32,
    /// CMCD `msd`: milliseconds from the wish to play to the first picture. In one beacon of a session, null in all others.
    pub startup_ms: Option<u32>,
    /// This beacon says that a playback began (or tried to): 1 in one beacon of a session.
    pub starts: u8,
    /// This beacon says that it failed before the first picture.
    pub start_failures: u8,
    /// Requests told of.
    pub requests: u32,
    /// Of those, failed: status ≥ 400, or none.
    pub request_errors: u32,
    /// Time to the first byte of the request told of, milliseconds.
    pub ttfb_ms: Option<u32>,
    /// Time to its last byte, milliseconds.
    pub ttlb_ms: Option<u32>,
    /// Bits of media played since the beacon before: bitrate × time played.
    pub bits: u64,
    /// Bitrate played, kbit/s; 0 not told.
    pub bitrate_kbps: u32,
    /// Media buffered, milliseconds.
    pub buffer_ms: Option<u32>,
    /// Throughput that the player measured, kbit/s.
    pub throughput_kbps: Option<u32>,
    /// HTTP status of the request told of; 0 means that there was no response.
    pub status: Option<u16>,
    /// Error codes as the player told them, cut by the collector.
    pub error: String,
    /// What the player spoke.
    pub source: Source,
}

impl BeaconRow {
    /// The columns, in the order of the encoding.
    pub const COLUMNS: &'static str = "received, ts, service, pathway, session, sn, event, state, content, continent, \
        country, subdivision, asn, watched_ms, stalled_ms, startup_ms, starts, start_failures, requests, request_errors, \
        ttfb_ms, ttlb_ms, bits, bitrate_kbps, buffer_ms, throughput_kbps, status, error, source";

    /// Appends the row in ClickHouse's RowBinary. Rows need nothing between them.
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_i64_le(self.received_ms);
        out.put_i64_le(self.ts_ms);
        string(out, &self.service);
        string(out, &self.pathway);
        string(out, &self.session);
        out.put_u32_le(self.sn);
        string(out, &self.event);
        string(out, &self.state);
        string(out, &self.content);
        string(out, &self.continent);
        string(out, &self.country);
        string(out, &self.subdivision);
        out.put_u32_le(self.asn);
        out.put_u32_le(self.watched_ms);
        out.put_u32_le(self.stalled_ms);
        nullable(out, self.startup_ms, BufMut::put_u32_le);
        out.put_u8(self.starts);
        out.put_u8(self.start_failures);
        out.put_u32_le(self.requests);
        out.put_u32_le(self.request_errors);
        nullable(out, self.ttfb_ms, BufMut::put_u32_le);
        nullable(out, self.ttlb_ms, BufMut::put_u32_le);
        out.put_u64_le(self.bits);
        out.put_u32_le(self.bitrate_kbps);
        nullable(out, self.buffer_ms, BufMut::put_u32_le);
        nullable(out, self.throughput_kbps, BufMut::put_u32_le);
        nullable(out, self.status, BufMut::put_u16_le);
        string(out, &self.error);
        out.put_i8(self.source as i8);
    }
}
