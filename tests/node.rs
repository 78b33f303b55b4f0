//! One node, from outside: what it answers, how it starts, stops and refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "this is a test")]

mod support;

use std::fs;

use support::{BRAZILIAN, GERMAN, Node, fairway, free_port, healthy_cdns, prepare, root, signal, wait_for};
use tokio::process::Command;

/// `dig`, as a person would use it.
async fn dig(node: &Node, args: &[&str]) -> String {
    let server = node.listening.dns[0];
    let output = Command::new("dig")
        .args(["-p", &server.port().to_string(), &format!("@{}", server.ip()), "+tries=1"])
        .args(args)
        .output()
        .await
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn germany_and_brazil_get_what_the_policy_says_and_explain_says_why() {
    let node = Node::run().await;
    for (client, address, pathway) in [(GERMAN, "127.0.1.1", "cdn-a"), (BRAZILIAN, "127.0.1.2", "cdn-b")] {
        let [a, b, c, _] = client.octets();
        for transport in ["+notcp", "+tcp"] {
            let said = dig(&node, &["live.fairway.test", "A", &format!("+subnet={a}.{b}.{c}.0/24"), transport]).await;
            assert!(said.contains("status: NOERROR"), "{said}");
            assert!(said.contains(&format!("A\t{address}")), "{said}");
            let scope: u8 = said
                .split(&format!("CLIENT-SUBNET: {a}.{b}.{c}.0/24/"))
                .nth(1)
                .and_then(|rest| rest.split_whitespace().next())
                .and_then(|scope| scope.parse().ok())
                .unwrap_or_else(|| panic!("{said}"));
            assert!((1..=32).contains(&scope), "an answer that depends on place has a scope: {said}");
        }
        assert_eq!(node.steer(client, "s1").await[0], pathway);
        let live = node.api(&format!("/api/v1/explain?service=live&client={client}&via=dns")).await;
        assert!(live["dns"].to_string().contains(address), "{live}");
        let admin = node.admin("");
        let on_files = fairway().args(["explain", "--service", "live", "--client", &client.to_string()]).output();
        let asked =
            fairway().args(["explain", "--service", "live", "--client", &client.to_string(), "--at", &admin]).output();
        for output in [on_files.await.unwrap(), asked.await.unwrap()] {
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
            assert!(text.contains(address) && text.contains("prefer"), "{text}");
        }
    }
    let said = dig(&node, &["nothing.fairway.test", "A"]).await;
    assert!(said.contains("status: NXDOMAIN") && said.contains("SOA"), "{said}");
    let said = dig(&node, &["example.net", "A"]).await;
    assert!(said.contains("status: REFUSED"), "{said}");
    let response = node.http.get(node.public("/v1/steer/nothing")).send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert!(response.json::<serde_json::Value>().await.unwrap()["error"].as_str().unwrap().contains("nothing"));
    node.stop().await;
}

#[tokio::test]
async fn good_beacons_are_kept_when_a_bad_one_comes_with_them() {
    let node = Node::run().await;
    let body = "e=ps,sid=\"mixed\",sn=1,sta=p,ts=1764752430000,v=2\nthis is not a record\ne=ps,sid=\"mixed\",sn=2,sta=p,ts=1764752431000,v=2\n";
    let url = node.public("/v1/beacons?service=live");
    let response = node.http.post(url).header("content-type", "application/cmcd").body(body).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let told: serde_json::Value = response.json().await.unwrap();
    assert!(told.to_string().contains('2'), "names the second record: {told}");
    let rows = "SELECT count() FROM beacons WHERE session = 'mixed'";
    wait_for("the two good ones", async || node.count(rows).await.filter(|n| *n == 2)).await;
    let metrics = node.http.get(node.admin("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("fairway_"), "{metrics}");
    node.stop().await;
}

#[tokio::test]
async fn a_broken_policy_is_refused_at_start_and_at_reload() {
    let port = free_port();
    let _cdns = healthy_cdns(port).await;
    let dir = prepare(port);
    let file = dir.path().join("policies/live.policy.toml");
    let good = fs::read_to_string(&file).unwrap();
    let broken = good.replacen("do = \"prefer\"", "do = \"prefre\"", 1);
    assert_ne!(good, broken);

    fs::write(&file, &broken).unwrap();
    let output = fairway().arg("run").arg("--config").arg(dir.path().join("fairway.toml")).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.contains("live.policy.toml:") && said.contains("prefre") && said.contains("prefer"), "{said}");

    fs::write(&file, &good).unwrap();
    let node = Node::start(dir, &["run"]).await;
    fs::write(&file, &broken).unwrap();
    let page = wait_for("the page to say so", async || {
        let page = node.http.get(node.admin("/")).send().await.ok()?.text().await.ok()?;
        page.contains("prefre").then_some(page)
    })
    .await;
    assert!(page.contains("live.policy.toml"));
    assert_eq!(node.resolve(GERMAN).await.unwrap().to_string(), "127.0.1.1", "the old policy stays");
    fs::write(&file, good.replace("\"127.0.1.1\"", "\"127.0.1.3\"")).unwrap();
    wait_for("the mended policy", async || node.resolve(GERMAN).await.filter(|a| a.to_string() == "127.0.1.3")).await;
    node.stop().await;
}

#[tokio::test]
async fn a_restart_answers_from_the_last_snapshot() {
    let node = Node::start(prepare(free_port()), &["run"]).await;
    wait_for("verdicts on dead CDNs", async || {
        let told = node.api("/api/v1/explain?service=live&client=193.99.144.80").await.to_string();
        told.contains("probes in a row failed").then_some(())
    })
    .await;
    let version = node.api("/api/v1/explain?service=live&client=193.99.144.80").await["snapshot"]["version"].clone();
    let dir = node.stop().await;
    let node = Node::start(dir, &["run"]).await;
    let told = node.api("/api/v1/explain?service=live&client=193.99.144.80").await;
    assert!(told["snapshot"]["version"].as_u64() > version.as_u64(), "{told}");
    assert!(told.to_string().contains("failed"), "the first answer already knows the verdicts: {told}");
    node.stop().await;
}

#[tokio::test]
async fn wrong_words_are_told_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("fairway.toml");
    fs::write(&config, "[http]\npublc = \"127.0.0.1:0\"\n").unwrap();
    let output = fairway().arg("run").arg("--config").arg(&config).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.contains("fairway.toml:2:1") && said.contains("public"), "{said}");

    let output =
        fairway().args(["run", "--show-config"]).env("FAIRWAY_HTTP__ADMIN", "127.0.0.1:9").output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("http.admin = \"127.0.0.1:9\"") && said.contains("# FAIRWAY_HTTP__ADMIN"), "{said}");

    let output = fairway().arg("rnu").output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));

    let output = fairway().arg("check").arg(root().join("policies")).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    fs::write(&config, "[geo]\ndatabases = [\"/nowhere/geo.mmdb\"]\n").unwrap();
    let output = fairway().arg("run").arg("--config").arg(&config).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("/nowhere/geo.mmdb") && said.contains("make setup"), "{said}");
}

