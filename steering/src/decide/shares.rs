//! How likely each pathway is to be the answer, over the draws of clients that are alike in all else.
//!
//! # Method
//! A decision is a function of the asker and of draws, each uniform in (0, 1) and independent of the others. So the chain,
//! the very one that decides, is run with draws that are not made but gone through: where it asks for one, the run takes the
//! first of the possible outcomes and notes how likely that was; at its end the probability of the whole way is added to the
//! pathway that came out first, and the chain is run again along the next way, depth first, until all have been gone. The
//! outcomes of a draw are:
//! - *a phase*: yes or no. A draw that is asked about more than once (all leads of a `rank` step ask one) is known to lie in
//!   an interval after the first time, and the next question splits that.
//! - *equals shared out*: who comes first, with probability wᵢ/Σw; then who comes next, of those that are left by their
//!   weights, and so on. That is just how exponential clocks ring (Plackett 1975). Where no step to come looks behind the
//!   one that is answered, only that one is gone through, and not the k! orders behind it.
//!
//! # Bound
//! The result is exact while there are at most [`WAYS`] ways: a tier of 30 with weights last has 30, five pathways in any
//! order before a `capacity` that admits a share of each have some 300, and each phase at most doubles them. Past that, and where
//! equals are shared out twice with something between that looks at the first order (the two orders are not independent), the
//! chain is decided for [`ASKERS`] askers with keys from a fixed sequence: each probability is then off by less than 0.008
//! in 95 of 100 cases, at worst (√(¼/16384) · 1.96).

use chrono::{DateTime, Utc};
use fairway_policies::{StepKind, model::MAX_PATHWAYS};

use super::{
    chain::is_for,
    decision::{Choice, Decision},
    phase::{Draws, Hashed, Key, Tier, mix},
    run,
};
use crate::{client::Asker, snapshot::Service};

/// So many ways are gone through at most: some milliseconds' work.
const WAYS: usize = 10_000;
/// Decided for where that is not enough.
const ASKERS: u64 = 16_384;

/// By pathway index: the probability, over the draws of clients like this one (whatever their session, prefix and content),
/// that it is the one they are sent to. They add up to 1, or to 0 where the fences leave nobody.
pub fn shares(service: &Service, asker: &Asker, now: DateTime<Utc>) -> Vec<f64> {
    exactly(service, asker, now).unwrap_or_else(|| nearly(service, asker, now))
}

/// By going through all ways; `None` if these are too many, or if their draws are related.
pub(super) fn exactly(service: &Service, asker: &Asker, now: DateTime<Utc>) -> Option<Vec<f64>> {
    let mut shares = vec![0.0; service.policy.pathways.len()];
    let mut ways = Ways::new(service, asker);
    for _ in 0..WAYS {
        let decision = run(service, asker, None, &mut ways, now, &mut ());
        if ways.related {
            return None;
        }
        add(&mut shares, service, asker, &decision, ways.likely);
        if !ways.turn() {
            return Some(shares);
        }
    }
    None
}

/// By deciding for many.
pub(super) fn nearly(service: &Service, asker: &Asker, now: DateTime<Utc>) -> Vec<f64> {
    let mut shares = vec![0.0; service.policy.pathways.len()];
    for n in 0..ASKERS {
        let key = |of: Option<u64>, which: u64| of.map(|_| mix(n * 3 + which, 0x9e37_79b9_7f4a_7c15));
        let (session, prefix, content) = (key(asker.session, 0), key(asker.prefix, 1), key(asker.content, 2));
        let someone = Asker { session, prefix, content, ..*asker };
        let decision = run(service, &someone, None, Hashed, now, &mut ());
        add(&mut shares, service, asker, &decision, 1.0 / ASKERS as f64);
    }
    shares
}

fn add(shares: &mut [f64], service: &Service, asker: &Asker, decision: &Decision, likely: f64) {
    let first = decision.first(&service.policy, asker.via);
    if let Some(share) = first.and_then(|pathway| shares.get_mut(usize::from(pathway))) {
        *share += likely;
    }
}

/// Where draws are gone through: the way of this run, and what is known on it.
struct Ways {
    /// What was taken at each fork of the way, and of how many.
    forks: Vec<(usize, usize)>,
    /// The fork that comes next in this run.
    at: usize,
    /// How likely the way so far is.
    likely: f64,
    /// Draws asked about so far, and between what they lie.
    known: Vec<(Key, u64, f64, f64)>,
    /// Orders gone through so far: by which key, at which step.
    orders: Vec<(Key, usize)>,
    /// By step: how much of an order matters.
    matters: Vec<Matters>,
    /// Draws met that are not independent.
    related: bool,
}

/// How much of the order into which a step puts equals matters to the answer.
#[derive(Clone, Copy, PartialEq)]
enum Matters {
    /// Nothing: the next step to look at it makes it anew.
    Nothing,
    /// Who comes first.
    First,
    /// All of it.
    All,
}

