//! A million packets that nobody in his senses would send: the node answers the next good query, and has not grown.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "this is a test")]

mod support;

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use fastrand::Rng;
use hickory_proto::op::{Message, ResponseCode};
use support::{Node, dropped, root, wait_for};

const DATAGRAMS: usize = 1_000_000;
/// Datagrams between two good queries: as many as a socket's buffer holds in any case, so that each is read (some 270 of
/// this size fit into the usual 208 KiB).
const BURST: usize = 200;
/// Connections, and messages on each.
const STREAMS: (usize, usize) = (250, 20);
/// After so many everything that a node makes once is made: threads' buffers, rows of places, counters.
const WARM: usize = DATAGRAMS * 3 / 10;
/// By so many KiB memory may grow after that. A leak of six octets a packet would be 4 MB; what else a node does meanwhile moves
/// it by some KiB.
const GROWTH: usize = 4 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// The messages that are spoilt: every kind that there is, good and bad. The seeds of the fuzzer `message`, without the octet
/// that says how each comes.
fn good_messages() -> Vec<Vec<u8>> {
    let mut paths: Vec<_> =
        fs::read_dir(root().join("dns/fuzz/seeds/message")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort(); // so that one seed makes one flood
    let mut messages: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()[1..].to_vec()).collect();
    // Each opcode once.
    let plain = question(7);
    messages.extend((0..16).map(|opcode| [&plain[..2], &[opcode << 3], &plain[3..]].concat()));
    messages
}

/// `live.fairway.test` A.
fn question(id: u16) -> Vec<u8> {
    [&id.to_be_bytes()[..], b"\x01\0\0\x01\0\0\0\0\0\0\x04live\x07fairway\x04test\0\0\x01\0\x01"].concat()
}

/// Fewer octets than `most`.
fn random(rng: &mut Rng, most: usize) -> Vec<u8> {
    let length = rng.usize(..most);
    std::iter::repeat_with(|| rng.u8(..)).take(length).collect()
}

/// One of them, spoilt in one to four ways.
fn spoilt(rng: &mut Rng, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut message = rng.choice(messages).unwrap().clone();
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(..message.len().max(1)).min(message.len());
        match rng.u8(..8) {
            0 if at < message.len() => message[at] ^= 1 << rng.u8(..8),
            1 if at < message.len() => message[at] = rng.u8(..),
            // The numbers at which lengths, counts and pointers turn.
            2 if at + 2 <= message.len() => {
                let number = *rng
                    .choice(&[0u16, 1, 2, 63, 64, 255, 256, 0x3fff, 0x7fff, 0x8000, 0xc000, 0xc00c, 0xffff])
                    .unwrap();
                message[at..at + 2].copy_from_slice(&number.to_be_bytes());
            }
            3 => message.truncate(at),
            4 => drop(message.drain(at..(at + rng.usize(..8)).min(message.len()))),
            5 => drop(message.splice(at..at, random(rng, 16))),
            // The beginning of one and the end of another.
            6 => {
                let other = rng.choice(messages).unwrap();
                message.truncate(at);
                message.extend(&other[rng.usize(..other.len())..]);
            }
            _ => {
                let piece = message[at..(at + rng.usize(..32)).min(message.len())].to_vec();
                message.splice(at..at, piece);
            }
        }
    }
    if rng.u8(..50) == 0 {
        message = random(rng, 600);
    }
    message.truncate(1232);
    message
}

/// Whether this is the answer to the good question of this number.
fn is_good(reply: &[u8], id: u16) -> bool {
    reply.starts_with(&id.to_be_bytes())
        && Message::from_vec(reply)
            .is_ok_and(|reply| reply.metadata.response_code == ResponseCode::NoError && reply.answers.len() == 1)
}

