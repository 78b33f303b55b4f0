//! One local CDN: the test stream over HTTP/1.1 on its pathway's own loopback address, with its faults.

use std::{collections::HashMap, net::IpAddr, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{self, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use fairway_geo::{Country, GeoTable};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    error::DemoError,
    faults::{Faults, Kind},
    media::{self, SEGMENT_MS, SEGMENTS, VARIANTS},
    playlist,
    surroundings::unix_ms,
};

/// The whole stream in memory: some 13 MB.
#[derive(Debug)]
pub struct Stream {
    files: HashMap<(&'static str, Option<u64>), Bytes>,
}

impl Stream {
    /// Reads what [`media::make`] made.
    pub async fn load(folder: &Path) -> Result<Self, DemoError> {
        let mut files = HashMap::new();
        for variant in &VARIANTS {
            for index in std::iter::once(None).chain((0..SEGMENTS).map(Some)) {
                let bytes = tokio::fs::read(media::file(folder, variant.name, index)).await?;
                files.insert((variant.name, index), Bytes::from(bytes));
            }
        }
        Ok(Self { files })
    }

    fn get(&self, variant: &str, index: Option<u64>) -> Option<Bytes> {
        let variant = VARIANTS.iter().find(|v| v.name == variant)?.name;
        self.files.get(&(variant, index.map(|i| i % SEGMENTS))).cloned()
    }
}

/// What one CDN knows.
#[derive(Clone, Debug)]
pub struct Cdn {
    /// Its pathway's id.
    pub pathway: String,
    /// What it serves.
    pub stream: Arc<Stream>,
    /// What may be wrong with it.
    pub faults: Arc<Faults>,
    /// Where its clients are (they say so in `X-Forwarded-For`).
    pub geo: Arc<GeoTable>,
}

impl Cdn {
    /// Serves until `shutdown`; refuses connections, and cuts those there are, while its fault is [`Kind::Down`].
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> Result<(), DemoError> {
        let address = listener.local_addr()?;
        let app = Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/live/{file}", get(media_playlist))
            .route("/live/{variant}/{file}", get(segment))
            .with_state(self.clone());
        let mut changed = self.faults.watch();
        let mut listener = Some(listener);
        let mut connections = JoinSet::new();
        loop {
            let down = self.faults.of(&self.pathway).is_some_and(|fault| fault.kind == Kind::Down);
            match (down, &listener) {
                (true, _) => {
                    listener = None;
                    connections.abort_all();
                }
                (false, None) => listener = Some(rebind(address).await?),
                (false, Some(_)) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                _ = changed.changed() => {}
                Some(_) = connections.join_next() => {}
                accepted = accept(listener.as_ref()) => {
                    // A client that is gone before it is accepted is no matter.
                    let Ok((stream, _)) = accepted else { continue };
                    let service = TowerToHyperService::new(app.clone());
                    connections.spawn(async move {
                        let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                        if let Err(error) = served.await {
                            tracing::trace!(%error, "a viewer's connection ended");
                        }
                    });
                }
            }
        }
    }

    /// What is wrong for this client, if anything is.
    fn fault(&self, headers: &HeaderMap) -> Option<Kind> {
        let fault = self.faults.of(&self.pathway)?;
        match fault.country {
            Some(country) => (self.country(headers) == Some(country)).then_some(fault.kind),
            None => Some(fault.kind),
        }
    }

    fn country(&self, headers: &HeaderMap) -> Option<Country> {
        let address: IpAddr = headers.get("x-forwarded-for")?.to_str().ok()?.parse().ok()?;
        self.geo.locate(address).place.country
    }
}

/// The next connection; never, while there is no listener.
async fn accept(listener: Option<&TcpListener>) -> std::io::Result<(tokio::net::TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

async fn rebind(address: SocketAddr) -> Result<TcpListener, DemoError> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket.listen(1024)?)
}

async fn media_playlist(State(_): State<Cdn>, extract::Path(file): extract::Path<String>) -> Response {
    match file.strip_suffix(".m3u8").filter(|name| VARIANTS.iter().any(|v| v.name == *name)) {
        Some(variant) => answer("application/vnd.apple.mpegurl", "no-cache", playlist::media(variant, unix_ms())),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn segment(
    State(cdn): State<Cdn>,
    extract::Path((variant, file)): extract::Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let index = match file.as_str() {
        "init.mp4" => None,
        name => match name.strip_suffix(".m4s").and_then(|n| n.parse().ok()) {
            Some(number) => Some(number),
            None => return StatusCode::NOT_FOUND.into_response(),
        },
    };
    let Some(body) = cdn.stream.get(&variant, index) else { return StatusCode::NOT_FOUND.into_response() };
    match cdn.fault(&headers) {
        Some(Kind::Slow) => tokio::time::sleep(Duration::from_millis(2 * SEGMENT_MS)).await,
        // By segment, not by chance: two viewers of one segment fare alike, and a run can be repeated.
        Some(Kind::Errors) if index.is_some_and(|i| i % 2 == 0) => {
            return (StatusCode::SERVICE_UNAVAILABLE, [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")]).into_response();
        }
        _ => {}
    }
    answer("video/mp4", "max-age=60", body)
}

fn answer(kind: &'static str, keep: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
