//! The loop against real listeners on this machine: a pathway that can be broken, a store that can be stopped, a webhook.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    time::Instant,
};

use axum::{Json, Router, http::StatusCode, routing::get, routing::post};
use serde_json::Value;

use super::*;
use crate::{
    cells::{Audience, Cell, CellRow, CellsUnavailable},
    event::Event,
    health::{Cause, Health},
    live::StoreState,
};

/// What the fake store says: cells, or nothing.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Option<Vec<CellRow>>>>);

impl Store {
    fn say(&self, cells: Option<Vec<CellRow>>) {
        *self.0.lock().unwrap() = cells;
    }
}

impl CellSource for Store {
    async fn cells(&self, _: Duration) -> Result<Vec<CellRow>, CellsUnavailable> {
        self.0.lock().unwrap().clone().ok_or_else(|| CellsUnavailable("it is stopped".into()))
    }
}

fn world(pathway: &str, cell: Cell) -> CellRow {
    CellRow {
        service: "live".into(),
        pathway: pathway.into(),
        audience: Audience::World,
        bucket: Utc::now().timestamp() / 10 * 10,
        cell,
    }
}

/// Serves a router on a free port.
async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A pathway's server, which answers its probe with whatever status it is told.
async fn cdn() -> (SocketAddr, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let told = status.clone();
    let health = move || async move { StatusCode::from_u16(told.load(Ordering::Relaxed)).unwrap() };
    (serve(Router::new().route("/healthz", get(health))).await, status)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

/// `a` is probed by name at its first address; `b` is not probed.
fn policy(cdn: SocketAddr) -> String {
    let port = cdn.port();
    format!(
        r#"
names = ["live.test"]
[[pathway]]
id = "a"
url = "http://a.invalid:{port}/"
addresses = ["127.0.0.1"]
capacity = "10 Mbit/s"
scale_at = 0.5
probe = {{ url = "http://a.invalid:{port}/healthz", interval = "100ms", timeout = "100ms" }}
[[pathway]]
id = "b"
url = "http://b.invalid/"
[[step]]
do = "healthy"
[[step]]
do = "rank"
by = ["stall_ratio"]
"#
    )
}

struct Node {
    live: Arc<Live>,
    task: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Node {
    async fn start(folder: &Path, store: Store, webhook: Option<Url>) -> Result<Self, StartError> {
        // A second test finds it installed already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let shutdown = CancellationToken::new();
        let data_dir = folder.join("data");
        let revisions = Arc::new(Revisions::open(&data_dir.join("revisions")).unwrap());
        let config = Config { policies: folder.to_owned(), data_dir, webhook, revisions };
        let (live, task) = start(config, Arc::new(GeoTable::empty()), store, shutdown.clone()).await?;
        Ok(Self { live, task, shutdown })
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    fn health(&self, pathway: usize) -> Health {
        self.live.snapshot().services[0].inputs.verdicts[pathway].health
    }

    fn cause(&self, pathway: usize) -> Cause {
        self.live.snapshot().services[0].inputs.verdicts[pathway].cause.clone()
    }

    fn told(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.live.feed.since(0).iter().filter(|entry| is(&entry.event)).count()
    }
}

fn write(folder: &Path, text: &str) {
    fs::write(folder.join("live.policy.toml"), text).unwrap();
}

#[tokio::test]
async fn a_fault_is_a_verdict_within_a_few_probes_and_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (address, status) = cdn().await;
    write(folder.path(), &policy(address));
    let node = Node::start(folder.path(), Store::default(), None).await.unwrap();
    assert!(node.live.ready(), "it can answer as soon as it has started");
    until("probed", || matches!(node.cause(0), Cause::ProbesPassed { .. })).await;
    assert_eq!(
        node.told(|event| matches!(event, Event::Verdict { .. })),
        0,
        "a new cause for the same health is no event"
    );

    status.store(503, Ordering::Relaxed);
    let took = until("down", || node.health(0) == Health::Down).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(node.cause(0), Cause::ProbesFailed { count: 2, error: "HTTP status 503".into() });
    assert_eq!(node.told(|event| matches!(event, Event::Verdict { pathway, .. } if pathway == "a")), 1);
    until("counted", || node.live.status().probes.first().is_some_and(|tally| tally.failed >= 2)).await;
    let (version, since) = (node.live.snapshot().version, node.live.snapshot().services[0].inputs.verdicts[0].since);
    node.stop().await;

    let again = Node::start(folder.path(), Store::default(), None).await.unwrap();
    let first = again.live.snapshot();
    assert!(first.version > version);
    assert_eq!(
        (first.services[0].inputs.verdicts[0].health, first.services[0].inputs.verdicts[0].since),
        (Health::Down, since)
    );
    status.store(302, Ordering::Relaxed);
    until("up", || again.health(0) == Health::Up).await;
    again.stop().await;
}

#[tokio::test]
async fn viewers_overrule_probes_and_a_stopped_store_keeps_its_last_cells() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = cdn().await;
    write(folder.path(), &policy(address));
    let store = Store::default();
    let bad = Cell { sessions: 40, requests: 100, request_errors: 100, newest_ms: 1, ..Cell::default() };
    store.say(Some(vec![world("a", bad)]));
    let node = Node::start(folder.path(), store.clone(), None).await.unwrap();
    until("down", || node.health(0) == Health::Down).await;
    assert_eq!(node.cause(0), Cause::RequestErrors { errors: 100, requests: 100 });
    assert_eq!(node.live.snapshot().services[0].inputs.cells_at_ms, Some(1));

    store.say(None);
    until("noticed", || node.live.status().store == StoreState::Down { detail: "it is stopped".into() }).await;
    assert_eq!(node.told(|event| matches!(event, Event::Store { up: false, .. })), 1);
    assert_eq!(node.live.status().cells.len(), 1);
    assert_eq!(node.health(0), Health::Down, "silence clears only after the hold");
    store.say(Some(Vec::new()));
    until("back", || node.told(|event| matches!(event, Event::Store { up: true, .. })) == 1).await;
    node.stop().await;
}

#[tokio::test]
async fn a_standing_is_told_once_and_reaches_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = cdn().await;
    write(folder.path(), &policy(address));
    let stalls = |stalled_ms| Cell {
        sessions: 400,
        watched_ms: 4_000_000,
        stalled_ms,
        newest_ms: Utc::now().timestamp_millis(),
        ..Cell::default()
    };
    let germany = Audience::Country("DE".parse().unwrap());
    let mut cells = vec![world("a", stalls(2_000_000)), world("b", stalls(4000))];
    cells.extend(cells.clone().into_iter().map(|row| CellRow { audience: germany, ..row }));
    let store = Store::default();
    store.say(Some(cells));
    let node = Node::start(folder.path(), store, None).await.unwrap();
    let leads = |audience| {
        let standings = node.live.snapshot().services[0].inputs.standings[1].clone();
        standings.get(&audience).is_some_and(|standing| standing.lead(1, 0).is_some())
    };
    until("ranked", || leads(Audience::World) && leads(germany)).await;
    let event =
        |event: &Event| matches!(event, Event::Standing { ahead, audience, .. } if ahead == "b" && audience == "world");
    assert_eq!(node.told(event), 1);
    assert_eq!(node.told(|event| matches!(event, Event::Standing { .. })), 1, "Germany goes with the world");
    node.stop().await;
}

