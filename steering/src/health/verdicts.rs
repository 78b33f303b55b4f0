//! The pure part: outcomes and counts in, verdicts out. The page in [`super`] argues each rule.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use fairway_policies::{Availability, Pathway, Policy, StepKind};
use serde::Serialize;

use super::{
    Cause, Health, PathKey, Ramp, Verdict,
    probe::Outcome,
    recovery,
    viewers::{Count, Viewed},
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

/// What a policy asks of the watch on one of its pathways.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Successes in a row that make it up.
    pub rise: u32,
    /// Failures in a row that make it down.
    pub fall: u32,
    /// When too few of viewers' requests succeed.
    pub availability: Option<Availability>,
    /// How long its return takes; zero: it is back at once.
    pub ramp: Duration,
}

impl Rules {
    /// What `policy` asks for this pathway of it. A verdict is of the pathway and not of a client, so of several `healthy`
    /// steps the first speaks, whomever it is for; without one there is no `availability` and no ramp.
    pub fn of(policy: &Policy, pathway: &Pathway) -> Self {
        let (rise, fall) = pathway.probe.as_ref().map_or((1, 1), |probe| (probe.rise, probe.fall));
        let healthy = policy.steps.iter().find_map(|step| match &step.kind {
            StepKind::Healthy(healthy) => Some(healthy),
            _ => None,
        });
        let (availability, ramp) = healthy.map_or((None, Duration::ZERO), |h| (h.availability, h.ramp));
        Self { rise, fall, availability, ramp }
    }
}

/// One pathway's health: two opinions, the verdict they make, and how far it is back after it was down.
#[derive(Debug)]
pub struct Watch {
    rules: Rules,
    probed: Probed,
    viewed: Viewed,
    verdict: Verdict,
    /// When its return began, while it is on its way.
    began: Option<DateTime<Utc>>,
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
        Self { rules, probed, viewed, verdict, began }
    }

    /// The verdict now.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// How far it is back, taken by itself; [`Verdicts::ramps`] looks at the others of its service too.
    pub fn ramp(&self, now: DateTime<Utc>) -> Ramp {
        let elapsed = |began: DateTime<Utc>| (now - began).to_std().unwrap_or_default();
        self.began.map_or_else(Ramp::default, |began| recovery::ramp(elapsed(began), self.rules.ramp))
    }

    /// A probe ended. Gives the verdict it replaced, if it changed it.
    pub fn probe(&mut self, outcome: &Outcome, now: DateTime<Utc>) -> Option<Verdict> {
        self.probed.hear(outcome, self.rules.rise, self.rules.fall);
        self.judge(now)
    }

    /// What viewers told of their requests in the newest half minute: whole buckets, all that there is of it; nothing when
    /// nobody told anything, or nobody could be asked. Call it every few seconds.
    pub fn requests(&mut self, counts: &[Count], now: DateTime<Utc>) -> Option<Verdict> {
        let ramping = self.ramp(now) != Ramp::default();
        self.viewed.hear(counts, self.rules.availability, ramping, now);
        self.judge(now)
    }

    fn judge(&mut self, now: DateTime<Utc>) -> Option<Verdict> {
        let (health, cause) = match (&self.probed.opinion, self.viewed.opinion()) {
            (Some(probed), Some(viewed)) if viewed.0 > probed.0 => viewed.clone(),
            (Some(probed), _) => probed.clone(),
            (None, Some(viewed)) => viewed.clone(),
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

    /// How far each is back, by pathway index, for a snapshot. Where nobody who is fit is back for everyone, whoever set out
    /// first is: those for whom it is not back yet would have nobody.
    pub fn ramps(&self, policy: &Policy, now: DateTime<Utc>) -> Vec<Ramp> {
        let watches: Vec<_> = policy.pathways.iter().map(|p| self.watch(&policy.service, &p.id)).collect();
        let mut ramps: Vec<Ramp> =
            watches.iter().map(|watch| watch.map_or_else(Ramp::default, |watch| watch.ramp(now))).collect();
        let on_the_way = |i: &usize| ramps[*i] != Ramp::default();
        let fit = |i: &usize| watches[*i].is_none_or(|watch| watch.verdict.health < Health::Down);
        if (0..ramps.len()).filter(fit).all(|i| on_the_way(&i)) {
            let began = |i: usize| watches[i].and_then(|watch| watch.began);
            let first = (0..ramps.len()).filter(on_the_way).filter_map(began).min();
            (0..ramps.len()).filter(|i| began(*i) == first).for_each(|i| ramps[i] = Ramp::default());
        }
        ramps
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