#[tokio::test]
async fn demand_over_a_declared_share_of_capacity_is_told_to_autoscalers() {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel::<serde_json::Value>();
    let webhook = axum::Router::new().route(
        "/",
        axum::routing::post(async move |body: String| sender.send(serde_json::from_str(&body).unwrap()).unwrap()),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, webhook).await });

    let dir = prepare(free_port());
    let config = dir.path().join("fairway.toml");
    fs::write(
        &config,
        fs::read_to_string(&config).unwrap() + &format!("[triggers]\nwebhook = \"http://{address}/\"\n"),
    )
    .unwrap();
    let file = dir.path().join("policies/live.policy.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap().replacen("80 Mbit/s", "100 kbit/s", 1)).unwrap();
    let node = Node::start(dir, &["run"]).await;

    // One viewer who has played 4 Mbit/s from cdn-a for eight seconds: about 1 Mbit/s over the window.
    let now = chrono::Utc::now().timestamp_millis();
    let record = |sn: u32, event: &str, at: i64| {
        format!(
            "br=(4000),e={event},rc=200,sid=\"demand\",sn={sn},sta=p,ts={at},url=\"http://cdn-a.fairway.test/1.m4s\",v=2\n"
        )
    };
    let body = record(1, "rr", now - 9000) + &record(2, "ps", now - 8000) + &record(3, "t", now);
    let request = node.http.post(node.public("/v1/beacons?service=live")).header("content-type", "application/cmcd");
    assert_eq!(request.body(body).send().await.unwrap().status(), 204);

    let event = wait_for("the webhook to be called", async || events.try_recv().ok()).await;
    assert_eq!(event["specversion"], "1.0", "{event}");
    assert_eq!(event["type"], "dev.fairway.scaling.over", "{event}");
    assert_eq!(event["data"]["pathway"], "cdn-a", "{event}");
    assert_eq!(event["data"]["capacity"], 100_000, "{event}");
    let value = node.api("/api/v1/scaling/cdn-a?service=live").await["value"].as_f64().unwrap();
    assert!(value > 70_000.0, "what KEDA reads: {value}");
    let metrics = node.http.get(node.admin("/metrics")).send().await.unwrap().text().await.unwrap();
    let line = "fairway_demand_bits_per_second{service=\"live\",pathway=\"cdn-a\"} ";
    assert!(metrics.lines().any(|l| l.strip_prefix(line).is_some_and(|v| v != "0")), "{metrics}");
    let page = node.http.get(node.admin("/")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("caling") && page.contains("100 kbit/s"), "the page shows it");
    server.abort();
    node.stop().await;
}

