//! Who may change something: the node's own pages, and programs. Never another site's page in an operator's browser.
//!
//! The admin side knows no log-in; it is kept inside by its listener. But a browser inside it also shows pages from outside,
//! and those can make it send a form here. So of each request that is not only a question:
//! - `Sec-Fetch-Site`, where a browser sends it (over HTTPS, and to the own machine), must say that the page asking is
//!   ours (`same-origin`) or that nobody but the user asked (`none`). It is right behind any proxy.
//! - Else `Origin`, which browsers send with every form and every script's request that changes something, must name the
//!   host that the request is to.
//! - Under `/api/` the body must be said to be JSON: no form can say that, and a foreign script that does is made to ask
//!   first (CORS), which is never granted here. So a program needs neither header.
//! - Elsewhere, where forms are taken, one of the two headers must be there: who sends neither is no browser, and has
//!   the API.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what another site's page may have sent.
pub async fn guard(request: Request, next: Next) -> Response {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let api = request.uri().path().starts_with("/api/");
    match if asks { Ok(()) } else { check(request.headers(), api) } {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn check(headers: &HeaderMap, api: bool) -> Result<(), Refusal> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let ours = match (text(&SEC_FETCH_SITE), text(&header::ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let named = origin.split_once("://").map(|(_, authority)| authority);
            named.is_some() && named == text(&header::HOST)
        }
        (None, None) => api,
    };
    if !ours {
        return Err(Refusal::Foreign);
    }
    let kind = text(&header::CONTENT_TYPE).unwrap_or_default();
    let json = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if api && !json { Err(Refusal::NotJson) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_pages_and_programs_change_anything() {
        let json = ("content-type", "application/json; charset=utf-8");
        let form = ("content-type", "application/x-www-form-urlencoded");
        let (origin, evil, null) =
            (("origin", "http://node:8081"), ("origin", "https://evil.example"), ("origin", "null"));
        let site = |said: &'static str| ("sec-fetch-site", said);
        for (api, given, is) in [
            (true, vec![json], Ok(())),
            (true, vec![json, origin], Ok(())),
            (true, vec![json, evil], Err(Refusal::Foreign)),
            (true, vec![form], Err(Refusal::NotJson)),
            (true, vec![], Err(Refusal::NotJson)),
            (true, vec![form, origin], Err(Refusal::NotJson)),
            (false, vec![form, origin], Ok(())),
            (false, vec![form, evil], Err(Refusal::Foreign)),
            (false, vec![form, null], Err(Refusal::Foreign)),
            (false, vec![form], Err(Refusal::Foreign)),
            (false, vec![form, site("same-origin")], Ok(())),
            (false, vec![form, site("cross-site")], Err(Refusal::Foreign)),
            (false, vec![form, site("same-site"), origin], Err(Refusal::Foreign)),
            // Behind a proxy that names another host.
            (false, vec![form, site("same-origin"), ("origin", "https://fairway.example")], Ok(())),
        ] {
            let headers =
                given.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
            let mut headers: HeaderMap = headers.collect();
            headers.insert(header::HOST, "node:8081".parse().unwrap());
            assert_eq!(check(&headers, api), is, "{given:?}");
        }
    }
}
