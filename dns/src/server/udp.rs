//! UDP: threads of our own, one a socket, that take queries and send replies in batches.
//!
//! # Why not tokio
//! A query costs the kernel some 4 µs and us under one. A runtime's poll, its wake-up and a task switch for each datagram cost
//! as much as all that we do. A thread that waits in `recvmmsg` has none of it: the call returns with the first datagram and all
//! that came with it, and `sendmmsg` takes the replies in one call more. What is answered from is taken up once a batch
//! too ([`Responder::begin`]).
//!
//! # The constants, measured
//! One core for the server, one for dnsperf, a responder that writes a canned reply and counts it, gdnsd 3.8 in turn: CPU a
//! query (user and system) was 4.08 µs here and 4.31 there (medians of seven rounds), on a wildcard address 3.77 and 3.89 (of
//! five). All but 0.1 µs of it is the kernel's. Batches were of 5 to 6 datagrams on average, at 180,000 q/s, since a
//! server that keeps up finds few waiting; with room for 16, 64 or 256 the medians lay within 0.05 µs, under their spread.
//! [`BATCH`](super::sys::BATCH) is 64: it takes 0.3 ms, which is as long as a reply may be held up by others of its batch, and
//! saves 98 % of the calls when a pause or a flood has filled the socket. Busy polling (SO_BUSY_POLL) changed nothing; nor
//! did the receive timeout or the options of [`sockets`](super::sockets). Threads are not pinned, nor are datagrams steered
//! to the core that received them: where all interrupts go to one core, that would leave the others idle.
//!
//! # What is not answered
//! A datagram from port 0, to which nothing can be sent; one that is larger than any query (see [`sys`](super::sys)); and what the
//! responder keeps silent about. A reply for which the socket has no room is dropped, not waited for: its client asks again, and
//! the next one is not late too. Each is counted. ICMP errors are not reported to a socket that is not connected, so that
//! nobody can make one fail.
//!
//! # Stopping
//! A thread looks at a flag before each batch, and at least every 100 ms. A batch that was read is answered in full. What
//! still waits in the socket is for whoever has the socket next; see [`sockets`](super::sockets). It is not woken through the socket
//! (`shutdown(2)`), which would end it for a successor too. When one thread fails or panics, all others end, and the
//! server with them: a server that answers some clients only would be worse than one that its supervisor starts again.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{sockets::is_wildcard, sys::Datagrams};
use crate::{
    metrics::{Block, Dropped},
    transport::Transport,
};

/// What one thread answers with.
pub(crate) trait Responder: Send + 'static {
    /// Takes up what there is to answer from. All of the batch is answered from that, and as of `now`.
    fn begin(&mut self, now: DateTime<Utc>) -> impl Batch;
}

/// What one batch is answered with.
pub(crate) trait Batch {
    /// Writes the reply to `query` into `out`, [`DATAGRAM`](super::sys::DATAGRAM) octets, and gives its length; `None`: nothing is said.
    fn answer(&mut self, query: &[u8], source: IpAddr, out: &mut [u8]) -> Option<usize>;
}

