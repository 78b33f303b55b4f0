//! The content-steering service, and the decision as JSON.
//!
//! `GET /v1/steer/{service}` serves HLS (draft-pantos-content-steering, rfc8216bis §7) and DASH (ETSI TS 103 998) players with
//! one body; which of the two asks shows in its query, and HLS is taken where nothing shows. `GET /v1/decide/{service}`
//! tells SDKs and servers the same decision with URLs and weights.
//!
//! **What players may rely on**, because released players break without it:
//! - A known service is answered `200` with a whole list, whatever has failed behind: the snapshot is all that is read.
//!   A 429 ends steering for the session in hls.js, a 5xx sends VHS into a hot loop; load is shed by a longer TTL.
//! - `VERSION` is the integer 1 and `TTL` an integer within 5…3600: without one, hls.js polls in a hot loop. It is
//!   spread ±10 % over clients, so that those who came together do not come back together, but stays the same for one
//!   client, whose polls then keep their rhythm.
//! - `RELOAD-URI` is absolute (Shaka throws at a relative one) and its query is one base64url word: players re-encode
//!   anything else. It carries what the first URL told of the session, in a form that survives. Without a known
//!   base there is none, and the player keeps the URL it has.
//! - `PATHWAY-PRIORITY` has every pathway that the policy's fences allow, once each, the unfit last and not missing: a
//!   list of one turns hls.js's own failover off, and a list without the player's pathway ends playback in DASH players.
//! - `_HLS_pathway` and `_DASH_pathway` are understood quoted, unquoted and percent-quoted; any throughput is. Nothing in a
//!   query is ever an error.

mod device;
mod query;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use fairway_geo::ClientAddress;
use ipnet::IpNet;
use serde::Serialize;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    client::{Client, Via},
    decide::{Choice, Decision, decide},
    health::Health,
    live::Live,
    record::Answered,
    sessions::{Attributed, Seen},
    snapshot::{Service, Snapshot},
};
use query::Asked;

/// Seconds, within which players of every make behave.
const TTL: std::ops::RangeInclusive<u32> = 5..=3600;

/// The routes under `/v1/`. `public_url` is where players reach this service, for `RELOAD-URI`; without it the request's own
/// `Host` is taken. The client's address is read from the request's [`ClientAddress`] extension.
pub fn router(live: Arc<Live>, public_url: Option<Url>) -> Router {
    let base = public_url.map(|url| url.as_str().trim_end_matches('/').to_owned());
    Router::new()
        .route("/v1/steer/{service}", get(steer).options(preflight))
        .route("/v1/decide/{service}", get(decide_json).options(preflight))
        .with_state(Arc::new(Steering { live, base }))
}

struct Steering {
    live: Arc<Live>,
    /// `https://steer.example.net`, without a slash at the end.
    base: Option<String>,
}

/// Why a request is not answered. The asker's fault; a retry changes nothing until a policy does.
#[derive(Debug, thiserror::Error)]
enum SteeringError {
    #[error("there is no service {0:?} here")]
    UnknownService(String),
}

impl IntoResponse for SteeringError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::UnknownService(_) => StatusCode::NOT_FOUND,
        };
        answer(status, APPLICATION_JSON, serde_json::json!({ "error": self.to_string() }).to_string())
    }
}

async fn steer(State(steering): State<Arc<Steering>>, request: Request) -> Result<Response, SteeringError> {
    let snapshot = steering.live.snapshot.load();
    let service = steering.service(&snapshot, request.uri())?;
    let asked = Asked::of(request.uri().query().unwrap_or(""));
    let address = address(&request);
    let now = Utc::now();
    let decision = steering.decided(&snapshot, service, &request, &asked, now);
    steering.remember(service, &asked, &decision, now);
    let ttl = ttl(decision.ttl, address, asked.session());
    let body = steering_list(service, &decision, ttl, steering.base(&request).as_deref(), &asked);
    Ok(answer(StatusCode::OK, STEERING_LIST, body))
}

