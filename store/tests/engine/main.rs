//! The store on the real engine. The test's own executable is the child as well (`engine store <path>`), so it has a
//! `main` of its own; a word on the command line runs only the worlds whose name has it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use fairway_store::{
    BeaconRow, DecisionQuery, DecisionRow, Engine, EngineState, External, Level, LogSums, PASSWORD_VARIABLE,
    PolicyText, ServeOptions, Source, Store, StoreError, StoreMetrics, StoredCell, decisions::ID_BITS, library_places,
    serve,
};
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_util::sync::CancellationToken;

mod world;
use world::{World, beacon, child, encode, now_ms, raw, wait_for};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let [store, path, rest @ ..] = &arguments[..]
        && store == "store"
    {
        let library = match rest.first() {
            Some(place) => vec![PathBuf::from(place)],
            None => library_places([Path::new(env!("CARGO_MANIFEST_DIR"))]),
        };
        let password = std::env::vars().find(|(name, _)| name == PASSWORD_VARIABLE).unwrap().1;
        let options = ServeOptions { path: path.into(), library, password, port: 0, memory: 1 << 30 };
        if let Err(error) = runtime.block_on(serve(options)) {
            panic!("{error}");
        }
        return;
    }
    let wanted = arguments.iter().find(|a| !a.starts_with('-'));
    let mut run = 0;
    let mut world = |name: &str, test: &dyn Fn()| {
        if wanted.is_none_or(|wanted| name.contains(wanted.as_str())) {
            let started = Instant::now();
            test();
            println!("ok {name} ({:.1} s)", started.elapsed().as_secs_f64());
            run += 1;
        }
    };
    world("protocol", &|| runtime.block_on(protocol()));
    world("beacons_and_cells", &|| runtime.block_on(beacons_and_cells()));
    world("decisions", &|| runtime.block_on(decisions()));
    world("exactly_once", &|| runtime.block_on(exactly_once()));
    world("life_of_the_child", &|| runtime.block_on(life_of_the_child()));
    assert!(run > 0, "no world has {wanted:?} in its name");
}

