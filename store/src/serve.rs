//! The child's body. (Skeleton.)

use std::path::PathBuf;

/// The environment variable by which [`crate::Engine`] hands the child its password.
pub const PASSWORD_VARIABLE: &str = "FAIRWAY_STORE_PASSWORD";

/// What `fairway store` serves.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The engine's folder; made if missing. One process at a time.
    pub path: PathBuf,
    /// Files to try as libchdb, in order; see [`library_places`].
    pub library: Vec<PathBuf>,
    /// What clients must give; the user is `default`.
    pub password: String,
    /// Loopback port; 0 lets the system choose.
    pub port: u16,
    /// The engine's memory limit, bytes.
    pub memory: u64,
}

/// Why the child could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// libchdb is not there.
    #[error("libchdb is missing; run `make setup`. Looked for {0}")]
    Missing(String),
}

/// Serves until stdin closes or SIGTERM or SIGINT comes.
pub async fn serve(_options: ServeOptions) -> Result<(), ServeError> {
    Ok(())
}