async fn decide_json(State(steering): State<Arc<Steering>>, request: Request) -> Result<Response, SteeringError> {
    let snapshot = steering.live.snapshot.load();
    let service = steering.service(&snapshot, request.uri())?;
    let asked = Asked { via: Via::Http, ..Asked::of(request.uri().query().unwrap_or("")) };
    let address = address(&request);
    let now = Utc::now();
    let decision = steering.decided(&snapshot, service, &request, &asked, now);
    let ttl = ttl(decision.ttl, address, asked.session());
    let holds = decision.holds(&snapshot, service, &client(&snapshot, &request, &asked), now);
    let body = serde_json::to_string(&DecisionJson::new(&snapshot, service, &decision, ttl, holds));
    // Strings and numbers in a struct: there is nothing in it that JSON cannot say.
    Ok(answer(StatusCode::OK, APPLICATION_JSON, body.unwrap_or_default()))
}

async fn preflight() -> Response {
    const HEADERS: [(HeaderName, HeaderValue); 4] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*")),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::NO_CONTENT, HEADERS).into_response()
}

impl Steering {
    /// The service that the path's last segment names; an id needs no percent-encoding, so what has any is none.
    fn service<'s>(&self, snapshot: &'s Snapshot, uri: &Uri) -> Result<&'s Service, SteeringError> {
        let id = uri.path().rsplit('/').next().unwrap_or("");
        let found = snapshot.service(id);
        let answers = &self.live.answers;
        count(if found.is_some() { &answers.ok } else { &answers.unknown_service });
        found.ok_or_else(|| SteeringError::UnknownService(id.to_owned()))
    }

    /// The decision for who asks, counted.
    fn decided(
        &self,
        snapshot: &Snapshot,
        service: &Service,
        request: &Request,
        asked: &Asked<'_>,
        now: DateTime<Utc>,
    ) -> Decision {
        let live = &self.live;
        let buffer_ms = asked.session().and_then(|sid| live.sessions.buffer_ms(sid, now));
        let client = Client { buffer_ms, ..client(snapshot, request, asked) };
        let decision = decide(snapshot, service, &client, now, &mut ());
        live.recorder.answered(snapshot, service, &Answered::of(&decision, service, asked.via, now), || {
            service.asker(&client, now)
        });
        decision
    }

    /// Notes which pathway the session is on: the one it says, else the one it is now given.
    fn remember(&self, service: &Service, asked: &Asked<'_>, decision: &Decision, now: DateTime<Utc>) {
        let Some(sid) = asked.session() else { return };
        let reported = asked.pathway.as_deref().and_then(|id| service.policy.pathways.iter().position(|p| p.id == id));
        let given = || decision.ranked.first().map(|choice| choice.pathway);
        if let Some(pathway) = reported.map(|index| index as u8).or_else(given) {
            let on = Attributed { policy: service.policy.clone(), pathway };
            self.live.sessions.touch(sid, Seen { on, throughput: asked.throughput, at: now });
        }
    }

    /// Scheme and authority of this service as the asker reaches it. What the request says of itself is good enough where
    /// nothing is configured: a false word goes back to who said it, and to nobody else, since nothing here is cached.
    fn base<'r>(&'r self, request: &'r Request) -> Option<Cow<'r, str>> {
        if let Some(base) = &self.base {
            return Some(base.into());
        }
        let host = text(request.headers(), header::HOST).or_else(|| request.uri().authority().map(|a| a.as_str()))?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
        let https = text(request.headers(), FORWARDED_PROTO).is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
        let scheme = if https { "https" } else { "http" };
        (!host.is_empty() && host.bytes().all(plain)).then(|| format!("{scheme}://{host}").into())
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Where the client is. A listener without the middleware that tells still answers, as it would someone from nowhere.
fn address(request: &Request) -> IpAddr {
    request.extensions().get().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ClientAddress(address)| *address)
}

