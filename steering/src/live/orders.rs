//! An operator's orders, from wherever they are given: made, told in the feed, and waited for.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Live;
use crate::{
    event::{Event, Ordered},
    overrides::{Changed, Refused, Wish},
};

/// What came of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What was changed, and whether it was saved.
    pub changed: Changed,
    /// Whether answers follow it. Not when the control loop has ended or is stuck: then they will after a restart.
    pub in_force: bool,
}

impl Live {
    /// Forces what is wished. When this returns, answers follow it.
    pub async fn force(self: &Arc<Self>, wish: Wish, now: DateTime<Utc>) -> Result<Outcome, Refused> {
        let live = self.clone();
        let changed = blocking(move || {
            let snapshot = live.snapshot();
            live.overrides.set(wish, snapshot.services.iter().map(|service| &*service.policy), now)
        });
        let changed = changed.await?;
        tracing::info!(id = changed.forced.id, service = changed.forced.service, pathway = changed.forced.pathway,
            forced = %changed.forced, "override set");
        self.tell(&changed, Ordered::Set, now);
        Ok(Outcome { in_force: self.overrides.is_in_force(&changed).await, changed })
    }

    /// Clears the override of this number. When this returns, answers follow.
    pub async fn clear(self: &Arc<Self>, id: u64, by: Option<String>, now: DateTime<Utc>) -> Result<Outcome, Refused> {
        let live = self.clone();
        let changed = blocking(move || live.overrides.clear(id)).await?;
        tracing::info!(id, by, "override cleared");
        self.tell(&changed, Ordered::Cleared { by }, now);
        Ok(Outcome { in_force: self.overrides.is_in_force(&changed).await, changed })
    }

    fn tell(&self, changed: &Changed, ordered: Ordered, at: DateTime<Utc>) {
        self.feed.tell(Event::Override { at, forced: changed.forced.clone(), ordered });
    }
}

/// Done where a task may wait for a disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "an order was not carried out");
        Err(Refused::Stopping)
    })
}
