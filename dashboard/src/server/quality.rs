//! What viewers reported, for the charts: asked of the store at most every [`KEPT_FOR`] however many look on, and kept when
//! the store is away.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use fairway_store::{SeriesPoint, Store};
use tokio::sync::Mutex;

/// How long an answer of the store is as good as new.
const KEPT_FOR: Duration = Duration::from_secs(2);
/// A page waits so long for the store, and shows what it has then.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The charts' span.
pub const MINUTES: u32 = 15;

/// The store's last answer for a service.
#[derive(Clone, Debug)]
pub struct Reported {
    /// When it was given.
    pub at: DateTime<Utc>,
    /// Seconds from one step to the next.
    pub step_seconds: u32,
    /// By pathway and step.
    pub points: Vec<SeriesPoint>,
}

/// What is known of a service, and why not more.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The last answer.
    pub reported: Option<Arc<Reported>>,
    /// Why the newest question was not answered.
    pub away: Option<String>,
}

/// The store's answers, kept.
pub struct Quality {
    store: Option<Store>,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Default)]
struct Kept {
    known: Known,
    asked: Option<Instant>,
}

impl Quality {
    /// Asks this store.
    pub fn new(store: Option<Store>) -> Self {
        Self { store, kept: Mutex::default() }
    }

    /// What is known of `service` now. Whoever comes while the store is being asked waits for that answer.
    pub async fn of(&self, service: &str, now: DateTime<Utc>) -> Known {
        let Some(store) = &self.store else {
            return Known { reported: None, away: Some("this node has none".into()) };
        };
        let mut kept = self.kept.lock().await;
        let kept = kept.entry(service.to_owned()).or_default();
        if kept.asked.is_none_or(|asked| asked.elapsed() >= KEPT_FOR) {
            match tokio::time::timeout(PATIENCE, store.qoe_series(service, MINUTES)).await {
                Ok(Ok((step_seconds, points))) => {
                    let reported = Some(Arc::new(Reported { at: now, step_seconds, points }));
                    kept.known = Known { reported, away: None };
                }
                Ok(Err(error)) => kept.known.away = Some(error.to_string()),
                Err(_) => kept.known.away = Some(format!("no answer within {} ms", PATIENCE.as_millis())),
            }
            kept.asked = Some(Instant::now());
        }
        kept.known.clone()
    }
}
