//! Decisions are recorded under load, found again, and made again bit for bit: after snapshots and policies have changed,
//! and after a restart; and what is recorded tells nobody's address or session.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod support;

use std::fs;

use serde_json::Value;
use support::{BRAZILIAN, GERMAN, Node, fairway, wait_for};

#[tokio::test]
async fn a_recorded_decision_is_made_again_bit_for_bit() {
    let node = Node::run().await;
    for n in 0..40 {
        node.steer(GERMAN, &format!("secret-{n}")).await;
        node.steer(BRAZILIAN, &format!("secret-{n}")).await;
        node.resolve(GERMAN).await;
    }
    let sampled = "/api/v1/decisions?service=live&country=DE&occasion=sampled";
    let found = wait_for("sampled decisions", async || {
        // The first second's answers are before the first look at the traffic.
        node.steer(GERMAN, "secret-more").await;
        let found = listed(&node, sampled).await?;
        (found.len() >= 5).then_some(found)
    })
    .await;
    assert!(found.iter().all(|d| d["country"] == "DE" && d["weight"].as_u64().unwrap() >= 1), "{found:?}");
    let newest_first: Vec<_> = found.iter().map(|d| d["at"].as_str().unwrap().to_owned()).collect();
    assert!(newest_first.is_sorted_by(|a, b| a >= b), "{newest_first:?}");
    let id = found[0]["id"].as_str().unwrap().to_owned();
    let first = told(&node, &id).await;
    assert_eq!((&first["same"], &first["decision"]["answer"]["chosen"]), (&Value::Bool(true), &found[0]["chosen"]));

    // What somebody was told is kept, by the id that it was told under.
    let explained = node.api(&format!("/api/v1/explain?service=live&client={BRAZILIAN}&via=hls")).await;
    let explained_id = explained["decision"].as_str().unwrap().to_owned();
    let again = wait_for("the explained decision", async || {
        let answer = node.http.get(node.admin(&format!("/api/v1/decisions/{explained_id}"))).send().await.ok()?;
        answer.status().is_success().then_some(answer)?.json::<Value>().await.ok()
    })
    .await;
    assert_eq!(again["explanation"]["http"], explained["http"]);
    assert_eq!(again["explanation"]["steps"], explained["steps"]);

    // Another policy, other answers: told of whom it answers otherwise.
    let file = node.dir.path().join("policies/live.policy.toml");
    let text = fs::read_to_string(&file).unwrap();
    let ranked: Vec<&str> = found[0]["candidates"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let last = ranked.last().unwrap();
    fs::write(&file, format!("{text}\n[[step]]\ndo = \"prefer\"\ntiers = [[\"{last}\"]]\n")).unwrap();
    let changed = wait_for("changed decisions", async || {
        listed(&node, "/api/v1/decisions?service=live&occasion=changed").await.filter(|found| !found.is_empty())
    })
    .await;
    assert!(changed.iter().any(|d| d["chosen"] == **last && d["reason"] == "preferred"), "{changed:?}");
    assert_ne!(changed[0]["policy"], found[0]["policy"]);
    assert_eq!(told(&node, &id).await, first, "it is as it was");

    let secrets = format!(
        "SELECT count() FROM decisions WHERE position(toString(tuple(*)), 'secret-') > 0 \
            OR position(toString(tuple(*)), '{GERMAN}') > 0 OR position(toString(tuple(*)), '193.99.144.') > 0"
    );
    assert_eq!(node.count(&secrets).await, Some(0));
    let bytes = "SELECT toUInt64(sum(data_compressed_bytes) / sum(rows)) FROM system.parts \
        WHERE active AND table = 'decisions'";
    assert!(node.count(bytes).await.is_some_and(|bytes| bytes < 4_000), "{:?}", node.count(bytes).await);

    let node = Node::start(node.stop().await, &["run"]).await;
    let after = wait_for("the store", async || {
        let answer = node.http.get(node.admin(&format!("/api/v1/decisions/{id}"))).send().await.ok()?;
        answer.status().is_success().then_some(answer)?.json::<Value>().await.ok()
    })
    .await;
    assert_eq!(after, first, "after a restart too");
    let url = node.admin("");
    let output = fairway().args(["explain", "--decision", &id, "--at", &url]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("the same decision bit for bit"), "{text}");
    let nothing = fairway().args(["explain", "--decision", "0000000000000001", "--at", &url]).output().await.unwrap();
    assert_eq!(nothing.status.code(), Some(65), "{}", String::from_utf8_lossy(&nothing.stderr));
    node.stop().await;
}

/// The list at this address; `None` while the store does not answer.
async fn listed(node: &Node, path: &str) -> Option<Vec<Value>> {
    let answer = node.http.get(node.admin(path)).send().await.ok()?;
    answer.status().is_success().then_some(answer)?.json().await.ok()
}

async fn told(node: &Node, id: &str) -> Value {
    node.api(&format!("/api/v1/decisions/{id}")).await
}
