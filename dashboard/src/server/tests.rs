//! The router as a whole, on a node that has one service and has seen a little of it.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use chrono::{DateTime, Utc};
use fairway_steering::{
    Event, Live, Service, Snapshot,
    demand::Demand,
    live::{Refusal, Status, StoreState},
};
use serde_json::Value;
use tower::ServiceExt;

use super::*;

const POLICY: &str = r#"
names = ["live.fairway.test"]
[[pathway]]
id = "a"
url = "http://a.test/"
addresses = ["192.0.2.1"]
capacity = "400 Mbit/s"
[[pathway]]
id = "b"
url = "http://b.test/"
addresses = ["192.0.2.2"]
[[step]]
do = "healthy"
[[step]]
do = "prefer"
tiers = [["b"]]
when = { continent = ["EU"] }
"#;

fn node() -> (Arc<Live>, Router) {
    let now = Utc::now();
    let policy = fairway_policies::parse("live.policy.toml", POLICY).unwrap();
    let service = Service::fresh(Arc::new(policy), now);
    let live = Arc::new(Live::new(Snapshot::compile(7, now, Default::default(), vec![service]), now));
    let console = Console::new(live.clone(), None, Arc::default(), CancellationToken::new());
    (live, router(console))
}

fn demand(pathway: &str, capacity: Option<u64>) -> Demand {
    let (service, pathway) = ("live".into(), pathway.into());
    Demand { service, pathway, sessions: 12, bits_per_second: 100_000_000, capacity, scale_at: 0.8, over: false }
}

