//! Conformance: files of cases, each of which says what holds, which RFC says so, what is asked and all that is told.
//!
//! ```text
//! # a type that nobody knows is no data (RFC 8906 §8.1.2)
//! over udp tcp
//! ? fairway.test. TYPE1000 edns
//! NOERROR aa
//! authority fairway.test. 60 SOA …
//! ```
//! Each line with `?` is asked (see `ask`); the lines below are the whole reply (see `told`), or `nothing` where none comes,
//! beside what holds for every reply (`Told::lawful`). Without `over` it is asked over all five transports. A `$NAME` in
//! an expected line stands for what [`LONG`] says. Cases stand apart by empty lines; a line that begins with `;` is a remark.

use std::fmt::Write;

use chrono::Utc;
use fairway_dns::{
    Options,
    dnssec::{Algorithm, ZoneKeys},
    settings::Subnets,
    transfer::Secondary,
};

use crate::{
    ask::ask,
    told::Told,
    transports::{Client, Over, on_every_transport},
    world::{World, ZONE},
};

/// What cases would repeat.
const LONG: [(&str, &str); 1] =
    [("$SOA", "authority fairway.test. 60 SOA ns1.fairway.test. admin.fairway.test. 7 3600 900 604800 60")];

struct Case<'t> {
    line: usize,
    what: &'t str,
    over: Vec<Over>,
    asked: Vec<&'t str>,
    told: Vec<String>,
}

fn read(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if let Some(what) = line.strip_prefix("# ") {
            assert!(what.contains("RFC ") || what.contains("ours"), "line {number} does not say who says so");
            cases.push(Case { line: number, what, over: Over::ALL.into(), asked: vec![], told: vec![] });
            open = true;
        } else if line.is_empty() {
            open = false;
        } else if !line.starts_with(';') {
            let case = cases.last_mut().filter(|_| open).unwrap_or_else(|| panic!("line {number} is of no case"));
            if let Some(over) = line.strip_prefix("over ") {
                case.over = over.split(' ').map(Over::named).collect();
            } else if let Some(asked) = line.strip_prefix("? ") {
                case.asked.push(asked);
            } else {
                let expand = |line: String, (name, long): (&str, &str)| line.replace(name, long);
                case.told.push(LONG.into_iter().fold(line.to_owned(), expand));
            }
        }
    }
    cases
}

/// Asks all that a file says; fails with all that is not as it says.
async fn hold(world: &World, text: &str) {
    let client = Client::of(world);
    let (mut wrong, mut asked) = (String::new(), 0);
    for Case { line, what, over, asked: queries, told } in read(text) {
        assert!(!queries.is_empty() && !told.is_empty(), "line {line}: nothing asked, or nothing told");
        for (query, over) in queries.iter().flat_map(|query| over.iter().map(move |over| (query, *over))) {
            let ask = ask(query).over(over);
            let (text, lawful) = match client.ask(over, &ask.bytes).await.map(Told::read) {
                None => (vec!["nothing".to_owned()], Ok(())),
                Some(reply) => (reply.text(), reply.lawful(&ask, over)),
            };
            asked += 1;
            if text != told || lawful.is_err() {
                let lawful = lawful.err().unwrap_or_default();
                writeln!(wrong, "line {line}, {over:?}: {what}\n  ? {query}\n  {}\n  {lawful}", text.join("\n  "))
                    .unwrap();
            }
        }
    }
    assert!(wrong.is_empty() && asked > 0, "{wrong}");
}

/// A server on every transport; no cap on amplification, which would cut replies that cases want to see.
pub async fn world(change: impl FnOnce(&mut Options)) -> World {
    let text = |count| (0..count).map(|_| format!(" \"{}\"", "x".repeat(199))).collect::<String>();
    let chain: String = (1..12).map(|n| format!("chain{n} CNAME chain{}\n", n + 1)).collect();
    let more = include_str!("cases/zone.txt");
    let zone = format!("{ZONE}{more}{chain}large TXT {}\nhuge TXT {}\n", text(4), text(10));
    World::with(&zone, |options| {
        on_every_transport(options);
        options.rates.amplification = 0;
        options.settings.identity = "ns-a".into();
        options.settings.version = "one".into();
        let others = [("example", include_str!("cases/example.txt")), ("small.test", include_str!("cases/small.txt"))];
        for (origin, text) in others {
            std::fs::write(options.zones.join(format!("{origin}.zone")), text).unwrap();
        }
        change(options);
    })
    .await
}

#[tokio::test]
async fn messages_are_as_rfc_8906_and_others_say() {
    hold(&world(|_| ()).await, include_str!("cases/messages.cases")).await;
}

#[tokio::test]
async fn edns_is_as_rfc_6891_and_others_say() {
    hold(&world(|_| ()).await, include_str!("cases/edns.cases")).await;
}

#[tokio::test]
async fn client_subnets_are_as_rfc_7871_says() {
    hold(&world(|_| ()).await, include_str!("cases/subnets.cases")).await;
}

#[tokio::test]
async fn who_is_not_believed_is_answered_as_if_he_had_told_no_subnet() {
    let text = include_str!("cases/disbelieved.cases");
    hold(&world(|options| options.settings.subnets = Subnets::Nobody).await, text).await;
    let elsewhere = vec!["192.0.2.0/24".parse().unwrap(), "::1/128".parse().unwrap()];
    hold(&world(|options| options.settings.subnets = Subnets::Only(elsewhere)).await, text).await;
    let here = vec!["127.0.0.0/8".parse().unwrap()];
    let believed = world(|options| options.settings.subnets = Subnets::Only(here)).await;
    hold(&believed, include_str!("cases/subnets.cases")).await;
}

#[tokio::test]
async fn names_are_looked_up_as_rfc_1034_and_others_say() {
    hold(&world(|_| ()).await, include_str!("cases/names.cases")).await;
}

#[tokio::test]
async fn signed_zones_are_as_rfc_4035_and_9824_say() {
    for algorithm in Algorithm::ALL {
        let signed = |options: &mut Options| {
            ZoneKeys::init(&options.data_dir, "fairway.test", algorithm, Utc::now()).unwrap();
        };
        hold(&world(signed).await, include_str!("cases/signed.cases")).await;
    }
}

#[tokio::test]
async fn zones_are_handed_over_as_rfc_5936_and_1995_say() {
    let here = |zones: &str| Secondary {
        zones: zones.into(),
        notify: Vec::new(),
        source: None,
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        key: None,
    };
    let secondaries = vec![here("fairway.test"), here("small.test")];
    hold(&world(|options| options.secondaries = secondaries).await, include_str!("cases/transfers.cases")).await;
}

#[tokio::test]
async fn why_is_told_to_configured_networks_alone() {
    hold(&world(|_| ()).await, "# not by default (ours)\n? _fairway.live.fairway.test. TXT\nNXDOMAIN aa\n$SOA\n").await;
    let here = vec!["127.0.0.0/8".parse().unwrap()];
    hold(&world(|options| options.settings.debug = here).await, include_str!("cases/why.cases")).await;
}