/// The `clickhouse` crate, unchanged, and plain HTTP.
async fn protocol() {
    #[derive(clickhouse::Row, Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Thing {
        id: u64,
        name: String,
        note: Option<String>,
    }
    let world = World::new().await;
    let (client, url) = (world.client().await, world.up().await);

    // Settings and database last for their own request only.
    client.query("CREATE DATABASE other").execute().await.unwrap();
    let elsewhere = client.clone().with_database("other").with_setting("max_threads", "1");
    let at = "SELECT currentDatabase(), toString(getSetting('max_threads'))";
    assert_eq!(elsewhere.query(at).fetch_one::<(String, String)>().await.unwrap(), ("other".into(), "1".into()));
    assert_eq!(client.query(at).fetch_one::<(String, String)>().await.unwrap().0, "default");

    // Rows in, as RowBinaryWithNamesAndTypes after a look at the table; rows out; parameters in a multipart form. A blank
    // line is where an insert in a query's text would be cut.
    client
        .query("CREATE TABLE things (id UInt64, name String, note Nullable(String)) ENGINE = MergeTree ORDER BY id")
        .execute()
        .await
        .unwrap();
    let things: Vec<_> = (0..3000)
        .map(|id| Thing { id, name: format!("\n\n\0{id} '\\\n\n"), note: (id % 2 == 0).then(|| "\n\n".into()) })
        .collect();
    let mut insert = client.insert::<Thing>("things").await.unwrap();
    for thing in &things {
        insert.write(thing).await.unwrap();
    }
    insert.end().await.unwrap();
    assert_eq!(client.query("SELECT ?fields FROM things ORDER BY id").fetch_all::<Thing>().await.unwrap(), things);
    let named = client.query("SELECT ?fields FROM things WHERE name = {name:String}").param("name", &things[7].name);
    assert_eq!(named.fetch_one::<Thing>().await.unwrap(), things[7]);

    // Several at once: slow ones do not hold up a quick one.
    let slow = || client.query("SELECT count() FROM numbers(3) WHERE sleepEachRow(0.3) = 0").fetch_one::<u64>();
    let quick = async {
        let started = Instant::now();
        assert_eq!(client.query("SELECT 1").fetch_one::<u8>().await.unwrap(), 1);
        started.elapsed()
    };
    let (a, b, quick) = tokio::join!(slow(), slow(), quick);
    assert_eq!((a.unwrap(), b.unwrap()), (3, 3));
    assert!(quick < Duration::from_millis(800), "{quick:?}");

    // Errors in ClickHouse's own words.
    let error = client.query("SELECT * FROM nowhere").execute().await.unwrap_err().to_string();
    assert!(error.contains("Code: 60. DB::Exception: Unknown table"), "{error}");
    let error = client.query("SELECT 1").with_setting("no_such", "1").execute().await.unwrap_err().to_string();
    assert!(error.contains("Code: 115."), "{error}");
    let error = client.clone().with_password("wrong").query("SELECT 1").execute().await.unwrap_err().to_string();
    assert!(error.contains("Code: 516."), "{error}");

    // Plain HTTP: the statement in the URL, in the body, in both.
    let key = format!("X-ClickHouse-Key: {}", world.engine.password());
    assert!(raw(&url, "GET /ping HTTP/1.1", "").await.ends_with("Ok.\n"));
    let answer = raw(&url, "GET /?query=SELECT+1 HTTP/1.1", "").await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("x-clickhouse-exception-code: 516"), "{answer}");
    let get = format!("GET /?query=SELECT+%7Bx:UInt8%7D%2B1&param_x=41 HTTP/1.1\r\n{key}");
    assert!(raw(&url, &get, "").await.ends_with("\r\n\r\n42\n"));
    let get = format!("GET /?query=DROP+TABLE+things HTTP/1.1\r\n{key}");
    assert!(raw(&url, &get, "").await.contains("Code: 164."));
    let post = format!("POST /?default_format=JSONEachRow HTTP/1.1\r\n{key}");
    assert!(raw(&url, &post, "SELECT 1 AS one").await.ends_with("{\"one\":1}\n"));
    let rows = "{\"id\":9001,\"name\":\"a\"}\n\n{\"id\":9002,\"name\":\"b\"}";
    let post = format!("POST /?query=INSERT+INTO+things+FORMAT+JSONEachRow HTTP/1.1\r\n{key}");
    let answer = raw(&url, &post, rows).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"written_rows\":\"2\""), "{answer}");
    let post = format!("POST / HTTP/1.1\r\n{key}");
    assert!(
        raw(&url, &post, &format!("INSERT INTO things FORMAT JSONEachRow\n{rows}")).await.starts_with("HTTP/1.1 200")
    );
    assert!(raw(&url, &post, "INSERT INTO things VALUES (9003, 'c', NULL)").await.starts_with("HTTP/1.1 200"));
    let added = client.query("SELECT count() FROM things WHERE id > 9000").fetch_one::<u64>().await.unwrap();
    assert_eq!(added, 5);

    // A client that goes in the middle of its rows has inserted none of them.
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!(
        "POST /?query=INSERT+INTO+things+FORMAT+TSV HTTP/1.1\r\nHost: x\r\n{key}\r\nContent-Length: 1000\r\n\r\n"
    );
    stream.write_all(format!("{head}9100\ta\t\\N\n9101\tb\t\\N\n").as_bytes()).await.unwrap();
    let running = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO things%'";
    wait_for(async || client.query(running).fetch_one::<u64>().await.unwrap() == 1).await;
    drop(stream);
    wait_for(async || client.query(running).fetch_one::<u64>().await.unwrap() == 0).await;
    assert_eq!(client.query("SELECT count() FROM things WHERE id > 9003").fetch_one::<u64>().await.unwrap(), 0);
    world.stop().await;
}

