//! The room as a whole: requests in over its router, rows out into a sink.

#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking, as the tests do")]

mod world;

use std::{
    future::poll_fn,
    task::Poll,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use fairway_collector::spool::Limits;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use world::{Fake, Outcome, Room, Row, open_in, until};

const SESSION: &str = r#"e=ps,sid="s",sn=1,sta=s,ts=1764752430000,v=2
e=rr,rc=200,sid="s",sn=2,ts=1764752430100,ttfb=180,url="https://cdn-a.test:8090/s1.m4s",v=2
e=ps,msd=812,sid="s",sn=3,sta=p,ts=1764752430800,v=2
e=ps,sid="s",sn=4,sta=r,ts=1764752440800,v=2
e=rr,rc=503,sid="s",sn=5,ts=1764752441000,url="https://cdn-a.test:8090/s2.m4s",v=2
e=rr,rc=200,sid="s",sn=6,ts=1764752441500,ttfb=90,url="https://cdn-b.test:8090/s2.m4s",v=2
bs,bsd=(1500),e=ps,sid="s",sn=7,sta=p,ts=1764752442300,v=2
"#;

#[tokio::test]
async fn a_session_becomes_rows_within_a_second_and_a_half() {
    let room = Room::new(Limits::default());
    let sink = Fake::default();
    let (_drain, _stop) = room.drain(&sink);
    let begun = Instant::now();
    assert_eq!(room.cmcd(SESSION).await, (StatusCode::NO_CONTENT, Value::Null));
    let rows = sink.holds(7).await;
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    let pathways: Vec<_> = rows.iter().map(|r| r.pathway.as_str()).collect();
    assert_eq!(pathways, ["", "cdn-a", "cdn-a", "cdn-a", "cdn-a", "cdn-b", "cdn-a"], "the stall began on cdn-a");
    assert_eq!(
        rows.iter().map(|r| (r.watched_ms, r.stalled_ms)).collect::<Vec<_>>(),
        [(0, 0), (0, 0), (800, 0), (10_000, 0), (0, 0), (0, 0), (1_500, 1_500)]
    );
    let sum = |of: fn(&Row) -> u32| rows.iter().map(of).sum::<u32>();
    assert_eq!((sum(|r| r.starts.into()), sum(|r| r.start_failures.into())), (1, 0));
    assert_eq!((sum(|r| r.requests), sum(|r| r.request_errors)), (3, 1));
    assert_eq!((rows[2].startup_ms, rows[1].ttfb_ms), (Some(812), Some(180)));
    assert!(rows.iter().all(|r| r.service == "live" && r.session == "s"));
}

#[tokio::test]
async fn the_good_ones_of_a_batch_are_kept() {
    let room = Room::new(Limits::default());
    let (status, body) = room.cmcd("e=t,sid=\"s\",sta=p,v=2\nrubbish!\nsid=\"s\",v=3\ne=t,sid=\"polled\",v=2\n").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!((&body["error"], &body["accepted"]), (&json!("refused_records"), &json!(2)));
    let named: Vec<_> =
        body["refused"].as_array().expect("a list").iter().map(|r| (&r["record"], &r["cause"])).collect();
    assert_eq!(named, [(&json!(2), &json!("malformed")), (&json!(3), &json!("version"))]);
    let sink = Fake::default();
    let (_drain, _stop) = room.drain(&sink);
    assert_eq!(sink.holds(2).await[1].pathway, "cdn-b", "from its steering poll");
    let metrics = room.metrics();
    for line in
        ["records_total{outcome=\"accepted\"} 2", "records_total{outcome=\"malformed\"} 1", "{outcome=\"version\"} 1"]
    {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

#[tokio::test]
async fn what_a_player_has_in_store_is_told_and_what_it_measures_is_kept() {
    let room = Room::new(Limits::default());
    let lines =
        "bl=(6000;v 4000;a),mtp=(87000;v 900;a),e=t,sid=\"s\",v=2\nmtp=0,e=t,sid=\"s\",v=2\nbl=9000,sid=\"other\"\n";
    assert_eq!(room.cmcd(lines).await.0, StatusCode::NO_CONTENT);
    assert_eq!(*room.buffers.lock().unwrap(), [("s".to_owned(), 4000), ("other".to_owned(), 9000)]);
    let sink = Fake::default();
    let (_drain, _stop) = room.drain(&sink);
    let measured: Vec<_> = sink.holds(3).await.iter().map(|row| row.throughput_kbps).collect();
    assert_eq!(measured, [Some(87_000), None, None], "the video's; nothing is measured as zero");
}

#[tokio::test]
async fn a_repeated_batch_counts_once() {
    let room = Room::new(Limits::default());
    for _ in 0..3 {
        assert_eq!(room.cmcd(SESSION).await.0, StatusCode::NO_CONTENT);
    }
    for _ in 0..2 {
        assert_eq!(
            room.cmcd("e=t,sid=\"s\",sn=0,v=2\ne=t,sid=\"s\",v=2").await.0,
            StatusCode::NO_CONTENT,
            "no number, no repetition"
        );
    }
    let sink = Fake::default();
    let (_drain, _stop) = room.drain(&sink);
    assert_eq!(sink.holds(11).await.len(), 11);
    assert!(room.metrics().contains("records_total{outcome=\"duplicate\"} 14"));
}

#[tokio::test]
async fn get_by_query_and_headers_and_a_named_service() {
    let room = Room::new(Limits::default());
    let get = |uri: &str, session: Option<&str>| {
        let request = Request::get(uri);
        session.map_or(request, |s| Request::get(uri).header("CMCD-Session", s)).body(Body::empty()).expect("a request")
    };
    let by_query = get("/v1/beacons?service=live&CMCD=bl%3D21300%2Csid%3D%22q%22%2Csu", None);
    assert_eq!(room.send(by_query).await.0, StatusCode::NO_CONTENT);
    let by_headers = get("/v1/beacons?CMCD=sid%3D%22q%22", Some("sid=\"h\",v=1"));
    assert_eq!(room.send(by_headers).await.0, StatusCode::NO_CONTENT);
    let (status, body) = room.send(get("/v1/beacons?service=nope&CMCD=sid%3D%22q%22", None)).await;
    assert_eq!((status, &body["error"]), (StatusCode::NOT_FOUND, &json!("unknown_service")));
    let sink = Fake::default();
    let (_drain, _stop) = room.drain(&sink);
    assert_eq!(sink.holds(2).await.iter().map(|r| r.session.as_str()).collect::<Vec<_>>(), ["q", "h"]);
}

#[tokio::test]
async fn a_whole_request_refused() {
    let room = Room::new(Limits::default());
    for (media, body, status, error) in [
        ("application/cmcd", "x".repeat((1 << 20) + 1), StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        ("application/xml", "<a/>".into(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
        ("application/cmcd", String::new(), StatusCode::BAD_REQUEST, "no_beacon"),
    ] {
        let (got, body) = room.post("/v1/beacons", media, body).await;
        assert_eq!((got, &body["error"]), (status, &json!(error)));
    }
    let delete = Request::builder().method(Method::DELETE).uri("/v1/beacons").body(Body::empty()).expect("a request");
    assert_eq!(room.router.clone().oneshot(delete).await.expect("answers").status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_browsers_preflight() {
    let room = Room::new(Limits::default());
    let request =
        Request::builder().method(Method::OPTIONS).uri("/v1/beacons").header("origin", "https://player.example");
    let request = request
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let response = room.router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("answers");
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_lowercase();
    assert!(response.status().is_success());
    assert_eq!(header("access-control-allow-origin"), "*");
    assert_eq!(header("access-control-max-age"), "86400");
    let allowed = header("access-control-allow-headers");
    assert!(
        ["content-type", "cmcd-request", "cmcd-object", "cmcd-status", "cmcd-session"]
            .iter()
            .all(|h| allowed.contains(h))
    );
    let posted =
        Request::post("/v1/beacons").header("origin", "https://player.example").header("content-type", "text/plain");
    let posted = posted.body(Body::from("{\"session\":\"s\",\"state\":\"playing\"}")).expect("a request");
    let response = room.router.clone().oneshot(posted).await.expect("answers");
    assert_eq!(
        (response.status(), &response.headers()["access-control-allow-origin"]),
        (StatusCode::NO_CONTENT, &"*".parse().expect("a value"))
    );
}

#[tokio::test]
async fn a_full_spool_says_come_back_and_what_comes_back_is_new() {
    let room = Room::new(Limits { max_bytes: 4_000, ..Limits::default() });
    let batch = |i: usize| format!("e=t,sid=\"s\",sn={i},ts=1764752430000,v=2");
    let mut kept = 0;
    while room.cmcd(&batch(kept + 1)).await.0 == StatusCode::NO_CONTENT {
        kept += 1;
    }
    let request = Request::post("/v1/beacons")
        .header("content-type", "application/cmcd")
        .body(Body::from(batch(kept + 1)))
        .expect("a request");
    let response = room.router.clone().oneshot(request).await.expect("answers");
    assert_eq!(
        (response.status(), &response.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"5".parse().expect("a value"))
    );
    let sink = Fake::default();
    let (_drain, _stop) = room.drain(&sink);
    sink.holds(kept).await;
    until(|| room.metrics().contains("spool_bytes 0\n")).await;
    assert_eq!(room.cmcd(&batch(kept + 1)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(sink.holds(kept + 1).await.len(), kept + 1);
}

#[tokio::test]
async fn what_failed_on_its_way_to_disk_is_no_repetition() {
    let room = Room::new(Limits::default());
    let (spool, away) = (room.dir.path().join("spool"), room.dir.path().join("away"));
    std::fs::rename(&spool, &away).expect("moved");
    let (status, body) = room.cmcd(SESSION).await;
    assert_eq!((status, &body["error"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    std::fs::rename(&away, &spool).expect("moved back");
    assert_eq!(room.cmcd(SESSION).await.0, StatusCode::NO_CONTENT);
    let sink = Fake::default();
    let (_drain, _stop) = room.drain(&sink);
    let rows = sink.holds(7).await;
    assert_eq!(rows.iter().map(|r| u32::from(r.starts)).sum::<u32>(), 1);
}

#[tokio::test]
async fn what_a_client_that_hung_up_had_sent_is_kept_or_forgotten() {
    let room = Room::new(Limits::default());
    let (spool, away) = (room.dir.path().join("spool"), room.dir.path().join("away"));
    std::fs::rename(&spool, &away).expect("moved");
    let mut call = Box::pin(room.cmcd(SESSION));
    let waits = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
    assert!(waits, "for the disk");
    drop(call);
    until(|| room.metrics().contains("spool_failures_total 1\n")).await;
    std::fs::rename(&away, &spool).expect("moved back");
    let sink = Fake::default();
    let (_drain, _stop) = room.drain(&sink);
    while let (StatusCode::SERVICE_UNAVAILABLE, body) = room.cmcd(SESSION).await {
        assert_eq!(body["error"], "under_way");
    }
    assert_eq!(sink.holds(7).await.len(), 7);
}

#[tokio::test]
async fn a_repetition_is_not_thanked_for_before_the_first_is_on_disk() {
    let room = Room::new(Limits::default());
    let (one, other) = tokio::join!(room.cmcd(SESSION), room.cmcd(SESSION));
    for (status, body) in [&one, &other] {
        assert!(*status == StatusCode::NO_CONTENT || body["error"] == "under_way", "{status} {body}");
    }
    assert!(one.0 == StatusCode::NO_CONTENT || other.0 == StatusCode::NO_CONTENT);
    assert_eq!(room.cmcd(SESSION).await.0, StatusCode::NO_CONTENT, "now it is");
    let sink = Fake::default();
    let (_drain, _stop) = room.drain(&sink);
    assert_eq!(sink.holds(7).await.len(), 7);
}

#[tokio::test]
async fn the_store_comes_and_goes_and_every_row_is_there_once() {
    let room = Room::new(Limits { segment_bytes: 300, ..Limits::default() });
    let sink = Fake::default();
    sink.inner().script = vec![Outcome::TakenUnheard, Outcome::Away, Outcome::Away, Outcome::TakenUnheard];
    for i in 1..=20 {
        assert_eq!(room.cmcd(&format!("e=t,sid=\"s\",sn={i},v=2")).await.0, StatusCode::NO_CONTENT);
    }
    let (_drain, _stop) = room.drain(&sink);
    let rows = sink.holds(20).await;
    assert_eq!(rows.iter().map(|r| r.sn).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    let inner = sink.inner();
    assert!(inner.tried.len() > inner.stored.len());
    for (token, rows) in &inner.tried {
        assert!(inner.stored.iter().any(|(t, r)| t == token && r == rows), "a token always comes with the same bytes");
    }
}

#[tokio::test]
async fn a_crash_before_the_acknowledgement_sends_the_same_again() {
    let room = Room::new(Limits::default());
    assert_eq!(room.cmcd(SESSION).await.0, StatusCode::NO_CONTENT);
    let sink = Fake::default();
    sink.inner().script = vec![Outcome::TakenUnheard];
    let (drain, stop) = room.drain(&sink);
    until(|| !sink.inner().stored.is_empty()).await;
    stop.cancel();
    drain.await.expect("ends");

    // The node is gone; its folder is all that the next one has.
    let next = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(next.path().join("spool")).expect("made");
    for entry in std::fs::read_dir(room.dir.path().join("spool")).expect("readable") {
        let entry = entry.expect("readable");
        std::fs::copy(entry.path(), next.path().join("spool").join(entry.file_name())).expect("copied");
    }
    let (collector, _registry) = open_in(next.path(), Limits::default());
    let task = tokio::spawn(collector.drain(sink.clone(), CancellationToken::new()));
    until(|| sink.inner().tried.len() >= 2).await;
    assert_eq!((sink.rows().len(), sink.inner().stored.len()), (7, 1));
    task.abort();
}

#[tokio::test]
async fn what_the_store_refuses_or_the_disk_has_damaged_does_not_block() {
    let room = Room::new(Limits { segment_bytes: 1, ..Limits::default() });
    for i in 1..=4 {
        assert_eq!(room.cmcd(&format!("e=t,sid=\"s\",sn={i},v=2")).await.0, StatusCode::NO_CONTENT);
    }
    let spool = room.dir.path().join("spool");
    let segment = |n: u32| spool.join(format!("0000000001-{n:010}.seg"));
    let mut bytes = std::fs::read(segment(2)).expect("readable");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(segment(2), bytes).expect("written");
    std::fs::remove_file(segment(3)).expect("removed");
    let sink = Fake::default();
    sink.inner().script = vec![Outcome::Refused];
    let (_drain, _stop) = room.drain(&sink);
    assert_eq!(sink.holds(1).await.iter().map(|r| r.sn).collect::<Vec<_>>(), [4]);
    let reason =
        |n, why| std::fs::read_to_string(segment(n).with_extension(format!("seg.{why}.reason"))).expect("a reason");
    assert_eq!(reason(1, "refused"), "no such column\n");
    assert!(reason(2, "corrupt").contains("damaged"));
    until(|| room.metrics().contains("spool_bytes 0\n")).await;
}
