//! What the worlds are made of.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::{Bytes, BytesMut};
use fairway_store::{BeaconRow, Engine, EngineOptions, EngineState, Store, StoreMetrics};
use prometheus_client::registry::Registry;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

/// An engine in a folder of its own, with its client.
pub struct World {
    pub folder: tempfile::TempDir,
    pub engine: Engine,
    pub store: Store,
    pub metrics: StoreMetrics,
    pub shutdown: CancellationToken,
}

impl World {
    pub async fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap()).await
    }

    pub async fn at(folder: tempfile::TempDir) -> Self {
        let shutdown = CancellationToken::new();
        let metrics = StoreMetrics::register(&mut Registry::default());
        let engine = Engine::start(child(folder.path(), None), metrics.clone(), shutdown.clone()).unwrap();
        let store = Store::embedded(&engine, metrics.clone());
        let world = Self { folder, engine, store, metrics, shutdown };
        world.up().await;
        world.store.migrate().await.unwrap();
        world
    }

    /// Waits until the engine is up, and says where.
    pub async fn up(&self) -> String {
        let mut state = self.engine.state();
        let up = state.wait_for(|state| matches!(state, EngineState::Up { .. }));
        let up = tokio::time::timeout(Duration::from_secs(20), up).await.expect("up in time").unwrap().clone();
        let EngineState::Up { url } = up else { unreachable!() };
        url
    }

    /// A client that knows nothing of ours.
    pub async fn client(&self) -> clickhouse::Client {
        let url = self.up().await;
        clickhouse::Client::default().with_url(url).with_user("default").with_password(self.engine.password())
    }

    /// `kill -9` of the child, by the folder on its command line.
    pub fn kill(&self) {
        let folder = self.folder.path().as_os_str().as_encoded_bytes();
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(line) = std::fs::read(process.path().join("cmdline")) else { continue };
            if line.split(|byte| *byte == 0).any(|argument| argument == folder) {
                let pid = process.file_name().into_string().unwrap();
                assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
                return;
            }
        }
        panic!("no child to kill");
    }

    /// Rows and watched milliseconds in the base table, and watched milliseconds in the cells.
    pub async fn totals(&self) -> (u64, u64, u64) {
        let base: Vec<(u64, u64)> = self.store.rows("SELECT count(), sum(watched_ms) FROM beacons").await.unwrap();
        let cells: Vec<u64> = self.store.rows("SELECT sum(watched_ms) FROM cells_10s").await.unwrap();
        (base[0].0, base[0].1, cells[0])
    }

    pub async fn stop(self) -> tempfile::TempDir {
        self.shutdown.cancel();
        self.engine.stopped().await;
        self.folder
    }
}

pub fn child(folder: &Path, library: Option<&str>) -> EngineOptions {
    let args = ["store".as_ref(), folder.as_os_str()].into_iter().chain(library.map(AsRef::as_ref));
    EngineOptions { program: std::env::current_exe().unwrap(), args: args.map(Into::into).collect() }
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

pub fn beacon(pathway: &str, session: u32) -> BeaconRow {
    BeaconRow {
        received_ms: now_ms(),
        ts_ms: now_ms() - 500,
        service: "live".into(),
        pathway: pathway.into(),
        session: format!("session-{session:08}"),
        watched_ms: 1000,
        requests: 2,
        bits: 4_000_000,
        ..BeaconRow::default()
    }
}

pub fn encode(rows: &[BeaconRow]) -> Bytes {
    let mut bytes = BytesMut::new();
    rows.iter().for_each(|row| row.encode(&mut bytes));
    bytes.freeze()
}

/// The whole HTTP answer to `request`, a request's head and body without `Host` and credentials.
pub async fn raw(url: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let request = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Looks again until it is so.
pub async fn wait_for(condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(Instant::now() < deadline, "it did not come to be");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
