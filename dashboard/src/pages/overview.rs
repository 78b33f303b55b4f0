//! Overview: how a service fares, from the top: what is wrong, the pathways, where traffic goes, what viewers get, what
//! happened. Sections are erased to `AnyView`: their types would otherwise nest deeper than the compiler goes.

use leptos::prelude::*;

use super::{
    chart::{Drawing, Kind, chart},
    colour, icon, options, overrides, pathway_label, swatch,
};
use crate::{
    format,
    model::{FeedItem, Overview, PathwayView, Series, Tone},
};

/// The page.
pub fn page(model: RwSignal<Overview>) -> impl IntoView {
    view! {
        <div class="head">
            <h1><span>"Service "</span>{move || model.with(|m| m.service.clone())}</h1>
            {service_choice(model).into_any()}
            {sources(model).into_any()}
        </div>
        {refused(model).into_any()}
        {overrides::strip(model).into_any()}
        {overrides::form(model).into_any()}
        {pathways(model).into_any()}
        {decisions(model).into_any()}
        <div class="pair">
            {quality(model, "Stall ratio", "Time stalled over time watched", |m| &m.stall_ratio).into_any()}
            {quality(model, "Request errors", "Requests failed over requests made", |m| &m.request_errors).into_any()}
        </div>
        {feed(model).into_any()}
    }
}

fn service_choice(model: RwSignal<Overview>) -> impl IntoView {
    let (services, service) = model.with_untracked(|m| (m.services.clone(), m.service.clone()));
    (services.len() > 1).then(|| {
        let choices = services.into_iter().map(|s| (s.clone(), s)).collect();
        view! {
            <form class="choice" action="/" method="get">
                <label>"Service " <select name="service">{options(choices, &service)}</select></label>
                <button type="submit">"Show"</button>
            </form>
        }
    })
}

/// How fresh everything below is.
fn sources(model: RwSignal<Overview>) -> impl IntoView {
    let cells = move || {
        model.with(|m| match m.sources.cells_age_ms {
            Some(age) if m.sources.cells_stale => format!("{} old: stale", format::span(age)),
            Some(age) => format!("{} old", format::span(age)),
            None => "none yet".into(),
        })
    };
    let store = move || model.with(|m| if m.sources.store_away.is_some() { "away" } else { "answering" });
    let mark = |bad: bool| if bad { "bad" } else { "" };
    view! {
        <dl class="sources">
            <div class=move || model.with(|m| mark(m.sources.cells_stale))><dt>"Cells"</dt><dd>{cells}</dd></div>
            <div
                class=move || model.with(|m| mark(m.sources.store_away.is_some()))
                title=move || model.with(|m| m.sources.store_away.clone())
            >
                <dt>"Store"</dt><dd>{store}</dd>
            </div>
            <div><dt>"Snapshot"</dt><dd>{move || model.with(|m| format!("#{}", m.snapshot))}</dd></div>
            <div><dt>"As of"</dt><dd>{move || model.with(|m| format!("{} UTC", format::clock(m.now_ms)))}</dd></div>
        </dl>
    }
}

fn refused(model: RwSignal<Overview>) -> impl IntoView {
    move || {
        let refused = model.with(|m| m.refused.clone());
        refused.map(|refused| {
            view! {
                <section class="banner" role="alert">
                    <h2>{icon::tone(Tone::Bad)} "The policy files on disk are not in force"</h2>
                    <p>
                        {format!(
                            "A reload was refused at {} UTC; the policies from before it stay. Mend this and save:",
                            format::clock(refused.at_ms),
                        )}
                    </p>
                    <pre tabindex="0">{refused.problems}</pre>
                </section>
            }
        })
    }
}

fn pathways(model: RwSignal<Overview>) -> impl IntoView {
    let cards =
        move || model.with(|m| m.pathways.iter().enumerate().map(|(i, p)| pathway_card(i, p, m.now_ms)).collect_view());
    view! {
        <section aria-labelledby="pathways">
            <div class="over">
                <h2 id="pathways">"Pathways"</h2>
                <a href=move || model.with(|m| format!("/?service={}&force=#force", m.service))>"Force a pathway"</a>
            </div>
            <ul class="cards">{cards}</ul>
        </section>
    }
}

