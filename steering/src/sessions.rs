//! Which pathway is a playback on?
//!
//! No player says in its beacons which CDN served it. The host of a request's URL tells, where a beacon has one; a stall
//! has none. But each poll of the steering service carries the session's CMCD `sid` beside the pathway in use, so this
//! table, filled by those polls, lets the collector attribute what the session says next.
//!
//! It is touched once per poll, so it must be cheap: sharded by hash, one short lock, and *two generations* instead of a
//! list in order of use. A touched session is in the young generation; when that is full it becomes the old one and the
//! previous old one is forgotten, whole. What was touched lately is never lost, what was not goes at no cost, and memory
//! is bounded: at most [`CAPACITY`] sessions, of at most [`SID_LIMIT`] bytes of id each.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use fairway_policies::Policy;
use xxhash_rust::xxh3::xxh3_64;

use crate::lock::lock;

/// Sessions kept. A node that serves more at once forgets some of them between two polls, and then attributes their
/// hostless beacons to none; at some 150 bytes each, this is 40 MB at worst.
const CAPACITY: usize = 1 << 18;
/// Enough that two workers seldom meet at one lock.
const SHARDS: usize = 64;
/// CTA-5004: a session id has at most 64 characters. A longer one is not kept.
pub const SID_LIMIT: usize = 64;

/// A pathway of a service, as something was attributed to it.
#[derive(Clone, Debug)]
pub struct Attributed {
    /// The service's policy.
    pub policy: Arc<Policy>,
    /// Index in its pathways.
    pub pathway: u8,
}

impl Attributed {
    /// Service id.
    pub fn service(&self) -> &str {
        &self.policy.service
    }
    /// Pathway id.
    pub fn pathway(&self) -> &str {
        self.policy.pathways.get(usize::from(self.pathway)).map_or("", |p| &p.id)
    }
}

/// What is known of one session.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The pathway it last reported, or else the first it was given.
    pub on: Attributed,
    /// Bits per second that its player last measured; its own last mile, so it ranks nothing.
    pub throughput: Option<u64>,
    /// When it last polled.
    pub at: DateTime<Utc>,
}

/// A session's entry.
#[derive(Clone, Debug)]
struct Kept {
    seen: Seen,
    /// Milliseconds of media in store that it last told of in a beacon, and when that came.
    buffer: Option<(u32, DateTime<Utc>)>,
}

#[derive(Debug, Default)]
struct Shard {
    young: HashMap<Box<str>, Kept>,
    old: HashMap<Box<str>, Kept>,
}

impl Shard {
    fn get(&self, sid: &str) -> Option<&Kept> {
        self.young.get(sid).or_else(|| self.old.get(sid))
    }
}

