//! Signed answers, validated by `delv`, which is BIND's validator: what it takes, and that it takes nothing forged.

use std::fs;

use chrono::Utc;
use fairway_dns::{
    Options,
    dnssec::{Algorithm, ZoneKeys},
};
use tokio::process::Command;

use crate::{cases::world, world::World};

/// A zone below ours, signed too, whose DS is in ours; and one that is not signed.
fn families(options: &Options, algorithm: Algorithm) -> (String, String) {
    let now = Utc::now();
    let init = |zone: &str| ZoneKeys::init(&options.data_dir, zone, algorithm, now).unwrap().status(now).ds;
    let (ours, child) = (init("fairway.test"), init("child.fairway.test"));
    let zone = options.zones.join("fairway.test.zone");
    let delegations = format!("child NS ns1\nlone NS ns1\n{}\n", child.join("\n"));
    fs::write(&zone, fs::read_to_string(&zone).unwrap() + &delegations).unwrap();
    let below =
        "$TTL 60\n@ SOA ns1.fairway.test. a 1 3600 900 604800 60\n NS ns1.fairway.test.\nx A 192.0.2.90\n* TXT \"w\"\n";
    for zone in ["child", "lone"] {
        fs::write(options.zones.join(format!("{zone}.fairway.test.zone")), below).unwrap();
    }
    // `NAME IN DS TAG ALGORITHM DIGEST-TYPE DIGEST`
    let [_, _, _, tag, number, kind, digest] = ours[0].split_whitespace().collect::<Vec<_>>()[..] else { panic!() };
    let anchor =
        |digest: &str| format!("trust-anchors {{ fairway.test. static-ds {tag} {number} {kind} \"{digest}\"; }};\n");
    let other: String = digest.chars().rev().collect();
    (anchor(digest), anchor(&other))
}

async fn delv(world: &World, anchor: &str, args: &[&str]) -> String {
    let (file, port) = (world.folder.path().join("anchor"), world.address.port().to_string());
    fs::write(&file, anchor).unwrap();
    let mut command = Command::new("delv");
    command.args(["@127.0.0.1", "-p", &port, "+root=fairway.test", "-a"]).arg(file).args(args);
    let output = command.output().await.expect("delv, of Debian's bind9-dnsutils: xtask/setup.sh test");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test]
async fn delv_validates_what_there_is_and_what_there_is_not() {
    for algorithm in Algorithm::ALL {
        let mut anchors = Default::default();
        let world = world(|options| anchors = families(options, algorithm)).await;
        let (good, bad) = anchors;
        let (is, is_not) = ("; fully validated", "; negative response, fully validated");
        for (name, rtype, told, contains) in [
            // RFC 4035 §5.3: data, decisions, chains, the apex.
            ("mx.fairway.test", "A", is, "192.0.2.55"),
            ("live.fairway.test", "A", is, "192.0.2.10"),
            ("live.fairway.test", "TXT", is, "static, beside"),
            ("alias.fairway.test", "AAAA", is, "2001:db8::10"),
            ("far.fairway.test", "CNAME", is, "cdn.example.net."),
            ("named.fairway.test", "CNAME", is, "cdn.example.net."),
            ("service.fairway.test", "HTTPS", is, "alpn=\"h3,h2\""),
            ("fairway.test", "SOA", is, "admin.fairway.test."),
            ("fairway.test", "NS", is, "ns.example.net."),
            ("fairway.test", "DNSKEY", is, "257 3"),
            ("mx.fairway.test", "NSEC", is, "NSEC"),
            ("down.fairway.test", "NSEC", is, "NSEC"),
            ("nothing.fairway.test", "NSEC", is, "TYPE128"),
            ("x.wild.fairway.test", "NSEC", is, "\\000.x.wild"),
            // RFC 4035 §5.3.4: wildcards.
            ("x.wild.fairway.test", "A", is, "192.0.2.60"),
            ("x.y.z.wild.fairway.test", "TXT", is, "wild"),
            ("x.walias.fairway.test", "A", is, "192.0.2.10"),
            // RFC 9824 §3: no such type, no such name, an empty non-terminal, a wildcard without the type.
            ("mx.fairway.test", "AAAA", is_not, "mx.fairway.test"),
            ("mx.fairway.test", "TYPE1000", is_not, "mx.fairway.test"),
            ("nothing.fairway.test", "A", is_not, "nothing.fairway.test"),
            ("a.b.c.nothing.fairway.test", "TXT", is_not, "nothing.fairway.test"),
            ("down.fairway.test", "A", is_not, "down.fairway.test"),
            ("x.wild.fairway.test", "AAAA", is_not, "x.wild.fairway.test"),
            ("a.steered.fairway.test", "AAAA", is_not, "a.steered.fairway.test"),
            ("gone.fairway.test", "CNAME", is, "nothing.fairway.test."),
            ("\\255.fairway.test", "A", is_not, "\\255.fairway.test"),
            ("toempty.fairway.test", "A", is, "; down.fairway.test. RRSIG NSEC"),
            ("gone.fairway.test", "A", is, "; nothing.fairway.test. RRSIG NSEC"),
            // RFC 4035 §3.1.4.1: delegations.
            ("child.fairway.test", "DS", is, "DS"),
            ("secure.fairway.test", "DS", is, "12345 13 2"),
            ("lone.fairway.test", "DS", is_not, "lone.fairway.test"),
            ("sub.fairway.test", "DS", is_not, "sub.fairway.test"),
            ("x.child.fairway.test", "A", is, "192.0.2.90"),
            ("y.child.fairway.test", "TXT", is, "\"w\""),
            ("x.child.fairway.test", "AAAA", is_not, "x.child.fairway.test"),
            ("x.lone.fairway.test", "A", "; unsigned answer", "192.0.2.90"),
        ] {
            let said = delv(&world, &good, &[name, rtype]).await;
            assert!(said.contains(told) && said.contains(contains), "{algorithm:?} {name} {rtype}: {said}");
        }
        for (name, rtype) in [
            ("mx.fairway.test", "A"),
            ("mx.fairway.test", "AAAA"),
            ("nothing.fairway.test", "A"),
            ("x.wild.fairway.test", "A"),
            ("lone.fairway.test", "DS"),
        ] {
            let said = delv(&world, &bad, &[name, rtype]).await;
            assert!(!said.contains(is) && !said.contains(is_not), "{algorithm:?} {name} {rtype}: {said}");
        }
    }
}
