//! A running node: the rooms, joined.
//!
//! ```text
//! geo ─┬─▶ control loop ─▶ Live ─┬─▶ dns          answers
//!      │        ▲                ├─▶ public http  steering, beacons ─▶ collector ─┐
//!      │        └─ cells ── Store ◀──────────────── drain ◀── spool ◀────────────┘
//!      └──────────────────────────└─▶ admin http   dashboard, API, metrics
//! ```
//! Whatever answers players starts first and from the last snapshot; the store follows when it can. Listeners are bound
//! before anything is announced; `listening.json` says where.
//!
//! A room that answers and ends by itself ends the node, so that whoever supervises it starts it anew. A room behind
//! them (control loop, collector, store) that fails is said, and the node goes on answering from its last snapshot.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use fairway_collector::Collector;
use fairway_dashboard::Console;
use fairway_dns::{
    Options, Reload, Server, Zones,
    server::sockets::{Listen, Listener, Sockets},
};
use fairway_geo::{GeoError, GeoTable};
use fairway_steering::{
    Live,
    control::{self, StartError},
    plan::Changes,
    record,
    revisions::Revisions,
};
use fairway_store::{Engine, EngineOptions, EngineState, External, Store, StoreMetrics};
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    bridges::{LiveAttribution, StoreCells, StoreRecords},
    config::{Config, StoreConfig},
    exit::Failure,
    listeners,
};

/// Rooms that have not ended so long after the shutdown are left behind.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Where a node listens: `<data_dir>/listening.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Listening {
    /// UDP and TCP.
    pub dns: Vec<SocketAddr>,
    /// For players.
    pub public: SocketAddr,
    /// For SREs.
    pub admin: SocketAddr,
    /// This process.
    pub pid: u32,
}

