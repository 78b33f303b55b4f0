//! The engine's process is killed under load, again and again: not one DNS or steering answer is lost or late, and every
//! acknowledged beacon is in ClickHouse afterwards, exactly once.

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
    let (mut number, now) = (0, chrono::Utc::now().timestamp_millis());
    while !stop.load(Ordering::Relaxed) {
        let mut body = String::new();
        for _ in 0..BATCH {
            number += 1;
            let url = "http://cdn-a.fairway.test/live/1.m4s";
            writeln!(body, "e=rr,rc=200,sid=\"client-{client}\",sn={number},sta=p,ts={now},ttfb=5,url=\"{url}\",v=2")
                .unwrap();
        }
        let url = node.public("/v1/beacons?service=live");
        let request = node.http.post(url).header("content-type", "application/cmcd").body(body);
        assert_eq!(request.send().await.unwrap().status(), 204);
        acknowledged.fetch_add(BATCH, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
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
    wait_for("every acknowledged beacon", async || node.count(rows).await.filter(|n| *n >= acknowledged)).await;
    assert_eq!(node.count(rows).await, Some(acknowledged), "none twice");
    let distinct = "SELECT uniqExact(session, sn) FROM beacons";
    assert_eq!(node.count(distinct).await, Some(acknowledged), "none instead of another");
    let in_cells = "SELECT sum(requests) FROM cells_10s";
    assert_eq!(node.count(in_cells).await, Some(acknowledged), "nor in the cells");
    println!(
        "{acknowledged} beacons acknowledged and stored once; {} answers, the slowest after {} ms",
        answers.load(Ordering::Relaxed),
        longest.as_millis()
    );
    assert!(longest < LATE);
    Arc::into_inner(node).expect("nobody else has it").stop().await;
}
