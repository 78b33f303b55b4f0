//! DNS over HTTPS (RFC 8484), over HTTP/2 and HTTP/1.1: hyper speaks HTTP, this says what is asked and replied.
//!
//! `GET …?dns=<base64url>` and `POST` with `application/dns-message`; `HEAD` is a `GET` without the body. What is no
//! such request has a status and one line of text. A reply may be kept for its smallest TTL (§5.1), `private`ly: what a
//! steered name answers depends on the client's address, which no HTTP cache in between would know to tell apart.
//!
//! A request is at work from its head to its response; the rest is idle time, be it a head that dribbles in or responses
//! that are not read, so that both end with it. A body has its own limit. One HTTP/2 connection can make this server hold,
//! at most, [`Limits::streams`](super::limits::Limits::streams) replies that it does not read, and [`WINDOW`] octets that it sends.

use std::{convert::Infallible, net::IpAddr, pin::pin, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
    http::request::Parts,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until, timeout},
};

use super::{
    connections::Place,
    desk::{Desk, LONGEST, ending},
    limits::Closed,
    message::{HEADER, freshness},
};
use crate::transport::Transport;

const MESSAGE: &str = "application/dns-message";
/// What a client may send before it is read, octets: bodies of four of the longest queries.
const WINDOW: u32 = 256 * 1024;
/// A request's head, octets: a query of 512 octets as base64, and what browsers add, several times over.
const MOST_HEAD: u32 = 16 * 1024;