#[tokio::test]
async fn a_hangup_reads_the_zones_again_or_keeps_the_old() {
    let node = Node::run().await;
    let zone = node.dir.path().join("policies/fairway.test.zone");
    let good = fs::read_to_string(&zone).unwrap();

    fs::write(&zone, good.clone() + "broken IN A not-an-address\n").unwrap();
    signal(node.listening.pid, "HUP").await;
    wait_for("the feed to say so", async || {
        let feed = node.api("/api/v1/overview?service=live").await["feed"].to_string();
        feed.contains("reload was refused").then(|| assert!(feed.contains("fairway.test.zone"), "{feed}"))
    })
    .await;
    assert!(dig(&node, &["www.fairway.test", "A"]).await.contains("status: NOERROR"), "the old zone stays");

    fs::write(&zone, good + "new IN A 192.0.2.7\n").unwrap();
    signal(node.listening.pid, "HUP").await;
    wait_for("the new record", async || {
        dig(&node, &["new.fairway.test", "A"]).await.contains("192.0.2.7").then_some(())
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn a_hangup_takes_up_keys_or_keeps_the_old() {
    let node = Node::run().await;
    let keys = node.dir.path().join("data/keys/fairway.test");
    let mut init = fairway();
    init.args(["dnssec", "init", "fairway.test", "--config"]).arg(node.dir.path().join("fairway.toml"));
    let init = init.output().await.unwrap();
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let signed = async || {
        let said = dig(&node, &["live.fairway.test", "A", "+dnssec"]).await;
        assert!(said.contains("status: NOERROR"), "{said}");
        said.contains("RRSIG\tA 13")
    };
    assert!(!signed().await, "nobody has told the node");
    signal(node.listening.pid, "HUP").await;
    wait_for("signatures", async || signed().await.then_some(())).await;
    assert!(dig(&node, &["fairway.test", "DNSKEY"]).await.contains("DNSKEY\t257 3 13"));

    let state = keys.join("state.toml");
    let good = fs::read_to_string(&state).unwrap();
    fs::write(&state, "key = 1\n").unwrap();
    signal(node.listening.pid, "HUP").await;
    wait_for("the feed to say so", async || {
        let feed = node.api("/api/v1/overview?service=live").await["feed"].to_string();
        feed.contains("state.toml").then(|| assert!(feed.contains("reload was refused"), "{feed}"))
    })
    .await;
    assert!(node.log().contains("nothing reloaded") && node.log().contains("state.toml"), "{}", node.log());
    assert!(signed().await, "the old keys stay");
    fs::write(&state, good).unwrap();
    node.stop().await;
}

#[tokio::test]
async fn a_check_of_a_node_reads_what_its_configuration_names() {
    let dir = prepare(free_port());
    let (config, zone) = (dir.path().join("fairway.toml"), dir.path().join("policies/fairway.test.zone"));
    let good = fs::read_to_string(&config).unwrap();
    let check = async |args: &[&str]| {
        let output = fairway().arg("check").arg("--config").arg(&config).args(args).output().await.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(check(&["--deny-warnings"]).await, (Some(0), String::new()));

    let tls = "[dns]\ntls = [\"127.0.0.1:0\"]\n";
    fs::write(&config, good.replace("[dns]\n", tls)).unwrap();
    let (code, said) = check(&[]).await;
    assert!(code == Some(65) && said.contains("`dns.tls` needs `dns.certificate`"), "{said}");
    let files = format!("{tls}certificate = \"/nowhere/c.pem\"\nkey = \"/nowhere/k.pem\"\n");
    fs::write(&config, good.replace("[dns]\n", &files)).unwrap();
    let (code, said) = check(&[]).await;
    assert!(code == Some(65) && said.contains("/nowhere/c.pem"), "{said}");
    // A node that is started says the same.
    let output = fairway().arg("run").arg("--config").arg(&config).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(65) && said.contains("/nowhere/c.pem"), "{said}");

    fs::write(&config, &good).unwrap();
    let served = fs::read_to_string(&zone).unwrap();
    fs::write(&zone, served.clone() + "child IN NS ns.child\n").unwrap();
    let (code, said) = check(&["--deny-warnings"]).await;
    assert!(code == Some(65) && said.contains("warning: ") && said.contains("has no address in this zone"), "{said}");
    assert_eq!(check(&[]).await.0, Some(0), "it would be served");
    fs::write(&zone, served.replace("@", "other.test.")).unwrap();
    assert_eq!(check(&[]).await.0, Some(65));
}
