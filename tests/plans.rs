//! Policies of a live node are changed with care: planned, applied, refused when the plan is stale or breaks guard rails,
//! and brought back. By the command that people use.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod support;

use std::{fs, path::Path, process::Output};

use support::{GERMAN, Node, fairway, wait_for};

/// The command against this node: its exit code, what it printed, what it complained of.
async fn command(node: &Node, args: &[&str]) -> (i32, String, String) {
    let at = node.admin("");
    let Output { status, stdout, stderr } = fairway().args(args).args(["--at", &at]).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A copy of the node's policy, changed.
fn proposed(node: &Node, folder: &Path, change: impl Fn(&str) -> String) -> String {
    let text = fs::read_to_string(node.dir.path().join("policies/live.policy.toml")).unwrap();
    let file = folder.join("live.policy.toml");
    fs::write(&file, change(&text)).unwrap();
    file.to_string_lossy().into_owned()
}

/// The id in `fairway apply ID`.
fn plan_id(out: &str) -> String {
    out.split("fairway apply ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

fn in_force(node: &Node) -> String {
    fs::read_to_string(node.dir.path().join("policies/live.policy.toml")).unwrap()
}

#[tokio::test]
async fn a_change_is_planned_applied_and_undone() {
    let node = Node::run().await;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(node.steer(GERMAN, "s1").await[0], "cdn-a");

    let same = proposed(&node, folder.path(), str::to_owned);
    let (code, out, _) = command(&node, &["plan", &same]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("nothing changes"), "{out}");

    // Germans prefer another CDN: a diff, what it means, and a guard rail, since most decisions would move.
    let before = in_force(&node);
    let swap = |text: &str| {
        text.replacen("tiers = [[\"cdn-a\"]]", "tiers = [[\"cdn-c\"]]", 1).replacen(
            "when = { country = [\"DE\", \"AT\", \"CH\"] }",
            "when = { continent = [\"EU\"] }",
            1,
        )
    };
    let file = proposed(&node, folder.path(), swap);
    let (code, out, err) = command(&node, &["plan", &file]).await;
    assert_eq!(code, 2, "{out}{err}");
    assert!(out.contains("-tiers = [[\"cdn-a\"]]") && out.contains("+tiers = [[\"cdn-c\"]]"), "{out}");
    assert!(out.contains("of its decisions get another first pathway"), "{out}");
    let id = plan_id(&out);

    let (code, _, err) = command(&node, &["apply", &id, "--message", "", "--author", "ada", "--yes-really"]).await;
    assert_eq!(code, 65);
    assert!(err.contains("message"), "{err}");
    let (code, out, err) =
        command(&node, &["apply", &id, "--message", "closer for Europe", "--author", "ada", "--yes-really"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("revision 2 is in force: live changed"), "{out}");
    assert_eq!(in_force(&node), swap(&before));
    assert_eq!(node.steer(GERMAN, "s1").await[0], "cdn-c", "answered by it at once");

    // Once applied, or once the folder has changed, the plan is stale.
    let (code, _, err) = command(&node, &["apply", &id, "--message", "again", "--author", "ada", "--yes-really"]).await;
    assert_eq!(code, 65);
    assert!(err.contains("revision 2 is in force, it was made on 1"), "{err}");

    let (code, out, _) = command(&node, &["rollback", "--list"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("ada: closer for Europe") && out.contains("as found at the first start"), "{out}");
    let (code, out, err) = command(&node, &["rollback", "--author", "ben", "--message", "viewers complain"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("revision 3 is in force"), "{out}");
    assert_eq!(in_force(&node), before);
    assert_eq!(node.steer(GERMAN, "s1").await[0], "cdn-a");

    // Revisions are kept, and so is an edit by hand.
    fs::write(node.dir.path().join("policies/live.policy.toml"), before.clone() + "\n# by hand\n").unwrap();
    wait_for("the edit as a revision", async || {
        let revisions = node.api("/api/v1/revisions").await;
        (revisions[0]["number"] == 4 && revisions[0]["author"].as_str()?.contains("edited")).then_some(())
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn what_breaks_guard_rails_or_the_language_changes_nothing() {
    let node = Node::run().await;
    let folder = tempfile::tempdir().unwrap();
    let before = in_force(&node);

    let broken = proposed(&node, folder.path(), |text| text.replacen("do = \"healthy\"", "do = \"helthy\"", 1));
    let (code, _, err) = command(&node, &["plan", &broken]).await;
    assert_eq!(code, 65);
    assert!(err.contains("live.policy.toml:") && err.contains("did you mean `healthy`"), "{err}");

    // Everyone on one CDN: far over a quarter of the decisions.
    let only =
        "[[step]]\ndo = \"fence\"\nonly = [\"cdn-b\", \"cdn-c\"]\n\n[[step]]\ndo = \"prefer\"\ntiers = [[\"cdn-c\"]]\n";
    let file = proposed(&node, folder.path(), |text| {
        let tests = text.find("[[test]]").unwrap_or(text.len());
        format!("{}\n{only}", &text[..tests])
    });
    let (code, out, _) = command(&node, &["plan", &file]).await;
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("guard rail") && out.contains("--yes-really"), "{out}");
    let (code, _, err) = command(&node, &["apply", &plan_id(&out), "--message", "all to c", "--author", "ada"]).await;
    assert_eq!(code, 65);
    assert!(err.contains("guard rail"), "{err}");
    assert_eq!(in_force(&node), before);

    let (code, _, err) = command(&node, &["apply", "0123456789abcdef", "--message", "x", "--author", "ada"]).await;
    assert_eq!(code, 65);
    assert!(err.contains("there is no plan"), "{err}");
    let (code, _, err) = command(&node, &["rollback", "--to", "7", "--author", "ada"]).await;
    assert_eq!(code, 65);
    assert!(err.contains("there is no revision 7"), "{err}");
    node.stop().await;
}
