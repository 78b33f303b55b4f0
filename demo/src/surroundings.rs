//! What a viewer finds around itself, and what is counted of its life.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

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
    pub watching: Vec<AtomicI64>,
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

/// Now, Unix ms.
pub fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
