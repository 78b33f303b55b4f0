//! RFC 9250, DNS over QUIC. Debian 12's kdig is built without it, so that the client is quinn here.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use fairway_dns::{
    Transport,
    server::limits::{Closed, Limits},
};
use quinn::{
    ApplicationClose, ClientConfig, Connection, ConnectionError, Endpoint, VarInt, crypto::rustls::QuicClientConfig,
};
use tokio::{net::UdpSocket, time::timeout};

use crate::world::{Fake, LONG, SHORT, World, query, query_of, until};

fn client(world: &World) -> ClientConfig {
    let tls = Arc::unwrap_or_clone(world.trust(b"doq"));
    ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

/// A client, on an address of its own.
async fn greet(world: &World, last: u8) -> Result<Connection, ConnectionError> {
    let mut endpoint = Endpoint::client(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))).unwrap();
    endpoint.set_default_client_config(client(world));
    endpoint.connect(world.quic, "ns1.example").unwrap().await
}

/// Asks on a stream of its own, and reads all that comes.
async fn ask(connection: &Connection, query: &[u8]) -> Vec<u8> {
    let (mut send, mut read) = connection.open_bi().await.unwrap();
    send.write_all(query).await.unwrap();
    send.finish().unwrap();
    timeout(LONG, read.read_to_end(usize::MAX)).await.unwrap().unwrap_or_default()
}