/// Running rooms, each by its name with how it ended.
type Rooms = JoinSet<(&'static str, Result<(), String>)>;

/// A node that answers.
pub struct Node {
    /// Where.
    pub listening: Listening,
    /// Where addresses are.
    pub geo: Arc<GeoTable>,
    collector: Collector,
    engine: Option<Engine>,
    /// The rooms that answer.
    answering: Rooms,
    /// The rooms that answers can do without.
    behind: Rooms,
    file: PathBuf,
    shutdown: CancellationToken,
}

impl Node {
    /// Brings up every room. When this returns, the node answers DNS and HTTP; the store may still be starting.
    pub async fn start(config: &Config, shutdown: CancellationToken) -> Result<Self, Failure> {
        fs::create_dir_all(&config.data_dir)
            .map_err(|error| Failure::unavailable(format!("{}: {error}", config.data_dir.display())))?;
        let mut registry = Registry::with_prefix("fairway");
        let geo = Arc::new(load_geo(&config.geo)?);
        let zones = Zones::load(&config.policies).map_err(Failure::bad_input)?;

        let store_metrics = StoreMetrics::register(&mut registry);
        let (engine, store) = open_store(config, store_metrics, &shutdown)?;

        let revisions = Revisions::open(&config.data_dir.join("revisions")).map_err(Failure::unavailable)?;
        let revisions = Arc::new(revisions);
        let (live, control) = control::start(
            control::Config {
                policies: config.policies.clone(),
                data_dir: config.data_dir.clone(),
                webhook: config.webhook.clone(),
                revisions: revisions.clone(),
            },
            geo.clone(),
            StoreCells(store.clone()),
            shutdown.clone(),
        )
        .await
        .map_err(|error| match error {
            StartError::Policies(refused) => refused.into(),
            StartError::Overrides(_) => Failure::bad_input(error),
            StartError::DataDir { .. } | StartError::Webhook(_) => Failure::unavailable(error),
        })?;

        for name in live.snapshot().names.keys().filter(|name| !zones.covers(name)) {
            tracing::warn!(name, "no zone file holds this steered name: DNS refuses it");
        }

        let attribution = Arc::new(LiveAttribution(live.clone()));
        let collector = Collector::open(
            fairway_collector::Config::new(config.data_dir.join("spool")),
            geo.clone(),
            attribution,
            &mut registry,
        )
        .map_err(Failure::unavailable)?;

        let dns_metrics = fairway_dns::Metrics::register(&mut registry);
        fairway_steering::metrics::register(&mut registry, live.clone());

        let public = listeners::bind(config.public, "http.public").await?;
        let admin = listeners::bind(config.admin, "http.admin").await?;
        let dns = Server::start(dns_options(config)?, live.clone(), dns_metrics, Sockets::default(), shutdown.clone())
            .await
            .map_err(Failure::unavailable)?;
        for warning in &dns.warnings {
            tracing::warn!("{warning}");
        }
        let listening = Listening {
            dns: dns.bound.iter().map(|bound| bound.address).collect(),
            public: public.local_addr()?,
            admin: admin.local_addr()?,
            pid: std::process::id(),
        };

        let records = StoreRecords { store: store.clone(), keep: config.record.keep };
        let recording = record::start(live.clone(), records, config.record.sample, shutdown.clone());

        let changes = Changes::new(live.clone(), config.policies.clone(), revisions, config.guard);
        let console = Console::new(live.clone(), Some(store.clone()), Arc::new(registry), shutdown.clone());
        let console = console.changing(Arc::new(changes));
        let proxies = Arc::new(config.trusted_proxies.clone());
        let steering = fairway_steering::http::router(live.clone(), config.public_url.clone());
        let players = steering.merge(fairway_collector::router(collector.clone()));
        let public = listeners::serve(public, players, proxies.clone(), shutdown.clone());
        let admin = listeners::serve(admin, fairway_dashboard::router(console), proxies, shutdown.clone());

        let (mut answering, mut behind) = (Rooms::new(), Rooms::new());
        answering.spawn(async move { ("public HTTP", outcome(public.await)) });
        answering.spawn(async move { ("admin HTTP", outcome(admin.await)) });
        answering.spawn(async move { ("DNS", outcome(dns.task.await)) });
        behind.spawn(async move { ("control loop", control.await.map_err(|error| error.to_string())) });
        {
            let (collector, store, shutdown) = (collector.clone(), store.clone(), shutdown.clone());
            behind.spawn(async move { ("collector", drain(collector, store, shutdown).await) });
        }
        behind.spawn(async move {
            recording.await;
            ("recorder", Ok(()))
        });
        if let Some(engine) = &engine {
            let (state, password) = (engine.state(), engine.password().to_owned());
            let (file, shutdown) = (config.data_dir.join("store.json"), shutdown.clone());
            behind.spawn(async move {
                tell_store(state, &password, &file, &shutdown).await;
                ("store", Ok(()))
            });
        }
        {
            let (live, zones) = (live.clone(), dns.reload.clone());
            let shutdown = shutdown.clone();
            // Caught from here on: until then a hangup ends the process.
            let hangup = signal(SignalKind::hangup())?;
            behind.spawn(async move {
                reload_on_hangup(hangup, live, zones, &shutdown).await;
                ("reload", Ok(()))
            });
        }

        let file = config.data_dir.join("listening.json");
        write_whole(&file, &serde_json::to_vec(&listening).map_err(io::Error::other)?, 0o644)?;
        tracing::info!(dns = ?listening.dns, public = %listening.public, admin = %listening.admin, "the node answers");
        Ok(Self { listening, geo, collector, engine, answering, behind, file, shutdown })
    }

    /// Runs until the shutdown, or until a room that answers ends; then ends every room, work in flight finished.
    pub async fn run(mut self) -> Result<(), Failure> {
        let failed = loop {
            tokio::select! {
                biased; // a room that was asked to end may be seen before the asking is
                () = self.shutdown.cancelled() => break None,
                Some(ended) = self.answering.join_next() => break Some(why(ended)),
                Some(ended) = self.behind.join_next() => {
                    tracing::error!(why = why(ended), "a room behind the answers ended; the node goes on without it");
                }
            }
        };
        tracing::info!("stopping");
        self.shutdown.cancel();
        let stop = async {
            for mut rooms in [self.answering, self.behind] {
                while let Some(ended) = rooms.join_next().await {
                    if !matches!(ended, Ok((_, Ok(())))) {
                        tracing::warn!(why = why(ended), "a room did not stop well");
                    }
                }
            }
            // No request is left that could be acknowledged; what is in the spool goes out at the next start.
            self.collector.close().await;
            if let Some(engine) = self.engine {
                engine.stopped().await;
            }
        };
        if tokio::time::timeout(STOP_WITHIN, stop).await.is_err() {
            tracing::warn!("some rooms did not stop within {} s", STOP_WITHIN.as_secs());
        }
        remove_if_there(&self.file)?;
        failed.map_or(Ok(()), |why| Err(Failure::unavailable(why)))
    }
}

/// Reads the geo data; says how long it took, since it is most of a start.
pub fn load_geo(files: &[PathBuf]) -> Result<GeoTable, Failure> {
    let begun = Instant::now();
    let default = GeoTable::default_files(Path::new("."));
    let files = if files.is_empty() { &default[..] } else { files };
    let table = GeoTable::load(files, &mut |loading| {
        tracing::debug!(file = %loading.file.display(), ranges = loading.ranges, "reading geo data");
    })
    .map_err(|error| match error {
        GeoError::Missing { .. } => Failure::unavailable(error),
        _ => Failure::bad_input(error),
    })?;
    tracing::info!(size = %table.size(), milliseconds = begun.elapsed().as_millis(), "geo data read");
    Ok(table)
}

fn open_store(
    config: &Config,
    metrics: StoreMetrics,
    shutdown: &CancellationToken,
) -> Result<(Option<Engine>, Store), Failure> {
    match &config.store {
        StoreConfig::Remote { url, user, password, database } => {
            let to = External {
                url: url.clone(),
                user: user.clone(),
                password: password.clone(),
                database: database.clone(),
            };
            Ok((None, Store::external(to, metrics)))
        }
        StoreConfig::Embedded { library, max_memory } => {
            let mut args = vec!["store".into(), "--path".into(), config.data_dir.join("store").into()];
            args.extend(["--memory".into(), max_memory.to_string().into()]);
            if let Some(library) = library {
                args.extend(["--library".into(), library.into()]);
            }
            let options = EngineOptions { program: std::env::current_exe()?, args };
            let engine = Engine::start(options, metrics.clone(), shutdown.clone())?;
            let store = Store::embedded(&engine, metrics);
            Ok((Some(engine), store))
        }
    }
}

/// Migrates the store as soon as there is one, then empties the spool into it until the shutdown.
async fn drain(collector: Collector, store: Store, shutdown: CancellationToken) -> Result<(), String> {
    // A store that refuses our schema would refuse our rows: they stay in the spool until somebody has looked.
    if store.migrate_when_up(&shutdown).await {
        collector.drain(store, shutdown).await;
    }
    Ok(())
}

/// Keeps `store.json` true, so that anyone who may read the data folder can ask the embedded engine with any client. Where
/// it cannot be written (a full disk), that is said, and it is tried again when the engine changes its state.
async fn tell_store(
    mut state: tokio::sync::watch::Receiver<EngineState>,
    password: &str,
    file: &Path,
    shutdown: &CancellationToken,
) {
    while !shutdown.is_cancelled() {
        let up = match &*state.borrow_and_update() {
            EngineState::Up { url } => Some(url.clone()),
            EngineState::Starting | EngineState::Down { .. } => None,
        };
        let written = match up {
            Some(url) => {
                let access = serde_json::json!({ "url": url, "user": "default", "password": password });
                write_whole(file, access.to_string().as_bytes(), 0o600)
            }
            None => remove_if_there(file),
        };
        told(file, written);
        tokio::select! {
            changed = state.changed() => if changed.is_err() { shutdown.cancelled().await },
            () = shutdown.cancelled() => {}
        }
    }
    told(file, remove_if_there(file));
}

fn told(file: &Path, written: io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!(file = %file.display(), %error, "does not tell where the store is");
    }
}

