//! What is known of one question (a host name, a family of addresses, a view), and when it is asked again.
//!
//! # How long addresses live
//! As long as their owner says, within [`FLOOR`] and [`CEILING`]. They are asked for again after four fifths to nine tenths of
//! that, spread by chance so that what was learnt together is not asked for together: the new ones are then here before the
//! old ones end, and one slow answer is not noticed. A resolver that answers from its cache gives what is left of
//! a lifetime, and is asked again when most of that is over: a few questions a lifetime, in all.
//!
//! The floor is 5 s, the least that a policy's `ttl` can be: a host name is asked for no more often, whatever comes back,
//! and resolvers keep nothing for less. The ceiling is an hour, because addresses that were given for a day have been known
//! to move within it, and a question an hour costs nothing.
//!
//! What is answered has the same end: [`Kept::ttl`] counts down with the lifetime, so that nobody holds an address for longer
//! than whoever asked its owner. It does not fall below the floor: in the last seconds of a lifetime, and where it is over
//! since resolution fails, a shorter one would only bring more queries (RFC 8767 §4 would allow 30 s; what is new should be
//! heard of sooner than that).
//!
//! # Failure
//! No answer, SERVFAIL, REFUSED, nonsense: the last good addresses stay (RFC 8767), and it is asked again after the floor,
//! then after twice as long each time up to [`RETRY_CEILING`], half of it by chance. A minute at most, so that resolvers which
//! come back are noticed at once by any person's measure, and are not met by a crowd. After [`STALE`] they are given up: an
//! address that nobody has confirmed for three days (the most that RFC 8767 §5 thinks of) may be a stranger's by then. What
//! was never known, or was given up, is *unknown*: a server failure, and never "no data", which resolvers would believe.
//!
//! # Denial
//! NXDOMAIN, or no data of the type. Where nothing was known it is taken at its word: most often the host has no IPv6
//! addresses. Where addresses were known it may be a resolver's mishap, a zone half loaded or a name just being moved, and to
//! believe it is to take a service off the air: it must be said [`DENIALS`] times in a row, each at least the floor after the
//! other and by another resolver where there are several. That is 10 s later than one denial would be, for those who
//! meant it. Believed, it lives as long as the zone says (RFC 2308) but [`DENIAL_CEILING`] at most: the way back is what
//! counts then.
//!
//! # Many addresses
//! Are kept in order, each once, and [`MOST`] at most: so many AAAA records still fit a UDP reply of 1,232 octets, and no
//! client tries more. The same addresses in another order are no change.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};

/// The shortest life of an answer, and the least from one question to the next.
pub(crate) const FLOOR: Duration = Duration::from_secs(5);
/// The longest life of addresses.
pub(crate) const CEILING: Duration = Duration::from_secs(3600);
/// The longest life of a denial.
pub(crate) const DENIAL_CEILING: Duration = Duration::from_secs(60);
/// The longest pause after a failure.
pub(crate) const RETRY_CEILING: Duration = Duration::from_secs(60);
/// How long addresses are kept after their life's end.
pub(crate) const STALE: Duration = Duration::from_secs(3 * 86_400);
/// How often in a row it must be said that what was there is there no more.
pub(crate) const DENIALS: u32 = 3;
/// How many addresses are kept.
pub(crate) const MOST: usize = 16;

/// What came of a question. Lifetimes in seconds, as told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// These addresses, all of the family asked for.
    Found { addresses: Vec<IpAddr>, ttl: u32 },
    /// There are none.
    Denied { ttl: u32 },
    /// Nobody could tell.
    Failed,
}

/// The addresses in force, maybe none; shared with what is answered.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Ascending, each once.
    pub(crate) addresses: Box<[IpAddr]>,
    /// The end of their life, in Unix milliseconds: all that changes while they stay the same.
    until_ms: AtomicI64,
}

/// One question's state.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// What is answered; `None`: unknown.
    pub(crate) kept: Option<Arc<Kept>>,
    /// When it was last confirmed, in Unix milliseconds.
    pub(crate) at_ms: Option<i64>,
    /// When it is asked next, in Unix milliseconds.
    pub(crate) due_ms: i64,
    /// Whether anything came of it yet, be it failure.
    pub(crate) tried: bool,
    /// Whether it is being asked.
    pub(crate) is_asked: bool,
    failures: u32,
    denials: u32,
}