/// Every column comes back as it was encoded; the cells say of them what they should.
async fn beacons_and_cells() {
    let world = World::new().await;
    let store = &world.store;
    store.migrate().await.unwrap();

    let all = BeaconRow {
        received_ms: now_ms(),
        ts_ms: 1_764_752_431_500,
        service: "film".into(),
        pathway: "cdn-x".into(),
        session: "s\u{e9}ance\n\n\0".repeat(20),
        sn: u32::MAX,
        event: "rr".into(),
        state: "p".into(),
        content: "c1".into(),
        continent: "NA".into(),
        country: "US".into(),
        subdivision: "CA".into(),
        asn: 4_200_000_000,
        watched_ms: 10_000,
        stalled_ms: 500,
        startup_ms: Some(812),
        starts: 1,
        start_failures: 1,
        requests: 3,
        request_errors: 2,
        ttfb_ms: Some(0),
        ttlb_ms: Some(400),
        bits: u64::MAX / 2,
        bitrate_kbps: 4200,
        buffer_ms: Some(6000),
        throughput_kbps: Some(87_000),
        status: Some(0),
        error: "MEDIA_ERR".into(),
        source: Source::Json,
    };
    store.insert("all", encode(std::slice::from_ref(&all))).await.unwrap();
    let told = "SELECT toString((toUnixTimestamp64Milli(received), length(session), * EXCEPT (received, session))) FROM beacons";
    let expected = format!(
        "({},{},'2025-12-03 09:00:31.500','film','cdn-x',4294967295,'rr','p','c1','NA','US','CA',4200000000,10000,500,812,\
         1,1,3,2,0,400,9223372036854775807,4200,6000,87000,0,'MEDIA_ERR','json')",
        all.received_ms,
        all.session.len(),
    );
    assert_eq!(store.rows::<String>(told).await.unwrap(), [expected]);

    let received_ms = now_ms();
    let german = |i: u32| BeaconRow {
        received_ms,
        continent: "EU".into(),
        country: "DE".into(),
        asn: 3320 + i % 2,
        stalled_ms: 100,
        startup_ms: (i < 10).then_some(100),
        throughput_kbps: (i < 20).then_some(1),
        starts: u8::from(i < 10),
        ..beacon("cdn-a", i % 10)
    };
    let nowhere = BeaconRow { received_ms, request_errors: 2, ..beacon("cdn-a", 77) };
    let unattributed = beacon("", 78);
    let rows: Vec<_> = (0..40).map(german).chain([nowhere, unattributed]).collect();
    store.insert("germans", encode(&rows)).await.unwrap();

    let cells = store.cells(Duration::from_secs(60)).await.unwrap();
    let live: Vec<_> = cells.iter().filter(|cell| cell.service == "live").collect();
    let levels: Vec<_> = live.iter().map(|cell| (&cell.level, cell.sessions, cell.watched_ms)).collect();
    let de = || "DE".to_owned();
    assert_eq!(
        levels,
        [
            (&Level::CountryAsn(de(), 3320), 5, 20_000),
            (&Level::CountryAsn(de(), 3321), 5, 20_000),
            (&Level::Country(de()), 10, 40_000),
            (&Level::Continent("EU".into()), 10, 40_000),
            (&Level::World, 11, 41_000),
        ]
    );
    let (germany, everyone) = (live[2], live[4]);
    assert_eq!((germany.stalled_ms, germany.starts, germany.requests, germany.bits), (4000, 10, 80, 160_000_000));
    let near = |sums: LogSums, count: u64, value: f64| {
        let (sum, squares) = (count as f64 * value.ln(), count as f64 * value.ln().powi(2));
        sums.count == count && (sums.sum - sum).abs() < 1e-6 && (sums.squares - squares).abs() < 1e-6
    };
    assert!(near(germany.startup, 10, 100.0), "{:?}", germany.startup);
    assert!(near(germany.throughput, 20, 1000.0), "{:?}", germany.throughput);
    let failed = |cell: &StoredCell| (cell.request_errors, cell.failed_sessions);
    assert_eq!((germany.ttfb, failed(germany), failed(everyone)), (LogSums::default(), (0, 0), (2, 1)));
    assert!(germany.bucket % 10 == 0 && (now_ms() / 1000 - germany.bucket) < 30, "{}", germany.bucket);
    assert!((now_ms() - germany.newest_ms).abs() < 20_000);

    let (step, points) = store.qoe_series("live", 15).await.unwrap();
    assert_eq!((step, points.iter().map(|p| p.watched_ms).sum::<u64>()), (10, 41_000));
    assert!(points.iter().all(|p| p.pathway == "cdn-a" && (now_ms() / 1000 - p.at) < 30));
    assert!(store.qoe_series("no'such\\service", 15).await.unwrap().1.is_empty());

    // Rows that cannot be read are refused; what people can mend is not; a schema of the future is told from one of ours.
    let cut = encode(std::slice::from_ref(&all));
    for bad in [Bytes::from_static(b"xyz"), cut.slice(..cut.len() - 1), Bytes::from(vec![0xff; 2_000])] {
        let refusal = store.insert("bad", bad).await;
        assert!(matches!(refusal, Err(StoreError::Refused(_))), "{refusal:?}");
    }
    let client = world.client().await;
    client.query("RENAME TABLE beacons TO mislaid").execute().await.unwrap();
    let waits = store.insert("later", encode(std::slice::from_ref(&all))).await;
    assert!(matches!(waits, Err(StoreError::Unavailable(_))), "{waits:?}");
    client.query("RENAME TABLE mislaid TO beacons").execute().await.unwrap();
    client.query("INSERT INTO fairway_migrations (version, statement) VALUES (999, 1)").execute().await.unwrap();
    assert!(matches!(store.migrate().await, Err(StoreError::Schema(_))));

    // The same store by its URL, as if somebody else ran it.
    let to = External {
        url: world.up().await,
        user: "default".into(),
        password: world.engine.password().into(),
        database: "other".into(),
    };
    let external = Store::external(to, world.metrics.clone());
    let no = external.migrate().await.unwrap_err();
    assert!(no.is_temporary(), "there may yet be such a database: {no}");
    client.query("CREATE DATABASE other").execute().await.unwrap();
    // It is of the first version, and has a beacon.
    let client = client.with_database("other");
    for statement in include_str!("../../migrations/0001_beacons.sql").split(";\n").filter(|s| !s.trim().is_empty()) {
        client.query_raw(statement).execute().await.unwrap();
    }
    let old = "INSERT INTO beacons (received, service, pathway, session, watched_ms, source) \
        VALUES (now64(3), 'live', 'cdn-a', 'old', 1000, 'cmcd2')";
    client.query(old).execute().await.unwrap();
    assert!(external.migrate_when_up(&world.shutdown).await);
    external.insert("new", encode(&[BeaconRow { ttfb_ms: Some(40), ..beacon("cdn-a", 1) }])).await.unwrap();
    assert_eq!(external.rows::<u64>("SELECT count() FROM beacons").await.unwrap(), [2]);
    let everyone = external.cells(Duration::from_secs(60)).await.unwrap();
    assert_eq!(
        everyone.iter().map(|cell| (cell.sessions, cell.watched_ms)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        (2, 2000)
    );
    assert_eq!(everyone.iter().map(|cell| cell.ttfb.count).sum::<u64>(), 1);
    world.stop().await;
}

/// Decisions go in once, are found by what people know of them, and end when they said they would.
async fn decisions() {
    let world = World::new().await;
    let store = &world.store;
    let now = now_ms();
    let row = |n: u64, country: &str, chosen: &str| {
        let at_ms = now - 1000 * n as i64;
        DecisionRow {
            at_ns: at_ms * 1_000_000 + 7,
            id: (at_ms as u64) << ID_BITS | n,
            service: "live".into(),
            occasion: if n == 0 { "explained" } else { "sampled" }.into(),
            weight: if n == 0 { 0 } else { 8 },
            snapshot: 42,
            policy: "00ff".into(),
            via: "hls".into(),
            continent: "EU".into(),
            country: country.into(),
            subdivision: "BY".into(),
            asn: 3320,
            candidates: vec![chosen.into(), "other".into()],
            tiers: vec![0, 1],
            weights: vec![2, 0],
            aside: vec!["ill".into()],
            chosen: chosen.into(),
            step: 3,
            reason: "passed".into(),
            probability: 0.25,
            ttl: 20,
            asker: format!("{{\"country\":{country:?}}}"),
            record: format!("{{\"n\":{n}}}"),
        }
    };
    let rows = [row(0, "DE", "a"), row(1, "DE", "b"), row(2, "DE", "b"), row(3, "BR", "a")];
    let later = (now / 1000) as u32 + 3600;
    for _ in 0..2 {
        store.record("once", &rows, later).await.unwrap();
    }
    let text = PolicyText { policy: "00ff".into(), service: "live".into(), text: "ttl = '20s'\n".into() };
    for _ in 0..2 {
        store.keep_policies(std::slice::from_ref(&text), later).await.unwrap();
    }
    let ids = async |asked: DecisionQuery| {
        let found = store.decisions(&DecisionQuery { limit: 9, ..asked }).await.unwrap();
        found.iter().map(|d| d.id & 0xf).collect::<Vec<_>>()
    };
    let all = DecisionQuery::default;
    assert_eq!(ids(all()).await, [0, 1, 2, 3], "the latest first, each once");
    assert_eq!(ids(DecisionQuery { service: "live".into(), country: "DE".into(), ..all() }).await, [0, 1, 2]);
    assert_eq!(ids(DecisionQuery { pathway: "b".into(), since_ms: now - 1500, ..all() }).await, [1]);
    assert_eq!(ids(DecisionQuery { occasion: "explained".into(), ..all() }).await, [0]);
    assert!(ids(DecisionQuery { service: "it's none".into(), ..all() }).await.is_empty());

    let found = store.decisions(&DecisionQuery { limit: 1, ..all() }).await.unwrap().remove(0);
    assert_eq!((found.at_ns, found.id, &*found.policy), (rows[0].at_ns, rows[0].id, "00ff"));
    assert_eq!((&found.candidates, found.probability, found.step), (&rows[0].candidates, 0.25, 3));
    let kept = store.decision(rows[2].id).await.unwrap().unwrap();
    assert_eq!((kept.record, kept.text), (rows[2].record.clone(), text.text.clone()));
    assert!(store.decision(rows[2].id + 1).await.unwrap().is_none());

    let decided = store.decided("live", now - 60_000, 9).await.unwrap();
    let told: Vec<_> = decided.iter().map(|d| (&*d.asker, &*d.chosen, d.weight, d.recorded)).collect();
    assert_eq!(told, [("{\"country\":\"DE\"}", "b", 16, 2), ("{\"country\":\"BR\"}", "a", 8, 1)]);

    // Those whose end is past are gone with the next merge.
    store.record("old", &[row(9, "DE", "b")], (now / 1000) as u32 - 40_000).await.unwrap();
    let client = world.client().await;
    client.query("OPTIMIZE TABLE decisions FINAL").execute().await.unwrap();
    wait_for(async || ids(all()).await == [0, 1, 2, 3]).await;
    world.stop().await;
}

/// Batches are sent while the child is killed again and again, each until it is acknowledged, and some once more after
/// that: every row is there once, in the base table and in the cells.
async fn exactly_once() {
    const BATCH: u32 = 50_000;
    const ROUNDS: u32 = 4;
    let world = World::new().await;
    let rows: Vec<_> = (0..BATCH)
        .map(|i| BeaconRow {
            country: ["DE", "BR", "US"][i as usize % 3].into(),
            asn: i % 40,
            ttfb_ms: Some(i % 300),
            ..beacon("cdn-a", i / 10)
        })
        .collect();
    let bytes = encode(&rows);
    let started = Instant::now();
    for warm in 0..3 {
        world.store.insert(&format!("warm-{warm}"), bytes.clone()).await.unwrap();
    }
    let took = started.elapsed() / 3;
    println!("   {:.0} rows/s inserted ({took:?} for {BATCH} rows)", f64::from(BATCH) / took.as_secs_f64());

    // The worst moment to die is between the base table and the cells; without its view, an insert ends just there.
    let client = world.client().await;
    client.query("DETACH TABLE cells_10s_from_beacons").execute().await.unwrap();
    world.store.insert("halfway", bytes.clone()).await.unwrap();
    client.query("ATTACH TABLE cells_10s_from_beacons").execute().await.unwrap();
    let (rows, _, in_cells) = world.totals().await;
    assert_eq!((rows, in_cells), (u64::from(BATCH * 4), u64::from(BATCH * 3) * 1000));
    world.store.insert("halfway", bytes.clone()).await.unwrap();
    let (rows, _, in_cells) = world.totals().await;
    assert_eq!((rows, in_cells), (u64::from(BATCH * 4), u64::from(BATCH * 4) * 1000));

    let mut longest = Duration::ZERO;
    for round in 0..ROUNDS {
        // Killed earlier or later in the insert, from its start to its end.
        let before_kill = took * round / (ROUNDS - 1);
        let token = format!("round-{round}");
        let sending = async {
            while let Err(error) = world.store.insert(&token, bytes.clone()).await {
                assert!(error.is_temporary(), "{error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let killing = async {
            tokio::time::sleep(before_kill).await;
            let url = world.up().await;
            world.kill();
            let killed = Instant::now();
            let mut state = world.engine.state();
            state.wait_for(|state| matches!(state, EngineState::Up { url: new } if *new != url)).await.unwrap();
            killed.elapsed()
        };
        let ((), restart) = tokio::join!(sending, killing);
        longest = longest.max(restart);
        if round % 2 == 0 {
            world.store.insert(&token, bytes.clone()).await.unwrap();
        }
    }
    println!("   up again within {longest:?} of kill -9");
    let expected = u64::from(BATCH * (4 + ROUNDS));
    assert_eq!(world.totals().await, (expected, expected * 1000, expected * 1000));
    assert_eq!(world.metrics.engine_restarts.get(), u64::from(ROUNDS));
    assert!(longest < Duration::from_secs(5), "{longest:?}");

    // Tokens outlive a clean stop too.
    let again = World::at(world.stop().await).await;
    again.store.insert("warm-0", bytes).await.unwrap();
    assert_eq!(again.totals().await.0, expected);
    again.stop().await;
}

/// It goes when its parent does, does not fight over a path, and says what is missing.
async fn life_of_the_child() {
    let world = World::new().await;
    let rival = Command::new(std::env::current_exe().unwrap())
        .arg("store")
        .arg(world.folder.path())
        .env(PASSWORD_VARIABLE, "x")
        .stderr(Stdio::null())
        .stdin(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8(rival.stdout).unwrap();
    assert!(!rival.status.success() && said.contains("another process has it"), "{said}");
    let folder = world.stop().await;

    let mut orphan = Command::new(std::env::current_exe().unwrap())
        .arg("store")
        .arg(folder.path())
        .env(PASSWORD_VARIABLE, "x")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut announced = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(orphan.stdout.take().unwrap()), &mut announced).unwrap();
    assert!(announced.starts_with("{\"url\":\"http://127.0.0.1:"), "{announced}");
    drop(orphan.stdin.take());
    assert!(orphan.wait().unwrap().success());

    let shutdown = CancellationToken::new();
    let metrics = StoreMetrics::register(&mut Registry::default());
    let engine = Engine::start(child(folder.path(), Some("/nowhere/libchdb.so")), metrics, shutdown.clone()).unwrap();
    let mut state = engine.state();
    let down = state.wait_for(|state| matches!(state, EngineState::Down { .. })).await.unwrap().clone();
    let EngineState::Down { why, .. } = down else { unreachable!() };
    assert!(why.contains("make setup") && why.contains("/nowhere/libchdb.so"), "{why}");
    shutdown.cancel();
    engine.stopped().await;
}
