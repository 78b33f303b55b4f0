//! Response-rate limiting and the cap on amplification, seen from outside.

use std::time::Duration;

use fairway_dns::{Options, limit::Limits};
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    ask::ask,
    cases::world,
    told::Told,
    transports::{Client, Over},
    world::World,
};

const SENT: usize = 60;

/// Asks many times at once; gives how many replies were whole, and how many cut.
async fn flood(world: &World, line: &str) -> (usize, usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(world.address).await.unwrap();
    let query = ask(line);
    for _ in 0..SENT {
        socket.send(&query.bytes).await.unwrap();
    }
    let mut last = ask("example.net. A").bytes; // REFUSED, which is limited apart
    last[..2].copy_from_slice(b"no");
    socket.send(&last).await.unwrap();
    let (mut whole, mut cut) = (0, 0);
    loop {
        let mut reply = vec![0; 2000];
        let length = timeout(Duration::from_secs(5), socket.recv(&mut reply)).await.expect("the last reply").unwrap();
        reply.truncate(length);
        if reply.starts_with(b"no") {
            return (whole, cut);
        }
        let reply = Told::read(reply);
        reply.lawful(&query, Over::Udp).unwrap();
        *if reply.truncated() { &mut cut } else { &mut whole } += 1;
    }
}

async fn limited(slip: u8) -> World {
    let change = move |options: &mut Options| {
        options.rates = Limits { per_second: 1, burst: 5, slip, exempt: Vec::new(), amplification: 0 };
    };
    world(change).await
}

#[tokio::test]
async fn what_is_over_the_rate_is_dropped_or_cut() {
    for (slip, cut_of) in [(0, 0), (1, 1), (2, 2), (3, 3)] {
        let world = limited(slip).await;
        for line in
            ["mx.fairway.test. A edns", "mx.fairway.test. AAAA", "nothing.fairway.test. A", "x.sub.fairway.test. A"]
        {
            let (whole, cut) = flood(&world, line).await;
            assert!((5..=10).contains(&whole), "slip {slip}, {line}: {whole} of {SENT} were whole, {cut} cut");
            let expected = (SENT - whole).checked_div(cut_of).unwrap_or(0);
            assert!(cut.abs_diff(expected) <= 2, "slip {slip}, {line}: {whole} were whole, {cut} cut");
        }
        let client = Client::of(&world);
        for over in [Over::Tcp, Over::Tls, Over::Https, Over::Quic] {
            for _ in 0..8 {
                let query = ask("mx.fairway.test. A").over(over);
                let reply = Told::read(client.ask(over, &query.bytes).await.expect("a reply"));
                assert_eq!(reply.text().len(), 2, "{over:?} is not limited");
            }
        }
    }
}

#[tokio::test]
async fn a_flood_of_one_kind_does_not_cost_another() {
    let world = limited(0).await;
    assert!(flood(&world, "nothing.fairway.test. A").await.0 < SENT);
    // Denials of all names of a zone are one subject, its data are another.
    assert!(flood(&world, "another.fairway.test. A").await.0 <= 5);
    assert!(flood(&world, "mx.fairway.test. A").await.0 >= 5);
}

#[tokio::test]
async fn who_is_exempt_is_never_limited() {
    let world = world(|options| {
        let exempt = vec!["127.0.0.0/8".parse().unwrap()];
        options.rates = Limits { per_second: 1, burst: 1, slip: 0, exempt, amplification: 0 };
    })
    .await;
    assert_eq!(flood(&world, "mx.fairway.test. A").await, (SENT, 0));
}

#[tokio::test]
async fn no_reply_is_more_than_so_many_times_its_query() {
    let world =
        world(|options| options.rates = Limits { exempt: Vec::new(), amplification: 10, ..Limits::default() }).await;
    let client = Client::of(&world);
    for line in [
        "large.fairway.test. TXT edns",
        "mail.fairway.test. MX edns",
        "nothing.fairway.test. A edns",
        "huge.fairway.test. TXT",
    ] {
        let query = ask(line);
        let reply = Told::read(client.ask(Over::Udp, &query.bytes).await.unwrap());
        assert!(reply.bytes.len() <= 10 * query.bytes.len(), "{line}");
        assert_eq!(reply.truncated(), line.contains("TXT"), "{line}");
        let reply = Told::read(client.ask(Over::Tcp, &query.bytes).await.unwrap());
        assert!(!reply.truncated(), "{line}");
    }
}
