//! What decisions need of a policy and its inputs, worked out once for each snapshot.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use fairway_policies::{PathSet, PathwayAnswer, Policy, When, Window};
use xxhash_rust::xxh3::xxh3_64;

use super::inputs::Inputs;
use crate::{
    health::Health,
    overrides::{Force, OverridePlace},
};

/// Bits of an [`Asker`](crate::client::Asker), and so how many steps may have conditions on clients and times.
const BITS: usize = 64;

/// See above.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// By pathway index: the hash of its id, by which clients draw, so that its place in the file does not matter.
    pub(crate) seeds: Box<[u64]>,
    /// Those that DNS has an answer for.
    pub(crate) answerable: PathSet,
    /// The operators' words, in order.
    pub(crate) forced: Box<[Forced]>,
    /// When the newest verdict came about, in Unix milliseconds, where all are up; `None` where one is not.
    pub(crate) all_up_since_ms: Option<i64>,
    /// Bit *i*: step *i* asks something of the client or the time.
    pub(crate) conditional: u64,
    /// The hours of the steps that have some.
    hours: Box<[(usize, Hours)]>,
}

/// An override, its globs resolved.
#[derive(Debug)]
pub(crate) struct Forced {
    /// Its number.
    pub(crate) id: u64,
    /// Of these pathways.
    pub(crate) pathways: PathSet,
    /// For clients there.
    pub(crate) place: OverridePlace,
    /// What is so.
    pub(crate) force: Force,
    /// Unix milliseconds.
    pub(crate) since_ms: i64,
    /// Unix milliseconds; never: the end of time.
    pub(crate) until_ms: i64,
}

impl Prepared {
    pub(super) fn new(policy: &Policy, inputs: &Inputs) -> Self {
        let forced = inputs.overrides.iter().map(|o| Forced {
            id: o.id,
            pathways: policy.pathways.iter().enumerate().filter(|(_, p)| o.names(&p.id)).map(|(i, _)| i).collect(),
            place: o.place,
            force: o.force,
            since_ms: o.since.timestamp_millis(),
            until_ms: o.expires.map_or(i64::MAX, |at| at.timestamp_millis()),
        });
        let steps = || policy.steps.iter().enumerate().take(BITS);
        let conditional = |when: &When| when.asks_client() || !when.time.is_empty();
        let all_up = inputs.verdicts.iter().all(|verdict| verdict.health == Health::Up);
        let newest = inputs.verdicts.iter().map(|verdict| verdict.since.timestamp_millis()).max();
        let answers = policy.pathways.iter().enumerate().filter(|(_, p)| p.answer != PathwayAnswer::None);
        Self {
            seeds: policy.pathways.iter().map(|p| xxh3_64(p.id.as_bytes())).collect(),
            answerable: answers.map(|(i, _)| i).collect(),
            forced: forced.collect(),
            all_up_since_ms: newest.filter(|_| all_up),
            conditional: steps().filter(|(_, s)| conditional(&s.when)).fold(0, |bits, (i, _)| bits | 1 << i),
            hours: steps().filter(|(_, s)| !s.when.time.is_empty()).map(|(i, _)| (i, Hours::default())).collect(),
        }
    }

    /// Whether any of step `step`'s windows is open.
    pub(crate) fn open(&self, step: usize, windows: &[Window], now: DateTime<Utc>) -> bool {
        let hours = self.hours.iter().find(|(of, _)| *of == step);
        hours.map_or_else(|| any_open(windows, now), |(_, hours)| hours.open(windows, now))
    }
}

/// Whether a step's windows are open, remembered for the second that was last asked about. Time zones are reckoned with once
/// a second and not for each client; and since nothing is known ahead, nothing can be out of date, however long the control
/// loop has been silent. What is remembered follows from windows and second alone, so that whoever writes it last is right.
#[derive(Debug, Default)]
struct Hours(AtomicU64);

impl Hours {
    fn open(&self, windows: &[Window], now: DateTime<Utc>) -> bool {
        let second = now.timestamp();
        let stamp = (second as u64) << 2 | 2;
        let known = self.0.load(Ordering::Relaxed);
        if known & !1 == stamp {
            return known & 1 == 1;
        }
        let open = any_open(windows, DateTime::from_timestamp(second, 0).unwrap_or(now));
        self.0.store(stamp | u64::from(open), Ordering::Relaxed);
        open
    }
}

fn any_open(windows: &[Window], now: DateTime<Utc>) -> bool {
    windows.iter().any(|window| window.holds(now))
}
