//! The API by which policies are changed: plan, apply, go back. It only passes on: [`fairway_steering::plan`] does it.
//!
//! A page of another site cannot do any of this in an operator's browser: every body is JSON, which a form cannot send and a
//! script of another origin may not, since no answer here allows it to.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Query, State},
};
use chrono::{DateTime, TimeDelta, Utc};
use fairway_steering::{
    plan::{Applied, ApplyError, Changes, Plan, Proposal, Weighed},
    revisions::Revision,
};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::{Console, refusal::Refusal};

/// Decisions recorded so long ago still speak for those of now: an hour holds every kind of viewer that this time of day has.
const RECENT: TimeDelta = TimeDelta::hours(1);
/// Recorded decisions that a plan weighs; more would change its numbers by less than a percent.
const DECISIONS: u32 = 20_000;
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
    blocking(&console, move |changes| changes.apply(&plan, &author, &message, confirmed, now)).await.map(Json)
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
    blocking(&console, move |changes| changes.rollback(to, &author, &message, now)).await.map(Json)
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

/// Off the runtime's threads: plans decide thousands of times, and revisions are files.
async fn blocking<T: Send + 'static>(
    console: &Console,
    work: impl FnOnce(&Changes) -> Result<T, ApplyError> + Send + 'static,
) -> Result<T, Refusal> {
    let changes: Arc<Changes> = console.changes.clone();
    match spawn_blocking(move || work(&changes)).await {
        Ok(done) => done.map_err(Refusal::of_change),
        Err(error) => Err(Refusal::Broken(error.to_string())),
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
        let same = snapshot.service(&row.service).is_some_and(|service| revision(&service.policy.text) == row.policy);
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
