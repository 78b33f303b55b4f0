//! Model in, HTML out. [`app`] is the whole of `<body>`'s content, rendered on the server and taken over in the browser,
//! so both must make the same of the same [`Shown`]: nothing here reads a clock, an address bar or a screen.
//!
//! [`overview`], [`explain`], [`decisions`] and [`policy`] are the pages; [`overrides`] is what operators force, [`chart`]
//! draws, [`icon`] is what a verdict looks like.

pub mod chart;
pub mod decisions;
pub mod explain;
pub mod icon;
pub mod overrides;
pub mod overview;
pub mod policy;

use leptos::prelude::*;

use crate::model::{Decided, Decisions, Explain, Missing, Overview, Page, PolicyInForce};

/// A page on show: what it shows may change under it.
#[derive(Clone, Copy)]
pub enum Shown {
    /// `/`
    Overview(RwSignal<Overview>),
    /// `/explain`
    Explain(RwSignal<Explain>),
    /// `/decisions`: as loaded, so that rows do not move under the pointer.
    Decisions(StoredValue<Decisions>),
    /// `/decisions/{id}`: what was decided stays.
    Decision(StoredValue<Decided>),
    /// `/policy`: as loaded, so that it can be read.
    Policy(StoredValue<PolicyInForce>),
    /// Nothing: it never changes.
    Missing(StoredValue<Missing>),
}

/// How a page in a browser comes by news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not at all, or by being loaded again: as the server made it.
    Still,
    /// Events arrive.
    Live,
    /// They did, and will again.
    Lost,
}

impl Shown {
    /// Puts a page on show. Call it under an owner.
    pub fn new(page: Page) -> Self {
        match page {
            Page::Overview(model) => Self::Overview(RwSignal::new(*model)),
            Page::Explain(model) => Self::Explain(RwSignal::new(*model)),
            Page::Decisions(model) => Self::Decisions(StoredValue::new(*model)),
            Page::Decision(model) => Self::Decision(StoredValue::new(*model)),
            Page::Policy(model) => Self::Policy(StoredValue::new(*model)),
            Page::Missing(model) => Self::Missing(StoredValue::new(model)),
        }
    }

    fn service(self) -> String {
        match self {
            Self::Overview(model) => model.with(|m| m.service.clone()),
            Self::Explain(model) => model.with(|m| m.question.service.clone()),
            Self::Decisions(model) => model.with_value(|m| m.filter.service.clone()),
            Self::Decision(model) => model.with_value(|m| m.explanation.service.clone()),
            Self::Policy(model) => model.with_value(|m| m.service.clone()),
            Self::Missing(model) => model.with_value(|m| m.services.first().cloned().unwrap_or_default()),
        }
    }
}

/// The page.
pub fn app(shown: Shown, link: RwSignal<Link>) -> impl IntoView {
    let main = match shown {
        Shown::Overview(model) => overview::page(model).into_any(),
        Shown::Explain(model) => explain::page(model).into_any(),
        Shown::Decisions(model) => model.with_value(decisions::list).into_any(),
        Shown::Decision(model) => model.with_value(decisions::one).into_any(),
        Shown::Policy(model) => model.with_value(policy::page).into_any(),
        Shown::Missing(model) => model.with_value(missing).into_any(),
    };
    view! {
        <a class="skip" href="#main">"Skip to the content"</a>
        {header(shown, link).into_any()}
        <main id="main">{main}</main>
        {footer().into_any()}
    }
}

/// The licence of the geo data that `make setup` fetches asks for this link on pages that show what it says.
fn footer() -> impl IntoView {
    view! {
        <footer>
            "Geo data that comes with Fairway: "
            <a href="https://db-ip.com">"IP Geolocation by DB-IP"</a>
            ", RouteViews and NRO"
        </footer>
    }
}

fn missing(model: &Missing) -> impl IntoView + use<> {
    let services: Vec<_> = model
        .services
        .iter()
        .map(|service| view! { <li><a href=format!("/?service={service}")>{service.clone()}</a></li> })
        .collect();
    view! {
        <div class="head"><h1>"Nothing to show"</h1></div>
        <p class="hint">{model.problem.clone()}</p>
        <ul>{services}</ul>
    }
}

fn header(shown: Shown, link: RwSignal<Link>) -> impl IntoView {
    let service = shown.service();
    let entry = |path: &str, name: &'static str, here: bool| {
        view! { <a href=format!("{path}?service={service}") aria-current=here.then_some("page")>{name}</a> }
    };
    let entries = [
        entry("/", "Overview", matches!(shown, Shown::Overview(_))),
        entry("/explain", "Explain", matches!(shown, Shown::Explain(_))),
        entry("/decisions", "Decisions", matches!(shown, Shown::Decisions(_) | Shown::Decision(_))),
        entry("/policy", "Policy", matches!(shown, Shown::Policy(_))),
    ];
    let (state, word) = (
        move || match link.get() {
            Link::Still => "link still",
            Link::Live => "link live",
            Link::Lost => "link lost",
        },
        move || match link.get() {
            Link::Still => "As loaded",
            Link::Live => "Live",
            Link::Lost => "Reconnecting",
        },
    );
    view! {
        <header class="top">
            <a class="brand" href="/">{icon::brand()} "Fairway"</a>
            <nav aria-label="Pages">{entries}</nav>
            <span class=state role="status"><span class="dot" aria-hidden="true"></span>{word}</span>
        </header>
    }
}

/// A colour's class for the pathway that is `index`th in its policy. There are eight; a ninth pathway begins again.
pub fn colour(index: usize) -> &'static str {
    ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"][index % 8]
}

/// A pathway's name with its colour; `among` is the policy's order.
pub fn pathway_label(id: &str, among: &[String]) -> impl IntoView + use<> {
    view! { <span class="pathway">{swatch(id, among)}{id.to_owned()}</span> }
}

/// A pathway's colour alone.
pub fn swatch(id: &str, among: &[String]) -> impl IntoView + use<> {
    let colour = among.iter().position(|other| other == id).map_or("", colour);
    view! { <span class=format!("swatch {colour}") aria-hidden="true"></span> }
}

/// A question's choices: `(value, text)`.
fn options(choices: Vec<(String, String)>, chosen: &str) -> impl IntoView + use<> {
    let chosen = chosen.to_owned();
    choices
        .into_iter()
        .map(|(value, text)| {
            let selected = value == chosen;
            view! { <option value=value selected=selected>{text}</option> }
        })
        .collect_view()
}
