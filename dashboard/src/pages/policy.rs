//! Policy: its revisions and how it is changed; what is otherwise between two revisions; the file in force, line by line.

use leptos::prelude::*;

use super::{icon, options};
use crate::{
    format,
    model::{Change, Edition, FileChange, Line, PolicyInForce, Tone},
};

/// The page.
pub fn page(model: &PolicyInForce) -> impl IntoView + use<> {
    let PolicyInForce { services, service, text, revisions, change, problem } = model;
    let problem =
        problem.clone().map(|problem| view! { <p class="banner" role="alert">{icon::tone(Tone::Bad)} {problem}</p> });
    view! {
        <div class="head">
            <h1><span>"Policy "</span>{service.clone()}</h1>
            {choice(services, service).into_any()}
        </div>
        {problem}
        <div class="pair policy">
            {history(service, revisions, change.as_ref()).into_any()}
            {how(service).into_any()}
        </div>
        {change.as_ref().map(|change| changed(change).into_any())}
        {source(service, text).into_any()}
    }
}

fn choice(services: &[String], service: &str) -> impl IntoView + use<> {
    (services.len() > 1).then(|| {
        let choices = services.iter().map(|s| (s.clone(), s.clone())).collect();
        view! {
            <form class="choice" action="/policy" method="get">
                <label>"Service " <select name="service">{options(choices, service)}</select></label>
                <button type="submit">"Show"</button>
            </form>
        }
    })
}

/// The file. Each line can be linked to: Explain does.
fn source(service: &str, text: &str) -> impl IntoView + use<> {
    let line = |(number, line): (usize, &str)| {
        let class = match line.trim_start().bytes().next() {
            Some(b'#') => "comment",
            Some(b'[') => "table",
            _ => "",
        };
        view! { <li id=format!("L{number}") class=class>{line.to_owned()}</li> }
    };
    let lines = (1..).zip(text.lines()).map(line).collect_view();
    view! {
        <section class="panel" aria-labelledby="file">
            <h2 id="file">{format!("{service}.policy.toml")}</h2>
            <p class="what">"As it is in force"</p>
            <ol class="source">{lines}</ol>
        </section>
    }
}

fn history(service: &str, revisions: &[Edition], change: Option<&Change>) -> impl IntoView + use<> {
    let row = |edition: &Edition| {
        let Edition { number, at_ms, author, message } = edition.clone();
        let when = format!("{} UTC", format::date_minutes(at_ms));
        let diff = (number > 1).then(|| {
            let address = format!("/policy?service={service}&from={}&to={number}#change", number - 1);
            view! { <a href=address aria-label=format!("What revision {number} changed")>"diff"</a> }
        });
        view! {
            <tr>
                <th scope="row">{number}</th>
                <td>{message}<span class="by">{format!("{author}, {when}")}</span></td>
                <td>{diff}</td>
            </tr>
        }
    };
    let rows = revisions.iter().map(row).collect_view();
    let compare = (revisions.len() > 1).then(|| compare(service, revisions, change));
    view! {
        <section class="panel" aria-labelledby="revisions">
            <h2 id="revisions">"Revisions"</h2>
            <p class="what">"All policies of this node, as they came into force; the first row is in force"</p>
            <table class="revisions">
                <thead><tr><th scope="col">"No."</th><th scope="col">"Why, by whom, when"</th><th scope="col">"Change"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
            {compare}
        </section>
    }
}

fn compare(service: &str, revisions: &[Edition], change: Option<&Change>) -> impl IntoView + use<> {
    let numbers = || revisions.iter().map(|e| (e.number.to_string(), e.number.to_string())).collect::<Vec<_>>();
    let chosen = |of: fn(&Change) -> u64| change.map(|change| of(change).to_string()).unwrap_or_default();
    view! {
        <form class="choice compare" action="/policy#change" method="get">
            <input type="hidden" name="service" value=service.to_owned()/>
            <label>"From " <select name="from">{options(numbers(), &chosen(|c| c.from))}</select></label>
            <label>"to " <select name="to">{options(numbers(), &chosen(|c| c.to))}</select></label>
            <button class="quiet" type="submit">"Compare"</button>
        </form>
    }
}

fn how(service: &str) -> impl IntoView + use<> {
    let commands = [
        (format!("fairway plan {service}.policy.toml"), "what an edited file would mean: who moves, load, cost"),
        ("fairway apply PLAN --message \"why\"".into(), "make the planned change, as the next revision"),
        ("fairway rollback".into(), "bring the revision before this one back; --to names another"),
    ];
    let commands = commands.map(|(command, what)| view! { <div><dt><code>{command}</code></dt><dd>{what}</dd></div> });
    view! {
        <section class="panel" aria-labelledby="how">
            <h2 id="how">"Change it"</h2>
            <p class="what">"From a terminal; --at names this node's admin address. A file saved in the policy folder is taken up as well."</p>
            <dl class="commands">{commands}</dl>
        </section>
    }
}

fn changed(Change { from, to, files }: &Change) -> impl IntoView + use<> {
    let same = files.is_empty().then(|| view! { <p class="what">"Nothing is otherwise."</p> });
    let files = files.iter().map(|f| file(f).into_any()).collect_view();
    view! {
        <section class="panel" id="change" aria-labelledby="change-head">
            <h2 id="change-head">{format!("From revision {from} to {to}")}</h2>
            {same}
            {files}
        </section>
    }
}

fn file(FileChange { name, lines }: &FileChange) -> impl IntoView + use<> {
    let rows = lines.iter().map(|l| line(l.as_ref())).collect_view();
    view! {
        <h3 class="name">{name.clone()}</h3>
        <table class="diff">
            <thead><tr><th scope="col">"Before"</th><th scope="col">"After"</th><th scope="col">"Line"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn line(line: Option<&Line>) -> impl IntoView + use<> {
    let number = |number: Option<usize>| number.map(|n| n.to_string()).unwrap_or_default();
    let (class, before, after, text) = match line {
        None => ("gap", "⋯".into(), "⋯".into(), String::new()),
        Some(Line { before, after, text }) => {
            let (class, sign) = match (before, after) {
                (Some(_), None) => ("gone", '-'),
                (None, _) => ("new", '+'),
                (Some(_), Some(_)) => ("", ' '),
            };
            (class, number(*before), number(*after), format!("{sign} {text}"))
        }
    };
    view! { <tr class=class><td>{before}</td><td>{after}</td><td>{text}</td></tr> }
}
