//! The JSON API, described by `openapi.json` beside this room's sources; and the node's own metrics and probes.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, post},
};
use fairway_policies::explain::Explanation;
use fairway_steering::demand::Demand;
use prometheus_client::encoding::text::encode;
use serde::{Deserialize, Serialize};

use super::{Console, changes, decisions, events, overrides, refusal::Refusal, view};
use crate::model::{Overview, PathwayView, Question};

/// What is at `/api/v1/openapi.json`.
const OPENAPI: &str = include_str!("../../web/openapi.json");

/// Every address of the API: `openapi.json` has the same, and a test sees to it.
pub fn routes() -> [(&'static str, MethodRouter<Console>); 17] {
    [
        ("/api/v1/services", get(services)),
        ("/api/v1/pathways", get(pathways)),
        ("/api/v1/overview", get(overview)),
        ("/api/v1/explain", get(explain)),
        ("/api/v1/decisions", get(decisions::list)),
        ("/api/v1/decisions/{id}", get(decisions::one)),
        ("/api/v1/scaling/{pathway}", get(scaling)),
        ("/api/v1/overrides", get(overrides::list).post(overrides::set)),
        ("/api/v1/overrides/{id}", delete(overrides::clear)),
        ("/api/v1/plans", post(changes::plan)),
        ("/api/v1/revisions", get(changes::revisions).post(changes::apply)),
        ("/api/v1/rollback", post(changes::rollback)),
        ("/api/v1/events", get(events::serve)),
        ("/api/v1/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], OPENAPI) })),
        ("/metrics", get(metrics)),
        ("/livez", get(|| async { "alive\n" })),
        ("/readyz", get(ready)),
    ]
}

/// A service as the API lists it.
#[derive(Serialize)]
struct Listed {
    service: String,
    names: Vec<String>,
    pathways: Vec<String>,
}

async fn services(State(console): State<Console>) -> Json<Vec<Listed>> {
    let listed = |service: &Arc<fairway_steering::Service>| Listed {
        service: service.policy.service.clone(),
        names: service.policy.names.clone(),
        pathways: service.policy.pathways.iter().map(|p| p.id.clone()).collect(),
    };
    Json(console.live.snapshot().services.iter().map(listed).collect())
}

async fn overview(State(console): State<Console>, Query(asked): Query<Question>) -> Result<Json<Overview>, Refusal> {
    view::overview(&console, &asked.service).await.map(Json)
}

async fn pathways(
    State(console): State<Console>,
    Query(asked): Query<Question>,
) -> Result<Json<Vec<PathwayView>>, Refusal> {
    let snapshot = console.live.snapshot();
    let service = view::service(&snapshot, &asked.service)?;
    Ok(Json(view::pathways(service, &console.live.status())))
}

async fn explain(
    State(console): State<Console>,
    Query(question): Query<Question>,
) -> Result<Json<Explanation>, Refusal> {
    let snapshot = console.live.snapshot();
    let question = view::with_defaults(question, &view::services(&snapshot));
    view::explain(&console.live, &snapshot, &question).map(Json)
}

/// What an autoscaler asks for.
#[derive(Deserialize)]
struct Scaling {
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    metric: Metric,
}

/// In which measure.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Metric {
    /// Demand in bits per second.
    #[default]
    Bits,
    /// Active sessions.
    Sessions,
    /// Demand as a share of the capacity in the policy, 0…1.
    Utilisation,
}

/// `{"value": …}`, as KEDA's metrics-api scaler reads it, and what it is of. While nothing is known it is 503, which KEDA
/// takes for an absent metric: 0 would be an order to scale in.
async fn scaling(
    State(console): State<Console>,
    Path(pathway): Path<String>,
    Query(asked): Query<Scaling>,
) -> Result<Response, Refusal> {
    let (snapshot, status) = (console.live.snapshot(), console.live.status());
    let service = match &asked.service {
        Some(service) => view::service(&snapshot, service)?,
        None => only_service_with(&snapshot, &pathway)?,
    };
    let policy = &service.policy;
    if !policy.pathways.iter().any(|p| p.id == pathway) {
        let known = policy.pathways.iter().map(|p| p.id.clone()).collect();
        return Err(Refusal::UnknownPathway { service: policy.service.clone(), asked: pathway, known });
    }
    let known = status.demand.iter().find(|d| d.service == policy.service && d.pathway == pathway);
    let demand = known.filter(|_| status.cells_at.is_some()).ok_or(Refusal::NotReady)?;
    let value = match asked.metric {
        Metric::Bits => demand.bits_per_second as f64,
        Metric::Sessions => demand.sessions as f64,
        Metric::Utilisation => {
            let capacity = demand.capacity.filter(|c| *c > 0).ok_or(Refusal::NoCapacity(pathway))?;
            demand.bits_per_second as f64 / capacity as f64
        }
    };
    Ok(Json(Scaled { value, demand: demand.clone(), at: status.cells_at.map(|at| at.timestamp_millis()) })
        .into_response())
}

/// A demand, with the number asked for in front.
#[derive(Serialize)]
struct Scaled {
    value: f64,
    /// When the cells that it rests on were fetched, Unix ms.
    at: Option<i64>,
    #[serde(flatten)]
    demand: Demand,
}

fn only_service_with<'s>(
    snapshot: &'s fairway_steering::Snapshot,
    pathway: &str,
) -> Result<&'s fairway_steering::Service, Refusal> {
    let has = |s: &&Arc<fairway_steering::Service>| s.policy.pathways.iter().any(|p| p.id == pathway);
    let mut found = snapshot.services.iter().filter(has);
    match (found.next(), found.next()) {
        (Some(service), None) => Ok(service),
        (Some(_), Some(_)) => {
            let services = snapshot.services.iter().filter(has).map(|s| s.policy.service.clone()).collect();
            Err(Refusal::WhichService { asked: pathway.into(), services })
        }
        (None, _) => {
            let known = snapshot.services.iter().flat_map(|s| &s.policy.pathways).map(|p| p.id.clone()).collect();
            Err(Refusal::UnknownPathway { service: "any".into(), asked: pathway.into(), known })
        }
    }
}

/// Prometheus' text, in the OpenMetrics form.
async fn metrics(State(console): State<Console>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &console.registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Ready from the first snapshot on: the node can answer, whatever else is away.
async fn ready(State(console): State<Console>) -> Response {
    match console.live.ready() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "no snapshot yet\n").into_response(),
    }
}
