//! What viewers say of a pathway by their requests: two rules over counts of ten seconds. The page in [`super`] argues them.

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_policies::Availability;

use super::{
    Cause, DEGRADED_AT, DOWN_AT, HOLD, HOLD_LIMIT, Health, MIN_REQUESTS, MIN_REQUESTS_RAMPING, STANDARD_ERRORS,
    Verdict, rules::Rules,
};

/// Requests that viewers told of in ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// When these seconds begin, Unix seconds by the store's clock: a whole multiple of [`BUCKET`].
    pub bucket: i64,
    /// Of the requests, failed.
    pub errors: u64,
    /// Requests told of.
    pub requests: u64,
}

/// Seconds in a [`Count`].
pub const BUCKET: i64 = 10;

/// What one rule says, while it says something. `Down`: it speaks against the pathway.
type Opinion = Option<(Health, Cause)>;

/// What a window means for those who are still to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Told {
    /// More may come: few requests fail, or nothing has spoken against it for long.
    Fine,
    /// It stays as it is: a part of the requests fails, or what spoke against it is not answered yet.
    Unclear,
    /// Some must go: of the requests, so many went well, 0…1.
    Against { well: f64 },
}

/// What viewers' requests say.
#[derive(Debug, Default)]
pub(super) struct Viewed {
    /// The ring: ascending by bucket, as far back as the policy's `over`. A bucket that still fills is replaced.
    counts: VecDeque<Count>,
    /// Buckets before this one are spent: they have spoken already, or are from before the pathway came back.
    spent: i64,
    /// By the newest half minute.
    quick: Opinion,
    /// By the policy's `availability`.
    slow: Opinion,
    /// When something last spoke against it.
    bad_at: Option<DateTime<Utc>>,
    /// How long silence must last now.
    hold: Duration,
    /// They have left nobody on it.
    out: bool,
    /// How long the last eviction was held against it, and when it ended.
    held: Option<(Duration, DateTime<Utc>)>,
}

impl Viewed {
    /// What viewers said before a restart holds as if said now: the node did not listen meanwhile, so their silence until
    /// now means nothing.
    pub(super) fn restored(verdict: &Verdict, now: DateTime<Utc>) -> Self {
        let opinion = Some((verdict.health, verdict.cause.clone()));
        let out = verdict.health >= Health::Down;
        let held = Self { bad_at: Some(now), hold: HOLD, out, ..Self::default() };
        match verdict.cause {
            Cause::RequestErrors { .. } if verdict.health > Health::Up => Self { quick: opinion, ..held },
            Cause::Availability { .. } if verdict.health > Health::Up => Self { slow: opinion, ..held },
            _ => Self::default(),
        }
    }

    /// The worse of the two rules' opinions; not down while somebody is left on it.
    pub(super) fn opinion(&self) -> Opinion {
        let worse = [&self.quick, &self.slow].into_iter().flatten().reduce(|a, b| if b.0 > a.0 { b } else { a });
        let most = if self.out { Health::Down } else { Health::Degraded };
        worse.map(|(health, cause)| (*health.min(&most), cause.clone()))
    }

    /// `counts` are of the newest half minute, whole buckets, all that there is of it; `ramping` if the pathway counts as fit
    /// for a part only.
    pub(super) fn hear(&mut self, counts: &[Count], rules: &Rules, ramping: bool, now: DateTime<Utc>) -> Told {
        self.keep(counts, rules.availability);
        let quick = self.by_quick(counts, ramping, now);
        let slow = rules.availability.and_then(|availability| self.by_availability(availability, now));
        if rules.availability.is_none() {
            self.slow = None;
        }
        let down = |opinion: &Opinion| opinion.as_ref().is_some_and(|(health, _)| *health >= Health::Down);
        if self.out && !down(&self.quick) && !down(&self.slow) {
            self.out = false;
            self.held = Some((self.hold, now));
        }
        match (quick, slow) {
            (Told::Against { well }, other) => Told::Against { well: other.map_or(well, |other| well.min(other)) },
            (_, Some(well)) => Told::Against { well },
            (told, None) => told,
        }
    }

    /// All of them are sent away.
    pub(super) fn evict(&mut self, rules: &Rules, now: DateTime<Utc>) {
        let again = self.held.filter(|(_, ended)| since(*ended, now) < rules.ramp + HOLD_LIMIT);
        self.hold = again.map_or(HOLD, |(hold, _)| (hold * 2).min(HOLD_LIMIT));
        (self.out, self.bad_at) = (true, Some(now));
    }

