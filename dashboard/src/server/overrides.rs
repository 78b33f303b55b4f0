//! Overrides: told, set and cleared, over the API in JSON and from the page by forms. [`super::origin`] has seen to it that
//! whoever changes one is not another site's page.

use axum::{
    Form, Json,
    extract::{Path, Query, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use fairway_steering::{
    Asn, Health, Live, Place, Service, Snapshot,
    live::Outcome,
    overrides::{self, Force, Override, OverridePlace, Wish},
};
use serde::Deserialize;

use super::{Console, html, missing, refusal::Refusal, view};
use crate::{
    format,
    model::{self, OverrideDone, OverrideForm, Page, Question},
};

/// `GET /api/v1/overrides`: in the order given; a later one goes before an earlier.
pub async fn list(State(console): State<Console>) -> Json<Vec<model::Override>> {
    let (snapshot, now) = (console.live.snapshot(), Utc::now());
    let list = console.live.overrides.list();
    // One whose time is over holds no more, though it stays in the list until the control loop's tick.
    let holding = list.iter().filter(|forced| !forced.is_over(now));
    Json(holding.map(|forced| view::told(forced, &snapshot)).collect())
}

/// An override, as the API takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wished {
    service: String,
    pathway: String,
    #[serde(default)]
    continent: String,
    #[serde(default)]
    country: String,
    asn: Option<u32>,
    force: model::Force,
    share: Option<f32>,
    #[serde(default)]
    author: String,
    #[serde(default)]
    reason: String,
    expires_ms: Option<i64>,
    for_s: Option<u32>,
}

/// `POST /api/v1/overrides`. When it is answered, answers follow it.
pub async fn set(
    State(console): State<Console>,
    wished: Result<Json<Wished>, JsonRejection>,
) -> Result<(StatusCode, Json<OverrideDone>), Refusal> {
    let Json(wished) = wished.map_err(|rejection| Refusal::BadBody(rejection.body_text()))?;
    let now = Utc::now();
    let outcome = console.live.force(wish(wished, now)?, now).await?;
    Ok((StatusCode::CREATED, Json(done(&outcome, &console.live))))
}

fn wish(wished: Wished, now: DateTime<Utc>) -> Result<Wish, Refusal> {
    let expires = match (wished.expires_ms, wished.for_s) {
        (Some(_), Some(_)) => return Err(bad("for_s", "say until when, or for how long, not both".into())),
        (Some(at), None) => {
            Some(DateTime::from_timestamp_millis(at).ok_or_else(|| bad("expires_ms", format!("{at} is no time")))?)
        }
        (None, lasts) => lasts.map(|seconds| now + TimeDelta::seconds(seconds.into())),
    };
    Ok(Wish {
        place: place(&wished.continent, &wished.country, wished.asn)?,
        force: force(wished.force, wished.share)?,
        service: wished.service,
        pathway: wished.pathway,
        author: wished.author,
        reason: wished.reason,
        expires,
    })
}

fn place(continent: &str, country: &str, asn: Option<u32>) -> Result<OverridePlace, Refusal> {
    let mut place = OverridePlace { asn: asn.map(Asn), ..OverridePlace::default() };
    if !continent.is_empty() {
        place.continent = Some(continent.parse().map_err(|error| bad("continent", format!("{error}")))?);
    }
    if !country.is_empty() {
        place.country = Some(country.parse().map_err(|error| bad("country", format!("{error}")))?);
    }
    Ok(place)
}

fn force(force: model::Force, share: Option<f32>) -> Result<Force, Refusal> {
    match (force, share) {
        (model::Force::Share, Some(share)) => Ok(Force::Share(share)),
        (model::Force::Share, None) => Err(bad("share", "say which, from 0 to 1".into())),
        (_, Some(_)) => Err(bad("share", "goes with `\"force\": \"share\"` only".into())),
        (model::Force::Up, None) => Ok(Force::Up),
        (model::Force::Down, None) => Ok(Force::Down),
        (model::Force::Drained, None) => Ok(Force::Drained),
    }
}

/// Who clears one.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Clearing {
    author: Option<String>,
}

/// `DELETE /api/v1/overrides/{id}`. When it is answered, answers follow.
pub async fn clear(
    State(console): State<Console>,
    Path(id): Path<u64>,
    Query(by): Query<Clearing>,
) -> Result<Json<OverrideDone>, Refusal> {
    let outcome = console.live.clear(id, by.author, Utc::now()).await?;
    Ok(Json(done(&outcome, &console.live)))
}

/// `POST /`: the page's form. Back to the page when it is done; the form again, with what is to be mended, when it is not.
pub async fn set_by_form(
    State(console): State<Console>,
    Query(asked): Query<Question>,
    Form(mut form): Form<OverrideForm>,
) -> Response {
    let service = match view::service(&console.live.snapshot(), &asked.service) {
        Ok(service) => service.policy.service.clone(),
        Err(refusal) => return missing(&console, &refusal),
    };
    let now = Utc::now();
    let outcome = match wish_of(&form, &service, now) {
        Ok(wish) => console.live.force(wish, now).await.map_err(Refusal::from),
        Err(refusal) => Err(refusal),
    };
    let (status, problem) = match outcome {
        Err(refusal) => (refusal.status(), refusal.to_string()),
        Ok(outcome) => {
            let warnings = done(&outcome, &console.live).warnings;
            if warnings.is_empty() {
                return Redirect::to(&format!("/?service={service}")).into_response();
            }
            form = OverrideForm::default();
            (StatusCode::OK, warnings.join(". "))
        }
    };
    form.problem = Some(problem);
    match view::overview(&console, &service).await {
        Ok(mut overview) => {
            overview.form = Some(form);
            html::respond(status, Page::Overview(Box::new(overview)))
        }
        Err(refusal) => missing(&console, &refusal),
    }
}