async fn closed_with(connection: &Connection) -> VarInt {
    match timeout(LONG, connection.closed()).await.unwrap() {
        ConnectionError::ApplicationClosed(ApplicationClose { error_code, .. }) => error_code,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_stream_has_its_reply_and_then_ends() {
    let world = World::new(Limits::default());
    let connection = greet(&world, 1).await.unwrap();
    let asked = (0..500).map(|_| {
        let connection = connection.clone();
        tokio::spawn(async move { ask(&connection, &query(0)).await })
    });
    for reply in asked.collect::<Vec<_>>() {
        let reply = reply.await.unwrap();
        assert_eq!((reply.len(), &reply[..6]), (45, &[0, 43, 0, 0, 0x84, 0][..]));
    }
}

#[tokio::test]
async fn what_is_against_the_rules_closes_with_a_protocol_error() {
    let world = World::new(Limits::default());
    let mut keepalive = query(0);
    keepalive.extend_from_slice(b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x04\x00\x0b\x00\x00");
    keepalive[13] = 1;
    keepalive[1] += 15;
    let cases = [
        ("an ID", query(1)),
        ("two queries", [query(0), query(0)].concat()),
        ("half a query", query(0)[..20].to_vec()),
        ("no header", b"\x00\x03\x00\x00\x00".to_vec()),
        ("nothing", Vec::new()),
        ("keepalive", keepalive),
    ];
    for (number, (what, octets)) in (1..).zip(cases) {
        let connection = greet(&world, 1).await.unwrap();
        assert_eq!(ask(&connection, &octets).await, b"", "{what}");
        assert_eq!(closed_with(&connection).await, VarInt::from_u32(2), "{what}");
        world.closed(Transport::Quic, Closed::Malformed, number).await;
    }
}

#[tokio::test]
async fn a_transfer_comes_whole_on_one_stream_beside_other_queries() {
    let fake = Fake { messages: 200, size: 60_000, ..Fake::default() };
    let world = World::answering(Limits { write: LONG, ..Limits::default() }, fake);
    let connection = greet(&world, 1).await.unwrap();
    let (mut send, mut read) = connection.open_bi().await.unwrap();
    send.write_all(&query_of(0, 252)).await.unwrap();
    send.finish().unwrap();
    until(|| world.counters.transfers.load(std::sync::atomic::Ordering::Relaxed) == 1).await;
    assert_eq!(ask(&connection, &query(0)).await.len(), 45, "a query waits for a transfer that is not read");
    let all = timeout(LONG, read.read_to_end(usize::MAX)).await.unwrap().unwrap();
    assert_eq!(all.len(), 200 * 60_002);
    for (number, message) in all.chunks(60_002).enumerate() {
        assert_eq!(message[4..12], (number as u64).to_be_bytes());
    }
}

#[tokio::test]
async fn a_connection_without_queries_is_closed_without_an_error() {
    let world = World::new(Limits { idle: SHORT, ..Limits::default() });
    let connection = greet(&world, 1).await.unwrap();
    assert_eq!(ask(&connection, &query(0)).await.len(), 45);
    connection.closed().await;
    world.closed(Transport::Quic, Closed::Idle, 1).await;
}

#[tokio::test]
async fn a_query_that_does_not_end_is_cut() {
    let world = World::new(Limits { message: SHORT, idle: LONG, ..Limits::default() });
    let connection = greet(&world, 1).await.unwrap();
    let (mut send, _read) = connection.open_bi().await.unwrap();
    send.write_all(&query(0)).await.unwrap();
    assert_eq!(closed_with(&connection).await, VarInt::from_u32(0));
    world.closed(Transport::Quic, Closed::Slow, 1).await;
}

#[tokio::test]
async fn a_client_may_cancel_a_query() {
    let world = World::new(Limits { message: SHORT, ..Limits::default() });
    let connection = greet(&world, 1).await.unwrap();
    let (mut send, mut read) = connection.open_bi().await.unwrap();
    send.write_all(&query(0)[..9]).await.unwrap();
    send.reset(VarInt::from_u32(3)).unwrap();
    read.stop(VarInt::from_u32(3)).unwrap();
    tokio::time::sleep(2 * SHORT).await; // longer than a query may take
    assert_eq!(ask(&connection, &query(0)).await.len(), 45);
}

/// What a client says first.
async fn first_datagram(world: &World) -> Vec<u8> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    endpoint.set_default_client_config(client(world));
    let _connecting = endpoint.connect(socket.local_addr().unwrap(), "ns1.example").unwrap();
    let mut datagram = vec![0; 2048];
    let length = timeout(LONG, socket.recv(&mut datagram)).await.unwrap().unwrap();
    datagram.truncate(length);
    datagram
}

#[tokio::test]
async fn a_forged_address_displaces_nobody_and_a_proven_one_does() {
    const RETRY: u8 = 0xf0; // RFC 9000 §17.2.5: the four highest bits
    let world = World::new(Limits { connections_per_client: 2, idle: LONG, ..Limits::default() });
    let first = greet(&world, 1).await.unwrap();
    let second = greet(&world, 1).await.unwrap();
    let forger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    forger.send_to(&first_datagram(&world).await, world.quic).await.unwrap();
    let mut reply = [0; 2048];
    timeout(LONG, forger.recv(&mut reply)).await.unwrap().unwrap();
    assert_eq!(reply[0] & RETRY, RETRY);
    for untouched in [&second, &first] {
        assert_eq!(ask(untouched, &query(0)).await.len(), 45);
    }
    let third = greet(&world, 1).await.unwrap();
    assert_eq!(closed_with(&second).await, VarInt::from_u32(4));
    for kept in [first, third] {
        assert_eq!(ask(&kept, &query(0)).await.len(), 45);
    }
}

#[tokio::test]
async fn what_was_asked_before_the_server_stops_is_answered() {
    let world = World::new(Limits { idle: LONG, ..Limits::default() });
    let connection = greet(&world, 1).await.unwrap();
    let mut replies = Vec::new();
    for _ in 0..50 {
        let connection = connection.clone();
        replies.push(tokio::spawn(async move { ask(&connection, &query(0)).await }));
    }
    assert_eq!(replies.swap_remove(0).await.unwrap().len(), 45); // all have been sent by then
    world.stop.cancel();
    for reply in replies {
        assert_eq!(reply.await.unwrap().len(), 45);
    }
    assert_eq!(closed_with(&connection).await, VarInt::from_u32(0));
    timeout(LONG, world.listeners.finish()).await.unwrap();
}