#[tokio::test]
async fn a_broken_reload_keeps_the_old_and_says_so_until_mended() {
    let folder = tempfile::tempdir().unwrap();
    let (address, status) = cdn().await;
    let good = policy(address);
    write(folder.path(), &good);
    let node = Node::start(folder.path(), Store::default(), None).await.unwrap();
    status.store(500, Ordering::Relaxed);
    until("down", || node.health(0) == Health::Down).await;

    write(folder.path(), &good.replace("healthy", "helthy"));
    until("refused", || node.live.status().refusal.is_some()).await;
    let refusal = node.live.status().refusal.clone().unwrap();
    assert!(
        refusal.problems.contains("live.policy.toml") && refusal.problems.contains("helthy"),
        "{}",
        refusal.problems
    );
    assert_eq!(node.told(|event| matches!(event, Event::ReloadRefused { .. })), 1);
    assert_eq!(node.live.snapshot().services[0].policy.pathways.len(), 2, "the old policy answers");

    let c = "[[pathway]]\nid = \"c\"\nurl = \"http://c.invalid/\"\n[[pathway]]\nid = \"a\"";
    write(folder.path(), &good.replacen("[[pathway]]\nid = \"a\"", c, 1));
    node.live.reload();
    until("mended", || node.live.status().refusal.is_none()).await;
    until("swapped", || node.live.snapshot().services[0].policy.pathways.len() == 3).await;
    assert_eq!(
        (node.health(0), node.health(1)),
        (Health::Up, Health::Down),
        "what is known moved along with its pathway"
    );
    assert_eq!(node.live.pathway_of_host("c.invalid").map(|on| on.pathway().to_owned()).as_deref(), Some("c"));
    status.store(200, Ordering::Relaxed);
    until("its probe goes on", || node.health(1) == Health::Up).await;
    node.stop().await;
}

