//! The share of clients for whom a pathway counts as fit, by time. The page in [`super`] argues the shape.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Ramp;

/// The share of clients that a ramp begins with, and of the sessions that can afford it in the trial before.
pub const FIRST_SHARE: f64 = 1.0 / 32.0;
/// How long the trial takes, unless half the ramp is shorter.
pub const TRIAL: Duration = Duration::from_secs(30);
/// A ramp moves in so many steps: each is a snapshot, and no more are needed.
const STEPS: f64 = 32.0;

/// How long the trial of a ramp of this length takes: it is part of it.
pub fn trial(length: Duration) -> Duration {
    TRIAL.min(length / 2)
}

/// So long after its return, on a ramp of this length.
pub fn ramp(elapsed: Duration, length: Duration) -> Ramp {
    if elapsed >= length {
        return Ramp::default();
    }
    let trial = trial(length);
    if elapsed < trial {
        return Ramp { share: FIRST_SHARE as f32, trial: true };
    }
    let growing = (elapsed - trial).as_secs_f64() / (length - trial).as_secs_f64();
    let left = 1.0 - (growing * STEPS).floor() / STEPS;
    Ramp { share: FIRST_SHARE.powf(left) as f32, trial: false }
}

/// When a pathway that is this far back now began its return: how a saved ramp goes on after a restart, in which the time
/// away does not count. A trial begins anew. `None`: it is back.
pub fn began(ramp: Ramp, length: Duration, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if ramp == Ramp::default() || length.is_zero() {
        return None;
    }
    let elapsed = match ramp.trial {
        true => Duration::ZERO,
        false => {
            let left = f64::from(ramp.share).max(FIRST_SHARE).ln() / FIRST_SHARE.ln();
            let trial = trial(length);
            trial + (length - trial).mul_f64((1.0 - left).clamp(0.0, 1.0))
        }
    };
    TimeDelta::from_std(elapsed).ok().map(|elapsed| now - elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(300);

    fn at(seconds: u64) -> Ramp {
        ramp(Duration::from_secs(seconds), LENGTH)
    }

    #[test]
    fn a_trial_then_doublings_then_everyone() {
        assert_eq!(at(0), Ramp { share: 1.0 / 32.0, trial: true });
        assert_eq!(at(29), at(0));
        assert_eq!(at(30), Ramp { share: 1.0 / 32.0, trial: false });
        let share = |seconds| at(seconds).share;
        // 270 s for five doublings: 54 s each, give or take a step.
        for doubling in 1..5 {
            let before = share(30 + 54 * (doubling - 1));
            assert!((share(30 + 54 * doubling) / before - 2.0).abs() < 0.3, "{doubling}");
        }
        assert!((30..300).all(|s| share(s + 1) >= share(s) && share(s + 1) <= share(s) * 1.15), "small steps, upward");
        assert_eq!(at(300), Ramp::default());
        assert_eq!(at(u64::MAX), Ramp::default());
    }

    #[test]
    fn short_ramps_have_short_trials_and_none_is_at_once() {
        assert_eq!(trial(Duration::from_secs(20)), Duration::from_secs(10));
        assert_eq!(ramp(Duration::ZERO, Duration::ZERO), Ramp::default());
        assert!(ramp(Duration::from_millis(499), Duration::from_secs(1)).trial);
        assert!(!ramp(Duration::from_millis(500), Duration::from_secs(1)).trial);
    }

    #[test]
    fn a_saved_ramp_goes_on_where_it_was() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        for seconds in [30, 100, 200, 299] {
            let began = began(at(seconds), LENGTH, now).unwrap();
            let elapsed = (now - began).to_std().unwrap() + Duration::from_millis(1);
            assert_eq!(ramp(elapsed, LENGTH), at(seconds), "{seconds}");
        }
        assert_eq!(began(at(12), LENGTH, now), Some(now), "a trial begins anew");
        assert_eq!(began(Ramp::default(), LENGTH, now), None);
        assert_eq!(began(at(12), Duration::ZERO, now), None, "the policy wants none any more");
    }
}
