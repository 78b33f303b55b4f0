//! HTTP: `POST`, `GET` and `OPTIONS` on `/v1/beacons`.
//!
//! 204 without a body says that every record is on disk. 400 names the records that are not, and why; the others are. A
//! player does not read either; whoever builds one does.

use std::time::Duration;

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, RawQuery, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::Utc;
use fairway_geo::ClientAddress;
use serde_json::json;
use tower_http::cors::{Any, CorsLayer};

use crate::{
    collector::{Collector, Receipt},
    error::RequestError,
    intake,
    metrics::Request,
};

/// The largest body, bytes. A batch of a thousand records is a fifth of it.
const MAX_BODY: usize = 1 << 20;
/// Refused records that an answer names at most.
const MAX_NAMED: usize = 100;

/// `/v1/beacons`. It reads the client's address from the request extension [`ClientAddress`], where there is one.
pub fn router(collector: Collector) -> Router {
    let cmcd = ["cmcd-request", "cmcd-object", "cmcd-status", "cmcd-session"].map(HeaderName::from_static);
    // Beacons carry no credentials, so that any page may send them. Browsers keep a preflight's answer for a day at most.
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::POST, Method::GET])
        .allow_headers([header::CONTENT_TYPE].into_iter().chain(cmcd).collect::<Vec<_>>())
        .expose_headers([header::RETRY_AFTER])
        .max_age(Duration::from_secs(86_400));
    Router::new()
        .route("/v1/beacons", get(beacons).post(beacons))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(cors)
        .with_state(collector)
}

async fn beacons(
    State(collector): State<Collector>,
    client: Option<Extension<ClientAddress>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let mut mode = "none";
    let outcome = async {
        let body = body.map_err(rejected)?;
        let intake = intake::read(&headers, query.as_deref().unwrap_or(""), &body)?;
        mode = intake.mode.name();
        collector.accept(intake, client.map(|Extension(ClientAddress(ip))| ip), Utc::now().timestamp_millis()).await
    }
    .await;
    let name = match &outcome {
        Ok(receipt) if receipt.refused.is_empty() => "ok",
        Ok(_) => "partly",
        Err(error) => error.describe().0,
    };
    collector.metrics().requests.get_or_create(&Request { mode, outcome: name }).inc();
    outcome.map_or_else(IntoResponse::into_response, Receipt::answer)
}

fn rejected(rejection: BytesRejection) -> RequestError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => RequestError::TooLarge { limit: MAX_BODY },
        _ => RequestError::Body(rejection.body_text()),
    }
}

impl Receipt {
    fn answer(self) -> Response {
        if self.refused.is_empty() {
            // A beacon by GET must get here each time, though an empty answer may be kept for a while.
            return (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response();
        }
        let count = self.refused.len();
        let refused: Vec<_> = (self.refused.iter().take(MAX_NAMED))
            .map(|(number, cause)| json!({ "record": number, "cause": cause.name(), "message": cause.to_string() }))
            .collect();
        let body = json!({
            "error": "refused_records",
            "message": format!("{count} of {} records were refused; the others are kept", count + self.accepted + self.duplicates),
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "refused": refused,
        });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        let (name, status, retry) = self.describe();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Json(json!({ "error": name, "message": self.to_string() }));
        match retry {
            Some(after) => (status, [(header::RETRY_AFTER, after.as_secs().to_string())], body).into_response(),
            None => (status, body).into_response(),
        }
    }
}