#[tokio::test]
async fn decisions_are_counted_on_over_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = cdn().await;
    let text = policy(address);
    write(folder.path(), &text);
    let node = Node::start(folder.path(), Store::default(), None).await.unwrap();
    node.live.snapshot().services[0].counters.dns(0);
    node.live.snapshot().services[0].counters.http(1);
    let only_a = text.replace("[[pathway]]\nid = \"b\"\nurl = \"http://b.invalid/\"\n", "");
    write(
        folder.path(),
        &only_a.replacen("[[pathway]]", "[[pathway]]\nid = \"z\"\nurl = \"http://z.invalid/\"\n[[pathway]]", 1),
    );
    until("swapped", || node.live.snapshot().services[0].policy.pathways[0].id == "z").await;
    let counters = &node.live.snapshot().services[0].counters;
    assert_eq!((counters.read(0), counters.read(1)), ((0, 0), (1, 0)));
    let history = node.live.history();
    let total: u64 = history.iter().flat_map(|point| &point.decided).map(|d| d.dns + d.http).sum();
    assert_eq!(total, 2, "{history:?}");
    node.stop().await;
}

#[tokio::test]
async fn a_crossing_is_told_to_the_webhook_until_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = cdn().await;
    write(folder.path(), &policy(address));
    let (received, refused) = (Arc::new(Mutex::new(Vec::<Value>::new())), Arc::new(AtomicBool::new(false)));
    let keep = received.clone();
    let hook = move |Json(event): Json<Value>| async move {
        if !refused.swap(true, Ordering::Relaxed) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        keep.lock().unwrap().push(event);
        StatusCode::ACCEPTED
    };
    let url = format!("http://{}/hook", serve(Router::new().route("/hook", post(hook))).await);
    let store = Store::default();
    let busy = Cell { sessions: 12, bits: 6_000_000 * WINDOW.as_secs(), ..Cell::default() };
    store.say(Some(vec![world("a", busy)]));
    let node = Node::start(folder.path(), store.clone(), Some(Url::parse(&url).unwrap())).await.unwrap();
    until("over", || received.lock().unwrap().len() == 1).await;
    store.say(Some(Vec::new()));
    until("under", || received.lock().unwrap().len() == 2).await;

    let events = received.lock().unwrap().clone();
    let (over, under) = (&events[0], &events[1]);
    assert_eq!((&over["specversion"], &over["type"]), (&"1.0".into(), &"dev.fairway.scaling.over".into()));
    assert_eq!((&over["data"]["pathway"], &over["data"]["sessions"]), (&"a".into(), &12.into()));
    assert_eq!((&over["data"]["bits_per_second"], &over["data"]["share"]), (&6_000_000.into(), &0.6.into()));
    assert_eq!(under["type"], "dev.fairway.scaling.under");
    assert_ne!(over["id"], under["id"]);
    assert_eq!(node.told(|event| matches!(event, Event::Scaling { .. })), 2);
    until("counted", || node.live.deliveries.delivered.load(Ordering::Relaxed) == 2).await;
    node.stop().await;
}

