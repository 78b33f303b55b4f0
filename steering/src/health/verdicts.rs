//! The pure part: outcomes and counts in, verdicts out. The page in [`super`] argues each rule.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_policies::Policy;
use serde::Serialize;

use super::{Cause, DEGRADED_AT, DOWN_AT, HOLD, HOLD_LIMIT, Health, MIN_REQUESTS, PathKey, Verdict, probe::Outcome};

/// Probes of one pathway since the node's start, by outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tally {
    /// Service id.
    pub service: String,
    /// Pathway id.
    pub pathway: String,
    /// Went well.
    pub passed: u64,
    /// Did not.
    pub failed: u64,
}

/// What probes say.
#[derive(Debug, Default)]
struct Probed {
    /// `None` until `rise` or `fall` in a row have spoken.
    opinion: Option<(Health, Cause)>,
    passed: u64,
    failed: u64,
    /// Outcomes of the last kind in a row.
    run: u32,
    passing: bool,
}

impl Probed {
    fn hear(&mut self, outcome: &Outcome, rise: u32, fall: u32) {
        let passing = outcome.is_ok();
        self.run = if passing == self.passing { self.run.saturating_add(1) } else { 1 };
        self.passing = passing;
        let health = self.opinion.as_ref().map(|(health, _)| *health);
        match outcome {
            Ok(()) => {
                self.passed += 1;
                if self.run >= rise && health != Some(Health::Up) {
                    self.opinion = Some((Health::Up, Cause::ProbesPassed { count: self.run }));
                }
            }
            Err(error) => {
                self.failed += 1;
                if self.run >= fall && health != Some(Health::Down) {
                    let error = error.to_string();
                    self.opinion = Some((Health::Down, Cause::ProbesFailed { count: self.run, error }));
                }
            }
        }
    }
}

/// What viewers' requests say.
#[derive(Debug, Default)]
struct Viewed {
    /// `None` while silent and nothing is held against it.
    opinion: Option<(Health, Cause)>,
    /// The last window that spoke against it.
    bad_at: Option<DateTime<Utc>>,
    /// How long silence must last now.
    hold: Duration,
}

impl Viewed {
    fn health(&self) -> Health {
        self.opinion.as_ref().map_or(Health::Up, |(health, _)| *health)
    }

    /// Of `requests` in the window, `errors` failed.
    fn hear(&mut self, errors: u64, requests: u64, now: DateTime<Utc>) {
        if requests < MIN_REQUESTS {
            self.silence(now);
            return;
        }
        let ratio = errors as f64 / requests as f64;
        let before = self.health();
        // The threshold of a level that already holds is half as high.
        let at = |level: Health, threshold: f64| if before >= level { threshold / 2.0 } else { threshold };
        let health = if ratio >= at(Health::Down, DOWN_AT) {
            Health::Down
        } else if ratio >= at(Health::Degraded, DEGRADED_AT) {
            Health::Degraded
        } else {
            Health::Up
        };
        if health > Health::Up {
            if before == Health::Up {
                self.hold = match self.bad_at {
                    Some(bad_at) if since(bad_at, now) < self.hold + HOLD_LIMIT => (self.hold * 2).min(HOLD_LIMIT),
                    _ => HOLD,
                };
            }
            self.bad_at = Some(now);
        }
        if self.opinion.is_none() || health != before {
            self.opinion = Some((health, Cause::RequestErrors { errors, requests }));
        }
    }

    /// Nobody says anything.
    fn silence(&mut self, now: DateTime<Utc>) {
        // A clock set back must not hold a verdict for as long as it was set back.
        self.bad_at = self.bad_at.map(|bad_at| bad_at.min(now));
        if self.bad_at.is_none_or(|bad_at| since(bad_at, now) >= self.hold) {
            self.opinion = None;
        }
    }
}

fn since(then: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (now - then).max(TimeDelta::zero()).to_std().unwrap_or_default()
}

/// One pathway's health: two opinions and the verdict they make.
#[derive(Debug)]
pub struct Watch {
    rise: u32,
    fall: u32,
    probed: Probed,
    viewed: Viewed,
    verdict: Verdict,
}

impl Watch {
    /// Of a pathway with these thresholds and the verdict it had, where it had one. What viewers said of it holds as if said
    /// now: the node did not listen meanwhile, so their silence until now means nothing.
    pub fn new(rise: u32, fall: u32, verdict: Verdict, now: DateTime<Utc>) -> Self {
        let mut watch = Self { rise, fall, probed: Probed::default(), viewed: Viewed::default(), verdict };
        let opinion = Some((watch.verdict.health, watch.verdict.cause.clone()));
        match watch.verdict.cause {
            Cause::ProbesPassed { .. } | Cause::ProbesFailed { .. } => watch.probed.opinion = opinion,
            Cause::RequestErrors { .. } if watch.verdict.health > Health::Up => {
                watch.viewed = Viewed { opinion, bad_at: Some(now), hold: HOLD };
            }
            Cause::RequestErrors { .. } | Cause::Unprobed => {}
        }
        watch
    }

