//! HTTP listeners, served until the shutdown, requests in flight finished.
//!
//! A request may be on its way over a connection that was accepted a moment ago, and a server that stops closes connections from
//! which nothing has come. So at the shutdown nothing more is accepted, and [`SETTLE`] later connections are told to end: by
//! then whoever has just connected has asked. Connections that come later wait in the socket's queue, for a successor that has
//! it too.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State, connect_info::Connected},
    http::{HeaderMap, HeaderName, header},
    middleware::{self, Next},
    response::Response,
    serve::{IncomingStream, Listener},
};
use fairway_geo::TrustedProxies;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// From the last connection to the end of those that are idle: more than a request is behind its connection.
const SETTLE: Duration = Duration::from_millis(100);
/// How long requests in flight may take after the shutdown was asked for: longer than any answer of ours takes.
const GRACE: Duration = Duration::from_secs(5);

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Serves `router` until the shutdown. Every request carries the client's address as an extension.
pub fn serve(
    listener: TcpListener,
    router: Router,
    proxies: Arc<TrustedProxies>,
    shutdown: CancellationToken,
) -> JoinHandle<io::Result<()>> {
    let service = router
        .layer(middleware::from_fn_with_state(proxies, client_address))
        .into_make_service_with_connect_info::<Peer>();
    tokio::spawn(async move {
        let settled = {
            let shutdown = shutdown.clone();
            async move {
                shutdown.cancelled().await;
                tokio::time::sleep(SETTLE).await;
            }
        };
        let listener = Until { listener, shutdown: shutdown.clone() };
        let serving = axum::serve(listener, service).with_graceful_shutdown(settled);
        let deadline = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = serving.into_future() => served,
            // Only idle keep-alive connections and streams without end are left by now.
            () = deadline => Ok(()),
        }
    })
}

/// Accepts until the shutdown, and then no more.
struct Until {
    listener: TcpListener,
    shutdown: CancellationToken,
}

impl Listener for Until {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        match self.shutdown.run_until_cancelled(Listener::accept(&mut self.listener)).await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Until>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Until>) -> Self {
        Self(*stream.remote_addr())
    }
}

async fn client_address(
    State(proxies): State<Arc<TrustedProxies>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let address = proxies.client(peer.ip(), lines(headers, &header::FORWARDED), lines(headers, &FORWARDED_FOR));
    request.extensions_mut().insert(address);
    next.run(request).await
}

/// A header's lines; one that is not text is malformed, and said to be so by an empty one.
fn lines<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl DoubleEndedIterator<Item = &'h str> {
    headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or(""))
}
