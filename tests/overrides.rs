//! What operators force on a node: by the command, over the API, from the page; at once, over a restart, until it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "this is a test")]

mod support;

use std::{net::Ipv4Addr, process::Output};

use serde_json::json;
use support::{BRAZILIAN, GERMAN, Node, fairway, free_port, healthy_cdns, prepare, wait_for};

/// `fairway override …` at this node.
async fn order(node: &Node, args: &[&str]) -> Output {
    let mut command = fairway();
    command.arg("override").args(args).args(["--at", &node.admin("")]).env("USER", "ana");
    command.output().await.unwrap()
}

/// What it printed, for it went well.
async fn ordered(node: &Node, args: &[&str]) -> String {
    let output = order(node, args).await;
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn resolved(node: &Node, client: Ipv4Addr) -> String {
    node.resolve(client).await.unwrap().to_string()
}

#[tokio::test]
async fn an_order_is_in_force_at_once_over_a_restart_and_until_it_ends() {
    let port = free_port();
    let _cdns = healthy_cdns(port).await;
    let node = Node::start(prepare(port), &["run"]).await;
    wait_for("Germany on cdn-a", async || (resolved(&node, GERMAN).await == "127.0.1.1").then_some(())).await;
    let brazil = resolved(&node, BRAZILIAN).await;

    let set = ["set", "--service", "live", "--pathway", "cdn-a", "--country", "DE", "drained"];
    let said = ordered(&node, &[&set[..], &["--reason", "ticket 4711", "--for", "1h"]].concat()).await;
    assert!(
        said.contains("override 1: drained for country DE until 20") && said.contains("live  cdn-a  found up"),
        "{said}"
    );
    assert_ne!(resolved(&node, GERMAN).await, "127.0.1.1", "no wait: it was answered when it was in force");
    assert_eq!(resolved(&node, BRAZILIAN).await, brazil, "elsewhere nothing changed");
    let list = node.steer(GERMAN, "s1").await;
    assert!(list.len() > 1 && list.last().unwrap() == "cdn-a", "{list:?}");
    for page in ["/?service=live", "/explain?service=live&client=193.99.144.80&via=dns"] {
        let text = node.http.get(node.admin(page)).send().await.unwrap().text().await.unwrap();
        assert!(text.contains("ticket 4711") && text.contains("ana"), "{page}: {text}");
    }
    let pathways = node.api("/api/v1/pathways?service=live").await;
    assert!(
        pathways[0]["forced"][0]["text"].as_str().unwrap().starts_with("drained for country DE by ana"),
        "{pathways}"
    );

    let node = Node::start(node.stop().await, &["run"]).await;
    assert_ne!(resolved(&node, GERMAN).await, "127.0.1.1", "the first answer after a restart");
    let listed = ordered(&node, &["list"]).await;
    assert!(
        listed.contains("country DE") && listed.contains("ticket 4711") && listed.contains(" min left)"),
        "{listed}"
    );

    let said = ordered(&node, &["clear", "1"]).await;
    assert!(said.contains("override 1 is cleared"), "{said}");
    assert_eq!(resolved(&node, GERMAN).await, "127.0.1.1");

    let brief = json!({ "service": "*", "pathway": "*-a", "force": "down", "country": "DE", "author": "ana",
        "reason": "brief", "for_s": 2 });
    let answer = node.http.post(node.admin("/api/v1/overrides")).json(&brief).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let done: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((&done["override"]["id"], &done["in_force"]), (&json!(2), &json!(true)), "{done}");
    assert_ne!(resolved(&node, GERMAN).await, "127.0.1.1");
    wait_for("its end", async || (resolved(&node, GERMAN).await == "127.0.1.1").then_some(())).await;
    assert_eq!(ordered(&node, &["list"]).await, "nothing is forced\n");
    wait_for("the feed to tell its end", async || {
        let feed = node.api("/api/v1/overview?service=live").await["feed"].to_string();
        (feed.contains("*-a forced down") && feed.contains("Override 2 is over")).then_some(())
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn wrong_orders_are_refused_and_so_are_those_of_other_sites() {
    let node = Node::run().await;
    let refused = async |args: &[&str], code: i32, told: &str| {
        let output = order(&node, args).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && said.contains(told), "{args:?}: {:?} {said}", output.status);
    };
    let to = |service, pathway, state| ["set", "--service", service, "--pathway", pathway, state, "--reason", "r"];
    refused(&to("life", "cdn-a", "down"), 65, "did you mean `live`?").await;
    refused(&to("live", "cdn-aa", "down"), 65, "did you mean `cdn-a`?").await;
    refused(&[&to("live", "cdn-a", "down")[..], &["--until", "2020-01-01 00:00"]].concat(), 65, "which is past").await;
    refused(&to("live", "cdn-a", "drain"), 64, "write `up`, `down`, `drained`, or a share").await;
    refused(&["clear", "77"], 65, "there is no override 77").await;
    let nobody = fairway().args(["override", "list", "--at", "http://127.0.0.1:1"]).output().await.unwrap();
    assert_eq!(nobody.status.code(), Some(69));

    let form = "pathway=cdn-a&force=drained&author=x&reason=y";
    let post = |url: String| node.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
    let foreign = post(node.admin("/?service=live")).header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    let as_api = post(node.admin("/api/v1/overrides")).send().await.unwrap();
    assert_eq!(as_api.status(), 415);
    assert_eq!(node.api("/api/v1/overrides").await, json!([]));

    let own = post(node.admin("/?service=live")).header("origin", node.admin("")).send().await.unwrap();
    let page = own.text().await.unwrap();
    assert!(page.contains("Forced by operators") && page.contains("/overrides/1/clear?service=live"), "{page}");
    let clear = node.http.post(node.admin("/overrides/1/clear?service=live")).header("origin", node.admin(""));
    assert_eq!(clear.send().await.unwrap().status(), 200);
    assert_eq!(node.api("/api/v1/overrides").await, json!([]));
    node.stop().await;
}
