//! Explain: a question as a plain form, whose fields are the page's address, and the account of the decision.

use fairway_policies::explain::{DnsAnswer, Effect, ExplainedStep, Explanation, HttpAnswer, Likely, Tier};
use leptos::{either::Either, prelude::*};

use super::{icon, options, pathway_label};
use crate::{
    format,
    model::{Explain, Question, Tone},
};

/// The page.
pub fn page(model: RwSignal<Explain>) -> impl IntoView {
    let (services, question) = model.with_untracked(|m| (m.services.clone(), m.question.clone()));
    let answer = move || {
        model.with(|m| match (&m.explanation, &m.problem) {
            (Some(explanation), _) => account(explanation, &m.pathways, true).into_any(),
            (None, Some(problem)) => {
                view! { <p class="banner" role="alert">{icon::tone(Tone::Bad)} {problem.clone()}</p> }.into_any()
            }
            (None, None) => hint(&m.question.service).into_any(),
        })
    };
    view! {
        <div class="head"><h1>"Explain a decision"</h1></div>
        {form(&services, &question).into_any()}
        <div class="answer">{answer}</div>
    }
}

fn hint(service: &str) -> impl IntoView + use<> {
    let example = |country: &'static str| {
        view! { <li><a href=format!("/explain?service={service}&country={country}")>{country}</a></li> }
    };
    view! {
        <p class="hint">
            "Ask with an address, or with a country, a network or both. \
             The answer is the decision that DNS and HTTP would give that client now."
        </p>
        <ul class="examples" aria-label="Examples">{["BR", "DE", "IN", "JP", "US", "ZA"].map(example)}</ul>
    }
}

fn form(services: &[String], question: &Question) -> impl IntoView + use<> {
    let services = services.iter().map(|s| (s.clone(), s.clone())).collect();
    let ways = [("dns", "DNS"), ("hls", "HLS steering"), ("dash", "DASH steering"), ("http", "JSON decision")];
    let ways = ways.map(|(value, text)| (value.to_owned(), text.to_owned())).into();
    view! {
        <form class="question panel" action="/explain" method="get">
            <label>"Service" <select name="service">{options(services, &question.service)}</select></label>
            <label class="grow">
                "Client address"
                <input name="client" value=question.client.clone() placeholder="192.0.2.7 or 2001:db8::7" autocomplete="off" spellcheck="false"/>
            </label>
            <fieldset>
                <legend>"or a place"</legend>
                <label>
                    "Country"
                    <input class="short" name="country" value=question.country.clone() placeholder="DE" maxlength="2" autocomplete="off" spellcheck="false"/>
                </label>
                <label>
                    "Network"
                    <input class="short" name="asn" value=question.asn.clone() placeholder="AS3320" maxlength="12" autocomplete="off" spellcheck="false"/>
                </label>
            </fieldset>
            <label>"Asks by" <select name="via">{options(ways, &question.via)}</select></label>
            <button type="submit">"Explain"</button>
        </form>
    }
}

/// The account of a decision; `in_force`: of one made by the policy that is in force, whose lines can be shown.
pub(super) fn account(explanation: &Explanation, among: &[String], in_force: bool) -> impl IntoView + use<> {
    let client = &explanation.client;
    let who = client.address.clone().unwrap_or_else(|| "A client".into());
    let holds = client.prefix.as_ref().map(|prefix| format!(", as all of {prefix}")).unwrap_or_default();
    let snapshot = &explanation.snapshot;
    let cells = match snapshot.cells_age_seconds {
        Some(age) => format!("cells {age:.0} s old"),
        None => "no cells yet".into(),
    };
    let recorded = explanation.decision.as_ref().filter(|_| in_force).map(|id| {
        view! { " Recorded as "<a href=format!("/decisions/{id}")><code>{id.clone()}</code></a>"." }
    });
    let warnings: Vec<_> = explanation
        .warnings
        .iter()
        .map(|warning| view! { <p class="warning">{icon::tone(Tone::Warn)} {warning.clone()}</p> })
        .collect();
    let steps =
        explanation.steps.iter().map(|s| step(s, &explanation.service, among, in_force).into_any()).collect_view();
    view! {
        <p class="asked">
            <strong>{who}</strong>
            {format!(" in {client}{holds}. Snapshot #{}, {cells}.", snapshot.version)}
            {recorded}
        </p>
        {warnings}
        <div class="pair answers">
            {dns_answer(explanation.dns.as_ref(), client.address.is_some(), among).into_any()}
            {http_answer(&explanation.http, among).into_any()}
        </div>
        {likely(&explanation.likely, among)}
        <section aria-labelledby="why">
            <h2 id="why">"Why"</h2>
            <ol class="steps">
                <li class="start">
                    <h3>"All pathways, in the policy's order"</h3>
                    {order(&explanation.start, among).into_any()}
                </li>
                {steps}
            </ol>
        </section>
    }
}

/// How such clients are shared out, where they are.
fn likely(likely: &[Likely], among: &[String]) -> impl IntoView + use<> {
    let shares = likely.iter().map(|Likely { pathway, share }| {
        view! { <li>{pathway_label(pathway, among)}" "<span class="weight">{format::percent(*share)}</span></li> }
    });
    let shares = shares.collect_view();
    (likely.len() > 1).then(|| view! { <div class="likely"><p>"Of such clients get"</p><ul>{shares}</ul></div> })
}

