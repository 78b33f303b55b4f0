//! The pure part: outcomes and counts in, verdicts out. The page in [`super`] argues each rule.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_policies::Policy;
use serde::Serialize;

use super::{
    Cause, Health, PathKey, Ramp, Verdict,
    probe::Outcome,
    recovery::{self, FIRST_SHARE},
    rules::Rules,
    viewers::{Count, Told, Viewed},
};

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

/// One pathway's health: two opinions, the verdict they make, and for how many it counts as fit.
#[derive(Debug)]
pub struct Watch {
    rules: Rules,
    probed: Probed,
    viewed: Viewed,
    verdict: Verdict,
    /// When it would have set out on a return that nothing stops, to be where it is; none if it was never away.
    began: Option<DateTime<Utc>>,
    /// When viewers were last listened to.
    heard_at: DateTime<Utc>,
}

impl Watch {
    /// Of a pathway with these rules, and the verdict and ramp it had, where it had one.
    pub fn new(rules: Rules, verdict: Verdict, ramp: Ramp, now: DateTime<Utc>) -> Self {
        let viewed = Viewed::restored(&verdict, now);
        let probed = match verdict.cause {
            Cause::ProbesPassed { .. } | Cause::ProbesFailed { .. } => {
                Probed { opinion: Some((verdict.health, verdict.cause.clone())), ..Probed::default() }
            }
            _ => Probed::default(),
        };
        let began = recovery::began(ramp, rules.ramp, now).filter(|_| verdict.health < Health::Down);
        Self { rules, probed, viewed, verdict, began, heard_at: now }
    }

    /// The verdict now.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// For how many it counts as fit, taken by itself; [`Verdicts::ramps`] looks at the others of its service too.
    pub fn ramp(&self, now: DateTime<Utc>) -> Ramp {
        self.began.map_or_else(Ramp::default, |began| recovery::ramp(elapsed(began, now), self.rules.ramp))
    }

    /// A probe ended. Gives the verdict it replaced, if it changed it.
    pub fn probe(&mut self, outcome: &Outcome, now: DateTime<Utc>) -> Option<Verdict> {
        self.probed.hear(outcome, self.rules.rise, self.rules.fall);
        self.judge(now)
    }

    /// What viewers told of their requests in the newest half minute: whole buckets, all that there is of it; nothing when
    /// nobody told anything, or nobody could be asked. Call it every few seconds.
    pub fn requests(&mut self, counts: &[Count], now: DateTime<Utc>) -> Option<Verdict> {
        let ramp = self.ramp(now);
        let told = self.viewed.hear(counts, &self.rules, ramp != Ramp::default(), now);
        match told {
            Told::Against { well } if self.verdict.health < Health::Down => self.shrink(ramp, well, now),
            Told::Against { .. } | Told::Unclear => {
                let waited = (now - self.heard_at).max(TimeDelta::zero());
                self.began = self.began.map(|began| began + waited);
            }
            Told::Fine => {}
        }
        self.heard_at = now;
        self.judge(now)
    }

    /// Viewers speak against it: of their requests, the share `well` went well. It stays fit for half of those for whom it
    /// was, or for as many as were served if that is less; on trial, or where too few are left to go on with, for nobody.
    fn shrink(&mut self, ramp: Ramp, well: f64, now: DateTime<Utc>) {
        let share = f64::from(ramp.share) * well.min(0.5);
        let stays = !ramp.trial && share >= FIRST_SHARE;
        let ramp = Ramp { share: share as f32, trial: false };
        self.began = recovery::began(ramp, self.rules.ramp, now).filter(|_| stays);
        match self.began {
            Some(_) => self.viewed.forget(),
            None => self.viewed.evict(&self.rules, now),
        }
    }

    /// How long until it is there for everyone, if nothing stops it.
    fn left(&self, now: DateTime<Utc>) -> Duration {
        self.began.map_or(Duration::ZERO, |began| self.rules.ramp.saturating_sub(elapsed(began, now)))
    }

    fn judge(&mut self, now: DateTime<Utc>) -> Option<Verdict> {
        let (health, cause) = match (&self.probed.opinion, self.viewed.opinion()) {
            (Some(probed), Some(viewed)) if viewed.0 > probed.0 => viewed,
            (Some(probed), _) => probed.clone(),
            (None, Some(viewed)) => viewed,
            (None, None) => (Health::Up, Cause::Unprobed),
        };
        if health == self.verdict.health && cause == self.verdict.cause {
            return None;
        }
        let since = if health == self.verdict.health { self.verdict.since } else { now };
        let before = std::mem::replace(&mut self.verdict, Verdict { health, cause, since });
        match (before.health >= Health::Down, health >= Health::Down) {
            (true, false) => {
                self.viewed.forget();
                self.began = (!self.rules.ramp.is_zero()).then_some(now);
            }
            (_, true) => self.began = None,
            (false, false) => {}
        }
        Some(before)
    }
}

fn elapsed(began: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (now - began).to_std().unwrap_or_default()
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
        saved: impl Fn(&str, &str) -> Option<(Verdict, Ramp)>,
        now: DateTime<Utc>,
    ) {
        let mut before = std::mem::take(&mut self.watches);
        for policy in policies {
            for pathway in &policy.pathways {
                let key = PathKey::new(&policy.service, &pathway.id);
                let rules = Rules::of(policy, pathway);
                let mut watch = before.remove(&key).unwrap_or_else(|| {
                    let saved = saved(&policy.service, &pathway.id);
                    let (verdict, ramp) = saved.unwrap_or_else(|| (Verdict::unknown(now), Ramp::default()));
                    Watch::new(rules, verdict, ramp, now)
                });
                watch.rules = rules;
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

    /// For how many each counts as fit, by pathway index, for a snapshot. Where none that is fit is there for everyone, all of
    /// them are moved on together until one is: those for whom it is not would have nobody.
    pub fn ramps(&mut self, policy: &Policy, now: DateTime<Utc>) -> Vec<Ramp> {
        let keys: Vec<PathKey> = policy.pathways.iter().map(|p| PathKey::new(&policy.service, &p.id)).collect();
        let fit = |watch: &&Watch| watch.verdict.health < Health::Down;
        let least = keys.iter().filter_map(|key| self.watches.get(key)).filter(fit).map(|watch| watch.left(now)).min();
        if let Some(least) = least.filter(|least| !least.is_zero()) {
            for key in &keys {
                let Some(watch) = self.watches.get_mut(key) else { continue };
                let left = watch.left(now);
                watch.began = watch.began.filter(|_| left > least).map(|began| began - least);
            }
        }
        keys.iter().map(|key| self.watches.get(key).map_or_else(Ramp::default, |watch| watch.ramp(now))).collect()
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
