//! The closed loop, in a real browser: unmodified hls.js plays the demo stream; the CDN that it uses is made to fail; DNS
//! answers, steering lists and the player all leave it, its beacons are rows, and explain names the cause.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "this is a test")]

mod support;

use std::{
    net::Ipv4Addr,
    process::Stdio,
    time::{Duration, Instant},
};

use serde::Deserialize;
use support::{Node, root, wait_for};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// From a fault to each of the three changes: what this product promises.
const BAR: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Told {
    Segment { sid: String, pathway: String, url: String },
    Fatal { details: String },
    PageError { text: String },
    End { time: f64 },
}

struct Browser {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Browser {
    fn open(node: &Node) -> Self {
        let rules = "MAP watch.fairway.test 127.0.0.1,MAP cdn-a.fairway.test 127.0.1.1,\
                     MAP cdn-b.fairway.test 127.0.1.2,MAP cdn-c.fairway.test 127.0.1.3";
        let mut child = Command::new("node")
            .arg(root().join("tests/browser/watch.mjs"))
            .arg(format!("http://watch.fairway.test:{}/", node.panel.port()))
            .arg(rules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn next(&mut self) -> Told {
        let line = tokio::time::timeout(Duration::from_secs(60), self.lines.next_line()).await;
        serde_json::from_str(&line.expect("the browser tells something").unwrap().expect("the browser is there"))
            .unwrap()
    }

    /// The next segment's session, pathway and URL; a fatal error of the player fails the test.
    async fn segment(&mut self) -> (String, String, String) {
        match self.next().await {
            Told::Segment { sid, pathway, url } => (sid, pathway, url),
            Told::Fatal { details } => panic!("the player gave up: {details}"),
            Told::PageError { text } => panic!("the page broke: {text}"),
            Told::End { time } => panic!("the browser ended at {time} s"),
        }
    }
}

#[tokio::test]
async fn a_failing_cdn_is_left_by_dns_steering_and_the_player() {
    let node = Node::demo(60).await;
    wait_for("beacons in the store", async || node.count("SELECT count() FROM beacons").await.filter(|n| *n > 0)).await;

    let mut browser = Browser::open(&node);
    let mut first = browser.segment().await;
    for _ in 0..4 {
        first = browser.segment().await;
    }
    let (sid, failing, _) = first;
    let before = node.count(&format!("SELECT count() FROM beacons WHERE session = '{sid}'")).await;
    println!("hls.js plays from {failing}");

    // Clients elsewhere who are on the same pathway.
    let address = |id: &str| {
        Ipv4Addr::new(
            127,
            0,
            1,
            if id == "cdn-a" {
                1
            } else if id == "cdn-b" {
                2
            } else {
                3
            },
        )
    };
    let mut resolved = None;
    let mut steered = None;
    for last in 0..=255 {
        let client = Ipv4Addr::new(203, 0, last, 1);
        if resolved.is_none() && node.resolve(client).await == Some(address(&failing).into()) {
            resolved = Some(client);
        }
        if steered.is_none() && node.steer(client, "").await[0] == failing {
            steered = Some(client);
        }
    }
    let (resolved, steered) = (resolved.expect("a DNS client on it"), steered.expect("an HTTP client on it"));

    let fault = Instant::now();
    node.fault(&failing, Some("down"), None).await;
    let dns = async {
        wait_for("another DNS answer", async || {
            node.resolve(resolved).await.filter(|answer| *answer != address(&failing)).map(|_| fault.elapsed())
        })
        .await
    };
    let list = async {
        wait_for("another steering list", async || {
            (node.steer(steered, "").await[0] != failing).then(|| fault.elapsed())
        })
        .await
    };
    let player = async {
        loop {
            let (_, pathway, url) = browser.segment().await;
            if pathway != failing {
                break (fault.elapsed(), pathway, url);
            }
        }
    };
    let (dns, list, (player, next, url)) = tokio::join!(dns, list, player);
    println!(
        "fault to: first changed DNS answer {:.1} s, first changed steering list {:.1} s, first segment from {next} {:.1} s",
        dns.as_secs_f64(),
        list.as_secs_f64(),
        player.as_secs_f64()
    );
    assert!(dns < BAR && list < BAR && player < BAR, "each within {} s", BAR.as_secs());
    assert!(url.contains(&next), "{url}");
    // The failing pathway is last, not missing: a list of one would turn the player's own failover off.
    let order = node.steer(steered, "").await;
    assert_eq!(order.last(), Some(&failing));
    assert_eq!(order.len(), 3);

    // It plays on, without a fatal error.
    for _ in 0..3 {
        assert_ne!(browser.segment().await.1, failing);
    }
    drop(browser.child.stdin.take());
    let time = loop {
        match browser.next().await {
            Told::End { time } => break time,
            Told::Segment { .. } => {}
            Told::Fatal { details: text } | Told::PageError { text } => panic!("{text}"),
        }
    };
    assert!(time > 5.0, "the picture moved: {time} s");

    // What the browser's own beacons say is in ClickHouse: the session, and the requests that failed on the pathway that failed.
    let rows = format!("SELECT count() FROM beacons WHERE session = '{sid}'");
    wait_for("the browser's beacons", async || node.count(&rows).await.filter(|n| *n > before.unwrap_or(0) + 3)).await;
    let good = format!("SELECT count() FROM beacons WHERE session = '{sid}' AND pathway = '{next}' AND requests > 0");
    wait_for("requests on the new pathway", async || node.count(&good).await.filter(|n| *n > 0)).await;

    // Explain names the cause, with its numbers.
    let told = node.api(&format!("/api/v1/explain?service=live&client={resolved}&via=dns")).await.to_string();
    assert!(told.contains("aside"), "{told}");
    assert!(told.contains("probes") || told.contains("requests"), "{told}");
    node.stop().await;
}