fn wish_of(form: &OverrideForm, service: &str, now: DateTime<Utc>) -> Result<Wish, Refusal> {
    let share = match form.share.trim().trim_end_matches('%').trim_end() {
        "" => None,
        text => {
            Some(text.parse::<f32>().map_err(|_| bad("share", format!("{text:?} is no number of per cent")))? / 100.0)
        }
    };
    let kind = match form.force.as_str() {
        "up" => model::Force::Up,
        "down" => model::Force::Down,
        "drained" => model::Force::Drained,
        "share" => model::Force::Share,
        other => return Err(bad("force", format!("{other:?} is none of up, down, drained, share"))),
    };
    let expires = match form.lasts.trim() {
        "" => None,
        text => {
            let help = || bad("lasts", format!("{text:?} is no time span, such as 30m, 2h or 1d"));
            Some(now + TimeDelta::seconds(i64::from(format::parse_span(text).ok_or_else(help)?)))
        }
    };
    Ok(Wish {
        service: service.into(),
        pathway: form.pathway.clone(),
        place: place(form.continent.trim(), form.country.trim(), view::asn(&form.asn)?.map(|asn| asn.0))?,
        // The field stands beside the choice and may be left filled in.
        force: force(kind, share.filter(|_| kind == model::Force::Share))?,
        author: form.author.clone(),
        reason: form.reason.clone(),
        expires,
    })
}

/// `POST /overrides/{id}/clear`: the button beside it. One that is gone already is as good as cleared.
pub async fn clear_by_form(
    State(console): State<Console>,
    Path(id): Path<u64>,
    Query(asked): Query<Question>,
) -> Response {
    let service = match view::service(&console.live.snapshot(), &asked.service) {
        Ok(service) => service.policy.service.clone(),
        Err(refusal) => return missing(&console, &refusal),
    };
    match console.live.clear(id, None, Utc::now()).await {
        Ok(_) | Err(overrides::Refused::NoSuch(_)) => Redirect::to(&format!("/?service={service}")).into_response(),
        Err(refused) => missing(&console, &refused.into()),
    }
}

fn done(outcome: &Outcome, live: &Live) -> OverrideDone {
    let Outcome { changed, in_force } = outcome;
    let snapshot = live.snapshot();
    let mut warnings = Vec::new();
    if !in_force {
        warnings.push("it is kept, but not in force: the node's control loop does not answer".into());
    }
    warnings.extend(changed.saved.as_ref().err().map(|unsaved| unsaved.to_string()));
    warnings.extend(nobody_left(&changed.forced, &live.overrides.list(), &snapshot));
    OverrideDone { forced: view::told(&changed.forced, &snapshot), in_force: *in_force, warnings }
}

/// Where an override leaves no pathway fit, by what is forced and found now: of the clients whom it is for, or of those of a
/// place in it that another override singles out.
fn nobody_left(forced: &Override, list: &[Override], snapshot: &Snapshot) -> Option<String> {
    let mut places = vec![forced.place];
    for other in list.iter().map(|other| other.place) {
        if forced.place.holds(&known(other)) && !places.contains(&other) {
            places.push(other);
        }
    }
    let concerned = || snapshot.services.iter().filter(|service| forced.concerns(&service.policy));
    let emptied = concerned().flat_map(|service| {
        let empty = places.iter().find(|place| is_empty(service, list, &known(**place)));
        let there = |place: &OverridePlace| match place.is_everywhere() {
            true => service.policy.service.clone(),
            false => format!("{} for {place}", service.policy.service),
        };
        empty.map(there)
    });
    let emptied: Vec<String> = emptied.collect();
    (!emptied.is_empty()).then(|| {
        let emptied = emptied.join(", ");
        format!(
            "no pathway is left fit in {emptied}: all are kept there, for an answer that may fail is better than none"
        )
    })
}

/// What is known of a client there.
fn known(OverridePlace { continent, country, asn }: OverridePlace) -> Place {
    let continent = continent.or(country.and_then(|country| country.continent()));
    Place { continent, country, asn, ..Place::default() }
}

/// Whether no pathway is fit for a client there.
fn is_empty(service: &Service, list: &[Override], place: &Place) -> bool {
    let list: Vec<Override> = list.iter().filter(|other| other.concerns(&service.policy)).cloned().collect();
    let unfit = |pathway: &str, found: Health| match overrides::in_force(&list, pathway, place) {
        Some(forced) => matches!(forced.force, Force::Down | Force::Drained) || forced.force == Force::Share(0.0),
        None => found >= Health::Down,
    };
    let mut pathways = service.policy.pathways.iter().zip(&service.inputs.verdicts);
    pathways.all(|(pathway, verdict)| unfit(&pathway.id, verdict.health))
}

fn bad(field: &'static str, why: String) -> Refusal {
    Refusal::BadField { field, why }
}
