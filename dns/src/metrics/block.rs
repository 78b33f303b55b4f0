//! Counters that one thread writes to.
//!
//! Each UDP thread has a block of its own: it counts by a plain load and store, and no other core's cache is touched for it.
//! Connections share one, whose counters are added to atomically: their tasks move from thread to thread, and
//! what a stream costs beside it is much more. Readers sum over the blocks. Nothing is allocated, nothing is locked.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use fairway_steering::Place;

use super::{
    histogram::Histogram,
    labels::{CODES, CONTINENTS, Cookie, Dropped, TYPES, Truncated, code_place, type_place},
};
use crate::transport::Transport;

/// One answered query, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// How it came.
    pub transport: Transport,
    /// What it asked for; `None` without a question.
    pub rtype: Option<u16>,
    /// The response code it got, EDNS's upper bits included.
    pub code: u16,
    /// Whether it told of a client subnet.
    pub subnet: bool,
    /// Whether its reply was cut, and why.
    pub truncated: Option<Truncated>,
    /// What it had for a cookie.
    pub cookie: Cookie,
    /// Where the client is; `None` where nobody had to know.
    pub place: Option<Place>,
}

/// `(type, code, subnet)` of one transport; each list has one more, for what is not in it.
const KINDS: usize = (TYPES.len() + 1) * (CODES.len() + 1) * 2;

/// A thread's counters, on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
pub struct Block {
    shared: bool,
    queries: [[AtomicU64; KINDS]; Transport::ALL.len()],
    pub(super) dropped: [AtomicU64; Dropped::ALL.len()],
    pub(super) truncated: [AtomicU64; Truncated::ALL.len()],
    pub(super) cookies: [AtomicU64; Cookie::ALL.len()],
    pub(super) continents: [AtomicU64; CONTINENTS.len()],
    pub(super) took: [Histogram; Transport::ALL.len()],
}

impl Block {
    /// `shared`: more than one thread counts at a time.
    pub(super) fn new(shared: bool) -> Self {
        Self {
            shared,
            queries: [const { [const { AtomicU64::new(0) }; KINDS] }; Transport::ALL.len()],
            dropped: Default::default(),
            truncated: Default::default(),
            cookies: Default::default(),
            continents: Default::default(),
            took: Default::default(),
        }
    }

    fn add(&self, counter: &AtomicU64, count: u64) {
        if self.shared {
            counter.fetch_add(count, Relaxed);
        } else {
            counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
        }
    }

    /// One query was answered.
    pub fn answered(&self, query: &Counted) {
        let kind = (type_place(query.rtype) * (CODES.len() + 1) + code_place(query.code)) * 2;
        self.add(&self.queries[query.transport as usize][kind + usize::from(query.subnet)], 1);
        self.add(&self.cookies[query.cookie as usize], 1);
        if let Some(why) = query.truncated {
            self.add(&self.truncated[why as usize], 1);
        }
        if let Some(place) = &query.place {
            let continent = place.continent.map_or(CONTINENTS.len() - 1, |continent| continent as usize);
            self.add(&self.continents[continent], 1);
        }
    }

    /// So many queries, or their replies, came to nothing.
    pub fn dropped(&self, why: Dropped, count: u64) {
        self.add(&self.dropped[why as usize], count);
    }

    /// `count` replies were sent, each so long after its query had come.
    pub fn took(&self, transport: Transport, time: Duration, count: u64) {
        let (bucket, sum, nanos) = self.took[transport as usize].of(time, count);
        self.add(bucket, count);
        self.add(sum, nanos);
    }

    /// Replies sent, over all transports.
    #[cfg(test)]
    pub(crate) fn replies(&self) -> u64 {
        let mut times = super::histogram::Times::default();
        self.took.iter().for_each(|took| times.add(took));
        times.count()
    }

    /// What was dropped for this reason.
    #[cfg(test)]
    pub(crate) fn drops(&self, why: Dropped) -> u64 {
        self.dropped[why as usize].load(Relaxed)
    }

    /// What was answered over `transport`, by [`labels`](super::labels)' places of type and code, and whether with a subnet.
    pub(super) fn queries(&self, transport: Transport) -> impl Iterator<Item = ((usize, usize, bool), &AtomicU64)> {
        let kinds = self.queries[transport as usize].iter().enumerate();
        kinds.map(|(at, count)| ((at / 2 / (CODES.len() + 1), at / 2 % (CODES.len() + 1), at % 2 == 1), count))
    }
}