#[tokio::test]
async fn a_store_that_is_back_is_believed_when_it_has_caught_up() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = cdn().await;
    write(folder.path(), &policy(address));
    let load = |megabits: u64, newest_ms| {
        vec![world("a", Cell { bits: megabits * 1_000_000 * WINDOW.as_secs(), newest_ms, ..Cell::default() })]
    };
    let store = Store::default();
    store.say(Some(load(6, 1)));
    let node = Node::start(folder.path(), store.clone(), None).await.unwrap();
    let demand = || node.live.status().demand.first().map_or(0, |d| d.bits_per_second / 1_000_000);
    until("measured", || demand() == 6).await;
    store.say(None);
    until("down", || matches!(node.live.status().store, StoreState::Down { .. })).await;
    store.say(Some(load(1, 2)));
    until("up", || node.live.status().store == StoreState::Up).await;
    assert_eq!(demand(), 6, "what it says so far is of the time before");
    store.say(Some(load(2, Utc::now().timestamp_millis())));
    until("caught up", || demand() == 2).await;
    assert_eq!(node.told(|event| matches!(event, Event::Scaling { .. })), 2, "once over, once under");
    node.stop().await;
}

#[tokio::test]
async fn broken_policies_refuse_the_start() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "ttl = 3");
    let refused = Node::start(folder.path(), Store::default(), None).await.err().unwrap();
    assert!(
        matches!(&refused, StartError::Policies(_)) && refused.to_string().contains("live.policy.toml:1"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_damaged_saved_snapshot_is_a_cold_start() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = cdn().await;
    write(folder.path(), &policy(address));
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/snapshot.json"), "{\"format\":").unwrap();
    let node = Node::start(folder.path(), Store::default(), None).await.unwrap();
    assert!(node.live.ready());
    node.stop().await;
    assert!(fs::read_to_string(folder.path().join("data/snapshot.json")).unwrap().contains("\"verdicts\""));
}

#[tokio::test]
async fn metrics_tell_what_the_loop_knows() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = cdn().await;
    write(folder.path(), &policy(address));
    let store = Store::default();
    store.say(Some(vec![world("a", Cell { sessions: 12, bits: 300_000, ..Cell::default() })]));
    let node = Node::start(folder.path(), store, None).await.unwrap();
    until("measured", || !node.live.status().demand.is_empty()).await;
    node.live.snapshot().services[0].counters.dns(0);
    let mut registry = prometheus_client::registry::Registry::with_prefix("fairway");
    crate::metrics::register(&mut registry, node.live.clone());
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "fairway_decisions_total{service=\"live\",pathway=\"a\",via=\"dns\"} 1",
        "fairway_verdict{service=\"live\",pathway=\"b\",health=\"up\"} 1",
        "fairway_verdict{service=\"live\",pathway=\"b\",health=\"down\"} 0",
        "fairway_demand_sessions{service=\"live\",pathway=\"a\"} 12",
        "fairway_demand_bits_per_second{service=\"live\",pathway=\"a\"} 10000",
        "fairway_demand_bits_per_second{service=\"live\",pathway=\"b\"} 0",
        "fairway_capacity_bits_per_second{service=\"live\",pathway=\"a\"} 10000000",
        "fairway_steering_responses_total{status=\"200\"} 0",
        "fairway_cells_age_seconds ",
        "fairway_snapshot_version ",
    ] {
        assert!(text.lines().any(|l| l.starts_with(line)), "{line}\n{text}");
    }
    node.stop().await;
}
