//! The keys of a signed zone, by the command that operators use: what it makes, what it says, what it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Output};

use support::fairway;

/// `fairway dnssec …` on this data folder: its exit code, what it printed, what it complained of.
async fn dnssec(data: &Path, args: &[&str]) -> (i32, String, String) {
    let command = fairway().current_dir(data).env("FAIRWAY_DATA_DIR", data).arg("dnssec").args(args).output();
    let Output { status, stdout, stderr } = command.await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[tokio::test]
async fn a_zone_gets_a_key_and_the_parent_its_ds() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let (code, out, _) = dnssec(data, &["status"]).await;
    assert_eq!((code, out.as_str()), (0, "no zone is signed; `fairway dnssec init ZONE` makes a zone's first key\n"));

    let (code, out, err) = dnssec(data, &["init", "Z.Test.", "--algorithm", "ed25519"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("z.test: introducing, signed, while caches may still hold unsigned answers\n"), "{out}");
    assert!(out.contains("-ed25519: in DNSKEY, signs\n") && out.contains("UTC (in 1 d), by itself: CDS asks"), "{out}");
    assert!(out.contains("Reload the node"), "{out}");
    let folder = data.join("keys/z.test");
    let keys: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.iter().all(|key| fs::metadata(key).unwrap().permissions().mode() & 0o777 == 0o600));

    let (code, ds, err) = dnssec(data, &["ds", "z.test"]).await;
    assert!(ds.starts_with("z.test. IN DS ") && ds.contains(" 15 2 ") && ds.lines().count() == 1, "{ds}");
    assert!(code == 0 && err.starts_with("not for the parent before "), "{err}");

    let (code, out, err) = dnssec(data, &["ds-seen", "z.test", "--ttl", "1h"]).await;
    assert!(code == 0 && out.contains("z.test: secure") && out.contains("to do  nothing"), "{out}{err}");
    let (code, out, _) = dnssec(data, &["roll", "z.test", "--algorithm", "ecdsap256sha256"]).await;
    assert!(code == 0 && out.contains("z.test: presigning") && out.contains("-ecdsap256sha256: signs\n"), "{out}");
    let (code, out, _) = dnssec(data, &["status", "--json"]).await;
    let zones: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &zones[0]["phase"], &zones[0]["task"]), (0, &"presigning".into(), &serde_json::Value::Null));
    assert_eq!(zones[0]["signing"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn in_an_emergency_the_parent_is_asked_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    for args in [&["init", "z.test"][..], &["ds-seen", "z.test"]] {
        assert_eq!(dnssec(data, args).await.0, 0);
    }
    let (code, out, _) = dnssec(data, &["roll", "z.test", "--emergency"]).await;
    assert!(code == 0 && out.contains("z.test: submitting"), "{out}");
    let (_, ds, err) = dnssec(data, &["ds", "z.test"]).await;
    assert!(ds.lines().count() == 1 && out.contains(ds.trim()) && err.is_empty(), "{out}{ds}{err}");
    assert!(out.contains("fairway dnssec ds-seen z.test"), "{out}");
    let (code, out, _) = dnssec(data, &["ds-seen", "z.test", "--ttl", "300s"]).await;
    assert!(code == 0 && out.contains("z.test: retiring"), "{out}");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    assert_eq!(dnssec(data, &["init", "z.test"]).await.0, 0);
    for (args, code, why) in [
        (&["init", "z.test"][..], 65, "error: z.test has keys already; see `fairway dnssec status z.test`\n"),
        (&["ds", "y.test"], 65, "error: y.test has no keys; make one with `fairway dnssec init y.test`\n"),
        (&["init", "../y"], 65, "error: \"../y\" is no name of a zone; write it as in example.net\n"),
        (&["roll", "z.test"], 65, "error: z.test: the zone is introducing: a roll begins when it is secure"),
        (&["init", "y.test", "--algorithm", "rsa"], 64, "is neither `ecdsap256sha256` nor `ed25519`"),
        (&["ds-seen", "z.test", "--ttl", "soon"], 64, "write a number and `s`, `m`, `h` or `d`"),
    ] {
        let (got, out, err) = dnssec(data, args).await;
        assert!(got == code && err.contains(why), "{args:?}: {got}\n{out}{err}");
    }
    fs::write(data.join("keys/z.test/state.toml"), "key = 1\n").unwrap();
    let (code, _, err) = dnssec(data, &["status"]).await;
    assert!(code == 65 && err.contains("state.toml: TOML parse error at line 1"), "{err}");
}
