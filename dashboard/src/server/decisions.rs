//! Recorded decisions: the latest, and one of them made again.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use fairway_policies::Explanation;
use fairway_steering::record::{DecisionId, Difference, Occasion, Recorded};
use fairway_store::{DecisionQuery, Store, StoredDecision};
use serde::{Deserialize, Serialize};

use super::{Console, html, missing, refusal::Refusal, view};
use crate::model::{Decided, Decisions, Filter, Page, Row};

/// A list has so many unless asked otherwise, and no more than the other.
const LIMIT: u32 = 100;
const MOST: u32 = 1_000;

/// What is asked for; what is left out is not asked by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    service: String,
    country: String,
    /// The pathway that was answered.
    pathway: String,
    occasion: Option<Occasion>,
    /// RFC 3339, or Unix milliseconds.
    since: String,
    limit: Option<u32>,
}

/// A decision, as the list shows it.
#[derive(Debug, Serialize)]
pub struct Listed {
    id: DecisionId,
    at: DateTime<Utc>,
    service: String,
    occasion: String,
    /// For how many it stands.
    weight: u64,
    snapshot: u64,
    policy: String,
    via: String,
    continent: String,
    country: String,
    asn: u32,
    candidates: Vec<String>,
    chosen: String,
    /// The step that put it first, from 1.
    step: u8,
    reason: String,
    probability: f32,
    ttl: u32,
}

/// A decision, and what it is when it is made again.
#[derive(Debug, Serialize)]
pub struct Told {
    decision: Recorded,
    explanation: Explanation,
    /// Made again by this build, it is the same bit for bit.
    same: bool,
    /// Else: where it is not.
    differences: Vec<Difference>,
}

/// `GET /api/v1/decisions`: the latest first.
pub async fn list(State(console): State<Console>, Query(asked): Query<Asked>) -> Result<Json<Vec<Listed>>, Refusal> {
    Ok(Json(found(&console, asked).await?.into_iter().map(listed).collect()))
}

async fn found(console: &Console, asked: Asked) -> Result<Vec<StoredDecision>, Refusal> {
    let query = DecisionQuery {
        service: asked.service,
        country: asked.country.trim().to_ascii_uppercase(),
        pathway: asked.pathway,
        occasion: asked.occasion.map_or_else(String::new, |occasion| occasion.word().into()),
        since_ms: since(asked.since.trim())?,
        limit: asked.limit.unwrap_or(LIMIT).min(MOST),
    };
    store(console)?.decisions(&query).await.map_err(|error| Refusal::StoreAway(error.to_string()))
}

/// `GET /api/v1/decisions/{id}`: one of them, whole, with its story as of then.
pub async fn one(State(console): State<Console>, Path(id): Path<String>) -> Result<Json<Told>, Refusal> {
    again(&console, &id).await.map(Json)
}

async fn again(console: &Console, id: &str) -> Result<Told, Refusal> {
    let id: DecisionId = id.parse().map_err(|error| Refusal::BadField { field: "id", why: format!("{error}") })?;
    let found = store(console)?.decision(id.0).await.map_err(|error| Refusal::StoreAway(error.to_string()))?;
    let found = found.ok_or(Refusal::NoSuchDecision(id))?;
    let broken = |why: String| Refusal::NotAgain { id, why };
    let decision: Recorded = serde_json::from_str(&found.record).map_err(|error| broken(error.to_string()))?;
    let replay = decision.replay(&found.text).map_err(|error| broken(error.to_string()))?;
    let explanation = Explanation { decision: Some(id.to_string()), ..replay.explanation };
    Ok(Told { decision, explanation, same: replay.differences.is_empty(), differences: replay.differences })
}

/// `GET /decisions`. A form sends its empty fields too.
pub async fn list_page(State(console): State<Console>, Query(filter): Query<Filter>) -> Response {
    let snapshot = console.live.snapshot();
    let policy = match view::service(&snapshot, &filter.service) {
        Ok(service) => service.policy.clone(),
        Err(refusal) => return missing(&console, &refusal),
    };
    let filter = Filter { service: policy.service.clone(), ..filter };
    let mut page = Decisions {
        services: view::services(&snapshot),
        pathways: policy.pathways.iter().map(|p| p.id.clone()).collect(),
        filter: filter.clone(),
        ..Decisions::default()
    };
    let known = Occasion::ALL.into_iter().find(|occasion| occasion.word() == filter.occasion);
    let found = match (known, filter.occasion.as_str()) {
        (None, asked) if !asked.is_empty() => {
            let why = format!("{asked:?} is none of {}", Occasion::ALL.map(Occasion::word).join(", "));
            Err(Refusal::BadField { field: "occasion", why })
        }
        (occasion, _) => {
            let Filter { service, country, pathway, .. } = filter;
            found(&console, Asked { service, country, pathway, occasion, ..Asked::default() }).await
        }
    };
    match found {
        Ok(found) => page.rows = found.into_iter().map(row).collect(),
        Err(refusal) => page.problem = Some(refusal.to_string()),
    }
    html::respond(StatusCode::OK, Page::Decisions(Box::new(page)))
}

/// `GET /decisions/{id}`.
pub async fn one_page(State(console): State<Console>, Path(id): Path<String>) -> Response {
    match again(&console, &id).await {
        Err(refusal) => missing(&console, &refusal),
        Ok(Told { decision, explanation, differences, .. }) => {
            let decided = Decided {
                id: decision.id.to_string(),
                at_ms: decision.at.timestamp_millis(),
                occasion: decision.occasion.word().into(),
                weight: decision.weight,
                policy: decision.policy,
                explanation,
                differences: differences.iter().map(ToString::to_string).collect(),
            };
            html::respond(StatusCode::OK, Page::Decision(Box::new(decided)))
        }
    }
}

fn row(stored: StoredDecision) -> Row {
    let country = (!stored.country.is_empty()).then_some(stored.country);
    let network = (stored.asn > 0).then(|| format!("AS{}", stored.asn));
    let place: Vec<String> = country.into_iter().chain(network).collect();
    Row {
        id: DecisionId(stored.id).to_string(),
        at_ms: stored.at_ns / 1_000_000,
        place: if place.is_empty() { "unknown".into() } else { place.join(", ") },
        via: stored.via,
        chosen: stored.chosen,
        step: stored.step,
        reason: stored.reason,
        probability: stored.probability.into(),
        occasion: stored.occasion,
        weight: stored.weight,
    }
}

fn store(console: &Console) -> Result<&Store, Refusal> {
    console.store.as_ref().ok_or_else(|| Refusal::StoreAway("this node has none".into()))
}

fn since(text: &str) -> Result<i64, Refusal> {
    if text.is_empty() {
        return Ok(0);
    }
    let at = text.parse().ok().or_else(|| Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()));
    at.filter(|ms: &i64| *ms >= 0).ok_or_else(|| Refusal::BadField {
        field: "since",
        why: format!("{text:?} is no time, as in 2026-01-31T12:00:00Z, nor Unix milliseconds"),
    })
}

fn listed(stored: StoredDecision) -> Listed {
    Listed {
        id: DecisionId(stored.id),
        at: DateTime::from_timestamp_nanos(stored.at_ns),
        service: stored.service,
        occasion: stored.occasion,
        weight: stored.weight,
        snapshot: stored.snapshot,
        policy: stored.policy,
        via: stored.via,
        continent: stored.continent,
        country: stored.country,
        asn: stored.asn,
        candidates: stored.candidates,
        chosen: stored.chosen,
        step: stored.step,
        reason: stored.reason,
        probability: stored.probability,
        ttl: stored.ttl,
    }
}
