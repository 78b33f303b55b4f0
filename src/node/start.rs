//! The rooms, opened and joined.
//!
//! DNS has a token of its own: it goes on answering, from the last snapshot, when all else has been stopped for a successor.

use std::{path::Path, sync::Arc};

use fairway_collector::Collector;
use fairway_dashboard::Console;
use fairway_dns::{
    Options, Server,
    flatten::{FlattenSettings, from_resolv_conf},
    querylog,
    server::sockets::Listener,
};
use fairway_geo::GeoTable;
use fairway_steering::{
    control::{self, StartError},
    plan::Changes,
    record,
    revisions::Revisions,
};
use fairway_store::{Engine, EngineOptions, External, Store, StoreMetrics};
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    Listening,
    bound::Bound,
    files::{cookies, tell_store},
    reload::on_hangup,
    rooms::{Rooms, joined, outcome, within},
};
use crate::{
    bridges::{LiveAttribution, StoreCells, StoreRecords},
    config::{Config, StoreConfig},
    exit::Failure,
    listeners::serve,
};

const RESOLV_CONF: &str = "/etc/resolv.conf";

/// All that runs.
pub struct Running {
    /// Where.
    pub listening: Listening,
    /// DNS.
    pub dns: Dns,
    /// Everything else.
    pub rest: Rest,
}

/// DNS: it needs nothing of the others but the last snapshot.
pub struct Dns {
    /// The one room.
    pub room: Rooms,
    stop: CancellationToken,
}

/// All but DNS; whatever keeps files of the data folder is here.
pub struct Rest {
    /// The HTTP rooms: they answer, and end only when asked to.
    pub http: Rooms,
    /// The rooms that answers can do without.
    pub behind: Rooms,
    /// Of these, those that the store keeps waiting.
    pub storing: Rooms,
    collector: Collector,
    engine: Option<Engine>,
    stop: CancellationToken,
    stop_storing: CancellationToken,
}

impl Dns {
    /// Ends it: what was read is answered, connections are given their grace.
    pub async fn stop(self) {
        self.stop.cancel();
        within("DNS", joined(self.room)).await;
    }
}

impl Rest {
    /// Ends all of it, work in flight finished. Then nothing in the data folder is ours. What the store may keep waiting goes
    /// first, while players are still answered over HTTP (unless the whole node stops, and all ends at once).
    pub async fn stop(self) {
        self.stop_storing.cancel();
        within("what writes to the store", joined(self.storing)).await;
        if let Some(engine) = self.engine {
            within("the store engine", engine.stopped()).await;
        }
        self.stop.cancel();
        within("HTTP", joined(self.http)).await;
        within("the control loop", joined(self.behind)).await;
        // No request is left that could be acknowledged; what is in the spool goes out at the next start.
        within("the spool", self.collector.close()).await;
    }
}

