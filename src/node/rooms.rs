//! Rooms that run, and how they end.

use std::{fmt, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};

/// Rooms that have not ended so long after they were asked to are left behind.
pub const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Running rooms, each by its name with how it ended.
pub type Rooms = JoinSet<Ended>;

/// A room's name, and how it ended.
pub type Ended = (&'static str, Result<(), String>);

/// Waits for all; says which did not end well.
pub async fn joined(mut rooms: Rooms) {
    while let Some(ended) = rooms.join_next().await {
        if !matches!(ended, Ok((_, Ok(())))) {
            tracing::warn!(why = why(ended), "a room did not stop well");
        }
    }
}

/// Waits for the end of `what`, so long as it may take.
pub async fn within<T>(what: &str, stopping: impl Future<Output = T>) {
    if timeout(STOP_WITHIN, stopping).await.is_err() {
        tracing::warn!("{what} did not stop within {} s", STOP_WITHIN.as_secs());
    }
}

/// How a room ended that should not have.
pub fn why(ended: Result<Ended, JoinError>) -> String {
    match ended {
        Ok((room, Ok(()))) => format!("{room} ended by itself"),
        Ok((room, Err(error))) => format!("{room}: {error}"),
        Err(error) => error.to_string(),
    }
}

/// How a room's task ended.
pub fn outcome<E: fmt::Display>(ended: Result<Result<(), E>, JoinError>) -> Result<(), String> {
    ended.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
