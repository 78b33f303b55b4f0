//! A collector with a sink that is not a store, and hands to reach both.

use std::{
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use bytes::{Buf, Bytes};
use fairway_collector::{Attributed, Attribution, Collector, Config, Sink, SinkError, spool::Limits};
use fairway_geo::{ClientAddress, GeoTable};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Sessions and the milliseconds of media that they told of.
pub type Buffers = Arc<Mutex<Vec<(String, u32)>>>;

#[derive(Default)]
struct Live {
    buffers: Buffers,
}

impl Attribution for Live {
    fn of_host(&self, _: Option<&str>, host: &str) -> Option<Attributed> {
        let pathway = host.strip_suffix(".test")?;
        Some(Attributed { service: "live".into(), pathway: Some(pathway.into()) })
    }
    fn of_session(&self, session: &str) -> Option<Attributed> {
        (session == "polled").then(|| Attributed { service: "live".into(), pathway: Some("cdn-b".into()) })
    }
    fn buffered(&self, session: &str, buffer_ms: u32, now_ms: i64) {
        assert!(now_ms > 0);
        self.buffers.lock().expect("no panic").push((session.to_owned(), buffer_ms));
    }
    fn is_service(&self, id: &str) -> bool {
        id == "live"
    }
    fn only_service(&self) -> Option<Arc<str>> {
        Some("live".into())
    }
}

/// Takes everything, but first fails as it is told to.
#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<Inserts>>);

#[derive(Default)]
pub struct Inserts {
    /// Popped for each insert.
    pub script: Vec<Outcome>,
    /// Every attempt.
    pub tried: Vec<(String, Bytes)>,
    /// As a store that knows its tokens would have it.
    pub stored: Vec<(String, Bytes)>,
}

pub enum Outcome {
    Away,
    /// Done, but the acknowledgement is lost.
    TakenUnheard,
    Refused,
}

impl Fake {
    pub fn inner(&self) -> MutexGuard<'_, Inserts> {
        self.0.lock().expect("no panic")
    }
    pub fn rows(&self) -> Vec<Row> {
        self.inner().stored.iter().flat_map(|(_, rows)| decode(rows.clone())).collect()
    }
    /// Waits until so many rows are stored.
    pub async fn holds(&self, rows: usize) -> Vec<Row> {
        until(|| self.rows().len() >= rows).await;
        self.rows()
    }
}

impl Sink for Fake {
    async fn insert(&self, token: &str, rows: Bytes) -> Result<(), SinkError> {
        let mut inner = self.inner();
        inner.tried.push((token.to_owned(), rows.clone()));
        let outcome = inner.script.pop();
        if matches!(outcome, None | Some(Outcome::TakenUnheard)) && inner.stored.iter().all(|(t, _)| t != token) {
            inner.stored.push((token.to_owned(), rows));
        }
        match outcome {
            None => Ok(()),
            Some(Outcome::Away | Outcome::TakenUnheard) => Err(SinkError::Later("away".into())),
            Some(Outcome::Refused) => Err(SinkError::Never("no such column".into())),
        }
    }
}

pub async fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never came about");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Some columns of a row.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub service: String,
    pub pathway: String,
    pub session: String,
    pub sn: u32,
    pub event: String,
    pub watched_ms: u32,
    pub stalled_ms: u32,
    pub startup_ms: Option<u32>,
    pub starts: u8,
    pub start_failures: u8,
    pub requests: u32,
    pub request_errors: u32,
    pub ttfb_ms: Option<u32>,
    pub throughput_kbps: Option<u32>,
}

/// Reads RowBinary, by `BeaconRow::COLUMNS`.
fn decode(mut rows: Bytes) -> Vec<Row> {
    fn text(rows: &mut Bytes) -> String {
        let length = rows.get_u8();
        assert!(length < 0x80, "longer than these tests write");
        String::from_utf8(rows.split_to(length.into()).to_vec()).expect("text")
    }
    fn maybe(rows: &mut Bytes) -> Option<u32> {
        (rows.get_u8() == 0).then(|| rows.get_u32_le())
    }
    let mut decoded = Vec::new();
    while rows.has_remaining() {
        rows.advance(16);
        let [service, pathway, session] = std::array::from_fn(|_| text(&mut rows));
        let sn = rows.get_u32_le();
        let [event, _state, _content, _continent, _country, _subdivision] = std::array::from_fn(|_| text(&mut rows));
        rows.advance(4);
        let (watched_ms, stalled_ms, startup_ms) = (rows.get_u32_le(), rows.get_u32_le(), maybe(&mut rows));
        let (starts, start_failures) = (rows.get_u8(), rows.get_u8());
        let (requests, request_errors, ttfb_ms) = (rows.get_u32_le(), rows.get_u32_le(), maybe(&mut rows));
        maybe(&mut rows);
        rows.advance(12);
        maybe(&mut rows);
        let throughput_kbps = maybe(&mut rows);
        if rows.get_u8() == 0 {
            rows.advance(2);
        }
        text(&mut rows);
        rows.advance(1);
        let row = Row {
            service,
            pathway,
            session,
            sn,
            event,
            watched_ms,
            stalled_ms,
            startup_ms,
            starts,
            start_failures,
            requests,
            request_errors,
            ttfb_ms,
            throughput_kbps,
        };
        decoded.push(row);
    }
    decoded
}

pub struct Room {
    pub dir: TempDir,
    pub collector: Collector,
    pub router: Router,
    pub registry: Registry,
    pub buffers: Buffers,
}

pub fn open_in(dir: &Path, limits: Limits) -> (Collector, Registry) {
    open_with(dir, limits, Buffers::default())
}

fn open_with(dir: &Path, limits: Limits, buffers: Buffers) -> (Collector, Registry) {
    let mut registry = Registry::default();
    let config = Config { limits, ..Config::new(dir.join("spool")) };
    let collector =
        Collector::open(config, Arc::new(GeoTable::empty()), Arc::new(Live { buffers }), &mut registry).expect("opens");
    (collector, registry)
}

impl Room {
    pub fn new(limits: Limits) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let buffers = Buffers::default();
        let (collector, registry) = open_with(dir.path(), limits, buffers.clone());
        Self { router: fairway_collector::router(collector.clone()), dir, collector, registry, buffers }
    }

    pub async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.expect("answers");
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
        (status, body)
    }

    pub async fn post(&self, uri: &str, media: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request =
            Request::post(uri).header("content-type", media).extension(ClientAddress(IpAddr::from([203, 0, 113, 7])));
        self.send(request.body(body.into()).expect("a request")).await
    }

    pub async fn cmcd(&self, lines: &str) -> (StatusCode, Value) {
        self.post("/v1/beacons", "application/cmcd", lines.to_owned()).await
    }

    pub fn drain(&self, sink: &Fake) -> (tokio::task::JoinHandle<()>, CancellationToken) {
        let stop = CancellationToken::new();
        (tokio::spawn(self.collector.drain(sink.clone(), stop.clone())), stop)
    }

    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("encodes");
        text
    }
}
