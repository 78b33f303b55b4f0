//! The engine's process is killed under load, again and again: not one DNS or steering answer is lost or late, and every
//! acknowledged beacon is in ClickHouse afterwards, exactly once. So it is when the node itself is killed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "this is a test")]

mod support;

use std::{
    fmt::Write,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use support::{GERMAN, Node, signal, wait_for};
use tokio::{process::Command, task::JoinSet};

/// An answer that takes longer is late. It is some thousand times what one takes; a busy machine's scheduler fits in.
const LATE: Duration = Duration::from_secs(1);
const KILLS: usize = 3;
const CLIENTS: usize = 4;
/// Records in one post.
const BATCH: u64 = 20;

/// Posts numbered beacons until told to stop; only what was answered 204 counts.
async fn post_beacons(node: Arc<Node>, client: usize, stop: Arc<AtomicBool>, acknowledged: Arc<AtomicU64>) {
    let poster = Poster::new(&node);
    for batch in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        assert_eq!(poster.post(client, batch).await, Some(204));
        acknowledged.fetch_add(BATCH, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends beacons to a node, which may be gone by then.
struct Poster {
    http: reqwest::Client,
    url: String,
}

impl Poster {
    fn new(node: &Node) -> Self {
        Self { http: node.http.clone(), url: node.public("/v1/beacons?service=live") }
    }

    /// The status of the answer, if there was one. A client's beacons are numbered from 1, through all its batches.
    async fn post(&self, client: usize, batch: u64) -> Option<u16> {
        let (mut body, now) = (String::new(), chrono::Utc::now().timestamp_millis());
        for number in batch * BATCH + 1..=(batch + 1) * BATCH {
            let url = "http://cdn-a.fairway.test/live/1.m4s";
            writeln!(body, "e=rr,rc=200,sid=\"client-{client}\",sn={number},sta=p,ts={now},ttfb=5,url=\"{url}\",v=2")
                .unwrap();
        }
        let request = self.http.post(&self.url).header("content-type", "application/cmcd").body(body);
        Some(request.send().await.ok()?.status().as_u16())
    }
}

/// Asks DNS and steering in turn; the longest time that an answer took.
async fn ask(node: Arc<Node>, stop: Arc<AtomicBool>, answers: Arc<AtomicU64>) -> Duration {
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        assert_eq!(node.resolve(GERMAN).await, Some(Ipv4Addr::new(127, 0, 1, 1).into()));
        longest = longest.max(asked.elapsed());
        let asked = Instant::now();
        assert_eq!(node.steer(GERMAN, "").await[0], "cdn-a");
        longest = longest.max(asked.elapsed());
        answers.fetch_add(2, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    longest
}

/// The engine's process: the node's only child.
async fn engine(node: &Node) -> Option<u32> {
    let output = Command::new("pgrep").args(["-P", &node.listening.pid.to_string()]).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_engine_loses_nothing() {
    let node = Arc::new(Node::run().await);
    let stop = Arc::new(AtomicBool::new(false));
    let (acknowledged, answers) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut posting = JoinSet::new();
    for client in 0..CLIENTS {
        posting.spawn(post_beacons(node.clone(), client, stop.clone(), acknowledged.clone()));
    }
    let asking = tokio::spawn(ask(node.clone(), stop.clone(), answers.clone()));

    let rows = "SELECT count() FROM beacons";
    let mut stored = wait_for("rows", async || node.count(rows).await.filter(|n| *n > 0)).await;
    for kill in 1..=KILLS {
        let victim = engine(&node).await.expect("a running engine");
        signal(victim, "KILL").await;
        wait_for("another engine", async || engine(&node).await.filter(|pid| *pid != victim)).await;
        let seen = wait_for("more rows", async || node.count(rows).await.filter(|n| *n > stored)).await;
        println!("kill {kill}: {stored} rows before, {seen} at the first count after");
        stored = seen;
    }
    stop.store(true, Ordering::Relaxed);
    posting.join_all().await;
    let longest = asking.await.unwrap();

    let acknowledged = acknowledged.load(Ordering::Relaxed);
    // An insert reaches the cells a few milliseconds after the table.
    let in_cells = "SELECT sum(requests) FROM cells_10s";
    for sums in [rows, in_cells] {
        wait_for("every acknowledged beacon", async || node.count(sums).await.filter(|n| *n >= acknowledged)).await;
    }
    assert_eq!(node.count(rows).await, Some(acknowledged), "none twice");
    let distinct = "SELECT uniqExact(session, sn) FROM beacons";
    assert_eq!(node.count(distinct).await, Some(acknowledged), "none instead of another");
    assert_eq!(node.count(in_cells).await, Some(acknowledged), "nor in the cells");
    println!(
        "{acknowledged} beacons acknowledged and stored once; {} answers, the slowest after {} ms",
        answers.load(Ordering::Relaxed),
        longest.as_millis()
    );
    assert!(longest < LATE);
    Arc::into_inner(node).expect("nobody else has it").stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_node_loses_nothing_that_was_acknowledged() {
    let node = Node::run().await;
    wait_for("the store", async || node.count("SELECT 0").await).await;
    let mut posting = JoinSet::new();
    for client in 0..CLIENTS {
        let poster = Poster::new(&node);
        posting.spawn(async move {
            let mut batches = 0;
            while poster.post(client, batches).await == Some(204) {
                batches += 1;
            }
            (client, batches * BATCH)
        });
    }
    // Some are in the store by then, some on their way to it, some on their way to disk.
    wait_for("rows", async || node.count("SELECT count() FROM beacons").await.filter(|n| *n > 1_000)).await;
    let node = Node::start(node.kill().await, &["run"]).await;
    wait_for("the spool to be empty", async || {
        let metrics = node.http.get(node.admin("/metrics")).send().await.ok()?.text().await.ok()?;
        metrics.contains("fairway_collector_spool_bytes 0\n").then_some(())
    })
    .await;
    let mut acknowledged = 0;
    for (client, beacons) in posting.join_all().await {
        let rows = format!("SELECT count() FROM beacons WHERE session = 'client-{client}' AND sn <= {beacons}");
        assert_eq!(node.count(&rows).await, Some(beacons), "client {client}");
        acknowledged += beacons;
    }
    // A batch that was on disk when the node died may be there without having been acknowledged.
    let all = node.count("SELECT count() FROM beacons").await.unwrap();
    assert!((acknowledged..=acknowledged + CLIENTS as u64 * BATCH).contains(&all), "{all} of {acknowledged}");
    assert_eq!(node.count("SELECT uniqExact(session, sn) FROM beacons").await, Some(all), "none twice");
    assert_eq!(node.count("SELECT sum(requests) FROM cells_10s").await, Some(all), "nor in the cells");
    println!("{acknowledged} beacons acknowledged before the node was killed, and stored once");
    node.stop().await;
}
