//! A running node: the rooms, joined.
//!
//! ```text
//! geo ─┬─▶ control loop ─▶ Live ─┬─▶ dns          answers
//!      │        ▲                ├─▶ public http  steering, beacons ─▶ collector ─┐
//!      │        └─ cells ── Store ◀──────────────── drain ◀── spool ◀────────────┘
//!      └──────────────────────────└─▶ admin http   dashboard, API, metrics
//! ```
//! First comes what can be wrong without anybody noticing ([`prepare`](mod@prepare)), then sockets (`bound`), then the rooms
//! (`start`). Whatever answers players starts from the last snapshot; the store follows when it can. `listening.json` says
//! where, once everything listens. `reload` and `handover` say what a running node can be asked to do.
//!
//! A room that answers and ends by itself ends the node, so that whoever supervises it starts it anew. A room behind
//! them (control loop, collector, store) that fails is said, and the node goes on answering from its last snapshot.

mod bound;
mod files;
mod handover;
pub mod prepare;
mod reload;
mod rooms;
mod start;

use std::{fs, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use fairway_geo::GeoTable;
use serde::Serialize;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use self::{
    bound::Bound,
    files::{remove_if_there, write_whole},
    handover::{Door, Predecessor, Successor},
    prepare::prepare,
    rooms::{Ended, why, within},
    start::{Running, open},
};
use crate::{config::Config, exit::Failure};

/// After an attempt to take everything up again, the next.
const RETRY: Duration = Duration::from_secs(2);

/// Where a node listens: `<data_dir>/listening.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Listening {
    /// UDP and TCP.
    pub dns: Vec<SocketAddr>,
    /// DNS over TLS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_tls: Vec<SocketAddr>,
    /// DNS over HTTPS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_https: Vec<SocketAddr>,
    /// DNS over QUIC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_quic: Vec<SocketAddr>,
    /// For players.
    pub public: SocketAddr,
    /// For SREs.
    pub admin: SocketAddr,
    /// This process.
    pub pid: u32,
}

/// A node that answers.
pub struct Node {
    /// Where addresses are.
    pub geo: Arc<GeoTable>,
    config: Config,
    bound: Bound,
    running: Running,
    door: Option<Door>,
    shutdown: CancellationToken,
}

/// What a node that runs has come to.
enum Turn {
    /// It was asked to stop.
    Stop,
    /// A room that answers has ended: why.
    Failed(String),
    /// Another process is ready to be this node.
    Successor(Successor),
}

impl Node {
    /// Brings up every room. When this returns, the node answers DNS and HTTP; the store may still be starting.
    pub async fn start(config: Config, shutdown: CancellationToken) -> Result<Self, Failure> {
        make_data_dir(&config)?;
        let geo = prepare(&config)?;
        let bound = Bound::bind(&config, Bound::default())?;
        Self::open(config, geo, bound, shutdown).await?.announced()
    }

    /// The same, in the place of the node that runs on this data folder, if one does: see [`handover`].
    pub async fn replace(config: Config, shutdown: CancellationToken) -> Result<Self, Failure> {
        make_data_dir(&config)?;
        let geo = prepare(&config)?;
        let reached = Predecessor::reach(&config.data_dir).await.map_err(Failure::unavailable)?;
        let Some((mut before, given)) = reached else {
            tracing::info!("no node runs on {}; nothing to take over", config.data_dir.display());
            let bound = Bound::bind(&config, Bound::default())?;
            return Self::open(config, geo, bound, shutdown).await?.announced();
        };
        let bound = Bound::bind(&config, given)?;
        before.yields().await.map_err(Failure::unavailable)?;
        let node = match Self::open(config, geo, bound, shutdown).await {
            Ok(node) => node,
            Err(failure) => {
                before.hold();
                return Err(failure);
            }
        };
        match before.ends().await {
            Ok(()) => node.announced(),
            Err(error) => {
                node.stop().await?;
                Err(Failure::unavailable(error))
            }
        }
    }

    /// Where it listens.
    pub fn listening(&self) -> &Listening {
        &self.running.listening
    }

    /// Runs until the shutdown, until a room that answers ends, or until another process has taken over.
    pub async fn run(mut self) -> Result<(), Failure> {
        loop {
            match self.turn().await {
                Turn::Stop => return self.stop().await,
                Turn::Failed(why) => {
                    self.stop().await?;
                    return Err(Failure::unavailable(why));
                }
                Turn::Successor(successor) => match self.hand_over(successor).await? {
                    Some(again) => self = again,
                    None => return Ok(()),
                },
            }
        }
    }

