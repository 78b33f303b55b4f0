//! Events as they happen, numbered, and the last of them kept: a reader that was away resumes where it left off.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::watch;

use crate::{event::Event, lock::lock};

/// How many events are kept: a person reads back a page or two, and a reader that reconnects was away for seconds.
const KEPT: usize = 200;

/// One event with its number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Ascending; what SSE calls the event's id. Fits JavaScript's integers.
    pub id: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// The events. A reader takes [`Feed::since`] the last id it has, shows them, waits for [`Feed::watch`] to change, and
/// takes again: nothing is lost unless it is more than [`KEPT`] behind.
#[derive(Debug)]
pub struct Feed {
    kept: Mutex<VecDeque<Arc<Entry>>>,
    newest: watch::Sender<u64>,
}

impl Feed {
    /// An empty feed. Numbers go on from `now` in milliseconds, so that one from before a restart is not taken for a
    /// later one.
    pub fn new(now: DateTime<Utc>) -> Self {
        let newest = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        Self { kept: Mutex::default(), newest: watch::Sender::new(newest) }
    }

    /// Adds an event; readers wake.
    pub fn tell(&self, event: Event) {
        let mut kept = lock(&self.kept);
        let id = *self.newest.borrow() + 1;
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::new(Entry { id, event }));
        self.newest.send_replace(id);
    }

    /// The kept events after number `id`, the oldest first; all of them after 0.
    pub fn since(&self, id: u64) -> Vec<Arc<Entry>> {
        lock(&self.kept).iter().filter(|entry| entry.id > id).cloned().collect()
    }

    /// The number of the newest event, as it changes.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reloaded(services: usize) -> Event {
        Event::Reloaded { at: DateTime::UNIX_EPOCH, services, revision: None }
    }

    #[tokio::test]
    async fn a_reader_resumes_and_wakes() {
        let feed = Feed::new(DateTime::UNIX_EPOCH);
        feed.tell(reloaded(1));
        feed.tell(reloaded(2));
        assert_eq!(feed.since(0).len(), 2);
        let rest = feed.since(1);
        assert_eq!((rest[0].id, &rest[0].event), (2, &reloaded(2)));

        let mut watch = feed.watch();
        feed.tell(reloaded(3));
        watch.changed().await.unwrap();
        assert_eq!(feed.since(2)[0].event, reloaded(3));
    }

    #[test]
    fn only_the_last_are_kept() {
        let feed = Feed::new(DateTime::UNIX_EPOCH);
        (0..KEPT + 5).for_each(|n| feed.tell(reloaded(n)));
        let kept = feed.since(0);
        assert_eq!((kept.len(), kept[0].id), (KEPT, 6));
    }

    #[test]
    fn numbers_grow_over_a_restart() {
        let early = Feed::new(DateTime::from_timestamp(1_000, 0).unwrap());
        early.tell(reloaded(1));
        let late = Feed::new(DateTime::from_timestamp(1_060, 0).unwrap());
        late.tell(reloaded(2));
        assert_eq!(late.since(early.since(0)[0].id).len(), 1);
    }
}
