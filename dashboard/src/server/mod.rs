//! The node's side: routes, and the model filled from what steering and the store know.
//!
//! [`view`] fills the pages' model, [`decisions`] and [`policy`] that of their own; [`overrides`] and [`changes`] take
//! operators' orders ([`origin`] says from whom), [`feed`] words events for people, [`quality`] asks the store for what
//! viewers reported, [`events`] sends both on as they change, [`api`] answers in JSON, [`html`] and [`assets`] make documents.

mod api;
mod assets;
mod changes;
mod decisions;
mod events;
mod feed;
mod html;
mod origin;
mod overrides;
mod policy;
mod quality;
mod refusal;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    middleware::from_fn,
    response::Response,
    routing::{any, get, post},
};
use fairway_steering::{Live, plan::Changes};
use fairway_store::Store;
use prometheus_client::registry::Registry;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

use crate::model::{Explain, Missing, OverrideForm, Overview, Page, Question};
use quality::Quality;
use refusal::Refusal;

/// What the dashboard looks at.
#[derive(Clone)]
pub struct Console {
    live: Arc<Live>,
    registry: Arc<Registry>,
    quality: Arc<Quality>,
    store: Option<Store>,
    changes: Option<Arc<Changes>>,
    /// Ends the event streams, which would otherwise hold up a clean stop.
    shutdown: CancellationToken,
}

impl Console {
    /// A console on this node. Without a store there are no quality charts, and the pages say so.
    pub fn new(live: Arc<Live>, store: Option<Store>, registry: Arc<Registry>, shutdown: CancellationToken) -> Self {
        if !assets::has_bundle() {
            tracing::warn!(
                "this build has no wasm bundle: pages work, but reload instead of being live (`cargo xtask site` makes it)"
            );
        }
        let quality = Arc::new(Quality::new(store.clone()));
        Self { live, registry, quality, store, changes: None, shutdown }
    }

    /// The same, on which policies can be changed.
    pub fn changing(self, changes: Arc<Changes>) -> Self {
        Self { changes: Some(changes), ..self }
    }
}

/// Everything under the admin listener: pages, API, metrics, probes of the node itself.
pub fn router(console: Console) -> Router {
    let pages = Router::new()
        .route("/", get(overview).post(overrides::set_by_form))
        .route("/overrides/{id}/clear", post(overrides::clear_by_form))
        .route("/explain", get(explain))
        .route("/decisions", get(decisions::list_page))
        .route("/decisions/{id}", get(decisions::one_page))
        .route("/policy", get(policy::page))
        .route("/assets/{hash}/{name}", get(assets::serve))
        .route("/api/{*rest}", any(|| async { Refusal::NoRoute }));
    api::routes()
        .into_iter()
        .fold(pages, |router, (address, answers)| router.route(address, answers))
        .fallback(|State(console): State<Console>| async move { missing(&console, &Refusal::NoPage) })
        .layer(from_fn(origin::guard))
        .layer(CompressionLayer::new())
        .with_state(console)
}

/// What the overview's address says.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    service: String,
    /// The form for an override is asked for, of this pathway if one is named.
    force: Option<String>,
}

async fn overview(State(console): State<Console>, Query(asked): Query<Asked>) -> Response {
    match view::overview(&console, &asked.service).await {
        Ok(overview) => {
            let form = asked.force.map(|pathway| OverrideForm { pathway, ..OverrideForm::default() });
            html::respond(StatusCode::OK, Page::Overview(Box::new(Overview { form, ..overview })))
        }
        Err(refusal) => missing(&console, &refusal),
    }
}

fn missing(console: &Console, refusal: &Refusal) -> Response {
    let services = view::services(&console.live.snapshot());
    html::respond(refusal.status(), Page::Missing(Missing { problem: refusal.to_string(), services }))
}

async fn explain(State(console): State<Console>, Query(question): Query<Question>) -> Response {
    let snapshot = console.live.snapshot();
    let mut page = Explain { services: view::services(&snapshot), ..Explain::default() };
    page.question = view::with_defaults(question, &page.services);
    let service = match view::service(&snapshot, &page.question.service) {
        Ok(service) => service,
        Err(refusal) => return missing(&console, &refusal),
    };
    page.pathways = service.policy.pathways.iter().map(|p| p.id.clone()).collect();
    if page.question.is_asked() {
        match view::explain(&console.live, &snapshot, &page.question) {
            Ok(explanation) => page.explanation = Some(explanation),
            // The page is the form, shown again with what is to be mended: nothing went wrong with it.
            Err(refusal) => page.problem = Some(refusal.to_string()),
        }
    }
    html::respond(StatusCode::OK, Page::Explain(Box::new(page)))
}