/// Why UDP is no longer answered.
#[derive(Debug, thiserror::Error)]
pub enum UdpError {
    /// The machine has no room for one more thread.
    #[error("the thread {name} cannot be started: {source}")]
    Start {
        /// Of the thread.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A socket failed.
    #[error("the UDP socket of {address} failed: {source}")]
    Socket {
        /// Where it listened.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Our bug; standard error has its message.
    #[error("the thread {0} panicked")]
    Panicked(String),
}

/// Threads that answer. Dropped, they stop.
#[derive(Debug)]
pub(crate) struct Threads {
    stop: Arc<AtomicBool>,
    ended: mpsc::UnboundedReceiver<Result<(), UdpError>>,
}

impl Threads {
    /// Starts one thread for each socket, and a responder for each thread with a block of counters that it alone writes to.
    pub(crate) fn start<R: Responder>(
        sockets: Vec<UdpSocket>,
        mut responder: impl FnMut() -> (R, Arc<Block>),
    ) -> Result<Self, UdpError> {
        let (end, ended) = mpsc::unbounded_channel();
        let threads = Self { stop: Arc::default(), ended };
        for (index, socket) in sockets.into_iter().enumerate() {
            let name = format!("dns-udp-{index}");
            let (responder, counters) = responder();
            let (stop, end) = (threads.stop.clone(), End { name: name.clone(), outcome: None, tell: end.clone() });
            thread::Builder::new()
                .name(name.clone())
                .spawn(move || end.with(run(socket, responder, &counters, &stop)))
                .map_err(|source| UdpError::Start { name, source })?;
        }
        Ok(threads)
    }

    /// Until `shutdown`, or until a thread fails; all have ended, and closed their sockets, when this returns.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), UdpError> {
        let mut outcome = Ok(());
        tokio::select! {
            ended = self.ended.recv() => outcome = ended.unwrap_or(Ok(())),
            () = shutdown.cancelled() => {}
        }
        self.stop.store(true, Relaxed);
        while let Some(ended) = self.ended.recv().await {
            outcome = outcome.and(ended);
        }
        outcome
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

/// Tells how a thread ended, whichever way it does.
struct End {
    name: String,
    outcome: Option<Result<(), UdpError>>,
    tell: mpsc::UnboundedSender<Result<(), UdpError>>,
}

impl End {
    fn with(mut self, outcome: Result<(), UdpError>) {
        self.outcome = Some(outcome);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        let outcome = self.outcome.take().unwrap_or(Err(UdpError::Panicked(name)));
        // Nobody listens once the server's task is gone, and then nobody is left to tell.
        self.tell.send(outcome).ok();
    }
}

fn run(socket: UdpSocket, mut responder: impl Responder, counters: &Block, stop: &AtomicBool) -> Result<(), UdpError> {
    let address = socket.local_addr().map_err(|source| UdpError::Socket { address: ([0; 4], 0).into(), source })?;
    let mut datagrams = Datagrams::new(is_wildcard(address.ip()));
    while !stop.load(Relaxed) {
        match datagrams.receive(socket.as_fd()) {
            Ok(came) => {
                let begun = Instant::now();
                answer(&mut datagrams, came, &mut responder.begin(Utc::now()), counters);
                let replies = send(&mut datagrams, &socket, counters);
                counters.took(Transport::Udp, begun.elapsed(), replies);
            }
            // The timeout; or a signal, or a datagram whose checksum was wrong.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(source) => return Err(UdpError::Socket { address, source }),
        }
    }
    Ok(())
}

fn answer(datagrams: &mut Datagrams, came: usize, batch: &mut impl Batch, counters: &Block) {
    for at in 0..came {
        let datagram = datagrams.get(at);
        let source = match datagram.from {
            Some(from) if from.port() != 0 => from.ip(),
            _ => {
                counters.dropped(Dropped::NoPort, 1);
                continue;
            }
        };
        if datagram.cut {
            counters.dropped(Dropped::TooLarge, 1);
        } else if let Some(length) = batch.answer(datagram.bytes, source, datagram.reply) {
            datagrams.reply(at, length);
        }
    }
}

/// Sends all replies; gives how many have gone.
fn send(datagrams: &mut Datagrams, socket: &UdpSocket, counters: &Block) -> u64 {
    let (mut at, mut sent) = (0, 0);
    while at < datagrams.replies() {
        match datagrams.send(socket.as_fd(), at) {
            Ok(gone) => {
                at += gone.max(1);
                sent += gone as u64;
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => {
                    counters.dropped(Dropped::SendBuffer, (datagrams.replies() - at) as u64);
                    break; // none of the others would find room either
                }
                // A route that is missing, a firewall's rule: this client's alone.
                _ => {
                    counters.dropped(Dropped::Unreachable, 1);
                    at += 1;
                }
            },
        }
    }
    sent
}
