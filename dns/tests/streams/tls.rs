//! RFC 7858, DNS over TLS.

use std::sync::Arc;

use fairway_dns::{
    Transport,
    server::limits::{Closed, Limits},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::world::{LONG, SHORT, World, connect, next, query, replies_to, run};

async fn greet(world: &World, config: Arc<ClientConfig>, name: &'static str) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(config).connect(name, connect(world.tls).await).await
}

#[tokio::test]
async fn a_hundred_queries_in_one_write_are_all_answered_and_the_end_is_told() {
    let world = World::new(Limits { idle: SHORT, ..Limits::default() });
    let mut tls = greet(&world, world.trust(b"dot"), "ns1.example").await.unwrap();
    tls.write_all(&(0..100).flat_map(query).collect::<Vec<u8>>()).await.unwrap();
    replies_to(&mut tls, 0..100).await;
    assert_eq!(next(&mut tls).await, None);
    world.closed(Transport::Tls, Closed::Idle, 1).await;
}

#[tokio::test]
async fn a_session_is_resumed() {
    let world = World::new(Limits::default());
    let config = world.trust(b"dot");
    for kind in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
        let mut tls = greet(&world, config.clone(), "ns1.example").await.unwrap();
        tls.write_all(&query(1)).await.unwrap();
        replies_to(&mut tls, 1..2).await; // the ticket comes before it
        assert_eq!(tls.get_ref().1.handshake_kind(), Some(kind));
    }
}

#[tokio::test]
async fn another_protocol_is_refused_in_the_handshake() {
    let world = World::new(Limits::default());
    assert!(greet(&world, world.trust(b"h2"), "ns1.example").await.is_err());
    world.closed(Transport::Tls, Closed::Handshake, 1).await;
}

#[tokio::test]
async fn new_connections_see_a_new_certificate_and_old_ones_go_on() {
    let world = World::new(Limits { idle: LONG, ..Limits::default() });
    let old = world.trust(b"dot");
    let mut before = greet(&world, old.clone(), "ns1.example").await.unwrap();
    crate::world::write_pair(world.folder.path(), "ns2.example");
    assert!(world.certificates.reload().unwrap());
    let mut after = greet(&world, world.trust(b"dot"), "ns2.example").await.unwrap();
    for tls in [&mut before, &mut after] {
        tls.write_all(&query(1)).await.unwrap();
        replies_to(tls, 1..2).await;
    }
    assert!(greet(&world, world.trust(b"dot"), "ns1.example").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kdig_asks_and_checks_the_certificate() {
    let world = World::new(Limits::default());
    let (port, ca) = (world.tls.port().to_string(), world.folder.path().join("cert.pem"));
    let ca = format!("+tls-ca={}", ca.display());
    let args = ["@127.0.0.1", "-p", &port, "+tls", &ca, "+tls-hostname=ns1.example", "w.example", "A"];
    let (output, text) = run("kdig", &args).await;
    assert!(output.status.success() && text.contains("192.0.2.1") && text.contains("TLS1.3"), "{text}");
}
