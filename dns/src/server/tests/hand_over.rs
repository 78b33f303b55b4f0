//! Sockets handed to a successor.

use std::{io::Write, net::TcpStream, os::unix::net::UnixStream};

use super::*;
use crate::{server::sockets::SocketError, transport::Transport};

fn handed_over(sockets: &Sockets) -> Sockets {
    let (ours, theirs) = UnixStream::pair().unwrap();
    sockets.send(&ours).unwrap();
    Sockets::receive(&theirs).unwrap()
}

#[tokio::test]
async fn what_waits_in_a_socket_is_answered_by_the_successor() {
    let asked = [plain("127.0.0.1:0")];
    let sockets = Sockets::bind(&asked, 2).unwrap();
    let address = sockets.bound()[0].address;
    let clients: Vec<_> = (0..20).map(|_| client()).collect();
    clients.iter().for_each(|client| assert_eq!(client.send_to(b"abc", address).unwrap(), 3));
    let connecting = TcpStream::connect(address).unwrap();

    let given = handed_over(&sockets);
    drop(sockets);
    let successor = Sockets::bind_others(&asked, 2, given).unwrap();
    assert_eq!(successor.bound()[0].address, address);
    let server = Server::start(&successor);
    clients.iter().for_each(|client| assert_eq!(receive(client), (b"cba".to_vec(), address)));
    let listener = &successor.listeners(Transport::Tcp).unwrap()[0];
    assert_eq!(listener.accept().unwrap().1, connecting.local_addr().unwrap(), "it waited too");
    server.stop().await;
}

#[tokio::test]
async fn no_query_is_lost_while_one_server_follows_the_other() {
    let asked = [plain("127.0.0.1:0")];
    let mut sockets = Sockets::bind(&asked, 2).unwrap();
    let mut server = Server::start(&sockets);
    let address = server.address;
    let clients: Vec<_> = (0..4).map(|_| client()).collect();
    for _ in 0..5 {
        let ask_on = |count: usize| {
            clients.iter().for_each(|client| {
                (0..count).for_each(|_| assert_eq!(client.send_to(b"abc", address).unwrap(), 3));
            });
        };
        ask_on(20);
        let successor = Sockets::bind_others(&asked, 2, handed_over(&sockets)).unwrap();
        ask_on(20);
        let next = Server::start(&successor);
        ask_on(20);
        sockets = successor;
        std::mem::replace(&mut server, next).stop().await;
        ask_on(20);
        for client in &clients {
            (0..80).for_each(|_| assert_eq!(receive(client).0, b"cba"));
        }
    }
    server.stop().await;
}

#[test]
fn a_successor_keeps_what_it_was_asked_for_binds_what_is_missing_and_closes_the_rest() {
    let tls = Listen { service: Listener::Tls, address: "127.0.0.1:0".parse().unwrap() };
    let quic = Listen { service: Listener::Quic, ..tls };
    let sockets = Sockets::bind(&[plain("127.0.0.1:0"), plain("127.0.0.1:0"), tls, quic], 2).unwrap();
    let before: Vec<_> = sockets.bound().into_iter().map(|bound| bound.address).collect();
    let given = handed_over(&sockets);
    drop(sockets);

    let https = Listen { service: Listener::Https, ..tls };
    let sockets = Sockets::bind_others(&[https, quic, plain("127.0.0.1:0")], 3, given).unwrap();
    let after: Vec<_> = sockets.bound().into_iter().map(|bound| bound.address).collect();
    assert_eq!(after[1..], [before[3], before[0]]);
    assert!(!before.contains(&after[0]));
    assert_eq!(sockets.udp().unwrap().len(), 3, "one more thread than before");
    assert!(TcpStream::connect(before[2]).is_err() && UdpSocket::bind(before[1]).is_ok(), "the rest is closed");

    let fewer = Sockets::bind_others(&[plain("127.0.0.1:0")], 1, handed_over(&sockets)).unwrap();
    assert_eq!(fewer.udp().unwrap().len(), 3, "none is closed with what may wait in it");
}

#[test]
fn what_is_no_socket_of_ours_is_refused() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.write_all(format!("{:<79}\n", "hello").as_bytes()).unwrap();
    assert!(matches!(Sockets::receive(&theirs), Err(SocketError::Foreign(text)) if text == "hello"));
    ours.write_all(format!("{:<79}\n{:<79}\n", "1", "udp 127.0.0.1:53").as_bytes()).unwrap();
    assert!(matches!(Sockets::receive(&theirs), Err(SocketError::Foreign(_))), "a line without its file");
    ours.write_all(format!("{:<79}\n", "2").as_bytes()).unwrap();
    drop(ours);
    assert!(matches!(Sockets::receive(&theirs), Err(SocketError::HandOver(_))), "it ended in the middle");
}
