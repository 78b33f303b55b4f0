//! The demo's own port: a page to watch the stream on, and faults by POST.
//!
//! - `GET /` the page: unmodified hls.js, steered by the node, reporting to it
//! - `GET /master.m3u8?sid=…` the multivariant playlist, starting on what the node answers this session first
//! - `POST /demo/fault` `{"pathway":"cdn-a","kind":"slow"|"errors"|"down"|null,"country":"DE"}`; `GET` lists them
//! - `GET /demo/world` what happens to the viewers

use std::{net::IpAddr, path::PathBuf, sync::Arc};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use fairway_geo::Country;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    faults::{Fault, Faults, Kind},
    playlist,
    surroundings::Surroundings,
};

#[derive(Clone)]
struct Panel {
    world: Arc<Surroundings>,
    faults: Arc<Faults>,
    player: Arc<PathBuf>,
}

/// The panel's routes. `player` is hls.js as npm has it.
pub fn router(world: Arc<Surroundings>, faults: Arc<Faults>, player: PathBuf) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/hls.js", get(hls_js))
        .route("/master.m3u8", get(master))
        .route("/demo/fault", get(list).post(set))
        .route("/demo/world", get(async |State(panel): State<Panel>| Json(panel.world.counts())))
        .with_state(Panel { world, faults, player: Arc::new(player) })
}

async fn page(State(panel): State<Panel>) -> Html<String> {
    let beacons = format!("{}/v1/beacons?service={}", panel.world.public, panel.world.service);
    Html(include_str!("panel.html").replace("{{BEACONS}}", &beacons))
}

async fn hls_js(State(panel): State<Panel>) -> Response {
    match tokio::fs::read(panel.player.as_path()).await {
        Ok(script) => ([(header::CONTENT_TYPE, "text/javascript")], script).into_response(),
        Err(error) => {
            let said = format!("{}: {error}; `make setup` fetches hls.js\n", panel.player.display());
            (StatusCode::NOT_FOUND, said).into_response()
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    sid: String,
}

#[derive(Deserialize)]
struct Steering {
    #[serde(rename = "PATHWAY-PRIORITY")]
    priority: Vec<String>,
}

/// Everything in a playlist stands on the pathway that the node names first: a player must not begin elsewhere.
async fn master(State(panel): State<Panel>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let world = &panel.world;
    let sid: String = asked.sid.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let steering = format!("{}/v1/steer/{}?sid={sid}", world.public, world.service);
    let answered = async { world.http.get(&steering).send().await?.json::<Steering>().await };
    let first = match answered.await.map(|s| s.priority.into_iter().next()) {
        Ok(Some(first)) => first,
        Ok(None) | Err(_) => return (StatusCode::BAD_GATEWAY, "the node does not answer\n").into_response(),
    };
    // A browser that came here by name can resolve the CDNs' names too; one that came by address need not.
    let by_name = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.rsplit_once(':').map_or(Some(host), |(name, _)| Some(name)))
        .is_some_and(|host| host.parse::<IpAddr>().is_err() && host != "localhost");
    let bases: Vec<playlist::Base> = world
        .pathways
        .iter()
        .map(|p| (p.id.clone(), if by_name { p.url.clone() } else { format!("http://{}/", p.address) }))
        .collect();
    let text = playlist::multivariant(&steering, &first, &bases);
    ([(header::CONTENT_TYPE, "application/vnd.apple.mpegurl")], text).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    pathway: String,
    kind: Option<Kind>,
    country: Option<Country>,
}

#[derive(Serialize)]
struct Standing {
    pathway: String,
    fault: Option<Fault>,
}

async fn list(State(panel): State<Panel>) -> Json<Vec<Standing>> {
    Json(panel.faults.all().into_iter().map(|(pathway, fault)| Standing { pathway, fault }).collect())
}

async fn set(State(panel): State<Panel>, Json(wish): Json<Wish>) -> Response {
    let fault = wish.kind.map(|kind| Fault { kind, country: wish.country });
    match panel.faults.set(&wish.pathway, fault) {
        Ok(()) => list(State(panel)).await.into_response(),
        Err(unknown) => (StatusCode::NOT_FOUND, Json(json!({ "error": unknown.to_string() }))).into_response(),
    }
}
