//! What was decided, counted: touched by every answer, read by the control loop, the metrics and the recorder.
//!
//! The counts also draw the sample of decisions that is recorded (see [`record`](crate::record)): an answer has just been
//! counted by its pathway, and whether its number is drawn costs a shift, a product and a comparison more. Of each
//! 2ᵏ successive answers by one pathway exactly one is drawn, which one is hashed: a pathway with a share of a thousandth is
//! in the sample with just that share, and traffic that has a rhythm of its own meets none here.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use fairway_policies::model::MAX_PATHWAYS;

/// So rare that it is never: until a recorder says otherwise.
const NEVER: u8 = 63;

/// Decisions counted by pathway that came first, since the node's start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Answered over DNS, by pathway index.
    pub dns: [AtomicU64; MAX_PATHWAYS],
    /// Answered over HTTP, by pathway index.
    pub http: [AtomicU64; MAX_PATHWAYS],
    /// Answers that may have helped nobody: there was nothing to answer, or nothing healthy. The latter are counted by
    /// pathway too.
    pub failed: AtomicU64,
    /// One in 2ᵏ answers is recorded.
    sampled: Rate,
    /// And of those that failed, one in 2ᵏ.
    sampled_failed: Rate,
}

/// *k* of one in 2ᵏ.
#[derive(Debug)]
struct Rate(AtomicU8);

impl Default for Rate {
    fn default() -> Self {
        Self(AtomicU8::new(NEVER))
    }
}

impl Rate {
    /// 2ᵏ where the `count`th is drawn.
    fn draw(&self, count: u64) -> Option<u64> {
        let k = self.0.load(Ordering::Relaxed);
        let one_in = 1 << k;
        // The upper bits of a product with the golden ratio are spread evenly (Knuth, TAOCP 6.4).
        let offset = ((count >> k) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        ((count ^ offset) & (one_in - 1) == 0).then_some(one_in)
    }
}

impl Counters {
    /// One DNS answer whose first pathway is `pathway`. If it is to be recorded: for how many it stands.
    pub fn dns(&self, pathway: u8) -> Option<u64> {
        self.sampled.draw(self.dns[usize::from(pathway) % MAX_PATHWAYS].fetch_add(1, Ordering::Relaxed))
    }
    /// One HTTP answer whose first pathway is `pathway`. If it is to be recorded: for how many it stands.
    pub fn http(&self, pathway: u8) -> Option<u64> {
        self.sampled.draw(self.http[usize::from(pathway) % MAX_PATHWAYS].fetch_add(1, Ordering::Relaxed))
    }
    /// One answer that may have helped nobody. If it is to be recorded: for how many it stands.
    pub fn failed(&self) -> Option<u64> {
        self.sampled_failed.draw(self.failed.fetch_add(1, Ordering::Relaxed))
    }
    /// From now on one in 2ᵏ answers is drawn, and of those that failed one in 2 to this; `None`: none is.
    pub(crate) fn sample(&self, k: Option<u8>, failed: Option<u8>) {
        self.sampled.0.store(k.unwrap_or(NEVER).min(NEVER), Ordering::Relaxed);
        self.sampled_failed.0.store(failed.unwrap_or(NEVER).min(NEVER), Ordering::Relaxed);
    }
    /// Counts on from these, DNS and HTTP.
    pub(crate) fn set(&self, pathway: usize, (dns, http): (u64, u64)) {
        let set = |counts: &[AtomicU64; MAX_PATHWAYS], count| {
            if let Some(counter) = counts.get(pathway) {
                counter.store(count, Ordering::Relaxed);
            }
        };
        set(&self.dns, dns);
        set(&self.http, http);
    }
    /// What both count for `pathway` now: DNS, HTTP.
    pub fn read(&self, pathway: usize) -> (u64, u64) {
        let read = |counts: &[AtomicU64; MAX_PATHWAYS]| counts.get(pathway).map_or(0, |c| c.load(Ordering::Relaxed));
        (read(&self.dns), read(&self.http))
    }
    /// All answers by a pathway, and all that failed.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let answered = self.dns.iter().chain(&self.http).map(|count| count.load(Ordering::Relaxed)).sum();
        (answered, self.failed.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_block_of_answers_one_is_drawn_and_the_block_stands_behind_it() {
        let counters = Counters::default();
        assert!((0..10_000).all(|_| counters.dns(3).is_none()), "nothing is, before a recorder asks");
        counters.sample(Some(4), None);
        let drawn: Vec<usize> = (0..16_000).filter(|_| counters.dns(3) == Some(16)).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(drawn.iter().enumerate().all(|(block, at)| at / 16 == block), "one of each sixteen");
        let by_offset = |offset| drawn.iter().filter(|at| *at % 16 == offset).count();
        assert!((0..16).all(|offset| (20..120).contains(&by_offset(offset))), "and not by a rhythm");
        assert_eq!((counters.failed(), counters.http(1).is_some()), (None, counters.sampled.draw(0).is_some()));
        counters.sample(Some(0), Some(0));
        assert!((0..100).all(|_| counters.http(1) == Some(1) && counters.failed() == Some(1)), "all of them");
        assert_eq!(counters.read(3), (26_000, 0));
        assert_eq!(counters.totals(), (26_101, 101));
    }
}
