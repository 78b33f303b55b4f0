//! The promises, asked for over the router as players would.

use axum::http::{Method, StatusCode};
use fairway_geo::GeoTable;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::{
    health::{Cause, Verdict},
    snapshot::Inputs,
};

const POLICY: &str = r#"
ttl = "20s"
[[pathway]]
id = "cdn-a"
url = "http://a.test/"
[[pathway]]
id = "cdn-b"
url = "http://b.test/"
[[pathway]]
id = "cdn-c"
url = "http://c.test/"
addresses = ["192.0.2.3"]
[[step]]
do = "healthy"
[[step]]
do = "fence"
never = ["cdn-c"]
when = { cidr = ["10.0.0.0/8"] }
"#;

/// A node with one service, in which the pathways have this health.
fn node(healths: [Health; 3]) -> Arc<Live> {
    let now = Utc::now();
    let policy = Arc::new(fairway_policies::parse("live.policy.toml", POLICY).unwrap());
    let verdict = |health| Verdict { health, cause: Cause::Unprobed, since: DateTime::UNIX_EPOCH };
    let verdicts = healths.into_iter().map(verdict).collect();
    let service = Service::new(policy, Inputs { verdicts, ..Inputs::default() }, Arc::default());
    Arc::new(Live::new(Snapshot::compile(7, now, Arc::new(GeoTable::empty()), vec![service]), now))
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
    fn priority(&self) -> Vec<String> {
        serde_json::from_value(self.json()["PATHWAY-PRIORITY"].clone()).unwrap()
    }
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(router: &Router, method: Method, uri: &str, headers: &[(&str, &str)], from: &str) -> Got {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.extension(ClientAddress(from.parse().unwrap())).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Got { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn get_from(router: &Router, uri: &str, from: &str) -> Got {
    ask(router, Method::GET, uri, &[("host", "steer.test:8080")], from).await
}

const ALL_UP: [Health; 3] = [Health::Up; 3];

#[tokio::test]
async fn every_query_gets_a_whole_list() {
    let router = router(node(ALL_UP), None);
    let long = format!("sid={}", "x".repeat(4_000));
    let queries = [
        "",
        "_HLS_pathway=cdn-a&_HLS_throughput=5140000",
        "_HLS_pathway=%22cdn-a%22",
        "_HLS_pathway=nobody&_HLS_throughput=-1",
        "_HLS_throughput=NaN&_HLS_throughput=1e400",
        "_DASH_pathway=%22cdn-a,,cdn-b%22&_DASH_throughput=1,,2",
        "_DASH_pathway=&_DASH_throughput=",
        "sid=%22f00d%22&sid=&sid",
        "CMCD=sid%3D%22%5C%22%7B%22",
        "s-%%%&&&===&%00=%ff",
        &long,
    ];
    for query in queries {
        let got = get_from(&router, &format!("/v1/steer/live?{query}"), "192.0.2.1").await;
        assert_eq!(got.status, StatusCode::OK, "{query}");
        assert_eq!(got.header("content-type"), "application/vnd.apple.steering-list", "{query}");
        assert_eq!(got.header("cache-control"), "no-store");
        assert_eq!(got.header("access-control-allow-origin"), "*");
        assert_eq!(got.header("access-control-expose-headers"), "Retry-After");
        let json = got.json();
        assert_eq!(json["VERSION"], 1);
        assert!((18..=22).contains(&json["TTL"].as_u64().unwrap()), "{query}: {json}");
        assert_eq!(got.priority(), ["cdn-a", "cdn-b", "cdn-c"], "{query}");
        let reload = Url::parse(json["RELOAD-URI"].as_str().unwrap()).unwrap();
        assert_eq!((reload.host_str(), reload.path()), (Some("steer.test"), "/v1/steer/live"));
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        assert!(reload.query().unwrap_or("").bytes().all(word), "{query}: {reload}");
    }
}

#[tokio::test]
async fn the_unfit_are_last_and_not_missing() {
    let rows: [([Health; 3], &str, &[&str]); 5] = [
        ([Health::Down, Health::Up, Health::Up], "192.0.2.1", &["cdn-b", "cdn-c", "cdn-a"]),
        ([Health::Drained, Health::Up, Health::Down], "192.0.2.1", &["cdn-b", "cdn-c", "cdn-a"]),
        ([Health::Degraded, Health::Up, Health::Up], "192.0.2.1", &["cdn-a", "cdn-b", "cdn-c"]),
        ([Health::Down; 3], "192.0.2.1", &["cdn-a", "cdn-b", "cdn-c"]),
        ([Health::Down, Health::Up, Health::Up], "10.1.2.3", &["cdn-b", "cdn-a"]),
    ];
    for (healths, from, expected) in rows {
        let live = node(healths);
        let got = get_from(&router(live.clone(), None), "/v1/steer/live", from).await;
        assert_eq!(got.priority(), expected, "{healths:?}");
        let first = live.snapshot().services[0].policy.pathways.iter().position(|p| p.id == expected[0]);
        assert_eq!(live.snapshot().services[0].counters.read(first.unwrap()), (0, 1), "{healths:?}");
    }
}

#[tokio::test]
async fn a_client_keeps_its_ttl_and_clients_differ() {
    let router = router(node(ALL_UP), None);
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..100 {
        let uri = format!("/v1/steer/live?sid=s{n}");
        let ttl = |got: Got| got.json()["TTL"].as_u64().unwrap();
        let first = ttl(get_from(&router, &uri, "192.0.2.1").await);
        assert_eq!(first, ttl(get_from(&router, &uri, "192.0.2.77").await), "a session keeps its own over addresses");
        seen.insert(first);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [18, 19, 20, 21, 22]);
}

#[test]
fn a_ttl_stays_within_what_players_take() {
    let anyone = || (0..500u32).map(|n| IpAddr::V4(Ipv4Addr::from(n)));
    assert!(anyone().all(|address| ttl(5, address, None) == 5 && ttl(9, address, None) == 9));
    let of_ten: std::collections::BTreeSet<u32> = anyone().map(|address| ttl(10, address, None)).collect();
    assert_eq!(of_ten.into_iter().collect::<Vec<_>>(), [9, 10, 11], "never more than a tenth off");
    assert!(anyone().all(|address| (3_240..=3_600).contains(&ttl(3_600, address, None))));
}

#[tokio::test]
async fn the_reload_uri_carries_the_session_and_its_base() {
    let live = node(ALL_UP);
    let uri = |got: Got| got.json()["RELOAD-URI"].as_str().map(str::to_owned);
    let configured = router(live.clone(), Some(Url::parse("https://steer.example.net/").unwrap()));
    let got = get_from(&configured, "/v1/steer/live?CMCD=sid%3D%22f00d%22", "192.0.2.1").await;
    assert_eq!(uri(got).as_deref(), Some("https://steer.example.net/v1/steer/live?q-c2lkPWYwMGQ"));

    let open = router(live.clone(), None);
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let rows: [(Headers<'_>, Option<&str>); 5] = [
        (&[("host", "a.test")], Some("http://a.test/v1/steer/live")),
        (&[("host", "[::1]:8080"), ("x-forwarded-proto", "https")], Some("https://[::1]:8080/v1/steer/live")),
        (&[("host", "a.test\"},{")], None),
        (&[("host", "")], None),
        (&[], None),
    ];
    for (headers, expected) in rows {
        let got = ask(&open, Method::GET, "/v1/steer/live", headers, "192.0.2.1").await;
        assert_eq!(uri(got).as_deref(), expected, "{headers:?}");
    }

    get_from(&open, "/v1/steer/live?q-c2lkPWYwMGQ=&_HLS_pathway=cdn-b&_HLS_throughput=1234.5", "192.0.2.1").await;
    let seen = live.sessions.get("f00d").unwrap();
    assert_eq!((seen.on.service(), seen.on.pathway(), seen.throughput), ("live", "cdn-b", Some(1_234)));
}

#[tokio::test]
async fn a_session_is_on_what_it_reports_or_else_what_it_was_given() {
    let live = node([Health::Down, Health::Up, Health::Up]);
    let router = router(live.clone(), None);
    let on = |sid: &str| live.pathway_of_session(sid).map(|on| on.pathway().to_owned());
    get_from(&router, "/v1/steer/live?sid=new", "192.0.2.1").await;
    get_from(&router, "/v1/steer/live?sid=told&_DASH_pathway=cdn-b,cdn-a", "192.0.2.1").await;
    get_from(&router, "/v1/steer/live?sid=stranger&_HLS_pathway=elsewhere", "192.0.2.1").await;
    assert_eq!(on("new").as_deref(), Some("cdn-b"));
    assert_eq!(on("told").as_deref(), Some("cdn-a"));
    assert_eq!(on("stranger").as_deref(), Some("cdn-b"));
    assert_eq!(on("nobody"), None);
    for host in ["c.test", "192.0.2.3"] {
        assert_eq!(live.pathway_of_host(host).map(|on| on.pathway().to_owned()).as_deref(), Some("cdn-c"));
    }
    assert!(live.pathway_of_host("d.test").is_none());
}

#[tokio::test]
async fn an_unknown_service_is_a_404_in_json() {
    let live = node(ALL_UP);
    let router = router(live.clone(), None);
    for uri in ["/v1/steer/vod", "/v1/decide/vod", "/v1/steer/li%76e", "/v1/steer/%22%7B"] {
        let got = get_from(&router, uri, "192.0.2.1").await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{uri}");
        assert_eq!(got.header("content-type"), "application/json");
        assert_eq!(got.header("access-control-allow-origin"), "*");
        assert!(got.json()["error"].as_str().unwrap().contains("no service"), "{}", got.body);
    }
    assert_eq!(live.answers.unknown_service.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn browsers_may_ask_first() {
    for path in ["/v1/steer/live", "/v1/decide/live"] {
        let got =
            ask(&router(node(ALL_UP), None), Method::OPTIONS, path, &[("origin", "http://p.test")], "192.0.2.1").await;
        assert_eq!(got.status, StatusCode::NO_CONTENT);
        assert_eq!(got.header("access-control-allow-origin"), "*");
        assert!(got.header("access-control-allow-methods").contains("GET"));
    }
}

#[tokio::test]
async fn the_decision_is_told_with_urls() {
    let router = router(node([Health::Up, Health::Up, Health::Down]), None);
    let got = get_from(&router, "/v1/decide/live?session=f00d", "192.0.2.1").await;
    let json = got.json();
    assert_eq!((got.status, got.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!((&json["service"], &json["snapshot"], &json["panic"]), (&"live".into(), &7.into(), &false.into()));
    assert_eq!(json["pathways"][0]["id"], "cdn-a");
    assert_eq!(json["pathways"][1]["url"], "http://b.test/");
    assert_eq!(json["aside"][0], serde_json::json!({"id": "cdn-c", "url": "http://c.test/", "health": "down"}));
    assert!(json["holds"].as_str().unwrap().contains('/'), "{json}");
    assert!((18..=22).contains(&json["ttl"].as_u64().unwrap()));
}
