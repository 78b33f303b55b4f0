//! Listeners for connections: who is let in, and by which protocol it is spoken to.
//!
//! Sockets come in from outside, bound, so that a server may take over those of the one before it. A connection is accepted, given a place (or refused, which is to be closed at once), and has its own task from
//! there on, so that no handshake holds up another.
//!
//! `accept` fails in two ways. The connection went away while it waited: the next one is taken. Or descriptors or memory
//! are short, and the connection that could not be accepted still waits: to try again at once would be a busy loop, so
//! that it is tried again after [`PAUSE`], when some connection may have ended.
//!
//! TCP Fast Open is left to the system: `net.ipv4.tcp_fastopen` with 0x400 turns it on for every listener, and without
//! that sysctl an option of ours would do nothing.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener as Bound, UdpSocket},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use rustls::version::{TLS12, TLS13};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    certificates::{Certificates, tls},
    connections::Place,
    desk::{Desk, greet},
    https,
    limits::{Closed, Counters, Limits},
    quic, stream,
};
use crate::transport::{Answers, Transport};

/// After a failed `accept`.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The runtime does not take the socket.
    #[error("a socket cannot be listened on: {0}")]
    Socket(#[from] io::Error),
    /// The library's, which would be our mistake.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// QUIC's socket or TLS.
    #[error(transparent)]
    Quic(#[from] quic::QuicError),
}

/// All listeners for connections; those of one server share its limits.
pub struct Listeners {
    desk: Arc<Desk>,
}

impl Listeners {
    /// None yet. After `stop`, nothing more is accepted; see [`Listeners::finish`].
    pub fn new(answers: Arc<dyn Answers>, limits: Limits, counters: Arc<Counters>, stop: CancellationToken) -> Self {
        Self { desk: Arc::new(Desk::new(answers, limits, counters, stop)) }
    }

    /// DNS over TCP, RFC 7766.
    pub fn tcp(&self, listener: Bound) -> Result<(), ListenError> {
        self.accept(listener, Speaks::Dns)
    }

    /// DNS over TLS, RFC 7858.
    pub fn tls(&self, listener: Bound, certificates: Arc<Certificates>) -> Result<(), ListenError> {
        self.accept(listener, Speaks::Tls(acceptor(certificates, &[b"dot"])?))
    }

    /// DNS over HTTPS, RFC 8484, HTTP/2 and HTTP/1.1, at `path` (by custom `/dns-query`).
    pub fn https(&self, listener: Bound, certificates: Arc<Certificates>, path: &str) -> Result<(), ListenError> {
        self.accept(listener, Speaks::Https(acceptor(certificates, &[b"h2", b"http/1.1"])?, path.into()))
    }

    /// DNS over QUIC, RFC 9250.
    pub fn quic(&self, socket: UdpSocket, certificates: Arc<Certificates>) -> Result<(), ListenError> {
        socket.set_nonblocking(true)?;
        let endpoint = quic::endpoint(socket, certificates, &self.desk.limits)?;
        self.desk.tasks.spawn(quic::accept(self.desk.clone(), endpoint));
        Ok(())
    }

    /// After `stop`: ends when the last reply has been taken, or [`Limits::grace`] is over.
    pub async fn finish(self) {
        self.desk.tasks.close();
        if timeout(self.desk.limits.grace, self.desk.tasks.wait()).await.is_err() {
            self.desk.cut.cancel();
            self.desk.tasks.wait().await;
        }
    }

    fn accept(&self, listener: Bound, speaks: Speaks) -> Result<(), ListenError> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        self.desk.tasks.spawn(accept(self.desk.clone(), listener, Arc::new(speaks)));
        Ok(())
    }
}

/// What is spoken on a listener.
enum Speaks {
    Dns,
    Tls(TlsAcceptor),
    Https(TlsAcceptor, Box<str>),
}

impl Speaks {
    fn transport(&self) -> Transport {
        match self {
            Self::Dns => Transport::Tcp,
            Self::Tls(_) => Transport::Tls,
            Self::Https(..) => Transport::Https,
        }
    }
}

fn acceptor(certificates: Arc<Certificates>, protocols: &[&[u8]]) -> Result<TlsAcceptor, rustls::Error> {
    Ok(TlsAcceptor::from(Arc::new(tls(certificates, &[&TLS13, &TLS12], protocols)?)))
}

async fn accept(desk: Arc<Desk>, listener: TcpListener, speaks: Arc<Speaks>) {
    let mut failing = false;
    while let Some(accepted) = desk.stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((tcp, peer)) => {
                failing = false;
                if let Some(place) = desk.connections.open(peer.ip(), speaks.transport()) {
                    desk.tasks.spawn(serve(desk.clone(), tcp, peer, speaks.clone(), place));
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                desk.counters.exhausted.fetch_add(1, Relaxed);
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "DNS connections cannot be accepted");
                }
                desk.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
    }
}

/// accept(2): what a connection that went away leaves behind.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn serve(desk: Arc<Desk>, tcp: TcpStream, peer: SocketAddr, speaks: Arc<Speaks>, place: Place) {
    let conversation = converse(&desk, tcp, peer.ip().to_canonical(), &speaks, &place);
    let why = desk.cut.run_until_cancelled(conversation).await.unwrap_or(Closed::Stopped);
    place.end(why);
}

/// TLS and HTTPS are boxed, since a task is as large as the largest that it may become: TCP's would be five times itself.
async fn converse(desk: &Arc<Desk>, mut tcp: TcpStream, source: IpAddr, speaks: &Speaks, place: &Place) -> Closed {
    if tcp.set_nodelay(true).is_err() {
        return Closed::Failed; // it has gone already
    }
    let why = match speaks {
        Speaks::Dns => over(&mut tcp, source, Transport::Tcp, place, desk).await,
        Speaks::Tls(acceptor) => {
            let mut tls = match greet(Box::pin(acceptor.accept(&mut tcp)), place, desk).await {
                Ok(tls) => tls,
                Err(why) => return why,
            };
            Box::pin(over(&mut tls, source, Transport::Tls, place, desk)).await
        }
        Speaks::Https(acceptor, path) => {
            let tls = match greet(Box::pin(acceptor.accept(tcp)), place, desk).await {
                Ok(tls) => tls,
                Err(why) => return why,
            };
            return Box::pin(https::converse(tls, source, path, place, desk)).await;
        }
    };
    if why == Closed::Unread && tcp.set_zero_linger().is_err() {
        tracing::trace!("a connection had gone before it was cut"); // else the kernel would keep what is not read
    }
    why
}

/// Answers what comes, and then says that nothing more does; where replies were not taken, this would wait in vain.
async fn over<S>(stream: &mut S, source: IpAddr, transport: Transport, place: &Place, desk: &Desk) -> Closed
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let why = stream::converse(stream, source, transport, place, desk).await;
    if why != Closed::Unread && !matches!(timeout(desk.limits.write, stream.shutdown()).await, Ok(Ok(()))) {
        tracing::trace!("a connection had gone before it was closed");
    }
    why
}
