//! Starts the world: the stream, a CDN for each pathway, the panel, the viewers.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use fairway_geo::GeoTable;
use fairway_policies::{Policy, model::PathwayAnswer};
use fastrand::Rng;
use serde::Serialize;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    cdn::{Cdn, Stream},
    faults::Faults,
    media, panel, population,
    viewer::Viewer,
};

/// Where the node is.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Its DNS listener.
    pub dns: SocketAddr,
    /// Its public HTTP listener.
    pub public: SocketAddr,
}

/// What kind of world.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many viewers.
    pub viewers: usize,
    /// The panel's address.
    pub listen: SocketAddr,
    /// Where the test stream is, or is to be made.
    pub media: PathBuf,
    /// hls.js, for the page to watch.
    pub player: PathBuf,
    /// The same seed, the same people.
    pub seed: u64,
}

/// Why there is no world.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The policy declares something that cannot be played on this machine: the author's to mend.
    #[error("pathway {pathway:?} cannot be played here: {why}")]
    NotLocal {
        /// Which.
        pathway: String,
        /// Why not.
        why: &'static str,
    },
    /// No policy has a steered name.
    #[error("no policy with a steered name: the demo has nothing to play")]
    NoService,
    /// The stream could not be made.
    #[error("the test stream could not be made: {0}")]
    Ffmpeg(String),
    /// An address is taken.
    #[error("{address}: {error}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Disk or socket.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The viewers' HTTP client.
    #[error("HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// One pathway, as viewers see it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its id.
    pub id: String,
    /// Its base URL, by name.
    pub url: String,
    /// Where its CDN listens.
    pub address: SocketAddr,
}

/// What a viewer finds around itself.
#[derive(Debug)]
pub struct Surroundings {
    /// For everything.
    pub http: reqwest::Client,
    /// The node's DNS.
    pub dns: SocketAddr,
    /// The node's public HTTP, as a URL without a trailing slash.
    pub public: String,
    /// Which service is watched.
    pub service: String,
    /// Its steered name.
    pub name: String,
    /// Where its content is.
    pub pathways: Vec<Target>,
    /// What happens to the viewers.
    pub tally: Tally,
}

/// What happens to the viewers, counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Viewers by pathway index.
    watching: Vec<AtomicI64>,
    /// Stalls begun.
    pub stalls: AtomicU64,
    /// Segments not got.
    pub failures: AtomicU64,
    /// Polls that the node did not answer.
    pub unanswered: AtomicU64,
    /// Changes of pathway in mid-playback.
    pub moves: AtomicU64,
}

/// [`Tally`] at a moment.
#[derive(Clone, Debug, Serialize)]
pub struct Counts {
    /// Pathway id and viewers on it.
    pub watching: Vec<(String, i64)>,
    /// Stalls begun.
    pub stalls: u64,
    /// Segments not got.
    pub failures: u64,
    /// Polls that the node did not answer.
    pub unanswered: u64,
    /// Changes of pathway in mid-playback.
    pub moves: u64,
}

impl Tally {
    /// A viewer began on this pathway.
    pub fn came(&self, pathway: usize) {
        self.watching[pathway].fetch_add(1, Ordering::Relaxed);
    }

    /// A viewer ended on this pathway.
    pub fn went(&self, pathway: usize) {
        self.watching[pathway].fetch_sub(1, Ordering::Relaxed);
    }

    /// A viewer went from one pathway to another (or stayed).
    pub fn moved(&self, from: usize, to: usize, playing: bool) {
        if from != to {
            self.watching[from].fetch_sub(1, Ordering::Relaxed);
            self.watching[to].fetch_add(1, Ordering::Relaxed);
            self.moves.fetch_add(u64::from(playing), Ordering::Relaxed);
        }
    }
}

impl Surroundings {
    /// What has happened to the viewers so far.
    pub fn counts(&self) -> Counts {
        let ids = self.pathways.iter().map(|p| p.id.clone());
        let watching = self.tally.watching.iter().map(|n| n.load(Ordering::Relaxed));
        Counts {
            watching: ids.zip(watching).collect(),
            stalls: self.tally.stalls.load(Ordering::Relaxed),
            failures: self.tally.failures.load(Ordering::Relaxed),
            unanswered: self.tally.unanswered.load(Ordering::Relaxed),
            moves: self.tally.moves.load(Ordering::Relaxed),
        }
    }
}

