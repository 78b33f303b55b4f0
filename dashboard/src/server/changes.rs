//! The API by which policies are changed: plan, apply, go back. It only passes on: [`fairway_steering::plan`] does it.
//!
//! [`origin`](super::origin) sees to it that no other site's page does any of this in an operator's browser.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use chrono::{DateTime, TimeDelta, Utc};
use fairway_steering::{
    plan::{Applied, ApplyError, Changes, Plan, Proposal, Weighed},
    record::known_by,
    revisions::Revision,
};
use serde::Deserialize;
use tokio::{
    task::spawn_blocking,
    time::{interval, timeout},
};

use super::{Console, refusal::Refusal};

/// Decisions recorded so long ago still speak for those of now: an hour holds every kind of viewer that this time of day has.
const RECENT: TimeDelta = TimeDelta::hours(1);
/// Recorded decisions that a plan weighs; more would change its numbers by less than a percent.
const DECISIONS: u32 = 20_000;
/// A change that the control loop has not taken up by then is answered without waiting on.
const ADOPTED_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Revisions listed unless more are asked for.
const LISTED: usize = 20;

pub(super) async fn plan(
    State(console): State<Console>,
    Json(proposal): Json<Proposal>,
) -> Result<Json<Plan>, Refusal> {
    let now = Utc::now();
    let askers = recorded(&console, now).await;
    blocking(&console, move |changes| changes.plan(proposal, &askers, now)).await.map(Json)
}

/// A change, as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    plan: String,
    author: String,
    message: String,
    #[serde(default)]
    confirmed: bool,
}

pub(super) async fn apply(
    State(console): State<Console>,
    Json(Asked { plan, author, message, confirmed }): Json<Asked>,
) -> Result<Json<Applied>, Refusal> {
    let now = Utc::now();
    let applied = blocking(&console, move |changes| changes.apply(&plan, &author, &message, confirmed, now)).await?;
    in_force(&console).await;
    Ok(Json(applied))
}

/// A return, as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Return {
    #[serde(default)]
    to: Option<u64>,
    author: String,
    #[serde(default)]
    message: String,
}

pub(super) async fn rollback(
    State(console): State<Console>,
    Json(Return { to, author, message }): Json<Return>,
) -> Result<Json<Applied>, Refusal> {
    let now = Utc::now();
    let applied = blocking(&console, move |changes| changes.rollback(to, &author, &message, now)).await?;
    in_force(&console).await;
    Ok(Json(applied))
}

/// How many revisions.
#[derive(Deserialize)]
pub(super) struct Page {
    last: Option<usize>,
}

pub(super) async fn revisions(
    State(console): State<Console>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<Revision>>, Refusal> {
    let last = page.last.unwrap_or(LISTED);
    blocking(&console, move |changes| Ok(changes.revisions().last(last)?)).await.map(Json)
}

/// Waits until the control loop answers by what was just written: whoever asks next sees it. It does so within a second;
/// should it not, the change is kept all the same.
async fn in_force(console: &Console) {
    let mut look = interval(LOOK_EVERY);
    let adopted = async {
        while !console.changes.as_ref().is_none_or(|changes| changes.in_force()) {
            look.tick().await;
        }
    };
    if timeout(ADOPTED_WITHIN, adopted).await.is_err() {
        tracing::warn!("the control loop has not taken up the new policies yet");
    }
}

/// Off the runtime's threads: plans decide thousands of times, and revisions are files.
pub(super) async fn blocking<T: Send + 'static>(
    console: &Console,
    work: impl FnOnce(&Changes) -> Result<T, ApplyError> + Send + 'static,
) -> Result<T, Refusal> {
    let changes: Arc<Changes> = console.changes.clone().ok_or(Refusal::Unchangeable)?;
    match spawn_blocking(move || work(&changes)).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(Refusal::Change(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

/// Who was decided for lately, by service, each with how many it stands for. A store that is away has nobody to tell, and the
/// plan says that it rests on less.
async fn recorded(console: &Console, now: DateTime<Utc>) -> BTreeMap<String, Vec<Weighed>> {
    let mut askers: BTreeMap<String, Vec<Weighed>> = BTreeMap::new();
    let Some(store) = &console.store else { return askers };
    let since = (now - RECENT).timestamp_millis();
    let decided = match store.decided("", since, DECISIONS).await {
        Ok(decided) => decided,
        Err(error) => {
            tracing::warn!(%error, "recorded decisions are not to be had: a plan goes by viewers alone");
            return askers;
        }
    };
    let snapshot = console.live.snapshot();
    for row in decided {
        // Conditions that an asker met are those of the policy that decided for it.
        let same = snapshot.service(&row.service).is_some_and(|service| known_by(&service.policy.text) == row.policy);
        match serde_json::from_str(&row.asker) {
            Ok(asker) if same => {
                askers.entry(row.service).or_default().push(Weighed { asker, weight: row.weight as f64 });
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a recorded asker cannot be read"),
        }
    }
    askers
}
