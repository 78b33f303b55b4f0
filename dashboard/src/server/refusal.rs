//! Why a question is not answered, and its status: the one place that maps one to the other.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fairway_steering::overrides;
use serde_json::json;

/// A question that is not answered. All of these are the asker's to mend, save `NotReady`, which is worth a retry.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no policy of that name.
    #[error("there is no service {asked:?}; there is: {}", or_none(.known))]
    UnknownService { asked: String, known: Vec<String> },
    /// There is no policy at all.
    #[error("this node has no services: put a `<service>.policy.toml` into its policies folder")]
    NoService,
    /// The service has no such pathway.
    #[error("service {service:?} has no pathway {asked:?}; it has: {}", or_none(.known))]
    UnknownPathway { service: String, asked: String, known: Vec<String> },
    /// The pathway is in several services, and the question names none.
    #[error("pathway {asked:?} is in several services: add ?service= and one of {}", .services.join(", "))]
    WhichService { asked: String, services: Vec<String> },
    /// A field cannot be read.
    #[error("{field}: {why}")]
    BadField { field: &'static str, why: String },
    /// Utilisation was asked of a pathway that has no capacity in its policy.
    #[error("pathway {0:?} has no `capacity` in its policy, so no utilisation")]
    NoCapacity(String),
    /// No cells have arrived yet: the demand is not known, and zero would be a lie.
    #[error("no demand is known yet")]
    NotReady,
    /// What another site's page may have sent.
    #[error("this came from another site's page: only this node's own pages, and programs, may change anything here")]
    Foreign,
    /// A change that is not said to be JSON.
    #[error(
        "say `content-type: application/json`: changes are taken as JSON only, which no form of another site can send"
    )]
    NotJson,
    /// A body that is JSON, but not what is asked for.
    #[error("{0}")]
    BadBody(String),
    /// An operator's order cannot be carried out.
    #[error("{0}")]
    Order(#[from] overrides::Refused),
    /// No such address under the API.
    #[error("nothing is at this address; /api/v1/openapi.json lists what there is")]
    NoRoute,
    /// No such page.
    #[error("there is no page at this address")]
    NoPage,
}

impl Refusal {
    /// HTTP's word for it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownService { .. }
            | Self::NoService
            | Self::UnknownPathway { .. }
            | Self::NoRoute
            | Self::NoPage => StatusCode::NOT_FOUND,
            Self::WhichService { .. } | Self::BadField { .. } | Self::BadBody(_) => StatusCode::BAD_REQUEST,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Order(overrides::Refused::NoSuch(_)) => StatusCode::NOT_FOUND,
            Self::Order(overrides::Refused::TooMany) => StatusCode::CONFLICT,
            Self::Order(overrides::Refused::Stopping) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Order(_) => StatusCode::BAD_REQUEST,
            Self::NoCapacity(_) => StatusCode::CONFLICT,
            Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// `{"error": "…"}`.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), Json(json!({ "error": self.to_string() }))).into_response()
    }
}

fn or_none(known: &[String]) -> String {
    if known.is_empty() { "none".into() } else { known.join(", ") }
}