impl Kept {
    fn new(addresses: Vec<IpAddr>, until_ms: i64) -> Arc<Self> {
        Arc::new(Self { addresses: addresses.into(), until_ms: until_ms.into() })
    }

    /// These, whose life is over.
    #[cfg(test)]
    pub(crate) fn of(addresses: &[&str]) -> Arc<Self> {
        Self::new(addresses.iter().map(|address| address.parse().unwrap()).collect(), 0)
    }

    /// The seconds for which they may be kept by others, from now on; see the page above.
    pub(crate) fn ttl(&self, now: DateTime<Utc>) -> u32 {
        let left_ms = self.until_ms.load(Ordering::Relaxed) - now.timestamp_millis();
        u32::try_from(left_ms / 1000).unwrap_or(0).max(FLOOR.as_secs() as u32)
    }
}

impl Known {
    /// Nothing yet; to be asked at `due_ms`.
    pub(crate) fn new(due_ms: i64, is_asked: bool) -> Self {
        Self { due_ms, is_asked, ..Self::default() }
    }

    /// Takes up what came of the question at `now_ms`; `chance` is within 0…1. Whether what is answered changed by it.
    pub(crate) fn take(&mut self, outcome: Outcome, now_ms: i64, chance: f64) -> bool {
        let first = !std::mem::replace(&mut self.tried, true);
        first
            | match outcome {
                Outcome::Found { mut addresses, ttl } => {
                    addresses.sort_unstable();
                    addresses.dedup();
                    addresses.truncate(MOST);
                    self.hold(addresses, life(ttl, CEILING), now_ms, chance)
                }
                Outcome::Denied { ttl } => {
                    self.denials += 1;
                    let had_some = self.kept.as_ref().is_some_and(|kept| !kept.addresses.is_empty());
                    if had_some && self.denials < DENIALS {
                        self.due_ms = now_ms + millis(FLOOR);
                        return first;
                    }
                    self.hold(Vec::new(), life(ttl, DENIAL_CEILING), now_ms, chance)
                }
                Outcome::Failed => self.fail(now_ms, chance),
            }
    }

    /// Which resolver is asked first, of as many as there are: another for each denial and failure in a row.
    pub(crate) fn turn(&self) -> usize {
        (self.denials + self.failures) as usize
    }

    fn hold(&mut self, addresses: Vec<IpAddr>, life: Duration, now_ms: i64, chance: f64) -> bool {
        let until_ms = now_ms + millis(life);
        self.due_ms = now_ms + millis(life.mul_f64(0.8 + 0.1 * chance).max(FLOOR));
        (self.at_ms, self.failures) = (Some(now_ms), 0);
        if !addresses.is_empty() {
            self.denials = 0;
        }
        match &self.kept {
            Some(kept) if *kept.addresses == *addresses => {
                kept.until_ms.store(until_ms, Ordering::Relaxed);
                false
            }
            _ => {
                self.kept = Some(Kept::new(addresses, until_ms));
                true
            }
        }
    }

    fn fail(&mut self, now_ms: i64, chance: f64) -> bool {
        let pause = FLOOR.saturating_mul(1 << self.failures.min(10)).min(RETRY_CEILING);
        self.due_ms = now_ms + millis(pause.mul_f64(0.5 + 0.5 * chance).max(FLOOR));
        self.failures += 1;
        let over_ms = |kept: &Arc<Kept>| now_ms - kept.until_ms.load(Ordering::Relaxed);
        self.kept.take_if(|kept| over_ms(kept) > millis(STALE)).is_some()
    }
}

fn life(ttl: u32, ceiling: Duration) -> Duration {
    Duration::from_secs(ttl.into()).clamp(FLOOR, ceiling)
}

