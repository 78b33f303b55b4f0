//! A node as the programs see it that people ask name servers with: `dig` and `delv` of BIND, `kdig` of Knot, `ldns`, and NSD as
//! a secondary. What each reply must hold to is `dns/tests/wire`'s; here others judge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

#[path = "../support/mod.rs"]
mod support;
mod world;

use std::fs;

use tokio::process::Command;
use world::{KEY, Nsd, World, said};

#[tokio::test]
async fn kdig_asks_over_every_transport_that_it_knows() {
    let world = World::start("").await;
    let ca = format!("+tls-ca={}", world.file("cert.pem").display());
    let plain = world.node.listening.dns[0];
    for (server, over, told) in [
        (plain, &["+notcp"][..], "(UDP)"),
        (plain, &["+tcp"], "(TCP)"),
        (world.tls, &["+tls", &ca, "+tls-hostname=ns1.fairway.test"], "TLS session (TLS1.3)"),
        (world.https, &["+https", &ca, "+tls-hostname=ns1.fairway.test"], "HTTP/2"),
        (world.https, &["+https-get", &ca, "+tls-hostname=ns1.fairway.test"], "HTTP/2"),
    ] {
        let encrypted = server != plain;
        for (subnet, address, scope) in
            [("192.0.2.0/24", "192.0.2.10", "192.0.2.0/24/25"), ("192.0.2.200/32", "192.0.2.20", "192.0.2.200/32/25")]
        {
            let subnet = format!("+subnet={subnet}");
            let more = ["+nsid", "+padding=64", "+cookie", "+dnssec", &subnet, "live.fairway.test", "A"];
            let said = world.run_at("kdig", server, &[over, &more].concat()).await;
            for contains in [
                "status: NOERROR",
                "qr aa rd;",
                told,
                &format!("\tA\t{address}"),
                "\tRRSIG\tA ",
                &format!("CLIENT-SUBNET: {scope}"),
                "\"ns-a\"",
                "COOKIE: ",
                "UDP size: 1232 B",
            ] {
                assert!(said.contains(contains), "{over:?} {contains}: {said}");
            }
            assert_eq!(said.contains("PADDING: "), encrypted, "{over:?}: {said}");
            let size = said.split("Received ").nth(1).unwrap().split(' ').next().unwrap();
            assert_eq!(size.parse::<u32>().unwrap() % 468 == 0, encrypted, "RFC 8467 §4.1: {over:?}: {said}");
        }
        let said = world.run_at("kdig", server, &[over, &["+dnssec", "nothing.fairway.test", "A"]].concat()).await;
        assert!(said.contains("\\000.nothing.fairway.test."), "{over:?}: {said}");
    }
}

#[tokio::test]
async fn dig_is_content() {
    let world = World::start("").await;
    for (args, contains) in [
        (&["live.fairway.test", "A", "+subnet=192.0.2.200/24"][..], "CLIENT-SUBNET: 192.0.2.0/24/25"),
        (&["live.fairway.test", "A", "+subnet=0"], "CLIENT-SUBNET: 0.0.0.0/0/0"),
        (&["live.fairway.test", "HTTPS"], "alpn=\"h2\""),
        (&["fairway.test", "A", "+subnet=192.0.2.200/32"], "192.0.2.20"),
        (&["mx.fairway.test", "A", "+ednsopt=100:0102", "+ednsflags=0x40"], "192.0.2.55"),
        (&["mx.fairway.test", "A", "+edns=1", "+noednsnegotiation"], "status: BADVERS"),
        (&["mx.fairway.test", "A", "+edns=1"], "192.0.2.55"), // it asks again, with version 0
        (&["mx.fairway.test", "A", "+noedns", "+adflag", "+cdflag", "+zflag"], "192.0.2.55"),
        (&["mx.fairway.test", "A", "+cookie"], "(good)"),
        (&["mx.fairway.test", "A", "+nsid"], "(\"ns-a\")"),
        (&["mx.fairway.test", "A", "+tcp", "+keepalive"], "KEEPALIVE: 10.0 secs"),
        (&["mx.fairway.test", "A", "+opcode=notify"], "status: NOTIMP"),
        (&["mx.fairway.test", "TYPE1000"], "ANSWER: 0, AUTHORITY: 1"),
        (&["id.server", "CH", "TXT"], "\"ns-a\""),
        (&["version.bind", "CH", "TXT"], "status: REFUSED"),
        (&["example.net", "A"], "EDE: 20 (Not Authoritative)"),
        (&["gone.fairway.test", "A"], "status: NXDOMAIN"),
        (&["sub.fairway.test", "A"], "192.0.2.54"),
        (&["big.fairway.test", "TXT", "+noedns"], "(TCP)"), // truncated, and asked again
        (&["big.fairway.test", "TXT", "+noedns", "+ignore"], "flags: qr aa tc"),
        (&["fairway.test", "AXFR"], "; Transfer failed."),
        (&["fairway.test", "AXFR", "-y", KEY], "XFR size: "),
        (&["fairway.test", "IXFR=7", "-y", KEY], "XFR size: 1 records"),
    ] {
        let said = world.run("dig", args).await;
        assert!(said.contains(contains), "{args:?}: {said}");
        for complaint in ["malformed", "mismatch", "Warning", "extra", "verify", "bogus", "FORMERR"] {
            assert!(!said.contains(complaint), "{args:?}: {said}");
        }
    }
}