/// A running world.
#[derive(Debug)]
pub struct World {
    /// Where the panel is.
    pub panel: SocketAddr,
    /// What is wrong with it.
    pub faults: Arc<Faults>,
    /// What its viewers see.
    pub surroundings: Arc<Surroundings>,
    tasks: JoinSet<()>,
}

impl World {
    /// Brings up the CDNs that the first policy with a steered name declares, then the panel and the viewers. `say` hears of long work.
    pub async fn start(
        policies: &[Policy],
        node: Node,
        geo: Arc<GeoTable>,
        options: Options,
        shutdown: CancellationToken,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self, DemoError> {
        let policy = policies.iter().find(|p| !p.names.is_empty()).ok_or(DemoError::NoService)?;
        let pathways = policy.pathways.iter().map(target).collect::<Result<Vec<_>, _>>()?;
        media::make(&options.media, say).await?;
        let stream = Arc::new(Stream::load(&options.media).await?);
        let faults = Arc::new(Faults::new(pathways.iter().map(|p| p.id.clone())));

        let mut tasks = JoinSet::new();
        for pathway in &pathways {
            let listener = listen(pathway.address).await?;
            let (stream, faults, geo) = (stream.clone(), faults.clone(), geo.clone());
            let cdn = Cdn { pathway: pathway.id.clone(), stream, faults, geo };
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                if let Err(error) = cdn.serve(listener, shutdown).await {
                    tracing::error!(%error, "a demo CDN ended");
                }
            });
        }

        let mut http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(64);
        for (pathway, declared) in pathways.iter().zip(&policy.pathways) {
            http = http.resolve(declared.host(), pathway.address);
        }
        let watching = pathways.iter().map(|_| AtomicI64::new(0)).collect();
        let surroundings = Arc::new(Surroundings {
            http: http.build()?,
            dns: node.dns,
            public: format!("http://{}", node.public),
            service: policy.service.clone(),
            name: policy.names[0].clone(),
            pathways,
            tally: Tally { watching, ..Tally::default() },
        });

        let listener = listen(options.listen).await?;
        let panel = listener.local_addr()?;
        let app = panel::router(surroundings.clone(), faults.clone(), options.player);
        let until = shutdown.clone();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(until.cancelled_owned()).await {
                tracing::error!(%error, "the demo's panel ended");
            }
        });

        let mut rng = Rng::with_seed(options.seed);
        for (index, person) in population::people(&geo, options.viewers, &mut rng).into_iter().enumerate() {
            let viewer = Viewer { person, follows_dns: index % 2 == 1, rng: rng.fork(), world: surroundings.clone() };
            tasks.spawn(viewer.live(shutdown.clone()));
        }
        Ok(Self { panel, faults, surroundings, tasks })
    }

    /// Until everyone has gone home, after the shutdown was asked for.
    pub async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Where a pathway's CDN is to be played: its first address, at its URL's port.
fn target(pathway: &fairway_policies::Pathway) -> Result<Target, DemoError> {
    let refuse = |why| DemoError::NotLocal { pathway: pathway.id.clone(), why };
    let PathwayAnswer::Addresses(addresses) = &pathway.answer else {
        return Err(refuse("it has no `addresses`"));
    };
    let address = addresses.iter().find(|a| a.is_ipv4() && a.is_loopback());
    let address = *address.ok_or_else(|| refuse("none of its `addresses` is on 127.0.0.0/8"))?;
    let rest = pathway.url.strip_prefix("http://").ok_or_else(|| refuse("its `url` is not http://"))?;
    let authority = rest.split('/').next().unwrap_or(rest);
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80);
    Ok(Target { id: pathway.id.clone(), url: pathway.url.clone(), address: SocketAddr::new(address, port) })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, DemoError> {
    TcpListener::bind(address).await.map_err(|error| DemoError::Listen { address, error })
}

/// Now, Unix ms.
pub fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