fn pathway_card(index: usize, pathway: &PathwayView, now_ms: i64) -> impl IntoView + use<> {
    let since =
        format!("for {}, since {} UTC", format::span(now_ms - pathway.since_ms), format::clock(pathway.since_ms));
    // Of overrides for all clients the first holds; those before it are exceptions for a place.
    let everywhere = pathway.forced.iter().find(|forced| forced.everywhere).and_then(|forced| forced.health);
    let health = everywhere.unwrap_or(pathway.health);
    let found = everywhere.map(|_| format!("found {}: ", pathway.health.word().to_lowercase()));
    let forced =
        pathway.forced.iter().map(|f| view! { <p class="forced">{"Forced "}{f.text.clone()}</p> }).collect_view();
    let (sessions, bits) = match pathway.demand {
        Some(d) => (format::count(d.sessions), format::bits_per_second(d.bits_per_second as f64)),
        None => ("–".into(), "–".into()),
    };
    view! {
        <li class=format!("card {}", colour(index))>
            <h3><span class="swatch" aria-hidden="true"></span>{pathway.id.clone()}</h3>
            <p class="host">{pathway.host.clone()}</p>
            <p class="verdict">{icon::health(health)} <strong>{health.word()}</strong></p>
            {forced}
            <p class="cause">{found}{pathway.cause.clone()}<span class="since">{since}</span></p>
            <dl class="demand">
                <div><dt>"Sessions"</dt><dd>{sessions}</dd></div>
                <div><dt>"Demand"</dt><dd>{bits}</dd></div>
                <div><dt>"Of capacity"</dt><dd>{load(pathway).map_or("–".into(), format::percent)}</dd></div>
            </dl>
            {capacity(pathway)}
        </li>
    }
}

fn load(pathway: &PathwayView) -> Option<f64> {
    let capacity = pathway.capacity.filter(|c| *c > 0)?;
    Some(pathway.demand?.bits_per_second as f64 / capacity as f64)
}

/// The share of capacity in use, with the mark where scaling begins.
fn capacity(pathway: &PathwayView) -> impl IntoView + use<> {
    let at = format!("{:.1}%", pathway.scale_at * 100.0);
    let used = load(pathway).map(|load| format!("{:.1}%", load.min(1.0) * 100.0));
    let limit = pathway.capacity.map(|c| format::bits_per_second(c as f64));
    let (class, state) = if pathway.scaling { ("scaling on", "Scaling asked for") } else { ("scaling", "Scales") };
    limit.map(|limit| {
        view! {
            <svg class="meter" width="100%" height="10" aria-hidden="true">
                <rect class="rail" width="100%" height="6" y="2" rx="3"></rect>
                <rect class="used" width=used.unwrap_or_else(|| "0".into()) height="6" y="2" rx="3"></rect>
                <line x1=at.clone() x2=at y1="0" y2="10"></line>
            </svg>
            <p class=class>{format!("{state} from {} of {limit}", format::whole_percent(pathway.scale_at))}</p>
        }
    })
}

fn decisions(model: RwSignal<Overview>) -> impl IntoView {
    let drawing = |m: &Overview| Drawing::new(Kind::Stack, m.decisions.shares());
    let cells = |m: &Overview, i: usize, at| {
        let shares = m.decisions.shares();
        let (share, rate) = (value_at(&shares, i, at), value_at(&m.decisions, i, at));
        [share.map(format::percent), rate.map(format::rate), shares.whole(i).map(format::percent)]
    };
    let label = "Share of decisions by pathway, per cent, last 15 minutes";
    view! {
        <section class="panel wide" aria-labelledby="decisions">
            <h2 id="decisions">"Decisions by pathway"</h2>
            <p class="what">"Share of DNS and HTTP answers that put it first, over the last 15 minutes"</p>
            {drawn(model, label, drawing, |m| &m.decisions, ["per s", "15 min"], cells)}
        </section>
    }
}