/// The scope is told only of a client whose address is known: a place as such has none.
fn dns_answer(answer: Option<&DnsAnswer>, scoped: bool, among: &[String]) -> impl IntoView + use<> {
    let body = match answer {
        Some(dns) => {
            let scope = if scoped { format!(", the same for all of {}", dns.scope) } else { String::new() };
            let records: Vec<_> = dns
                .records
                .iter()
                .map(
                    |r| view! { <tr><td>{r.name.clone()}</td><td>{r.kind.clone()}</td><td>{r.value.clone()}</td></tr> },
                )
                .collect();
            Either::Left(view! {
                <p class="chosen">{pathway_label(&dns.pathway, among)}</p>
                <table class="records">
                    <thead><tr><th scope="col">"Name"</th><th scope="col">"Type"</th><th scope="col">"Data"</th></tr></thead>
                    <tbody>{records}</tbody>
                </table>
                <p class="what">{format!("For {} s{scope}", dns.ttl)}</p>
            })
        }
        None => Either::Right(view! { <p class="what">"No answer of this service is steered by DNS."</p> }),
    };
    view! { <section class="panel" aria-label="DNS answer"><h2>"DNS answers"</h2>{body}</section> }
}

fn http_answer(answer: &HttpAnswer, among: &[String]) -> impl IntoView + use<> {
    let list: Vec<_> = answer.priority.iter().map(|id| view! { <li>{pathway_label(id, among)}</li> }).collect();
    view! {
        <section class="panel" aria-label="HTTP steering answer">
            <h2>"HTTP steering answers"</h2>
            <ol class="chosen priority">{list}</ol>
            <p class="what">{format!("Best first, for {} s", answer.ttl)}</p>
        </section>
    }
}

fn step(step: &ExplainedStep, service: &str, among: &[String], in_force: bool) -> impl IntoView + use<> {
    let body = if step.applied {
        let rows: Vec<_> = step
            .rows
            .iter()
            .map(|row| {
                let numbers = row.numbers.iter().map(|n| view! { <li>{n.to_string()}</li> }).collect_view();
                view! {
                    <tr>
                        <th scope="row">{pathway_label(&row.pathway, among)}</th>
                        <td class=format!("effect {}", effect_class(row.effect))>{effect_sign(row.effect)} " " {row.effect.text()}</td>
                        <td>{row.why.clone()}" "<ul class="numbers">{numbers}</ul></td>
                    </tr>
                }
            })
            .collect();
        Either::Left(view! {
            <table>
                <thead><tr><th scope="col">"Pathway"</th><th scope="col">"Effect"</th><th scope="col">"Why"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
            {order(&step.order, among).into_any()}
        })
    } else {
        Either::Right(view! { <p class="what">"Not for this client: nothing changes."</p> })
    };
    // What operators say comes before the chain and stands in no file.
    let place = (step.line > 0).then(|| {
        let (place, line) = (format!("{service}.policy.toml:{}", step.line), step.line);
        match in_force {
            true => {
                Either::Left(view! { <a class="place" href=format!("/policy?service={service}#L{line}")>{place}</a> })
            }
            false => Either::Right(view! { <span class="place">{place}</span> }),
        }
    });
    let class = match (step.line, step.applied) {
        (0, _) => "step orders",
        (_, true) => "step",
        (_, false) => "step skipped",
    };
    view! {
        <li class=class>
            <h3>{step.title.clone()} {place}</h3>
            {body}
        </li>
    }
}

fn effect_class(effect: Effect) -> &'static str {
    match effect {
        Effect::Kept | Effect::Untouched => "still",
        Effect::Dropped | Effect::Aside => "out",
        Effect::MovedUp => "up",
        Effect::MovedDown => "down",
        Effect::Weighed => "weighed",
    }
}

fn effect_sign(effect: Effect) -> &'static str {
    match effect {
        Effect::Kept => "=",
        Effect::Untouched => "·",
        Effect::Dropped => "✕",
        Effect::Aside => "⤵",
        Effect::MovedUp => "↑",
        Effect::MovedDown => "↓",
        Effect::Weighed => "%",
    }
}

/// Who stands, as tiers: equals in one box, the better box first.
fn order(tiers: &[Tier], among: &[String]) -> impl IntoView + use<> {
    let tiers: Vec<_> = tiers
        .iter()
        .map(|tier| {
            let equals: Vec<_> = tier
                .iter()
                .map(|share| {
                    let weight = share.weight.map(|w| view! { <span class="weight">{w}</span> });
                    view! { <span class="equal">{pathway_label(&share.pathway, among)}{weight}</span> }
                })
                .collect();
            view! { <li>{equals}</li> }
        })
        .collect();
    let nothing = tiers.is_empty().then(|| view! { <p class="what">"Nothing stands."</p> });
    view! { <ol class="tiers" aria-label="Order after this step: equals together, best first">{tiers}</ol>{nothing} }
}
