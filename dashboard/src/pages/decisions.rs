//! Decisions: the latest that were recorded, chosen by a plain form whose fields are the page's address; and one of them, made
//! again, in the same words as Explain's.

use leptos::{either::Either, prelude::*};

use super::{explain::account, icon, options, pathway_label};
use crate::{
    format,
    model::{Decided, Decisions, Filter, Row, Tone},
};

/// The latest.
pub fn list(model: &Decisions) -> impl IntoView + use<> {
    let body = match (&model.problem, model.rows.is_empty()) {
        (Some(problem), _) => {
            view! { <p class="banner" role="alert">{icon::tone(Tone::Bad)} {problem.clone()}</p> }.into_any()
        }
        (None, true) => view! { <p class="hint">"No decision like that is recorded, or not any more."</p> }.into_any(),
        (None, false) => table(&model.rows, &model.pathways).into_any(),
    };
    view! {
        <div class="head">
            <h1>"Recorded decisions"</h1>
            <p class="what">"A sample of all answers; and every one that failed, was explained, or changed. Times are UTC."</p>
        </div>
        {form(model).into_any()}
        {body}
    }
}

fn form(Decisions { services, pathways, filter, .. }: &Decisions) -> impl IntoView + use<> {
    let Filter { service, country, pathway, occasion } = filter;
    let or_any = |values: &[String]| {
        let any = (String::new(), "any".to_owned());
        [any].into_iter().chain(values.iter().map(|value| (value.clone(), value.clone()))).collect::<Vec<_>>()
    };
    let services = services.iter().map(|s| (s.clone(), s.clone())).collect();
    let occasions = ["sampled", "failed", "explained", "changed"].map(str::to_owned);
    view! {
        <form class="question panel" action="/decisions" method="get">
            <label>"Service" <select name="service">{options(services, service)}</select></label>
            <label>
                "Country"
                <input class="short" name="country" value=country.clone() placeholder="any" maxlength="2" autocomplete="off" spellcheck="false"/>
            </label>
            <label>"Pathway" <select name="pathway">{options(or_any(pathways), pathway)}</select></label>
            <label>"Recorded because" <select name="occasion">{options(or_any(&occasions), occasion)}</select></label>
            <button type="submit">"Show"</button>
        </form>
    }
}

fn table(rows: &[Row], among: &[String]) -> impl IntoView + use<> {
    let rows = rows.iter().map(|r| row(r, among)).collect_view();
    view! {
        <section class="panel listed" aria-label="Decisions">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Made"</th>
                        <th scope="col">"Client"</th>
                        <th scope="col">"Pathway"</th>
                        <th scope="col">"Put first by"</th>
                        <th scope="col" class="number">"Of such clients"</th>
                        <th scope="col">"Recorded"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

fn row(row: &Row, among: &[String]) -> impl IntoView + use<> {
    let chosen = match row.chosen.is_empty() {
        true => Either::Left(view! { <span class="bad">"nothing"</span> }),
        false => Either::Right(pathway_label(&row.chosen, among)),
    };
    let by = match (row.step, row.reason.as_str()) {
        (0, "") => "the file's order".into(),
        (0, reason) => format!("operators: {}", reason.replace('_', " ")),
        (step, reason) => format!("step {step}: {}", reason.replace('_', " ")),
    };
    view! {
        <tr>
            <th scope="row"><a href=format!("/decisions/{}", row.id)>{made(row.at_ms)}</a></th>
            <td>{row.place.clone()}<span class="soft">{format!(" by {}", way(&row.via))}</span></td>
            <td>{chosen}</td>
            <td>{by}</td>
            <td class="number">{format::percent(row.probability)}</td>
            <td>{occasion(&row.occasion, row.weight)}</td>
        </tr>
    }
}

/// One of them.
pub fn one(model: &Decided) -> impl IntoView + use<> {
    let Decided { id, at_ms, occasion: why, weight, policy, explanation, differences } = model;
    // All of them, in the policy's order.
    let among: Vec<String> = explanation.start.iter().flatten().map(|share| share.pathway.clone()).collect();
    let same = differences.is_empty();
    let verdict = match same {
        true => Either::Left(view! {
            <p class="replayed">{icon::tone(Tone::Good)} "Made again from the record just now: the same decision, bit for bit."</p>
        }),
        false => {
            let lines = differences.iter().map(|line| view! { <li>{line.clone()}</li> }).collect_view();
            Either::Right(view! {
                <section class="banner" role="alert">
                    <h2>{icon::tone(Tone::Warn)} "This build decides otherwise"</h2>
                    <ul>{lines}</ul>
                </section>
            })
        }
    };
    view! {
        <div class="head">
            <h1><span>"Decision "</span><code>{id.clone()}</code></h1>
            <dl class="sources">
                <div><dt>"Made"</dt><dd>{format!("{} UTC", made(*at_ms))}</dd></div>
                <div><dt>"Recorded"</dt><dd>{occasion(why, *weight)}</dd></div>
                <div><dt>"Service"</dt><dd>{explanation.service.clone()}</dd></div>
                <div><dt>"Policy"</dt><dd><code>{policy.clone()}</code></dd></div>
            </dl>
        </div>
        {verdict}
        <div class="answer">{account(explanation, &among, false).into_any()}</div>
    }
}

fn made(ms: i64) -> String {
    format!("{} {}", format::day(ms), format::clock(ms))
}

fn way(via: &str) -> &str {
    match via {
        "dns" => "DNS",
        "hls" => "HLS",
        "dash" => "DASH",
        "http" => "HTTP",
        other => other,
    }
}

/// Why it was recorded, and for how many it stands.
fn occasion(word: &str, weight: u64) -> String {
    match weight {
        0 => word.into(),
        1 => format!("{word}, every one"),
        n => format!("{word}, one of {}", format::count(n)),
    }
}