/// Brings up every room. When this returns, DNS and HTTP are answered; the store may still be starting. After an error, what was
/// begun ends by itself.
pub async fn open(
    config: &Config,
    geo: Arc<GeoTable>,
    bound: &Bound,
    shutdown: &CancellationToken,
) -> Result<Running, Failure> {
    let [stop, stop_storing, stop_dns] = [(); 3].map(|()| shutdown.child_token());
    let unfinished = [&stop, &stop_storing, &stop_dns].map(|stop| stop.clone().drop_guard());
    let mut registry = Registry::with_prefix("fairway");

    let store_metrics = StoreMetrics::register(&mut registry);
    let (engine, store) = open_store(config, store_metrics, &stop_storing)?;

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
        stop.clone(),
    )
    .await
    .map_err(|error| match error {
        StartError::Policies(refused) => refused.into(),
        StartError::Overrides(_) => Failure::bad_input(error),
        StartError::DataDir { .. } | StartError::Webhook(_) => Failure::unavailable(error),
    })?;

    let attribution = Arc::new(LiveAttribution(live.clone()));
    let spool = fairway_collector::Config::new(config.data_dir.join("spool"));
    let collector = Collector::open(spool, geo, attribution, &mut registry).map_err(Failure::unavailable)?;

    let dns_metrics = fairway_dns::Metrics::register(&mut registry);
    fairway_steering::metrics::register(&mut registry, live.clone());

    let (public, admin) = (bound.http("http.public")?, bound.http("http.admin")?);
    let options = dns_options(config)?;
    let dns = Server::start(options, live.clone(), dns_metrics, bound.dns.try_clone()?, stop_dns.clone()).await?;
    dns.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let of = |service| dns.bound.iter().filter(|b| b.service == service).map(|b| b.address).collect();
    let listening = Listening {
        dns: of(Listener::Plain),
        dns_tls: of(Listener::Tls),
        dns_https: of(Listener::Https),
        dns_quic: of(Listener::Quic),
        public: public.local_addr()?,
        admin: admin.local_addr()?,
        pid: std::process::id(),
    };

    let records = StoreRecords { store: store.clone(), keep: config.record.keep };
    let recording = record::start(live.clone(), records, config.record.sample, stop_storing.clone());

    let changes = Changes::new(live.clone(), config.policies.clone(), revisions, config.guard);
    let console = Console::new(live.clone(), Some(store.clone()), Arc::new(registry), stop.clone());
    let console = console.changing(Arc::new(changes));
    let proxies = Arc::new(config.trusted_proxies.clone());
    let steering = fairway_steering::http::router(live.clone(), config.public_url.clone());
    let players = steering.merge(fairway_collector::router(collector.clone()));
    let public = serve(public, players, proxies.clone(), stop.clone());
    let admin = serve(admin, fairway_dashboard::router(console), proxies, stop.clone());

    let [mut room, mut http, mut behind, mut storing] = [(); 4].map(|()| Rooms::new());
    room.spawn(async move { ("DNS", outcome(dns.task.await)) });
    http.spawn(async move { ("public HTTP", outcome(public.await)) });
    http.spawn(async move { ("admin HTTP", outcome(admin.await)) });
    behind.spawn(async move { ("control loop", control.await.map_err(|error| error.to_string())) });
    storing.spawn({
        let (collector, stop) = (collector.clone(), stop_storing.clone());
        async move { ("collector", drain(collector, store, stop).await) }
    });
    storing.spawn(async move {
        recording.await;
        ("recorder", Ok(()))
    });
    if let Some(engine) = &engine {
        let (state, password) = (engine.state(), engine.password().to_owned());
        let (file, stop) = (config.data_dir.join("store.json"), stop_storing.clone());
        storing.spawn(async move {
            tell_store(state, &password, &file, &stop).await;
            ("store", Ok(()))
        });
    }
    // Caught from here on: until then a hangup ends the process.
    let (hangup, reload, reload_stop) = (signal(SignalKind::hangup())?, dns.reload, stop.clone());
    behind.spawn(async move {
        on_hangup(hangup, live, reload, reload_stop).await;
        ("reload", Ok(()))
    });

    unfinished.into_iter().for_each(|guard| drop(guard.disarm()));
    let dns = Dns { room, stop: stop_dns };
    Ok(Running { listening, dns, rest: Rest { http, behind, storing, collector, engine, stop, stop_storing } })
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

/// How DNS is served: as configured, with the files of this node.
fn dns_options(config: &Config) -> Result<Options, Failure> {
    let dns = config.dns.clone();
    let resolvers = match &dns.resolvers[..] {
        // Without the file, as with an empty one: the machine itself, resolv.conf(5).
        [] => from_resolv_conf(&std::fs::read_to_string(Path::new(RESOLV_CONF)).unwrap_or_default()),
        named => named.to_vec(),
    };
    let (share, size) = dns.query_log;
    let file = config.data_dir.join("queries.ndjson");
    Ok(Options {
        threads: dns.threads(),
        listen: dns.listen,
        certificate: dns.certificate,
        https_path: dns.https_path,
        connections: dns.connections,
        settings: dns.settings,
        rates: dns.rates,
        cookies: cookies(config)?,
        signatures: dns.signatures,
        zones: config.policies.clone(),
        data_dir: config.data_dir.clone(),
        flatten: FlattenSettings { resolvers, views: dns.views },
        secondaries: dns.secondaries,
        tsig: dns.tsig,
        query_log: (share > 0.0).then_some(querylog::Config { file, share, size }),
    })
}
