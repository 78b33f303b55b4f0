//! RFC 8484, DNS over HTTPS.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fairway_dns::{
    Transport,
    server::limits::{Closed, Limits},
};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

use crate::world::{LONG, SHORT, World, connect, next, query, run};

/// What curl got: the status, the head, and the body. `http`: `--http1.1` or `--http2`.
async fn curl(world: &World, http: &str, more: &[&str], path: &str) -> (String, String, Vec<u8>) {
    let resolve = format!("ns1.example:{}:127.0.0.1", world.https.port());
    let url = format!("https://ns1.example:{}{path}", world.https.port());
    let ca = world.folder.path().join("cert.pem").display().to_string();
    let args = [&["-sS", http, "--cacert", &ca, "--resolve", &resolve, "-D", "-"], more, &[&url]].concat();
    let (output, text) = run("curl", &args).await;
    assert!(output.status.success(), "{text}");
    let end = output.stdout.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(output.stdout[..end].to_vec()).unwrap().to_ascii_lowercase();
    (head.lines().next().unwrap().trim().to_owned(), head, output.stdout[end + 4..].to_vec())
}

fn get(query: &[u8]) -> String {
    format!("/dns-query?dns={}", URL_SAFE_NO_PAD.encode(query))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_post_and_head_are_answered_over_both_versions() {
    let world = World::new(Limits::default());
    let body = world.folder.path().join("query");
    std::fs::write(&body, &query(0)[2..]).unwrap();
    let post = format!("@{}", body.display());
    for (http, status) in [("--http1.1", "http/1.1 200 ok"), ("--http2", "http/2 200")] {
        let by_get = curl(&world, http, &[], &get(&query(0)[2..])).await;
        let kind = ["-H", "content-type: Application/DNS-message", "--data-binary", &post];
        let by_post = curl(&world, http, &kind, "/dns-query").await;
        let by_head = curl(&world, http, &["--head"], &get(&query(0)[2..])).await;
        for (got, head, body) in [&by_get, &by_post, &by_head] {
            assert_eq!(got, status);
            assert!(head.contains("content-type: application/dns-message"), "{head}");
            assert!(head.contains("cache-control: private, max-age=42"), "{head}");
            assert!(head.contains("content-length: 43"), "{head}");
            assert!(body.ends_with(&[192, 0, 2, 1]) || head == &by_head.1, "{body:?}");
        }
    }
    assert_eq!(world.counters.of(Transport::Https).accepted(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_query_has_its_status() {
    let world = World::new(Limits::default());
    let long = world.folder.path().join("long");
    std::fs::write(&long, vec![0; 65_536]).unwrap();
    let long = format!("@{}", long.display());
    let dns = "content-type: application/dns-message";
    let asked = get(&query(0)[2..]);
    let mut response = query(0)[2..].to_vec();
    response[2] |= 0x80;
    let (padded, response) = (format!("{asked}="), get(&response));
    let cases: [(&[&str], &str, &str); 10] = [
        (&[], "/", "404"),
        (&["-X", "PUT"], &asked, "405"),
        (&[], "/dns-query", "400"),
        (&[], "/dns-query?dns=AAAA", "400"),
        (&[], "/dns-query?dns=!!", "400"),
        (&[], &padded, "400"),
        (&[], &response, "400"),
        (&["--data-binary", "x"], "/dns-query", "415"),
        (&["-H", dns, "--data-binary", "x"], "/dns-query", "400"),
        (&["-H", dns, "--data-binary", &long], "/dns-query", "413"),
    ];
    for http in ["--http1.1", "--http2"] {
        for (more, path, status) in cases {
            let (got, head, body) = curl(&world, http, more, path).await;
            assert_eq!(got.split(' ').nth(1), Some(status), "{http} {more:?} {path}");
            assert!(head.contains("content-type: text/plain") && body.ends_with(b"\n"), "{head}");
            assert_eq!(head.contains("allow: get, head, post"), status == "405");
        }
    }
}

#[tokio::test]
async fn a_head_that_dribbles_in_is_cut_when_the_idle_time_is_over() {
    let world = World::new(Limits { idle: SHORT, message: LONG, write: SHORT, ..Limits::default() });
    let name = rustls::pki_types::ServerName::try_from("ns1.example").unwrap();
    let connector = TlsConnector::from(world.trust(b"http/1.1"));
    let mut tls = connector.connect(name, connect(world.https).await).await.unwrap();
    tls.write_all(b"GET /dns-query?dns=").await.unwrap();
    let (mut read, mut write) = tokio::io::split(tls);
    let dribble = async {
        while write.write_all(b"A").await.is_ok() && write.flush().await.is_ok() {
            tokio::time::sleep(SHORT / 50).await;
        }
    };
    tokio::select! {
        closed = next(&mut read) => assert_eq!(closed, None),
        () = dribble => {}
    }
    world.closed(Transport::Https, Closed::Idle, 1).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_has_408() {
    let world = World::new(Limits { idle: LONG, message: SHORT, ..Limits::default() });
    let name = rustls::pki_types::ServerName::try_from("ns1.example").unwrap();
    let connector = TlsConnector::from(world.trust(b"http/1.1"));
    let mut tls = connector.connect(name, connect(world.https).await).await.unwrap();
    let head = "POST /dns-query HTTP/1.1\r\nhost: ns1.example\r\ncontent-type: application/dns-message\r\ncontent-length: 30\r\n\r\n";
    tls.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    tokio::time::timeout(LONG, tokio::io::AsyncReadExt::read_exact(&mut tls, &mut status)).await.unwrap().unwrap();
    assert_eq!(&status, b"HTTP/1.1 408");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kdig_asks_by_get_and_by_post() {
    let world = World::new(Limits::default());
    let (port, ca) = (world.https.port().to_string(), world.folder.path().join("cert.pem"));
    let ca = format!("+tls-ca={}", ca.display());
    for how in ["+https", "+https-get"] {
        let args = ["@127.0.0.1", "-p", &port, how, &ca, "+tls-hostname=ns1.example", "w.example", "A"];
        let (output, text) = run("kdig", &args).await;
        assert!(output.status.success() && text.contains("192.0.2.1") && text.contains("HTTP/2"), "{text}");
    }
}
