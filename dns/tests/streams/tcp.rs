//! RFC 7766 over TCP.

use fairway_dns::{
    Transport,
    server::limits::{Closed, Limits},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{Fake, LONG, SHORT, World, connect, next, query, query_of, replies_to, run, until};

#[tokio::test]
async fn a_hundred_queries_in_one_segment_are_all_answered() {
    let world = World::new(Limits::default());
    let mut tcp = connect(world.tcp).await;
    let queries: Vec<u8> = (0..100).flat_map(query).collect();
    tcp.write_all(&queries).await.unwrap();
    replies_to(&mut tcp, 0..100).await;
    tcp.write_all(&query(100)).await.unwrap();
    replies_to(&mut tcp, 100..101).await;
}

#[tokio::test]
async fn queries_octet_by_octet_are_answered() {
    let world = World::new(Limits::default());
    let mut tcp = connect(world.tcp).await;
    tcp.set_nodelay(true).unwrap();
    for id in 0..20 {
        for octet in query(id) {
            tcp.write_all(&[octet]).await.unwrap();
            tokio::task::yield_now().await;
        }
    }
    replies_to(&mut tcp, 0..20).await;
}

#[tokio::test]
async fn a_query_of_the_longest_length_is_read_whole() {
    let world = World::new(Limits::default());
    let mut tcp = connect(world.tcp).await;
    let mut long = query(7);
    long[..2].copy_from_slice(&u16::MAX.to_be_bytes());
    long.resize(2 + 65_535, 0);
    tcp.write_all(&long).await.unwrap();
    tcp.write_all(&query(8)).await.unwrap();
    replies_to(&mut tcp, 7..9).await;
}

#[tokio::test]
async fn a_client_that_closes_its_half_gets_its_replies_first() {
    let world = World::new(Limits::default());
    let mut tcp = connect(world.tcp).await;
    tcp.write_all(&(0..50).flat_map(query).collect::<Vec<u8>>()).await.unwrap();
    tcp.shutdown().await.unwrap();
    replies_to(&mut tcp, 0..50).await;
    assert_eq!(next(&mut tcp).await, None);
    world.closed(Transport::Tcp, Closed::ByClient, 1).await;
}

#[tokio::test]
async fn a_length_under_twelve_closes_after_the_replies_to_what_came_before() {
    let world = World::new(Limits::default());
    let mut tcp = connect(world.tcp).await;
    tcp.write_all(&[query(1), vec![0, 11]].concat()).await.unwrap();
    replies_to(&mut tcp, 1..2).await;
    assert_eq!(next(&mut tcp).await, None);
    world.closed(Transport::Tcp, Closed::Malformed, 1).await;
}

#[tokio::test]
async fn what_has_no_reply_leaves_the_connection_open() {
    let world = World::new(Limits::default());
    let mut tcp = connect(world.tcp).await;
    let mut response = query(1);
    response[4] = 0x80;
    tcp.write_all(&[response, query(2)].concat()).await.unwrap();
    replies_to(&mut tcp, 2..3).await;
}

#[tokio::test]
async fn a_transfer_waits_for_its_reader_and_then_comes_whole_and_in_order() {
    let fake = Fake { messages: 500, size: 60_000, ..Fake::default() };
    let made = fake.made.clone();
    let world = World::answering(Limits { write: LONG, ..Limits::default() }, fake);
    let mut tcp = connect(world.tcp).await;
    tcp.write_all(&[query(1), query_of(9, 252), query(2)].concat()).await.unwrap();
    replies_to(&mut tcp, 1..2).await;
    // It is made until the kernel's buffers are full, and no further.
    let count = || made.load(std::sync::atomic::Ordering::Relaxed);
    let mut before = u64::MAX;
    let mut still = 0;
    until(|| {
        still = if count() == before { still + 1 } else { 0 };
        before = count();
        still > 100
    })
    .await;
    assert!(count() < 500, "all was made though nothing was read");
    for number in 0..500u64 {
        let message = next(&mut tcp).await.unwrap();
        assert_eq!((message.len(), &message[..2]), (60_000, &[0, 9][..]));
        assert_eq!(message[2..10], number.to_be_bytes());
    }
    replies_to(&mut tcp, 2..3).await;
}

#[tokio::test]
async fn who_does_not_read_a_transfer_is_cut_and_its_turn_is_anothers() {
    let fake = Fake { messages: 500, size: 60_000, ..Fake::default() };
    let world = World::answering(Limits { write: SHORT, transfers: 1, idle: LONG, ..Limits::default() }, fake);
    let mut deaf = connect(world.tcp).await;
    deaf.write_all(&query_of(1, 252)).await.unwrap();
    until(|| world.counters.transfers.load(std::sync::atomic::Ordering::Relaxed) == 1).await;
    let mut other = connect(world.tcp).await;
    other.write_all(&query_of(2, 251)).await.unwrap();
    for _ in 0..500 {
        assert_eq!(next(&mut other).await.unwrap()[..2], [0, 2]);
    }
    world.closed(Transport::Tcp, Closed::Unread, 1).await;
}

#[tokio::test]
async fn a_transfer_whose_turn_does_not_come_is_closed() {
    let fake = Fake { messages: 500, size: 60_000, ..Fake::default() };
    let world = World::answering(Limits { write: LONG, transfers: 1, idle: SHORT, ..Limits::default() }, fake);
    let mut first = connect(world.tcp).await;
    first.write_all(&query_of(1, 252)).await.unwrap();
    assert!(next(&mut first).await.is_some());
    let mut second = connect(world.tcp).await;
    second.write_all(&query_of(2, 252)).await.unwrap();
    assert_eq!(next(&mut second).await, None);
    world.closed(Transport::Tcp, Closed::Crowded, 1).await;
}

#[tokio::test]
async fn what_was_sent_before_the_server_stops_is_answered_and_then_it_closes() {
    let world = World::new(Limits { idle: LONG, ..Limits::default() });
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut tcp = connect(world.tcp).await;
        tcp.write_all(&query(0)).await.unwrap();
        replies_to(&mut tcp, 0..1).await;
        tcp.write_all(&(1..50).flat_map(query).collect::<Vec<u8>>()).await.unwrap();
        clients.push(tcp);
    }
    world.stop.cancel();
    for tcp in &mut clients {
        replies_to(tcp, 1..50).await;
        assert_eq!(next(tcp).await, None);
    }
    tokio::time::timeout(LONG, world.listeners.finish()).await.unwrap();
    assert_eq!(world.counters.of(Transport::Tcp).closed(Closed::Stopped), 10);
    assert!(tokio::net::TcpStream::connect(world.tcp).await.is_err());
}

#[tokio::test]
async fn who_does_not_read_cannot_hold_up_the_stop() {
    let fake = Fake { messages: 500, size: 60_000, ..Fake::default() };
    let world = World::answering(Limits { write: LONG * 10, grace: SHORT, ..Limits::default() }, fake);
    let mut deaf = connect(world.tcp).await;
    deaf.write_all(&query_of(1, 252)).await.unwrap();
    assert_ne!(deaf.read_u8().await.ok(), None);
    world.stop.cancel();
    tokio::time::timeout(LONG, world.listeners.finish()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kdig_keeps_a_connection_open() {
    let world = World::new(Limits::default());
    let (port, name) = (world.tcp.port().to_string(), "w.example");
    let args = ["@127.0.0.1", "-p", &port, "+tcp", "+keepopen", name, "A", name, "A"];
    let (output, text) = run("kdig", &args).await;
    assert!(output.status.success() && text.matches("192.0.2.1").count() == 2, "{text}");
    assert_eq!(world.counters.of(Transport::Tcp).accepted(), 1);
}