/// `seconds` ±10 %, always the same for one session or, without one, for one address. Under 10 s there is no whole second
/// to add, nor need: polls this dense spread by themselves.
fn ttl(seconds: u32, address: IpAddr, session: Option<&str>) -> u32 {
    let hash = match (session, address) {
        (Some(sid), _) => xxh3_64(sid.as_bytes()),
        (None, IpAddr::V4(v4)) => xxh3_64(&v4.octets()),
        (None, IpAddr::V6(v6)) => xxh3_64(&v6.octets()),
    };
    let tenth = seconds / 10;
    let spread = hash % u64::from(2 * tenth + 1);
    (seconds - tenth + spread as u32).clamp(*TTL.start(), *TTL.end())
}

/// The steering list. Written by hand: ids, base and token consist of characters that JSON takes as they are.
fn steering_list(service: &Service, decision: &Decision, ttl: u32, base: Option<&str>, asked: &Asked<'_>) -> String {
    let mut body = String::with_capacity(512);
    body.push_str(r#"{"VERSION":1,"TTL":"#);
    body.push_str(&ttl.to_string());
    if let Some(base) = base {
        body.push_str(r#","RELOAD-URI":""#);
        body.push_str(base);
        body.push_str("/v1/steer/");
        body.push_str(&service.policy.service);
        if let Some(word) = asked.lasting.packed() {
            body.push('?');
            body.push_str(&word);
        }
        body.push('"');
    }
    body.push_str(r#","PATHWAY-PRIORITY":["#);
    for (index, pathway) in decision.priority(&service.policy).enumerate() {
        body.push_str(if index == 0 { "\"" } else { ",\"" });
        body.push_str(&pathway.id);
        body.push('"');
    }
    body.push_str("]}");
    body
}

/// Who asks.
fn client<'a>(snapshot: &Snapshot, request: &Request, asked: &'a Asked<'_>) -> Client<'a> {
    let agent = || text(request.headers(), header::USER_AGENT).and_then(device::of_user_agent);
    Client {
        content: asked.content(),
        stream: asked.lasting.stream,
        device: asked.lasting.device.or_else(agent),
        ..snapshot.client(address(request), asked.via, asked.session())
    }
}

/// A decision, for programs.
#[derive(Serialize)]
struct DecisionJson<'a> {
    service: &'a str,
    /// Number of the snapshot that decided.
    snapshot: u64,
    /// Seconds after which to ask again.
    ttl: u32,
    /// The addresses for which this same decision holds.
    holds: IpNet,
    /// Nothing was healthy, so all were kept.
    panic: bool,
    /// Best first. Those of one `tier` are equals; `weight` is the share inside it.
    pathways: Vec<PathwayJson<'a>>,
    /// The last resort, least bad first.
    aside: Vec<AsideJson<'a>>,
}

#[derive(Serialize)]
struct PathwayJson<'a> {
    id: &'a str,
    url: &'a str,
    tier: u8,
    weight: u32,
}

#[derive(Serialize)]
struct AsideJson<'a> {
    id: &'a str,
    url: &'a str,
    health: Health,
}

impl<'a> DecisionJson<'a> {
    fn new(snapshot: &Snapshot, service: &'a Service, decision: &Decision, ttl: u32, holds: IpNet) -> Self {
        let pathways = decision.ranked.iter().filter_map(|Choice { pathway, tier, weight }| {
            let of = service.policy.pathways.get(usize::from(*pathway))?;
            Some(PathwayJson { id: &of.id, url: &of.url, tier: *tier, weight: *weight })
        });
        let aside = decision.aside.iter().filter_map(|index| {
            let (of, verdict) =
                (service.policy.pathways.get(usize::from(*index))?, service.inputs.verdicts.get(usize::from(*index))?);
            Some(AsideJson { id: &of.id, url: &of.url, health: verdict.health })
        });
        Self {
            service: &service.policy.service,
            snapshot: snapshot.version,
            ttl,
            holds,
            panic: decision.panic,
            pathways: pathways.collect(),
            aside: aside.collect(),
        }
    }
}

const STEERING_LIST: HeaderValue = HeaderValue::from_static("application/vnd.apple.steering-list");
const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

fn answer(status: StatusCode, content_type: HeaderValue, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
    response
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
