//! What operators force: the strip on Overview, with a button beside each to clear it, and the form for one more. All plain
//! forms. The form is made once and no news changes it, so that what is being typed stays.

use leptos::prelude::*;

use super::{icon, options, swatch};
use crate::{
    format,
    model::{Force, Health, Override, OverrideForm, Overview, Tone},
};

/// Who forced what, why, and until when; the newest first, since it goes before the others. Nothing where nobody did.
pub fn strip(model: RwSignal<Overview>) -> impl IntoView {
    move || {
        model.with(|m| {
            let among: Vec<String> = m.pathways.iter().map(|p| p.id.clone()).collect();
            let items = m.overrides.iter().map(|forced| item(forced, &m.service, &among, m.now_ms)).collect_view();
            (!m.overrides.is_empty()).then(|| {
                view! {
                    <section class="overrides" aria-labelledby="overrides">
                        <h2 id="overrides">"Forced by operators"</h2>
                        <ol>{items}</ol>
                    </section>
                }
            })
        })
    }
}

fn item(forced: &Override, service: &str, among: &[String], now_ms: i64) -> impl IntoView + use<> {
    let mut swatches: Vec<String> =
        forced.affects.iter().filter(|a| a.service == service).map(|a| a.pathway.clone()).collect();
    swatches.dedup();
    let swatches = swatches.iter().map(|id| swatch(id, among)).collect_view();
    let everywhere = forced.continent.is_none() && forced.country.is_none() && forced.asn.is_none();
    let place = (!everywhere).then(|| format!(" for {}", forced.place));
    let others = (forced.service != service).then(|| format!(", in services {}", forced.service));
    let until = match forced.expires_ms {
        Some(at) => format!("until {} UTC, {} left", moment(at, now_ms), format::span(at - now_ms)),
        None => "until cleared".into(),
    };
    let since = format!("since {} UTC", moment(forced.since_ms, now_ms));
    view! {
        <li>
            {sign(forced.force)}
            <div>
                <p>
                    {swatches}
                    <strong>{forced.pathway.clone()}" "{word(forced)}</strong>
                    {place}{others}": "{forced.reason.clone()}
                </p>
                <p class="detail">{format!("{}, {since}, {until}", forced.author)}</p>
            </div>
            <form action=format!("/overrides/{}/clear?service={service}", forced.id) method="post">
                <button class="quiet" type="submit" aria-label=format!("Clear override {}", forced.id)>"Clear"</button>
            </form>
        </li>
    }
}

/// The time of day, with the day where it is another.
fn moment(ms: i64, now_ms: i64) -> String {
    if (ms - now_ms).abs() < 12 * 3_600_000 { format::clock_minutes(ms) } else { format::date_minutes(ms) }
}

fn sign(force: Force) -> impl IntoView {
    match force {
        Force::Up => icon::health(Health::Up).into_any(),
        Force::Down => icon::health(Health::Down).into_any(),
        Force::Drained => icon::health(Health::Drained).into_any(),
        Force::Share => icon::tone(Tone::Note).into_any(),
    }
}

fn word(forced: &Override) -> String {
    match (forced.force, forced.share) {
        (Force::Up, _) => "up".into(),
        (Force::Down, _) => "down".into(),
        (Force::Drained, _) => "drained".into(),
        (Force::Share, share) => format!("to {}", format::percent(f64::from(share.unwrap_or_default()))),
    }
}

/// The form, where it was asked for.
pub fn form(model: RwSignal<Overview>) -> impl IntoView {
    let (service, ids, form) = model.with_untracked(|m| {
        (m.service.clone(), m.pathways.iter().map(|p| p.id.clone()).collect::<Vec<_>>(), m.form.clone())
    });
    form.map(|form| {
        let problem = form.problem.clone().map(|problem| {
            view! { <p class="banner" role="alert">{icon::tone(Tone::Bad)} {problem}</p> }
        });
        view! {
            <section class="panel forcing" id="force" aria-labelledby="forcing">
                <h2 id="forcing">"Force a pathway"</h2>
                <p class="what">"At once, for everyone or for a place; what is found of it counts again when this ends"</p>
                {problem}
                {fields(&service, &ids, form).into_any()}
            </section>
        }
    })
}

fn fields(service: &str, ids: &[String], form: OverrideForm) -> impl IntoView + use<> {
    let forces = [
        ("drained", "Drained: kept empty on purpose"),
        ("down", "Down: it does not work"),
        ("up", "Up: whatever is found"),
        ("share", "Fit for a share of clients"),
    ];
    let forces = forces.map(|(value, text)| (value.to_owned(), text.to_owned())).into();
    let known = ids.iter().map(|id| view! { <option value=id.clone()></option> }).collect_view();
    view! {
        <form class="question" action=format!("/?service={service}") method="post">
            <label>
                "Pathway"
                <input name="pathway" value=form.pathway list="pathway-ids" placeholder="cdn-a or cdn-*" required=true autocomplete="off" spellcheck="false"/>
            </label>
            <datalist id="pathway-ids">{known}</datalist>
            <label>"Is" <select name="force">{options(forces, &form.force)}</select></label>
            <label>"Share, %" <input class="short" name="share" value=form.share placeholder="20" inputmode="decimal" autocomplete="off"/></label>
            <fieldset>
                <legend>"For clients in"</legend>
                <label>
                    "Continent"
                    <input class="short" name="continent" value=form.continent placeholder="any" maxlength="2" autocomplete="off" spellcheck="false"/>
                </label>
                <label>
                    "Country"
                    <input class="short" name="country" value=form.country placeholder="any" maxlength="2" autocomplete="off" spellcheck="false"/>
                </label>
                <label>
                    "Network"
                    <input class="short" name="asn" value=form.asn placeholder="any" maxlength="12" autocomplete="off" spellcheck="false"/>
                </label>
            </fieldset>
            <label>"For how long" <input name="lasts" value=form.lasts placeholder="2h; else until cleared" autocomplete="off"/></label>
            <label>"Your name" <input name="author" value=form.author required=true maxlength="100" autocomplete="name"/></label>
            <label class="grow">"Why" <input name="reason" value=form.reason required=true maxlength="500" autocomplete="off"/></label>
            <button type="submit">"Force"</button>
            <a class="cancel" href=format!("/?service={service}")>"Cancel"</a>
        </form>
    }
}
