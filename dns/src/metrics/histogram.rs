//! How long our own part of an answer took: from a query's receipt to its reply's being handed to the kernel.
//!
//! The bounds go 1, 2, 5 from a microsecond, the fastest that a single answer is, to a tenth of a second, from where on
//! resolvers have begun to ask elsewhere. Each is at most 2.5 times the one before, so that a quantile read from them is right
//! within that, over five powers of ten with sixteen counters. Over UDP all queries of a batch have waited for the
//! whole batch, and count with its time.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds, in nanoseconds, inclusive. There is one bucket more, for what took longer.
const BOUNDS: [u64; 16] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
];
const BUCKETS: usize = BOUNDS.len() + 1;
const NANOS: f64 = 1e9;

/// Counters of one histogram.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    /// Nanoseconds in all.
    sum: AtomicU64,
}

/// What several of them counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Times {
    buckets: [u64; BUCKETS],
    sum: u64,
}

impl Histogram {
    /// The counter of what took so long, and that of the time in all, with what to add to it for `count` of them.
    pub(super) fn of(&self, took: Duration, count: u64) -> (&AtomicU64, &AtomicU64, u64) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < nanos); // at most BOUNDS.len(), the last bucket
        (&self.buckets[bucket], &self.sum, nanos.saturating_mul(count))
    }
}

impl Times {
    pub(super) fn add(&mut self, histogram: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum += bucket.load(Relaxed);
        }
        self.sum = self.sum.wrapping_add(histogram.sum.load(Relaxed));
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// In seconds.
    pub(super) fn sum(&self) -> f64 {
        self.sum as f64 / NANOS
    }

    /// Each bucket's upper bound in seconds, the last without end, and what is in it.
    pub(super) fn buckets(&self) -> [(f64, u64); BUCKETS] {
        std::array::from_fn(|at| {
            (BOUNDS.get(at).map_or(f64::INFINITY, |bound| *bound as f64 / NANOS), self.buckets[at])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_rise_and_belong_to_their_bucket() {
        assert!(BOUNDS.windows(2).all(|pair| pair[1] > pair[0] && 2 * pair[1] <= 5 * pair[0]));
        let histogram = Histogram::default();
        let times = [0, 1_000, 1_001, 100_000_000, 100_000_001, 3_600_000_000_000];
        for nanos in times {
            histogram.of(Duration::from_nanos(nanos), 1).0.fetch_add(1, Relaxed);
        }
        let mut all = Times::default();
        all.add(&histogram);
        let buckets = all.buckets().map(|(_, count)| count);
        assert_eq!((buckets[0], buckets[1], buckets[15], buckets[16], all.count()), (2, 1, 1, 2, 6));
    }
}