    /// What was told until now says nothing about what is told from now on.
    pub(super) fn forget(&mut self) {
        self.spent = self.counts.back().map_or(self.spent, |newest| self.spent.max(newest.bucket + BUCKET));
    }

    /// Keeps the counts in the ring, and no more than the window needs.
    fn keep(&mut self, counts: &[Count], availability: Option<Availability>) {
        for count in counts {
            match self.counts.binary_search_by_key(&count.bucket, |kept| kept.bucket) {
                Ok(at) => self.counts[at] = *count,
                Err(at) => self.counts.insert(at, *count),
            }
        }
        let over = availability.map_or(BUCKET, |a| a.over.as_secs() as i64);
        let oldest = self.counts.back().map_or(0, |newest| newest.bucket + BUCKET - over);
        while self.counts.front().is_some_and(|count| count.bucket < oldest) {
            self.counts.pop_front();
        }
    }

    /// The rule of the newest half minute.
    fn by_quick(&mut self, counts: &[Count], ramping: bool, now: DateTime<Utc>) -> Told {
        let (errors, requests) = sum(counts.iter().filter(|count| count.bucket >= self.spent));
        let ratio = errors as f64 / requests.max(1) as f64;
        let before = self.quick.as_ref().map_or(Health::Up, |(health, _)| *health);
        // The threshold of a level that already holds is half as high; while it ramps, that of `down` is not left yet.
        let at = |level: Health, threshold: f64| if before >= level { threshold / 2.0 } else { threshold };
        let health = if ramping && requests >= MIN_REQUESTS_RAMPING && ratio >= DOWN_AT / 2.0 {
            Health::Down
        } else if requests < MIN_REQUESTS {
            let silent = self.is_silent(now);
            if silent {
                self.quick = None;
            }
            let few = requests >= MIN_REQUESTS_RAMPING;
            let fine = if few { ratio < DEGRADED_AT } else { silent };
            return if fine { Told::Fine } else { Told::Unclear };
        } else if ratio >= at(Health::Down, DOWN_AT) {
            Health::Down
        } else if ratio >= at(Health::Degraded, DEGRADED_AT) {
            Health::Degraded
        } else {
            Health::Up
        };
        let anew = health == Health::Down && !self.out;
        if anew || self.quick.as_ref().is_none_or(|(before, _)| *before != health) {
            self.quick = Some((health, Cause::RequestErrors { errors, requests }));
        }
        if health > Health::Up {
            self.spoken_against(now);
        }
        match health {
            Health::Down => Told::Against { well: 1.0 - ratio },
            _ if ratio < DEGRADED_AT => Told::Fine,
            _ => Told::Unclear,
        }
    }

    /// The policy's rule. Where it speaks against the pathway, gives which share of the requests went well; then what it
    /// rested on is spent.
    fn by_availability(&mut self, Availability { least, over }: Availability, now: DateTime<Utc>) -> Option<f64> {
        let (errors, requests) = sum(self.counts.iter().filter(|count| count.bucket >= self.spent));
        let (failed, all, most) = (errors as f64, requests as f64, 1.0 - least);
        let by_chance = STANDARD_ERRORS * (all * most * least).sqrt();
        if requests >= MIN_REQUESTS && failed > all * most + by_chance {
            if self.slow.is_none() || !self.out {
                self.slow =
                    Some((Health::Down, Cause::Availability { errors, requests, least, over_s: over.as_secs() }));
            }
            self.spoken_against(now);
            self.forget();
            return Some(1.0 - failed / all);
        }
        let clear = requests >= MIN_REQUESTS && failed < all * most / 2.0;
        if clear || self.is_silent(now) {
            self.slow = None;
        }
        None
    }

    fn spoken_against(&mut self, now: DateTime<Utc>) {
        self.bad_at = Some(now);
        if !self.out {
            self.hold = HOLD;
        }
    }

    /// Whether nothing has spoken against it for as long as it is held against it.
    fn is_silent(&mut self, now: DateTime<Utc>) -> bool {
        // A clock set back must not hold a verdict for as long as it was set back.
        self.bad_at = self.bad_at.map(|bad_at| bad_at.min(now));
        self.bad_at.is_none_or(|bad_at| since(bad_at, now) >= self.hold)
    }
}

/// Errors and requests.
fn sum<'a>(counts: impl Iterator<Item = &'a Count>) -> (u64, u64) {
    counts.fold((0, 0), |(errors, requests), count| (errors + count.errors, requests + count.requests))
}

fn since(then: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (now - then).max(TimeDelta::zero()).to_std().unwrap_or_default()
}