/// Answers what comes on one connection until it ends.
pub(super) async fn converse<S>(stream: S, source: IpAddr, path: &str, place: &Place, desk: &Arc<Desk>) -> Closed
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let path = Arc::<str>::from(path);
    let service = service_fn(|request: Request<Incoming>| {
        let asked = Asked { source, path: path.clone(), desk: desk.clone() };
        let work = place.activity().work();
        async move {
            let response = asked.respond(request).await;
            drop(work);
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().max_buf_size(MOST_HEAD as usize).header_read_timeout(None).pipeline_flush(true);
    http.http2()
        .max_concurrent_streams(desk.limits.streams)
        .max_header_list_size(MOST_HEAD)
        .initial_stream_window_size(LONGEST as u32)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(LONGEST);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut ending = pin!(ending(desk, place));
    let mut alarm = pin!(sleep_until(Instant::now() + desk.limits.idle));
    let why = loop {
        tokio::select! {
            ended = connection.as_mut() => return ended.map_or_else(|error| reason(&*error), |()| Closed::ByClient),
            why = &mut ending => break why,
            () = &mut alarm => {
                let until = place.activity().idle_since().unwrap_or_else(Instant::now) + desk.limits.idle;
                if until <= Instant::now() {
                    break Closed::Idle;
                }
                alarm.as_mut().reset(until);
            }
        }
    };
    if why == Closed::Displaced {
        return why; // its place is taken already
    }
    connection.as_mut().graceful_shutdown();
    match timeout(desk.limits.write, connection).await {
        Ok(_) | Err(_) => why, // it ends for our reason, whatever the client makes of it
    }
}

fn reason(error: &(dyn std::error::Error + 'static)) -> Closed {
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_parse() => Closed::Malformed,
        _ => Closed::Failed,
    }
}

type Reply = Response<Full<Bytes>>;

/// Why a request is no DNS query, or has no reply.
#[derive(Clone, Copy)]
enum Refusal {
    Path,
    Method,
    Parameter,
    Base64,
    MediaType,
    Message,
    Long,
    Cut,
    Slow,
    Silence,
}

impl Refusal {
    fn reply(self) -> Reply {
        let (status, text) = match self {
            Self::Path => (StatusCode::NOT_FOUND, "DNS is not here\n"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "DNS is asked by GET or POST\n"),
            Self::Parameter => (StatusCode::BAD_REQUEST, "the parameter dns is missing\n"),
            Self::Base64 => (StatusCode::BAD_REQUEST, "the parameter dns is not base64url without padding\n"),
            Self::MediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content-type is not application/dns-message\n")
            }
            Self::Message => (StatusCode::BAD_REQUEST, "this is not a DNS message\n"),
            Self::Long => (StatusCode::PAYLOAD_TOO_LARGE, "a DNS message has 65535 octets at most\n"),
            Self::Cut => (StatusCode::BAD_REQUEST, "the body ended early\n"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "the body took too long\n"),
            Self::Silence => (StatusCode::BAD_REQUEST, "this message has no reply\n"),
        };
        let mut reply = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
        *reply.status_mut() = status;
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        reply
    }
}

/// Who asks, and where.
struct Asked {
    source: IpAddr,
    path: Arc<str>,
    desk: Arc<Desk>,
}

impl Asked {
    async fn respond(self, request: Request<Incoming>) -> Reply {
        let (head, mut body) = request.into_parts();
        let replied = match self.query(&head, &mut body).await {
            Ok(query) => self.answer(&query).ok_or(Refusal::Silence),
            Err(refusal) => {
                self.drain(body).await;
                Err(refusal)
            }
        };
        let mut reply = replied.unwrap_or_else(Refusal::reply);
        if head.method == Method::HEAD {
            let length = reply.body().size_hint().exact().map(HeaderValue::from);
            reply.headers_mut().extend(length.map(|length| (CONTENT_LENGTH, length)));
            *reply.body_mut() = Full::default(); // hyper would send it over HTTP/2
        }
        reply
    }

    /// The message that a request carries.
    async fn query(&self, head: &Parts, body: &mut Incoming) -> Result<Vec<u8>, Refusal> {
        if head.uri.path() != &*self.path {
            return Err(Refusal::Path);
        }
        let query = match head.method {
            Method::GET | Method::HEAD => {
                let mut parameters = head.uri.query().unwrap_or_default().split('&');
                let dns = parameters.find_map(|parameter| parameter.strip_prefix("dns=")).ok_or(Refusal::Parameter)?;
                URL_SAFE_NO_PAD.decode(dns).map_err(|_| Refusal::Base64)?
            }
            Method::POST if !is_message(&head.headers) => return Err(Refusal::MediaType),
            Method::POST => timeout(self.desk.limits.message, read(body)).await.unwrap_or(Err(Refusal::Slow))?,
            _ => return Err(Refusal::Method),
        };
        if (HEADER..=LONGEST).contains(&query.len()) { Ok(query) } else { Err(Refusal::Message) }
    }

    /// Reads on for a while and forgets: a body that is dropped resets an HTTP/2 stream before the refusal is sent, and
    /// the client would see an error instead (RFC 9113 §8.1).
    async fn drain(&self, mut body: Incoming) {
        let mut left = WINDOW as usize;
        let drained = timeout(self.desk.limits.message, async {
            while let Some(Ok(frame)) = body.frame().await {
                let read = frame.data_ref().map_or(0, Bytes::len);
                let Some(rest) = left.checked_sub(read) else { return };
                left = rest;
            }
        });
        if drained.await.is_err() {
            tracing::trace!("a refused body does not end");
        }
    }

    fn answer(&self, query: &[u8]) -> Option<Reply> {
        self.desk.answer(query, self.source, Transport::Https, |message| {
            let cached =
                freshness(message).and_then(|ttl| HeaderValue::try_from(format!("private, max-age={ttl}")).ok());
            let mut reply = Response::new(Full::new(Bytes::copy_from_slice(message)));
            let headers = reply.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(MESSAGE));
            headers.insert(CACHE_CONTROL, cached.unwrap_or(HeaderValue::from_static("no-store")));
            reply
        })
    }
}

async fn read(body: &mut Incoming) -> Result<Vec<u8>, Refusal> {
    let mut query = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::Cut)?;
        query.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
        if query.len() > LONGEST {
            return Err(Refusal::Long);
        }
    }
    Ok(query)
}

/// RFC 9110 §8.3.1: case does not matter, and what follows a semicolon says nothing here.
fn is_message(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(MESSAGE))
}