fn millis(duration: Duration) -> i64 {
    duration.as_millis() as i64 // days at most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(addresses: &[&str], ttl: u32) -> Outcome {
        Outcome::Found { addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(), ttl }
    }

    fn kept(known: &Known) -> Option<Vec<String>> {
        known.kept.as_ref().map(|kept| kept.addresses.iter().map(IpAddr::to_string).collect())
    }

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(ms).unwrap()
    }

    #[test]
    fn addresses_live_as_their_owner_says() {
        let mut known = Known::default();
        assert!(known.take(found(&["192.0.2.2", "192.0.2.1", "192.0.2.2"], 100), 0, 0.0));
        assert_eq!((kept(&known).unwrap(), known.due_ms), (vec!["192.0.2.1".into(), "192.0.2.2".into()], 80_000));
        let before = known.kept.clone().unwrap();
        assert_eq!([0, 40_500, 99_000, 500_000].map(|ms| before.ttl(at(ms))), [100, 59, 5, 5]);
        // In another order they are the same, and what was given out lives on with them.
        assert!(!known.take(found(&["192.0.2.1", "192.0.2.2"], 100), 90_000, 1.0));
        assert_eq!((before.ttl(at(90_000)), known.due_ms), (100, 180_000));
        assert!(known.take(found(&["192.0.2.3"], 1), 180_000, 1.0));
        assert_eq!((known.due_ms, known.kept.unwrap().ttl(at(180_000))), (185_000, 5), "not under the floor");
        let mut known = Known::default();
        known.take(found(&["192.0.2.1"], 86_400), 0, 1.0);
        assert_eq!((known.due_ms, known.kept.unwrap().ttl(at(0))), (3_240_000, 3600), "nor over the ceiling");
    }

    #[test]
    fn failures_leave_what_is_good_for_three_days() {
        let mut known = Known::default();
        known.take(found(&["192.0.2.1"], 60), 0, 0.0);
        let (mut now, mut pauses) = (known.due_ms, Vec::new());
        while kept(&known).is_some() {
            let changed = known.take(Outcome::Failed, now, 1.0);
            assert_eq!(changed, known.kept.is_none());
            pauses.push((known.due_ms - now) / 1000);
            now = known.due_ms;
        }
        assert_eq!(pauses[..6], [5, 10, 20, 40, 60, 60]);
        let days = now as f64 / 86_400_000.0;
        assert!((3.0..3.01).contains(&days), "given up after {days} days");
        assert!(known.take(found(&["192.0.2.1"], 60), now, 0.0));
        assert_eq!(known.turn(), 0);
    }

    #[test]
    fn a_failure_is_retried_no_sooner_than_the_floor_whatever_chance_says() {
        let mut known = Known::default();
        assert!(known.take(Outcome::Failed, 0, 0.0), "who waits for the first try hears of it");
        assert_eq!((known.due_ms, known.kept.is_none()), (5_000, true));
        assert!(!known.take(Outcome::Failed, 5_000, 0.0));
    }

    #[test]
    fn what_was_there_is_gone_when_it_was_said_three_times() {
        let mut known = Known::default();
        known.take(found(&["192.0.2.1"], 60), 0, 0.0);
        let denied = || Outcome::Denied { ttl: 900 };
        assert!(!known.take(denied(), 50_000, 0.0) && !known.take(denied(), 55_000, 0.0));
        assert_eq!((known.due_ms, known.turn(), kept(&known).unwrap().len()), (60_000, 2, 1));
        // Addresses in between begin the count anew.
        assert!(!known.take(found(&["192.0.2.1"], 60), 60_000, 0.0));
        assert!(![0, 1].map(|_| known.take(denied(), 120_000, 0.0)).contains(&true));
        assert!(known.take(denied(), 130_000, 0.0));
        assert_eq!((kept(&known), known.due_ms), (Some(vec![]), 178_000), "asked again within a minute");
        assert!(!known.take(denied(), 178_000, 0.0));
        assert!(known.take(found(&["192.0.2.9"], 60), 226_000, 0.0));
    }

    #[test]
    fn where_nothing_was_known_a_denial_is_taken_at_its_word() {
        let mut known = Known::default();
        assert!(known.take(Outcome::Denied { ttl: 30 }, 0, 0.0));
        assert_eq!((kept(&known), known.due_ms), (Some(vec![]), 24_000));
    }

    #[test]
    fn so_many_addresses_are_kept_and_always_the_same() {
        let all: Vec<String> = (0..40).map(|n| format!("192.0.2.{n}")).collect();
        let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut known = Known::default();
        known.take(found(&all, 60), 0, 0.0);
        assert_eq!(known.kept.as_ref().unwrap().addresses.len(), MOST);
        all.reverse();
        assert!(!known.take(found(&all, 60), 50_000, 0.0));
    }
}
