//! A CDN fails in one country only: that country leaves it and no other does; when it is mended, the country comes back by a
//! ramp and not as a crowd; and explain tells the story with its numbers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "this is a test")]

mod support;

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use support::{GERMAN, Node, wait_for, wait_longer};

/// From the fault until a German session that asks is sent elsewhere.
const BAR: Duration = Duration::from_secs(15);
/// Sessions asked for in each place.
const SESSIONS: usize = 40;

/// Places near and far, none of them German: France, Austria, Poland, Brazil, the United States, Japan.
const ELSEWHERE: [Ipv4Addr; 6] = [
    Ipv4Addr::new(212, 27, 48, 10),
    Ipv4Addr::new(193, 171, 255, 77),
    Ipv4Addr::new(212, 77, 98, 9),
    Ipv4Addr::new(200, 160, 2, 3),
    Ipv4Addr::new(8, 8, 8, 8),
    Ipv4Addr::new(203, 178, 141, 194),
];

/// The sessions there that are sent to `cdn-a` first.
async fn on_a(node: &Node, client: Ipv4Addr) -> Vec<usize> {
    let mut on = Vec::new();
    for n in 0..SESSIONS {
        if node.steer(client, &format!("watch-{n}")).await[0] == "cdn-a" {
            on.push(n);
        }
    }
    on
}

async fn share(node: &Node, client: Ipv4Addr) -> f64 {
    on_a(node, client).await.len() as f64 / SESSIONS as f64
}

async fn told(node: &Node) -> String {
    let story = node.api(&format!("/api/v1/explain?service=live&client={GERMAN}&via=hls")).await;
    serde_json::from_value::<fairway_policies::Explanation>(story).unwrap().render_text()
}

#[tokio::test]
async fn only_the_country_that_suffers_moves_and_it_returns_by_a_ramp() {
    let node = Node::demo(200).await;
    wait_for("viewers of cdn-a", async || {
        node.count("SELECT uniq(session) FROM beacons WHERE pathway = 'cdn-a' AND country = 'DE'")
            .await
            .filter(|n| *n >= 8)
    })
    .await;
    assert!(share(&node, GERMAN).await >= 0.9, "Germans prefer cdn-a");
    let mut before = Vec::new();
    for place in ELSEWHERE {
        before.push(on_a(&node, place).await);
    }

    let fault = Instant::now();
    node.fault("cdn-a", Some("errors"), Some("DE")).await;
    let first = wait_for("a German session sent elsewhere", async || {
        (share(&node, GERMAN).await < 0.9).then(|| fault.elapsed())
    })
    .await;
    let most = wait_for("most German sessions sent elsewhere", async || {
        (share(&node, GERMAN).await <= 0.2).then(|| fault.elapsed())
    })
    .await;
    println!(
        "fault in Germany: first sessions move after {:.1} s, most after {:.1} s",
        first.as_secs_f64(),
        most.as_secs_f64()
    );
    assert!(most < BAR, "within {} s", BAR.as_secs());
    let story = told(&node).await;
    println!("{story}");
    assert!(story.contains("cdn-a") && story.contains("request errors") && story.contains('%'), "{story}");

    // Nobody else, for as long as it goes on: but for the few that explore.
    let until = Instant::now() + Duration::from_secs(25);
    let mut worst: f64 = 0.0;
    while Instant::now() < until {
        for (place, before) in ELSEWHERE.iter().zip(&before) {
            let now = on_a(&node, *place).await;
            let gone = before.iter().filter(|n| !now.contains(n)).count();
            worst = worst.max(gone as f64 / SESSIONS as f64);
        }
        assert!(share(&node, GERMAN).await <= 0.25, "Germans stay away");
    }
    println!("elsewhere at most {:.0} % of sessions were not where they had been", worst * 100.0);
    assert!(worst <= 0.15, "{worst}");

    // Mended: they come back, step by step.
    let mended = Instant::now();
    node.fault("cdn-a", None, None).await;
    let mut seen = Vec::new();
    let back = tokio::time::timeout(Duration::from_secs(300), async {
        loop {
            let now = share(&node, GERMAN).await;
            seen.push((mended.elapsed(), now));
            if now >= 0.9 {
                break mended.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await
    .expect("Germany comes back");
    let begun = seen.iter().find(|(_, share)| *share > 0.3).map_or(back, |(at, _)| *at);
    println!("mended: a third is back after {:.0} s, all after {:.0} s", begun.as_secs_f64(), back.as_secs_f64());
    let biggest = seen.windows(2).map(|pair| pair[1].1 - pair[0].1).fold(0.0, f64::max);
    println!("the biggest step was {:.0} % of sessions", biggest * 100.0);
    assert!(biggest <= 0.6, "no crowd: {biggest}");

    // What comes too late is seen when the first buffers (8 s) are empty, and a tenth of the time is stalled. With a dozen
    // viewers that takes from twenty seconds to more than a minute, and longer where the viewers themselves want for time.
    let slow = Instant::now();
    node.fault("cdn-a", Some("slow"), Some("DE")).await;
    let most = wait_longer("most German sessions sent elsewhere", Duration::from_secs(300), async || {
        (share(&node, GERMAN).await <= 0.2).then(|| slow.elapsed())
    })
    .await;
    println!("slow in Germany: most move after {:.1} s", most.as_secs_f64());

    // And where it fails everyone, everyone leaves.
    node.fault("cdn-a", None, None).await;
    wait_for("Germans back on cdn-a", async || (share(&node, GERMAN).await >= 0.6).then_some(())).await;
    let everywhere = Instant::now();
    node.fault("cdn-a", Some("errors"), None).await;
    let most = wait_for("most sent elsewhere, everywhere", async || {
        let mut left = share(&node, GERMAN).await <= 0.2;
        for place in ELSEWHERE {
            left &= share(&node, place).await <= 0.2;
        }
        left.then(|| everywhere.elapsed())
    })
    .await;
    println!("fault for everyone: most move after {:.1} s", most.as_secs_f64());
    assert!(most < 2 * BAR);
    node.stop().await;
}
