//! A page as a whole document: head, the rendered body, and its model, from which the browser takes over.
//!
//! No script and no style stands in the document itself, so the content policy can forbid all but our own files.

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use leptos::prelude::*;

use super::assets;
use crate::{
    model::Page,
    pages::{Link, Shown, app},
};

const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How often a page that has no script to keep it live is loaded again.
const RELOAD_SECONDS: u32 = 5;

/// The page, as an answer with `status`.
pub fn respond(status: StatusCode, page: Page) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    match document(page) {
        Ok(document) => (status, headers, Html(document)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page's model cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn document(page: Page) -> Result<String, serde_json::Error> {
    let title = match &page {
        Page::Overview(overview) => format!("{} · Fairway", escape(&overview.service)),
        Page::Explain(explain) => format!("Explain {} · Fairway", escape(&explain.question.service)),
        Page::Decisions(_) => "Decisions · Fairway".into(),
        Page::Decision(decided) => format!("Decision {} · Fairway", decided.id),
        Page::Policy(policy) => format!("Policy {} · Fairway", escape(&policy.service)),
        Page::Missing(_) => "Fairway".into(),
    };
    let reload = match (&page, assets::has_bundle()) {
        // Whoever types keeps what was typed.
        (Page::Overview(overview), _) if overview.form.is_some() => String::new(),
        (page, _) if !matches!(page, Page::Overview(_)) => String::new(),
        (_, true) => format!("<noscript><meta http-equiv=\"refresh\" content=\"{RELOAD_SECONDS}\"></noscript>"),
        (_, false) => format!("<meta http-equiv=\"refresh\" content=\"{RELOAD_SECONDS}\">"),
    };
    let script = match assets::has_bundle() {
        true => format!("<script type=\"module\" src=\"{}\"></script>", assets::address("fairway-start.js")),
        false => String::new(),
    };
    // In a script element only `<` could end it or begin a comment.
    let model = serde_json::to_string(&page)?.replace('<', "\\u003c");
    let owner = Owner::new();
    let body = owner.with(|| app(Shown::new(page), RwSignal::new(Link::Still)).to_html());
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">{reload}\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"{icon}\"><link rel=\"stylesheet\" href=\"{style}\">{script}</head>\
         <body><div id=\"app\">{body}</div><script type=\"application/json\" id=\"model\">{model}</script></body></html>",
        icon = assets::address("favicon.svg"),
        style = assets::address("fairway.css"),
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
