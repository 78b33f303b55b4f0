//! Starts the world: the stream, a CDN for each pathway, the panel, the viewers.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::AtomicI64},
};

use fairway_geo::GeoTable;
use fairway_policies::{Policy, model::PathwayAnswer};
use fastrand::Rng;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    cdn::{Cdn, Stream},
    error::DemoError,
    faults::Faults,
    panel, population,
    surroundings::{Surroundings, Tally, Target},
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
    /// Where the test stream is.
    pub media: PathBuf,
    /// hls.js, for the page to watch.
    pub player: PathBuf,
    /// The same seed, the same people.
    pub seed: u64,
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
    /// Brings up the CDNs that the first policy with a steered name declares, then the panel and the viewers. The stream
    /// must have been made: see [`crate::media::make`].
    pub async fn start(
        policies: &[Policy],
        node: Node,
        geo: Arc<GeoTable>,
        options: Options,
        shutdown: CancellationToken,
    ) -> Result<Self, DemoError> {
        let policy = policies.iter().find(|p| !p.names.is_empty()).ok_or(DemoError::NoService)?;
        let pathways = policy.pathways.iter().map(target).collect::<Result<Vec<_>, _>>()?;
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
