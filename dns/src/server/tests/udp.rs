//! Threads, batches, addresses.

use std::{collections::HashSet, net::UdpSocket};

use super::*;
use crate::{
    metrics::Dropped,
    server::sys::{BATCH, DATAGRAM},
};

#[tokio::test]
async fn on_a_wildcard_replies_come_from_the_address_that_was_asked() {
    let server = Server::on("0.0.0.0:0", 1);
    let client = client();
    for asked in ["127.0.0.1", "127.0.0.2", "127.7.7.7"] {
        let asked = SocketAddr::new(asked.parse().unwrap(), server.address.port());
        assert_eq!(ask(&client, b"abc", asked), (b"cba".to_vec(), asked));
    }
    server.stop().await;
}

#[tokio::test]
async fn both_families_can_have_the_wildcard_of_one_port() {
    let four = Server::on("0.0.0.0:0", 1);
    let six = Server::on(&format!("[::]:{}", four.address.port()), 1);
    let asked = SocketAddr::new("::1".parse().unwrap(), six.address.port());
    assert_eq!(ask(&client_on("[::1]:0"), b"abc", asked), (b"cba".to_vec(), asked));
    let asked = SocketAddr::new("127.0.0.3".parse().unwrap(), four.address.port());
    assert_eq!(ask(&client(), b"abc", asked), (b"cba".to_vec(), asked));
    assert_eq!((four.stop().await, six.stop().await), (vec![1], vec![1]));
}

#[tokio::test]
async fn every_reply_goes_to_who_asked_whatever_shares_its_batch() {
    let sockets = Sockets::bind(&[plain("127.0.0.1:0")], 1).unwrap();
    let address = sockets.bound()[0].address;
    let clients: Vec<_> = (0..8).map(|_| client()).collect();
    // All are there before the thread is: it finds full batches.
    for round in 0..40u8 {
        for (number, client) in clients.iter().enumerate() {
            let query = if round % 4 == 3 { b"silence".to_vec() } else { vec![number as u8, round] };
            client.send_to(&query, address).unwrap();
        }
    }
    let server = Server::start(&sockets);
    for (number, client) in clients.iter().enumerate() {
        for round in (0..40u8).filter(|round| round % 4 != 3) {
            assert_eq!(receive(client), (vec![round, number as u8], address));
        }
    }
    assert_eq!(server.stop().await, [8 * 30]);
    const { assert!(8 * 30 > BATCH) };
}

#[tokio::test]
async fn empty_and_oversized_datagrams_do_no_harm() {
    let server = Server::on("127.0.0.1:0", 1);
    let client = client();
    client.send_to(&[7; 65_000], server.address).unwrap();
    client.send_to(&[7; DATAGRAM + 1], server.address).unwrap();
    assert_eq!(ask(&client, b"", server.address).0, b"", "a responder is asked that too");
    let whole = [&[1; DATAGRAM - 1][..], &[2]].concat();
    let reply = ask(&client, &whole, server.address).0;
    assert_eq!((reply.len(), reply[0], reply[1]), (DATAGRAM, 2, 1));
    assert_eq!(ask(&client, b"abc", server.address).0, b"cba", "nothing is left of a longer one");
    assert_eq!(server.blocks[0].drops(Dropped::TooLarge), 2);
    server.stop().await;
}

#[tokio::test]
async fn clients_are_spread_over_all_threads_and_the_counts_sum_up() {
    let server = Server::on("127.0.0.1:0", 4);
    let mut asked = 0;
    while server.sent().contains(&0) {
        assert_eq!(ask(&client(), b"abc", server.address).0, b"cba");
        asked += 1;
        assert!(asked < 10_000, "{:?}", server.sent());
    }
    assert_eq!(server.stop().await.into_iter().sum::<u64>(), asked);
}

#[tokio::test]
async fn it_stops_when_told_and_lets_go_of_its_port() {
    let server = Server::on("127.0.0.1:0", 2);
    let address = server.address;
    assert!(UdpSocket::bind(address).is_err(), "while it runs, nobody else has it");
    server.stop().await;
    UdpSocket::bind(address).expect("the port is free");
}

#[tokio::test]
async fn a_thread_that_panics_ends_the_server_with_an_error() {
    let server = Server::on("127.0.0.1:0", 2);
    client().send_to(PANIC, server.address).unwrap();
    let ended = tokio::time::timeout(PATIENCE, server.task).await.expect("it ends").unwrap();
    let error = ended.unwrap_err().to_string();
    assert!(error.starts_with("the thread dns-udp-") && error.ends_with(" panicked"), "{error}");
    UdpSocket::bind(server.address).expect("the other has ended too");
}

#[tokio::test]
async fn dropped_it_stops_as_well() {
    let server = Server::on("127.0.0.1:0", 2);
    server.task.abort();
    let freed = async {
        while UdpSocket::bind(server.address).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("the port is freed");
}

#[test]
fn another_server_cannot_join_by_mistake() {
    let sockets = Sockets::bind(&[plain("127.0.0.1:0")], 2).unwrap();
    let address = sockets.bound()[0].address;
    let error = Sockets::bind(&[plain(&address.to_string())], 2).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen for DNS on {address}: ")), "{error}");
    // Nor where it is UDP's port only, and opened to others by whoever has it.
    let udp = sockets.udp().unwrap();
    drop(sockets);
    let error = Sockets::bind(&[plain(&address.to_string())], 2).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen for DNS on {address}: ")), "{error}");
    drop(udp);
    Sockets::bind(&[plain(&address.to_string())], 2).unwrap();
}

#[test]
fn ports_chosen_by_the_kernel_are_one_for_both_transports_and_each_address_has_its_own() {
    let sockets = Sockets::bind(&[plain("127.0.0.1:0"), plain("127.0.0.1:0"), plain("[::1]:0")], 3).unwrap();
    let bound = sockets.bound();
    let addresses: HashSet<SocketAddr> = bound.iter().map(|bound| bound.address).collect();
    assert_eq!((bound.len(), addresses.len()), (3, 3), "{bound:?}");
    let of_tcp = sockets.listeners(crate::Transport::Tcp).unwrap();
    let tcp: Vec<_> = of_tcp.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let udp: Vec<_> = sockets.udp().unwrap().iter().map(|socket| socket.local_addr().unwrap()).collect();
    let expected: Vec<_> = bound.iter().map(|bound| bound.address).collect();
    assert_eq!((tcp, udp), (expected.clone(), expected.iter().flat_map(|address| [*address; 3]).collect()));
}