/// How DNS is served.
fn dns_options(config: &Config) -> Result<Options, Failure> {
    let listen = config.dns.iter().map(|address| Listen { service: Listener::Plain, address: *address });
    let options = Options::new(listen.collect(), config.policies.clone(), config.data_dir.clone());
    options.map_err(Failure::unavailable)
}

/// SIGHUP: read policies and zones again, changed or not. What is broken is told, and the old stays.
async fn reload_on_hangup(
    mut hangup: Signal,
    live: Arc<Live>,
    zones: Reload,
    shutdown: &CancellationToken,
) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = hangup.recv() => {
                match zones.reload().await {
                    Ok(warnings) => {
                        tracing::info!("zones and keys reloaded");
                        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                        live.reload();
                    }
                    Err(error) => {
                        tracing::error!(%error, "nothing reloaded: the old zones and policies stay");
                        let (at, problems) = (Utc::now(), error.to_string());
                        live.feed.tell(fairway_steering::Event::ReloadRefused { at, problems });
                    }
                }
            }
        }
    }
}

/// Writes beside the file and renames, so that no reader sees half of it.
fn write_whole(file: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let draft = file.with_extension("draft");
    remove_if_there(&draft)?;
    let mut handle = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
    handle.write_all(content)?;
    fs::rename(&draft, file)
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// How a room ended that should not have.
fn why(ended: Result<(&'static str, Result<(), String>), JoinError>) -> String {
    match ended {
        Ok((room, Ok(()))) => format!("{room} ended by itself"),
        Ok((room, Err(error))) => format!("{room}: {error}"),
        Err(error) => error.to_string(),
    }
}

fn outcome<E: std::fmt::Display>(ended: Result<Result<(), E>, JoinError>) -> Result<(), String> {
    ended.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
