//! The dashboard as a person sees it, in a real browser: no console error, nothing wider than the screen, charts with
//! their tables, the same story with JavaScript off. The screenshots are in `target/tmp/screenshots`, to be looked at.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "this is a test")]

mod support;

use std::{fs, path::PathBuf};

use serde::Deserialize;
use support::{Node, root, wait_for};
use tokio::process::Command;

#[derive(Debug, Deserialize)]
struct Sight {
    page: String,
    errors: Vec<String>,
    overflow: i64,
    charts: usize,
    tables: usize,
    text: String,
}

#[tokio::test]
async fn the_pages_show_what_is_going_on() {
    let node = Node::demo(60).await;
    wait_for("demand on the page", async || {
        let overview = node.api("/api/v1/overview?service=live").await;
        let pathways = overview["pathways"].as_array()?;
        pathways.iter().any(|p| p["demand"]["sessions"].as_u64() > Some(0)).then_some(())
    })
    .await;
    node.fault("cdn-a", Some("down"), None).await;
    wait_for("the verdict", async || {
        let told = node.api("/api/v1/explain?service=live&client=193.99.144.80&via=dns").await;
        (told["dns"]["pathway"] != "cdn-a").then_some(())
    })
    .await;

    wait_for("a recorded decision", async || {
        let recorded = node.api("/api/v1/decisions?service=live&occasion=explained").await;
        (recorded.as_array().is_some_and(|recorded| !recorded.is_empty())).then_some(())
    })
    .await;

    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    let output = Command::new("node")
        .arg(root().join("tests/browser/pages.mjs"))
        .args([&node.admin(""), &*folder.to_string_lossy()])
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sights: Vec<Sight> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(sights.len(), 24);
    for sight in &sights {
        println!("{}: {} charts, {} tables", sight.page, sight.charts, sight.tables);
        assert_eq!(sight.errors, [""; 0], "{}", sight.page);
        assert!(sight.overflow <= 0, "{} is {} pixels wider than the screen", sight.page, sight.overflow);
        let told: &[&str] = match sight.page.split(' ').next().unwrap() {
            "overview" => &["Forced by operators", "ice on the line", "ana"],
            "force" => &["Force"],
            "explain" => &["aside", "127.0.1.", "Recorded as"],
            "decisions" => &["explained", "by DNS"],
            "decision" => &["bit for bit", "aside"],
            "policy" => &["live.policy.toml", "as found at the first start", "fairway rollback"],
            other => panic!("{other} is no page"),
        };
        for told in told {
            assert!(sight.text.contains(told), "{told:?} is not on {}: {}", sight.page, sight.text);
        }
        if sight.page.starts_with("overview") {
            assert!(sight.charts >= 3 && sight.tables >= 3, "{sight:?}");
            assert!(
                sight.text.contains("Down") && sight.text.contains("probes"),
                "the verdict and its cause: {}",
                sight.text
            );
        }
    }
    node.stop().await;
}
