//! How many signatures may be made while somebody waits.
//!
//! A denial costs a signature, 13 µs (ECDSA P-256) or 17 µs (Ed25519), where any other answer costs one or two; whoever
//! sends queries for names that are not there, from addresses that are not theirs, would buy the one for the price of
//! the other. So UDP has a budget: past it a reply is truncated, and the resolver comes back over TCP, where its
//! address has been shown and connections are counted. A resolver loses a round trip; a flood gets nothing.
//!
//! It is a token bucket kept as one number, the time at which it will be full again (the virtual scheduling of GCRA,
//! ITU-T I.371): taking is one compare-and-swap, and no thread fills it up. A bucket holds a tenth of a second's worth,
//! so that a burst of honest queries passes and a flood does not first get a second for free.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use chrono::{DateTime, Utc};

/// Nanoseconds that the bucket holds.
const BURST: i64 = 100_000_000;

/// So many a second, over all threads.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Nanoseconds for one signature.
    cost: i64,
    /// When all that has been taken will be filled up, in nanoseconds since 1970.
    full_at: AtomicI64,
}

impl Budget {
    /// `per_second` signatures; 0: none at all.
    pub(crate) fn new(per_second: u32) -> Self {
        let cost = 1_000_000_000_i64.checked_div(per_second.into()).unwrap_or(i64::MAX);
        Self { cost, full_at: AtomicI64::new(i64::MIN) }
    }

    /// Whether one more may be made; counted as made if so. A clock that is set back takes no budget away for longer
    /// than a burst lasts.
    pub(crate) fn take(&self, now: DateTime<Utc>) -> bool {
        let now = now.timestamp_nanos_opt().unwrap_or(i64::MAX);
        let taken = self.full_at.fetch_update(Relaxed, Relaxed, |full_at| {
            let most = now.saturating_add(BURST.max(self.cost));
            let full_at = if full_at > most { now } else { full_at.max(now) }.saturating_add(self.cost);
            (full_at <= most && self.cost != i64::MAX).then_some(full_at)
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn over_a_time_it_gives_its_rate_and_one_burst() {
        let (budget, step) = (Budget::new(1_000), TimeDelta::microseconds(100));
        let given = |n: i32, from: DateTime<Utc>| (0..n).filter(|i| budget.take(from + step * *i)).count();
        assert!((1_095..=1_105).contains(&given(10_000, start())), "a second: its thousand, and the hundred it held");
        assert!((95..=105).contains(&given(1_000, start() + TimeDelta::seconds(1))), "a tenth more, with nothing left");
        assert!((95..=105).contains(&(0..500).filter(|_| budget.take(start() + TimeDelta::hours(1))).count()));
    }

    #[test]
    fn slow_ones_and_none() {
        let one = Budget::new(1);
        assert!(one.take(start()) && !one.take(start() + TimeDelta::milliseconds(500)));
        assert!(one.take(start() + TimeDelta::seconds(1)));
        assert!(!Budget::new(0).take(start()));
    }

    #[test]
    fn a_clock_set_back_does_not_stop_it() {
        let budget = Budget::new(1_000);
        assert!(budget.take(start()));
        assert!(budget.take(start() - TimeDelta::days(300)));
    }
}