#[tokio::test]
async fn over_the_rate_dig_learns_a_cookie_and_is_answered() {
    let world = World::start("rate = { per_second = 1, burst = 1, slip = 0, exempt = [] }").await;
    let ask = &["mx.fairway.test", "A", "+tries=1", "+timeout=1"];
    assert!(world.run("dig", &[ask, &["+nocookie"][..]].concat()).await.contains("192.0.2.55"));
    let mut refused = 0;
    for _ in 0..10 {
        let args = [ask, &["+cookie=0102030405060708", "+showbadcookie"][..]].concat();
        let said = world.run("dig", &args).await;
        assert!(said.contains("192.0.2.55"), "{said}");
        refused += usize::from(said.contains("BADCOOKIE"));
    }
    assert!(refused > 0, "the limit was never met");
}

#[tokio::test]
async fn delv_validates_from_our_key_and_ldns_the_zone_that_is_handed_over() {
    let world = World::start("").await;
    let [_, _, _, tag, algorithm, kind, digest] = world.ds.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{}", world.ds)
    };
    let anchor = format!("trust-anchors {{ fairway.test. static-ds {tag} {algorithm} {kind} \"{digest}\"; }};\n");
    fs::write(world.file("anchor"), anchor).unwrap();
    let file = world.file("anchor").display().to_string();
    let (is, is_not) = ("; fully validated", "; negative response, fully validated");
    for (name, rtype, told) in [
        ("mx.fairway.test", "A", is),
        ("live.fairway.test", "A", is),
        ("live.fairway.test", "HTTPS", is),
        ("www.fairway.test", "AAAA", is),
        ("fairway.test", "A", is),
        ("fairway.test", "SOA", is),
        ("fairway.test", "DNSKEY", is),
        ("x.y.wild.fairway.test", "TXT", is),
        ("x.wild.fairway.test", "A", is_not),
        ("mx.fairway.test", "AAAA", is_not),
        ("nothing.fairway.test", "A", is_not),
        ("down.fairway.test", "A", is_not),
        ("fairway.test", "MX", is_not),
        ("sub.fairway.test", "DS", is_not),
    ] {
        let said = world.run("delv", &["+root=fairway.test", "-a", &file, name, rtype]).await;
        assert!(said.contains(told), "{name} {rtype}: {said}");
    }

    let zone = world.run("dig", &["-y", KEY, "fairway.test", "AXFR", "+onesoa"]).await;
    let records = |line: &&str| !line.is_empty() && !line.starts_with(';') && !line.contains("\tTSIG\t");
    let zone: String = zone.lines().filter(records).map(|line| format!("{line}\n")).collect();
    assert!(zone.contains("192.0.2.55") && !zone.contains("192.0.2.10"), "steered names are not handed over: {zone}");
    let (at, ds) = (world.file("zone"), world.file("ds"));
    fs::write(&at, &zone).unwrap();
    fs::write(&ds, &world.ds).unwrap();
    let verify = || Command::new("ldns-verify-zone");
    let (good, told) = said(verify().arg("-k").args([&ds, &at])).await;
    assert!(good, "{told}\n{zone}");
    fs::write(&at, zone.replace("192.0.2.55", "192.0.2.66")).unwrap();
    assert!(!said(verify().arg("-k").args([&ds, &at])).await.0, "a forged zone verifies");
}

#[tokio::test]
async fn nsd_takes_the_zone_and_takes_it_again_when_it_is_told() {
    let world = World::start("").await;
    let nsd = Nsd::start(&world);
    nsd.says(&world, "mx.fairway.test", "A", "192.0.2.55").await;
    nsd.says(&world, "mx.fairway.test", "A", "RRSIG").await;
    // Without the notice it would ask an hour later.
    world.change_zone(|zone| zone.replace("( 7 3600", "( 8 3600").replace("192.0.2.55", "192.0.2.56")).await;
    nsd.says(&world, "mx.fairway.test", "A", "192.0.2.56").await;
    nsd.says(&world, "fairway.test", "SOA", " 8 3600 ").await;
    nsd.stop().await;
}