impl Ways {
    fn new(service: &Service, asker: &Asker) -> Self {
        let steps = &service.policy.steps;
        let matters = (0..steps.len()).map(|index| {
            let later = steps.iter().enumerate().skip(index + 1).filter(|(i, s)| is_for(asker, *i, &s.when));
            matters(later.map(|(_, step)| &step.kind), service.policy.pathways.len())
        });
        let (forks, known, orders) = (Vec::new(), Vec::new(), Vec::new());
        Self { forks, at: 0, likely: 1.0, known, orders, matters: matters.collect(), related: false }
    }

    /// Goes back to the last fork with a way not yet gone. `false`: all have been.
    fn turn(&mut self) -> bool {
        (self.at, self.likely) = (0, 1.0);
        self.known.clear();
        self.orders.clear();
        while let Some((taken, of)) = self.forks.pop() {
            if taken + 1 < of {
                self.forks.push((taken + 1, of));
                return true;
            }
        }
        false
    }

    /// Takes one of these, of which one at least is not impossible.
    fn fork(&mut self, likely: &[f64]) -> usize {
        if self.at == self.forks.len() {
            self.forks.push((0, likely.len()));
        }
        let taken = self.forks[self.at].0;
        self.at += 1;
        self.likely *= likely[taken];
        taken
    }

    /// Takes one by weight; the index of one with a weight, if there is any.
    fn fork_by_weight(&mut self, equals: &[Choice], weight: impl Fn(&Choice) -> u32) -> Option<usize> {
        let mut drawn = arrayvec::ArrayVec::<usize, MAX_PATHWAYS>::new();
        drawn.extend(equals.iter().enumerate().filter(|(_, c)| weight(c) > 0).map(|(index, _)| index));
        let all: f64 = drawn.iter().map(|index| f64::from(weight(&equals[*index]))).sum();
        let likely: arrayvec::ArrayVec<f64, MAX_PATHWAYS> =
            drawn.iter().map(|index| f64::from(weight(&equals[*index])) / all).collect();
        match likely.len() {
            0 | 1 => drawn.first().copied(),
            _ => Some(drawn[self.fork(&likely)]),
        }
    }
}

fn matters<'s>(mut later: impl Iterator<Item = &'s StepKind>, pathways: usize) -> Matters {
    match later.next() {
        None => Matters::First,
        Some(StepKind::Stick(_)) => Matters::Nothing,
        Some(StepKind::Weights(weights)) if (0..pathways).all(|i| weights.shares.get(i).is_some_and(|w| *w > 0)) => {
            Matters::Nothing
        }
        // Whom it picks depends on who is first, and not on the order of the others.
        Some(StepKind::Explore(_)) if later.all(|step| matches!(step, StepKind::Limit(_))) => Matters::First,
        Some(StepKind::Limit(_)) if later.all(|step| matches!(step, StepKind::Limit(_))) => Matters::First,
        Some(_) => Matters::All,
    }
}

impl Draws for &mut Ways {
    fn among(&mut self, key: Key, seed: u64, share: f64) -> bool {
        let index = self.known.iter().position(|(k, s, ..)| (*k, *s) == (key, seed)).unwrap_or_else(|| {
            self.known.push((key, seed, 0.0, 1.0));
            self.known.len() - 1
        });
        let (_, _, low, high) = self.known[index];
        let likely = ((share - low) / (high - low)).clamp(0.0, 1.0);
        if likely <= 0.0 || likely >= 1.0 {
            return likely >= 1.0;
        }
        let among = self.fork(&[likely, 1.0 - likely]) == 0;
        (self.known[index].2, self.known[index].3) = if among { (low, share) } else { (share, high) };
        among
    }

    fn pick(&mut self, _: Key, equals: &[Choice], of: impl Fn(&Choice) -> (u32, u64)) -> usize {
        self.fork_by_weight(equals, |c| of(c).0).unwrap_or(0)
    }

    fn share_out(&mut self, key: Key, tier: Tier<'_>, of: impl Fn(&Choice) -> (u32, u64)) {
        let matters = self.matters.get(tier.step).copied().unwrap_or(Matters::All);
        if matters == Matters::Nothing {
            return;
        }
        self.related |= self.orders.iter().any(|(k, step)| *k == key && *step != tier.step);
        let Tier { answers, equals, step } = tier;
        if matters == Matters::First {
            let weight = |c: &Choice| if answers.contains(usize::from(c.pathway)) { of(c).0 } else { 0 };
            if let Some(first) = self.fork_by_weight(equals, weight) {
                equals[..=first].rotate_right(1);
            }
            return;
        }
        self.orders.push((key, step));
        for at in 0..equals.len() {
            if let Some(next) = self.fork_by_weight(&equals[at..], |c| of(c).0) {
                equals[at..=at + next].rotate_right(1);
            }
        }
    }
}