fn connected(server: SocketAddr, own: Ipv4Addr) -> UdpSocket {
    let socket = UdpSocket::bind((own, 0)).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// KiB that a process has in memory.
fn resident(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Over UDP; gives how many were replied to, and what memory was when it was warm.
///
/// After each burst a good query goes the same way, to the same thread of the node: when that is answered, the burst has been
/// read, and no socket has ever more to hold than one burst.
fn datagrams(server: SocketAddr, pid: u32, messages: &[Vec<u8>]) -> (usize, usize) {
    let mut rng = Rng::with_seed(4);
    let flooding: Vec<_> = (1..=32).map(|host| connected(server, Ipv4Addr::new(127, 0, 2, host))).collect();
    let (mut replies, mut warm, mut reply) = (0, 0, [0; 4096]);
    for burst in 0..DATAGRAMS / BURST {
        let (from, id) = (&flooding[burst % flooding.len()], burst as u16);
        for _ in 0..BURST {
            from.send(&spoilt(&mut rng, messages)).unwrap();
        }
        from.send(&question(id)).unwrap();
        loop {
            let length = from.recv(&mut reply).unwrap_or_else(|error| panic!("after a burst, query {id}: {error}"));
            if is_good(&reply[..length], id) {
                break;
            }
            assert!((12..=1232).contains(&length) && reply[2] & 0x80 != 0, "{:?}", &reply[..length]);
            replies += 1;
        }
        if (burst + 1) * BURST == WARM {
            warm = resident(pid);
        }
    }
    (replies, warm)
}

/// Over TCP: one connection after the other, the lengths before messages right but for one in twenty.
fn streams(server: SocketAddr, messages: &[Vec<u8>]) {
    let mut rng = Rng::with_seed(5);
    let (connections, each) = STREAMS;
    for connection in 0..connections as u16 {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut sent = Vec::new();
        for _ in 0..each {
            let message = spoilt(&mut rng, messages);
            let length = if rng.u8(..20) == 0 { rng.u16(..) } else { message.len() as u16 };
            sent.extend([&length.to_be_bytes()[..], &message].concat());
        }
        // A server that has closed meanwhile is right to, where what it was sent is none.
        if stream.write_all(&sent).is_ok() && stream.shutdown(std::net::Shutdown::Write).is_ok() {
            let end = stream.read_to_end(&mut Vec::new());
            assert!(end.as_ref().is_err_and(|e| e.kind() == ErrorKind::ConnectionReset) || end.is_ok(), "{end:?}");
        }

        let mut stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let question = question(connection);
        stream.write_all(&[&(question.len() as u16).to_be_bytes()[..], &question].concat()).unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut reply).unwrap();
        assert!(is_good(&reply, connection), "after connection {connection}: {reply:?}");
    }
}

#[tokio::test]
async fn a_million_spoilt_packets_leave_no_trace() {
    let node = Node::run().await;
    let (server, pid) = (node.listening.dns[0], node.listening.pid);
    // A node that starts takes memory for that, and keeps snapshots for the recorder until there is a store.
    wait_for("the store", async || node.count("SELECT count() FROM decisions").await).await;
    let begun = Instant::now();
    let flood = tokio::task::spawn_blocking(move || {
        let messages = good_messages();
        let (replies, warm) = datagrams(server, pid, &messages);
        let after_datagrams = resident(pid);
        streams(server, &messages);
        (replies, warm, after_datagrams, resident(pid))
    });
    let (replies, warm, datagrams, streams) = flood.await.unwrap();
    println!(
        "{DATAGRAMS} datagrams ({replies} replied to) and {} messages over TCP in {:.1} s; \
         resident {warm} KiB when warm, {datagrams} after all datagrams, {streams} after all",
        STREAMS.0 * STREAMS.1,
        begun.elapsed().as_secs_f64()
    );
    assert_eq!(dropped(server), 0, "datagrams that the node never saw prove nothing");
    assert!(replies > DATAGRAMS / 4, "{replies}: most are near enough to a query to be replied to");
    assert!(streams <= warm + GROWTH, "grown from {warm} KiB to {streams}");
    let complaints: Vec<String> = node
        .log()
        .lines()
        .filter(|l| ["ERROR", "WARN", "panicked"].iter().any(|w| l.contains(w)))
        .map(str::to_owned)
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    node.stop().await;
}
