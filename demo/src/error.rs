//! Why there is no world.

use std::{io, net::SocketAddr};

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