    async fn open(
        config: Config,
        geo: Arc<GeoTable>,
        bound: Bound,
        shutdown: CancellationToken,
    ) -> Result<Self, Failure> {
        let running = open(&config, geo.clone(), &bound, &shutdown).await?;
        Ok(Self { geo, config, bound, running, door: None, shutdown })
    }

    /// Tells where it listens, and lets successors in.
    fn announced(mut self) -> Result<Self, Failure> {
        let listening = &self.running.listening;
        write_whole(&listening_file(&self.config), &serde_json::to_vec(listening).map_err(io::Error::other)?, 0o644)?;
        match Door::open(&self.config.data_dir) {
            Ok(door) => self.door = Some(door),
            Err(error) => tracing::warn!(%error, "no other process can take over from this node"),
        }
        tracing::info!(dns = ?listening.dns, public = %listening.public, admin = %listening.admin, "the node answers");
        Ok(self)
    }

    async fn turn(&mut self) -> Turn {
        let successor = async {
            match &self.door {
                Some(door) => door.successor(&self.bound).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(successor);
        let (dns, rest) = (&mut self.running.dns, &mut self.running.rest);
        loop {
            tokio::select! {
                biased; // a room that was asked to end may be seen before the asking is
                () = self.shutdown.cancelled() => return Turn::Stop,
                Some(ended) = dns.room.join_next() => return Turn::Failed(why(ended)),
                Some(ended) = rest.http.join_next() => return Turn::Failed(why(ended)),
                Some(ended) = rest.behind.join_next() => tell_ended(ended),
                Some(ended) = rest.storing.join_next() => tell_ended(ended),
                successor = &mut successor => return Turn::Successor(successor),
            }
        }
    }

    /// Ends every room, work in flight finished.
    async fn stop(self) -> Result<(), Failure> {
        tracing::info!("stopping");
        let file = listening_file(&self.config);
        let Running { dns, rest, .. } = self.running;
        within("the node", async { tokio::join!(dns.stop(), rest.stop()) }).await;
        if let Some(door) = self.door {
            door.close()?;
            remove_if_there(&file)?;
        }
        Ok(())
    }

    /// Gives everything to another process; or, where that fails, takes it up again, and gives the node that this is then.
    async fn hand_over(self, successor: Successor) -> Result<Option<Self>, Failure> {
        let Self { geo, config, bound, running, door, shutdown } = self;
        let Running { mut dns, rest, .. } = running;
        tracing::info!("another process takes over; this one answers DNS until that does");
        rest.stop().await;
        let given = async { successor.takes().await?.over().await };
        let given = tokio::select! {
            given = given => given,
            // It hears of nothing more, and finds nobody: it goes on, if it can.
            () = shutdown.cancelled() => Ok(()),
            Some(ended) = dns.room.join_next() => return Err(Failure::unavailable(why(ended))),
        };
        if let Err(error) = given {
            tracing::error!(%error, "nobody has taken over: everything is taken up again");
            let again = async {
                loop {
                    let bound = bound.try_clone()?;
                    match Self::open(config.clone(), geo.clone(), bound, shutdown.clone()).await {
                        Ok(node) => return node.announced(),
                        Err(failure) => tracing::error!(
                            error = failure.message,
                            "not everything can be taken up again; DNS answers from the last snapshot until it can"
                        ),
                    }
                    tokio::time::sleep(RETRY).await;
                }
            };
            let again = tokio::select! {
                again = again => Some(again?),
                () = shutdown.cancelled() => None,
                Some(ended) = dns.room.join_next() => return Err(Failure::unavailable(why(ended))),
            };
            dns.stop().await;
            if let (None, Some(door)) = (&again, door) {
                door.close()?;
                remove_if_there(&listening_file(&config))?;
            }
            return Ok(again);
        }
        drop(door); // its file is the other's by now
        dns.stop().await;
        tracing::info!("another process has taken over");
        Ok(None)
    }
}

fn tell_ended(ended: Result<Ended, JoinError>) {
    tracing::error!(why = why(ended), "a room behind the answers ended; the node goes on without it");
}

fn listening_file(config: &Config) -> PathBuf {
    config.data_dir.join("listening.json")
}

fn make_data_dir(config: &Config) -> Result<(), Failure> {
    fs::create_dir_all(&config.data_dir)
        .map_err(|error| Failure::unavailable(format!("{}: {error}", config.data_dir.display())))
}