/// The table.
#[derive(Debug)]
pub struct Sessions {
    shards: Vec<Mutex<Shard>>,
    generation: usize,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl Sessions {
    /// A table of at most so many sessions (rounded to whole generations of its shards).
    pub fn with_capacity(sessions: usize) -> Self {
        let shards = SHARDS.min((sessions / 2).max(1));
        let generation = (sessions / shards / 2).max(1);
        Self { shards: (0..shards).map(|_| Mutex::default()).collect(), generation }
    }

    /// A session polled, and said it uses (or was given) a pathway.
    pub fn touch(&self, sid: &str, seen: Seen) {
        if sid.is_empty() || sid.len() > SID_LIMIT {
            return;
        }
        let mut shard = lock(self.shard(sid));
        if let Some(known) = shard.young.get_mut(sid) {
            known.seen = seen;
            return;
        }
        let (key, buffer) =
            shard.old.remove_entry(sid).map_or_else(|| (sid.into(), None), |(key, kept)| (key, kept.buffer));
        let forgotten = if shard.young.len() >= self.generation {
            let young = mem::take(&mut shard.young);
            mem::replace(&mut shard.old, young)
        } else {
            HashMap::new()
        };
        shard.young.insert(key, Kept { seen, buffer });
        drop(shard);
        drop(forgotten); // thousands of sessions: not under the lock
    }

    /// What is known of this session.
    pub fn get(&self, sid: &str) -> Option<Seen> {
        lock(self.shard(sid)).get(sid).map(|kept| kept.seen.clone())
    }

    /// A session told in a beacon how much media it has in store. Only one that polls is steered, so that of others
    /// nothing is kept: beacons alone fill no table.
    pub fn buffered(&self, sid: &str, buffer_ms: u32, at: DateTime<Utc>) {
        let mut shard = lock(self.shard(sid));
        let Shard { young, old } = &mut *shard;
        if let Some(kept) = young.get_mut(sid).or_else(|| old.get_mut(sid)) {
            kept.buffer = Some((buffer_ms, at));
        }
    }

    /// Milliseconds of media that a session has in store at least: what it last told of, less the time since, in which it may
    /// have played that much and loaded nothing.
    pub fn buffer_ms(&self, sid: &str, now: DateTime<Utc>) -> Option<u32> {
        let (told, at) = lock(self.shard(sid)).get(sid)?.buffer?;
        let since = (now - at).num_milliseconds().clamp(0, u32::MAX.into()) as u32;
        Some(told.saturating_sub(since))
    }

    fn shard(&self, sid: &str) -> &Mutex<Shard> {
        &self.shards[xxh3_64(sid.as_bytes()) as usize % self.shards.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pathway: u8) -> Seen {
        let policy = fairway_policies::parse(
            "live.policy.toml",
            "[[pathway]]\nid = \"a\"\nurl = \"http://a.test/\"\n[[pathway]]\nid = \"b\"\nurl = \"http://b.test/\"\n",
        );
        let on = Attributed { policy: Arc::new(policy.unwrap()), pathway };
        Seen { on, throughput: None, at: DateTime::UNIX_EPOCH }
    }

    fn pathway(sessions: &Sessions, sid: &str) -> Option<String> {
        sessions.get(sid).map(|seen| format!("{}/{}", seen.on.service(), seen.on.pathway()))
    }

    #[test]
    fn the_last_word_stands() {
        let sessions = Sessions::default();
        sessions.touch("s1", seen(0));
        sessions.touch("s2", seen(0));
        sessions.touch("s1", seen(1));
        assert_eq!(pathway(&sessions, "s1").as_deref(), Some("live/b"));
        assert_eq!(pathway(&sessions, "s2").as_deref(), Some("live/a"));
        assert_eq!(pathway(&sessions, "s3"), None);
    }

    #[test]
    fn the_least_lately_touched_go_and_the_table_stays_small() {
        let sessions = Sessions::with_capacity(2 * SHARDS * 4);
        for n in 0..5_000 {
            sessions.touch(&format!("s{n}"), seen(0));
            sessions.touch("always", seen(1));
        }
        assert_eq!(pathway(&sessions, "always").as_deref(), Some("live/b"));
        assert_eq!(pathway(&sessions, "s4999").as_deref(), Some("live/a"));
        assert_eq!(pathway(&sessions, "s0"), None);
        let kept = (0..5_000).filter(|n| sessions.get(&format!("s{n}")).is_some()).count();
        assert!(kept <= 2 * SHARDS * 4, "{kept}");
    }

    #[test]
    fn what_is_in_store_is_kept_of_those_who_poll_and_plays_off() {
        let sessions = Sessions::with_capacity(2 * SHARDS);
        let at = |seconds| DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        sessions.buffered("s", 30_000, at(0));
        assert_eq!(sessions.buffer_ms("s", at(0)), None, "it never polled");
        sessions.touch("s", seen(0));
        sessions.buffered("s", 30_000, at(0));
        sessions.touch("s", seen(1));
        assert_eq!(
            [at(-5), at(0), at(12), at(31)].map(|now| sessions.buffer_ms("s", now).unwrap()),
            [30_000, 30_000, 18_000, 0]
        );
        let others =
            (0..9_999).map(|n| format!("s{n}")).filter(|sid| std::ptr::eq(sessions.shard(sid), sessions.shard("s")));
        sessions.touch(&others.into_iter().next().unwrap(), seen(0));
        sessions.touch("s", seen(0));
        assert_eq!(sessions.buffer_ms("s", at(12)), Some(18_000), "from one generation to the next");
    }

    #[test]
    fn an_id_that_is_none_is_not_kept() {
        let sessions = Sessions::default();
        let long = "x".repeat(SID_LIMIT + 1);
        sessions.touch("", seen(0));
        sessions.touch(&long, seen(0));
        assert!(sessions.get("").is_none() && sessions.get(&long).is_none());
    }
}
