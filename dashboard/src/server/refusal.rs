//! Why a question is not answered, and its status: the one place that maps one to the other.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fairway_steering::{overrides, plan::ApplyError, record::DecisionId, revisions::RevisionError};
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
    /// This node was not told where its policies are: it is a part of another program.
    #[error("the policies of this node cannot be changed here")]
    Unchangeable,
    /// A change of policies is not planned or not made; the status says whose fault that is.
    #[error("{1}")]
    Change(StatusCode, String),
    /// No decision is recorded under this id.
    #[error("no decision {0} is recorded here, or not any more")]
    NoSuchDecision(DecisionId),
    /// A recorded decision that cannot be made again.
    #[error("decision {id} cannot be made again: {why}")]
    NotAgain { id: DecisionId, why: String },
    /// The store does not answer.
    #[error("the store does not answer: {0}")]
    StoreAway(String),
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
            | Self::NoSuchDecision(_)
            | Self::NoRoute
            | Self::NoPage => StatusCode::NOT_FOUND,
            Self::WhichService { .. } | Self::BadField { .. } | Self::BadBody(_) => StatusCode::BAD_REQUEST,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Order(overrides::Refused::NoSuch(_)) => StatusCode::NOT_FOUND,
            Self::Order(overrides::Refused::TooMany) => StatusCode::CONFLICT,
            Self::Order(overrides::Refused::Stopping) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Order(_) => StatusCode::BAD_REQUEST,
            Self::NoCapacity(_) | Self::NotAgain { .. } => StatusCode::CONFLICT,
            Self::Unchangeable => StatusCode::NOT_IMPLEMENTED,
            Self::Change(status, _) => *status,
            Self::NotReady | Self::StoreAway(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<ApplyError> for Refusal {
    fn from(error: ApplyError) -> Self {
        let status = match &error {
            ApplyError::Broken(_) | ApplyError::Name(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ApplyError::Anonymous => StatusCode::BAD_REQUEST,
            ApplyError::Unknown(_) | ApplyError::Revision(RevisionError::Unknown { .. }) => StatusCode::NOT_FOUND,
            ApplyError::Stale { .. } | ApplyError::Guarded(_) | ApplyError::First(_) => StatusCode::CONFLICT,
            ApplyError::Revision(_) | ApplyError::Io { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::Change(status, error.to_string())
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
