//! Zones for secondaries, over the wire: who may have one, over what, signed by which key, and what is in it.

use std::{fs, process::Output};

use chrono::Utc;
use fairway_dns::{
    Options,
    dnssec::{Algorithm, ZoneKeys},
    transfer::Secondary,
    tsig::KeySettings,
};
use hickory_proto::rr::Name;
use tokio::process::Command;

use crate::{cases::world, world::World};

const SECRET: &str = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
const GOOD: &str = "hmac-sha256:k:c2VjcmV0IHNlY3JldCBzZWNyZXQ=";

fn shared(options: &mut Options) {
    let name = Name::from_ascii("k.").unwrap();
    options.tsig.push(KeySettings { name: name.clone(), algorithm: "hmac-sha256".into(), secret: SECRET.into() });
    options.secondaries.push(Secondary {
        zones: "fairway.test".into(),
        notify: Vec::new(),
        source: None,
        allow: Vec::new(),
        key: Some(name),
    });
}

/// What a program says to these arguments, whether it succeeds or not.
async fn run(program: &str, world: &World, args: &[&str]) -> String {
    let port = world.address.port().to_string();
    let Output { stdout, stderr, .. } =
        Command::new(program).args(["@127.0.0.1", "-p", &port]).args(args).output().await.expect(program);
    String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned()
}

#[tokio::test]
async fn a_key_signs_ordinary_queries_too() {
    let world = world(shared).await;
    for program in ["dig", "kdig"] {
        for how in ["+notcp", "+tcp"] {
            for name in
                ["mx.fairway.test", "nothing.fairway.test", "live.fairway.test", "x.sub.fairway.test", "example.net"]
            {
                let said = run(program, &world, &["-y", GOOD, how, name, "A"]).await;
                assert!(said.contains("TSIG") && said.contains("hmac-sha256"), "{program} {name}: {said}");
                let verified = !said.to_lowercase().contains("verify") && !said.contains(";; ERROR");
                assert!(verified && !said.contains("WARNING: TSIG"), "{program} {name}: {said}");
            }
        }
        // RFC 8945 §5.2.1 and §5.2.2: BADKEY and BADSIG, both with NOTAUTH, and not signed.
        for (key, error) in [
            ("hmac-sha256:other:c2VjcmV0IHNlY3JldCBzZWNyZXQ=", "BADKEY"),
            ("hmac-sha512:k:c2VjcmV0IHNlY3JldCBzZWNyZXQ=", "BADKEY"),
            ("hmac-sha256:k:YW5vdGhlciBzZWNyZXQgYW5vdGhlcg==", "BADSIG"),
        ] {
            let said = run(program, &world, &["-y", key, "mx.fairway.test", "A"]).await;
            // kdig tells of the TSIG's error alone.
            assert!(said.contains(error) && (program == "kdig" || said.contains("NOTAUTH")), "{program} {key}: {said}");
            assert!(!said.contains("192.0.2.55"), "{program} {key}: {said}");
        }
    }
}

#[tokio::test]
async fn a_zone_is_for_who_has_the_key() {
    let world = world(shared).await;
    for (program, args) in [("dig", &["AXFR"][..]), ("kdig", &["AXFR"]), ("dig", &["IXFR=6"]), ("kdig", &["IXFR=6"])] {
        let said = run(program, &world, &[&["-y", GOOD, "fairway.test"], args].concat()).await;
        let soas = said.lines().filter(|line| line.contains("\tSOA\t")).count();
        assert_eq!(soas, 2, "RFC 5936 §2.2, RFC 1995 §4: {program} {args:?}: {said}");
        // Steered names are decisions, and no record can say those.
        assert!(said.contains("192.0.2.55") && !said.contains("192.0.2.10"), "{said}");
        assert!(!said.contains("a.steered.fairway.test"), "{said}");
    }
    for args in [&["IXFR=7"][..], &["IXFR=8"]] {
        let said = run("dig", &world, &[&["-y", GOOD, "+tcp", "fairway.test"], args].concat()).await;
        let records = said.lines().filter(|line| !line.starts_with(';') && line.contains("\tIN\t")).count();
        assert_eq!(records, 1, "RFC 1995 §2: {args:?}: {said}");
    }
    let port = world.bound.iter().find(|bound| format!("{:?}", bound.service) == "Tls").unwrap().address.port();
    let said = run("kdig", &world, &["-p", &port.to_string(), "+tls", "-y", GOOD, "fairway.test", "AXFR"]).await;
    assert!(said.contains("192.0.2.55"), "RFC 9103: {said}");

    for args in [
        &["fairway.test", "AXFR"][..],
        &["-y", "hmac-sha256:k:YW5vdGhlciBzZWNyZXQgYW5vdGhlcg==", "fairway.test", "AXFR"],
        &["-y", GOOD, "example", "AXFR"],
        &["-y", GOOD, "mx.fairway.test", "AXFR"],
    ] {
        let said = run("dig", &world, args).await;
        assert!(said.contains("; Transfer failed.") && !said.contains("192.0.2.55"), "{args:?}: {said}");
    }
}

#[tokio::test]
async fn a_signed_zone_that_is_handed_over_verifies() {
    for algorithm in Algorithm::ALL {
        let mut anchor = Vec::new();
        let world = world(|options| {
            shared(options);
            let keys = ZoneKeys::init(&options.data_dir, "fairway.test", algorithm, Utc::now()).unwrap();
            anchor = keys.status(Utc::now()).ds;
        })
        .await;
        let said = run("dig", &world, &["-y", GOOD, "fairway.test", "AXFR"]).await;
        let records = said.lines().filter(|line| !line.starts_with(';') && !line.contains("\tTSIG\t"));
        let mut records: Vec<_> = records.collect();
        records.pop_if(|last| last.is_empty());
        let (zone, ds) = (world.folder.path().join("handed-over"), world.folder.path().join("anchor"));
        // The SOA is there twice, first and last.
        let last = records.iter().rposition(|line| line.contains("\tSOA\t")).unwrap();
        records.remove(last);
        fs::write(&zone, records.join("\n") + "\n").unwrap();
        fs::write(&ds, anchor.join("\n") + "\n").unwrap();
        let checked = Command::new("ldns-verify-zone").arg("-k").args([&ds, &zone]).output().await;
        let checked = checked.expect("ldns-verify-zone, of Debian's ldnsutils: xtask/setup.sh test");
        let told = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
        assert!(checked.status.success(), "{algorithm:?}: {told}");

        // One address is another than the one that was signed.
        fs::write(&zone, records.join("\n").replace("192.0.2.55", "192.0.2.66") + "\n").unwrap();
        let checked = Command::new("ldns-verify-zone").arg("-k").args([&ds, &zone]).output().await.unwrap();
        assert!(!checked.status.success());
    }
}
