//! HTTP listeners, served until the shutdown, requests in flight finished.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, header},
    middleware::{self, Next},
    response::Response,
};
use fairway_geo::TrustedProxies;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

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
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        let serving = axum::serve(listener, service).with_graceful_shutdown(shutdown.clone().cancelled_owned());
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

async fn client_address(
    State(proxies): State<Arc<TrustedProxies>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
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