async fn get(router: &Router, address: &str) -> (StatusCode, String) {
    let request = Request::get(address).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn get_json(router: &Router, address: &str) -> (StatusCode, Value) {
    let (status, body) = get(router, address).await;
    (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{address} is not JSON: {body}")))
}

#[test]
fn the_description_names_every_address_and_no_other() {
    let described: Value = serde_json::from_str(include_str!("../../web/openapi.json")).unwrap();
    let mut described: Vec<&str> = described["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let routes = api::routes();
    let mut routed: Vec<&str> = routes.iter().map(|(address, _)| *address).collect();
    described.sort_unstable();
    routed.sort_unstable();
    assert_eq!(described, routed);
}

#[tokio::test]
async fn pages_are_whole_without_script_and_forbid_foreign_ones() {
    let (live, router) = node();
    live.feed.tell(Event::Store { at: Utc::now(), up: true, detail: "version <26>".into() });
    let request = Request::get("/?service=live").body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"), "{policy}");
    let page = String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
    let cause = live.snapshot().services[0].inputs.verdicts[0].cause.to_string();
    for shown in ["<title>live · Fairway</title>", &cause, "version &lt;26&gt;", "The store answers"] {
        assert!(page.contains(shown), "{shown:?} is not in {page}");
    }
    assert!(!page.contains("style=\""), "the content policy forbids style attributes");
    let model = page.split("id=\"model\">").nth(1).unwrap().split("</script>").next().unwrap();
    let model: Page = serde_json::from_str(model).unwrap();
    assert!(matches!(model, Page::Overview(overview) if overview.snapshot == 7 && overview.pathways.len() == 2));
}

#[tokio::test]
async fn explain_tells_the_same_on_the_page_and_as_json() {
    let (_, router) = node();
    let (status, told) = get_json(&router, "/api/v1/explain?service=live&country=DE&via=hls").await;
    assert_eq!((status, &told["http"]["priority"]), (StatusCode::OK, &serde_json::json!(["b", "a"])));
    assert_eq!(told["client"]["continent"], "EU");
    let (_, page) = get(&router, "/explain?service=live&country=DE&via=hls").await;
    assert!(page.contains(told["steps"][1]["title"].as_str().unwrap()), "{page}");
    assert!(page.contains("value=\"DE\""), "the form keeps what was asked");
}

#[tokio::test]
async fn the_policy_is_shown_line_by_line_and_what_is_missing_is_said() {
    let (_, router) = node();
    let (status, page) = get(&router, "/policy?service=live").await;
    assert_eq!(status, StatusCode::OK);
    for shown in
        ["<li id=\"L10\"", r#"tiers = [["b"]]</li>"#, "cannot be changed here", "fairway plan live.policy.toml"]
    {
        assert!(page.contains(shown), "{shown:?} is not in {page}");
    }
    let (_, explained) = get(&router, "/explain?service=live&country=DE").await;
    assert!(explained.contains("href=\"/policy?service=live#L"), "a step leads to its line");

    let (status, page) = get(&router, "/decisions?service=live&country=&pathway=&occasion=").await;
    assert!(status == StatusCode::OK && page.contains("the store does not answer: this node has none"), "{page}");
    assert!(get(&router, "/decisions?occasion=often").await.1.contains("none of sampled, failed"));
    assert_eq!(get(&router, "/decisions/1").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(get(&router, "/policy?service=vod").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bad_questions_are_told_what_is_wrong() {
    let (_, router) = node();
    for (address, status, told) in [
        ("/api/v1/overview?service=vod", StatusCode::NOT_FOUND, "there is no service \"vod\"; there is: live"),
        ("/api/v1/events?service=vod", StatusCode::NOT_FOUND, "there is no service"),
        ("/api/v1/explain?client=1.2.3", StatusCode::BAD_REQUEST, "\"1.2.3\" is no IPv4 or IPv6 address"),
        ("/api/v1/explain?client=192.0.2.1&country=DE", StatusCode::BAD_REQUEST, "an address tells its place"),
        ("/api/v1/explain?country=Germany", StatusCode::BAD_REQUEST, "country"),
        ("/api/v1/explain?country=DE&via=fax", StatusCode::BAD_REQUEST, "none of dns, hls, dash, http"),
        ("/api/v1/scaling/c", StatusCode::NOT_FOUND, "no pathway \"c\""),
        ("/api/v1/nothing", StatusCode::NOT_FOUND, "openapi.json"),
    ] {
        let (answered, body) = get_json(&router, address).await;
        let error = body["error"].as_str().unwrap_or_default();
        assert!(answered == status && error.contains(told), "{address}: {answered} {body}");
    }
    let (status, page) = get(&router, "/?service=vod").await;
    assert!(status == StatusCode::NOT_FOUND && page.contains("there is no service"), "{page}");
    assert_eq!(get(&router, "/elsewhere").await.0, StatusCode::NOT_FOUND);
    let (status, page) = get(&router, "/explain?client=1.2.3").await;
    assert!(status == StatusCode::OK && page.contains("is no IPv4 or IPv6 address"), "{page}");
}

#[tokio::test]
async fn orders_are_taken_as_json_and_from_our_own_form() {
    let (live, router) = node();
    let send = async |method: &str, address: &str, kind: &str, body: &str| {
        let request = Request::builder().method(method).uri(address).header(header::CONTENT_TYPE, kind);
        let request = request.header(header::HOST, "n:1").header(header::ORIGIN, "http://n:1");
        let answer = router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    let good = r#"{"service":"live","pathway":"a","country":"DE","force":"share","share":0.25,"author":"ana","reason":"slow <start>"}"#;
    let (status, said) = send("POST", "/api/v1/overrides", json, good).await;
    let done: crate::model::OverrideDone = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (status, done.in_force, done.warnings.len()),
        (StatusCode::CREATED, false, 1),
        "no control loop runs here"
    );
    assert_eq!((done.forced.place.as_str(), done.forced.affects.len()), ("country DE", 1));
    for (body, told) in [
        (good.replace("\"a\"", "\"c\""), "no pathway of live matches \"c\": did you mean `a`?"),
        (good.replace("ana", ""), "`author` is missing"),
        (good.replace("DE", "Germany"), "country"),
        (good.replace(",\"share\":0.25", ""), "share: say which"),
        (good.replace("\"share\",", "\"up\","), "goes with"),
        (good.replace("\"author\"", "\"for_s\":60,\"expires_ms\":1,\"author\""), "not both"),
        (good.replace("author", "auther"), "auther"),
        (good.replace("0.25", "25"), "a share is from 0 to 1"),
    ] {
        let (status, said) = send("POST", "/api/v1/overrides", json, &body).await;
        assert!(status == StatusCode::BAD_REQUEST && said.contains("error"), "{body}: {status} {said}");
        let said: Value = serde_json::from_str(&said).unwrap();
        assert!(said["error"].as_str().unwrap().contains(told), "{body}: {said}");
    }
    let all = "pathway=*&force=drained&author=ana&reason=all&lasts=2h";
    let (status, page) = send("POST", "/?service=live", form, all).await;
    assert!(status == StatusCode::OK && page.contains("no pathway is left fit in live: all"), "{status} {page}");
    let (status, page) = send("POST", "/?service=live", form, &all.replace("2h", "soon")).await;
    assert!(
        status == StatusCode::BAD_REQUEST && page.contains("is no time span") && page.contains("value=\"all\""),
        "{page}"
    );
    assert!(!page.contains("http-equiv=\"refresh\""), "what is being typed stays");
    assert_eq!(live.overrides.list().len(), 2);
    assert_eq!(send("POST", "/overrides/2/clear?service=live", form, "").await.0, StatusCode::SEE_OTHER);
    assert_eq!(
        send("POST", "/overrides/2/clear?service=live", form, "").await.0,
        StatusCode::SEE_OTHER,
        "as good as cleared"
    );
    assert_eq!(send("DELETE", "/api/v1/overrides/1?author=bob", json, "").await.0, StatusCode::OK);
    assert_eq!(send("DELETE", "/api/v1/overrides/1", json, "").await.0, StatusCode::NOT_FOUND);
    let (_, page) = get(&router, "/").await;
    for told in ["a forced 25 %", "slow &lt;start&gt;", "bob cleared override 1"] {
        assert!(page.contains(told), "{told:?} is not in {page}");
    }
    assert!(get(&router, "/?force=a").await.1.contains("Force a pathway</h2>"));
}

#[tokio::test]
async fn scaling_is_a_number_once_known_and_never_a_made_up_zero() {
    let (live, router) = node();
    assert_eq!(get_json(&router, "/api/v1/scaling/a").await.0, StatusCode::SERVICE_UNAVAILABLE);
    live.status.store(Arc::new(Status {
        cells_at: Some(DateTime::UNIX_EPOCH),
        demand: Arc::new(vec![demand("a", Some(400_000_000)), demand("b", None)]),
        ..Status::default()
    }));
    for (address, value) in [("a", 1e8), ("a?metric=sessions", 12.0), ("a?service=live&metric=utilisation", 0.25)] {
        assert_eq!(get_json(&router, &format!("/api/v1/scaling/{address}")).await.1["value"], value, "{address}");
    }
    assert_eq!(get_json(&router, "/api/v1/scaling/b?metric=utilisation").await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_is_wrong_behind_the_numbers_is_said() {
    let (live, router) = node();
    live.status.store(Arc::new(Status {
        store: StoreState::Down { detail: "connection refused".into() },
        refusal: Some(Arc::new(Refusal { at: Utc::now(), problems: "live.policy.toml:3:1: no such key".into() })),
        ..Status::default()
    }));
    let (_, page) = get(&router, "/").await;
    for told in ["The policy files on disk are not in force", "live.policy.toml:3:1", "the store is away", "refused"] {
        assert!(page.contains(told), "{told:?} is not in {page}");
    }
}

#[tokio::test]
async fn events_begin_with_the_overview_and_resume_after_the_last_seen() {
    use tokio_stream::StreamExt;
    let (live, router) = node();
    live.feed.tell(Event::Reloaded { at: Utc::now(), services: 1, revision: None });
    let first = live.feed.since(0)[0].id;
    live.feed.tell(Event::Reloaded { at: Utc::now(), services: 2, revision: None });
    let request = Request::get("/api/v1/events").header("last-event-id", first).body(Body::empty()).unwrap();
    let mut stream = router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
    let mut told = String::new();
    while !told.contains("event: overview") {
        told.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(!told.contains(&format!("id: {first}")), "{told}");
    assert!(told.contains(&format!("id: {}", first + 1)), "{told}");
}
