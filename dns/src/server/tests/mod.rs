//! UDP over real sockets, and sockets handed over.

mod hand_over;
mod udp;

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    sockets::{Listen, Listener, Sockets},
    udp::{Batch, Responder, Threads, UdpError},
};
use crate::metrics::{Block, Metrics};

/// What has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(5);
/// A responder panics at this.
const PANIC: &[u8] = b"panic";

/// Replies with what it was asked, backwards; says nothing to `silence`.
struct Backwards;

impl Responder for Backwards {
    fn begin(&mut self, _: DateTime<Utc>) -> impl Batch {
        Self
    }
}

impl Batch for Backwards {
    fn answer(&mut self, query: &[u8], _: IpAddr, out: &mut [u8]) -> Option<usize> {
        assert_ne!(query, PANIC);
        if query == b"silence" {
            return None;
        }
        out[..query.len()].copy_from_slice(query);
        out[..query.len()].reverse();
        Some(query.len())
    }
}

fn plain(address: &str) -> Listen {
    Listen { service: Listener::Plain, address: address.parse().unwrap() }
}

struct Server {
    address: SocketAddr,
    blocks: Vec<Arc<Block>>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), UdpError>>,
}

impl Server {
    fn start(sockets: &Sockets) -> Self {
        let (metrics, mut blocks) = (Metrics::default(), Vec::new());
        let threads = Threads::start(sockets.udp().unwrap(), || {
            blocks.push(metrics.block());
            (Backwards, blocks[blocks.len() - 1].clone())
        });
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(threads.unwrap().run(shutdown.clone()));
        Self { address: sockets.bound()[0].address, blocks, shutdown, task }
    }

    fn on(address: &str, threads: usize) -> Self {
        Self::start(&Sockets::bind(&[plain(address)], threads).unwrap())
    }

    /// Replies that each thread has sent, or a batch less: it counts when they are gone.
    fn sent(&self) -> Vec<u64> {
        self.blocks.iter().map(|block| block.replies()).collect()
    }

    /// Stops it; gives the replies that each thread sent in all.
    async fn stop(mut self) -> Vec<u64> {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, &mut self.task).await.expect("it ends").unwrap().unwrap();
        self.sent()
    }
}

fn client() -> UdpSocket {
    client_on("127.0.0.1:0")
}

fn client_on(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// The reply to `query`, and from where it came.
fn ask(client: &UdpSocket, query: &[u8], address: SocketAddr) -> (Vec<u8>, SocketAddr) {
    client.send_to(query, address).unwrap();
    receive(client)
}

fn receive(client: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut reply = [0; 65_535];
    let (length, from) = client.recv_from(&mut reply).expect("a reply");
    (reply[..length].to_vec(), from)
}