fn quality(
    model: RwSignal<Overview>,
    title: &'static str,
    what: &'static str,
    pick: fn(&Overview) -> &Series,
) -> impl IntoView {
    let drawing = move |m: &Overview| Drawing::new(Kind::Lines, pick(m).clone());
    let cells = move |m: &Overview, i: usize, at| {
        let series = pick(m);
        let worst = series.values.get(i).and_then(|row| row.iter().flatten().copied().reduce(f64::max));
        [value_at(series, i, at), series.whole(i), worst].map(|v| v.map(format::percent))
    };
    let away = move || {
        let (away, read) = model.with(|m| (m.sources.store_away.clone(), m.sources.qoe_at_ms));
        away.map(|why| {
            let shown = match read {
                Some(ms) => format!("Shown as known at {} UTC", format::clock(ms)),
                None => "Nothing to show yet".into(),
            };
            view! { <p class="away">{icon::tone(Tone::Warn)} {format!("{shown}: the store is away ({why})")}</p> }
        })
    };
    view! {
        <section class="panel" aria-label=title>
            <h2>{title}</h2>
            <p class="what">{what} ", as viewers report it"</p>
            {away}
            {drawn(model, title, drawing, pick, ["15 min", "Worst"], cells)}
        </section>
    }
}

/// A chart of `pick`, and the same in numbers: for each pathway its `cells`, under the moment at the pointer and the two `heads`.
fn drawn(
    model: RwSignal<Overview>,
    label: &'static str,
    drawing: impl Fn(&Overview) -> Drawing + Send + Sync + 'static,
    pick: fn(&Overview) -> &Series,
    heads: [&'static str; 2],
    cells: impl Fn(&Overview, usize, Option<usize>) -> [Option<String>; 3] + Send + 'static,
) -> impl IntoView {
    let at = RwSignal::new(None);
    let drawing = Memo::new(move |_| model.with(&drawing));
    let rows = move || {
        model.with(|m| {
            let names = names(m);
            let row = |(i, id): (usize, &String)| row(id, &names, cells(m, i, at.get()));
            names.iter().enumerate().map(row).collect_view()
        })
    };
    view! {
        <div class="drawn">
            {chart(label, drawing, at).into_any()}
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Pathway"</th>
                        <th scope="col">{move || moment(model, pick, at.get())}</th>
                        <th scope="col">{heads[0]}</th>
                        <th scope="col">{heads[1]}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn names(model: &Overview) -> Vec<String> {
    model.pathways.iter().map(|p| p.id.clone()).collect()
}

/// At the point under the pointer, else now.
fn value_at(series: &Series, row: usize, at: Option<usize>) -> Option<f64> {
    at.map_or_else(|| series.newest(row), |at| series.get(row, at))
}

/// The head of the column that [`value_at`] fills.
fn moment(model: RwSignal<Overview>, pick: fn(&Overview) -> &Series, at: Option<usize>) -> String {
    let Some(at) = at else { return "Now".into() };
    model.with(|m| format::clock(pick(m).from_ms + at as i64 * pick(m).step_ms))
}

fn row(id: &str, among: &[String], cells: [Option<String>; 3]) -> impl IntoView + use<> {
    let cells = cells.map(|cell| view! { <td>{cell.unwrap_or_else(|| "–".into())}</td> });
    view! { <tr><th scope="row">{pathway_label(id, among)}</th>{cells}</tr> }
}

fn feed(model: RwSignal<Overview>) -> impl IntoView {
    let items = move || model.with(|m| m.feed.iter().map(|item| feed_item(item, &names(m), m.now_ms)).collect_view());
    view! {
        <section class="panel" aria-labelledby="feed">
            <h2 id="feed">"What happened"</h2>
            <p class="nothing" hidden=move || model.with(|m| !m.feed.is_empty())>"Nothing since this node started"</p>
            <ol class="feed">{items}</ol>
        </section>
    }
}

fn feed_item(item: &FeedItem, among: &[String], now_ms: i64) -> impl IntoView + use<> {
    let swatches = item.pathways.iter().map(|id| swatch(id, among)).collect_view();
    view! {
        <li>
            <time title=format!("{} ago", format::span(now_ms - item.at_ms))>{format::clock(item.at_ms)}</time>
            {icon::tone(item.tone)}
            <span class="about">{item.about.clone()}</span>
            <div>
                <p>{swatches}{item.title.clone()}</p>
                <p class="detail">{item.detail.clone()}</p>
            </div>
        </li>
    }
}