    /// The verdict now.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// A probe ended. Gives the verdict it replaced, if it changed it.
    pub fn probe(&mut self, outcome: &Outcome, now: DateTime<Utc>) -> Option<Verdict> {
        self.probed.hear(outcome, self.rise, self.fall);
        self.judge(now)
    }

    /// Of `requests` that viewers told of in the window, `errors` failed.
    pub fn requests(&mut self, errors: u64, requests: u64, now: DateTime<Utc>) -> Option<Verdict> {
        self.viewed.hear(errors, requests, now);
        self.judge(now)
    }

    fn judge(&mut self, now: DateTime<Utc>) -> Option<Verdict> {
        let (health, cause) = match (&self.probed.opinion, &self.viewed.opinion) {
            (Some(probed), Some(viewed)) if viewed.0 > probed.0 => viewed.clone(),
            (Some(probed), _) => probed.clone(),
            (None, Some(viewed)) => viewed.clone(),
            (None, None) => (Health::Up, Cause::Unprobed),
        };
        if health == self.verdict.health && cause == self.verdict.cause {
            return None;
        }
        let since = if health == self.verdict.health { self.verdict.since } else { now };
        Some(std::mem::replace(&mut self.verdict, Verdict { health, cause, since }))
    }
}

/// The verdicts of all pathways.
#[derive(Debug, Default)]
pub struct Verdicts {
    watches: HashMap<PathKey, Watch>,
}

impl Verdicts {
    /// Watches exactly the pathways of these policies: new ones start from `saved`, or else from nothing known; those that
    /// are gone are forgotten; those that stay keep what is known, save that a pathway which lost its probe also loses
    /// what its probes said.
    pub fn follow(
        &mut self,
        policies: &[Arc<Policy>],
        saved: impl Fn(&str, &str) -> Option<Verdict>,
        now: DateTime<Utc>,
    ) {
        let mut before = std::mem::take(&mut self.watches);
        for policy in policies {
            for pathway in &policy.pathways {
                let key = PathKey::new(&policy.service, &pathway.id);
                let (rise, fall) = pathway.probe.as_ref().map_or((1, 1), |probe| (probe.rise, probe.fall));
                let mut watch = before.remove(&key).unwrap_or_else(|| {
                    let verdict = saved(&policy.service, &pathway.id).unwrap_or_else(|| Verdict::unknown(now));
                    Watch::new(rise, fall, verdict, now)
                });
                (watch.rise, watch.fall) = (rise, fall);
                if pathway.probe.is_none() {
                    watch.probed.opinion = None;
                    watch.judge(now);
                }
                self.watches.insert(key, watch);
            }
        }
    }

    /// One pathway's; `None` if no policy has it.
    pub fn watch(&self, service: &str, pathway: &str) -> Option<&Watch> {
        self.watches.get(&PathKey::new(service, pathway))
    }

    /// One pathway's, to tell it something; `None` if no policy has it, as after a reload.
    pub fn watch_mut(&mut self, key: &PathKey) -> Option<&mut Watch> {
        self.watches.get_mut(key)
    }

    /// By pathway index, for a snapshot.
    pub fn of(&self, policy: &Policy, now: DateTime<Utc>) -> Vec<Verdict> {
        let verdict = |id: &str| self.watch(&policy.service, id).map(|watch| watch.verdict.clone());
        policy.pathways.iter().map(|p| verdict(&p.id).unwrap_or_else(|| Verdict::unknown(now))).collect()
    }

    /// Probes counted, for these policies' pathways that have one.
    pub fn tallies(&self, policies: &[Arc<Policy>]) -> Vec<Tally> {
        let probed = policies.iter().flat_map(|policy| {
            policy.pathways.iter().filter(|p| p.probe.is_some()).map(|p| (policy.service.as_str(), p.id.as_str()))
        });
        let tally = |(service, pathway): (&str, &str)| {
            let probed = &self.watch(service, pathway)?.probed;
            let (service, pathway) = (service.to_owned(), pathway.to_owned());
            Some(Tally { service, pathway, passed: probed.passed, failed: probed.failed })
        };
        probed.filter_map(tally).collect()
    }
}
