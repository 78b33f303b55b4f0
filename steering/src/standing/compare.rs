//! Who is better, and how surely. The page in [`super`] argues the numbers.

use fairway_policies::{Compare, Metric, Rank};

use crate::{
    cells::Audience,
    estimates::{Estimates, Known, Value},
};

/// How many standard errors a difference must be beyond: the page above argues it.
pub(super) const SURE: f64 = 3.0;
/// The share of time stalled, or of requests or starts failed, from which on a pathway is plainly failing.
pub(super) const FAILING: f64 = 0.10;

/// How sure it must be that a pathway fails plainly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sure {
    /// The probability, at most, with which one that does not would seem to.
    chance: f64,
    /// In standard errors.
    errors: f64,
}

/// Of one that is relied on.
pub(super) const FIRST: Sure = Sure { chance: 1e-4, errors: SURE };
/// Of one that was left, and is tried again: one-sided 95 %, once.
pub(super) const AGAIN: Sure = Sure { chance: 0.05, errors: 1.645 };

/// What a comparison of x with y is for x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Better {
    /// Surely better by the margin, on this metric.
    Surely(Metric),
    /// Better by this share (below 0: worse), which is too little or too unsure; by metric, or by all where they are
    /// weighed.
    Perhaps,
    /// Surely worse by the margin.
    Not,
}

/// By how much x is better than y on some metric: from -1 to 1, and the standard error of that.
#[derive(Clone, Copy, Debug)]
struct Gap {
    by: f64,
    error: f64,
}

/// What no viewer notices, in the metric's unit.
pub(super) fn floor(metric: Metric) -> f64 {
    match metric {
        Metric::StallRatio => 0.005,
        Metric::StartFailures | Metric::RequestErrors => 0.01,
        Metric::StartupTime => 300.0,
        Metric::Ttfb => 50.0,
        Metric::Bitrate | Metric::Throughput => 250_000.0,
    }
}

fn gap(metric: Metric, x: &Known, y: &Known) -> Option<Gap> {
    let (x, y) = (x.value(metric)?, y.value(metric)?);
    let (good, bad) = if metric.more_is_better() { (y, x) } else { (x, y) };
    let scale = f64::from(x.value.max(y.value)) + floor(metric);
    let error = f64::from(x.error).hypot(f64::from(y.error));
    Some(Gap { by: (f64::from(bad.value) - f64::from(good.value)) / scale, error: error / scale })
}

/// The mean over all metrics that both are known by, and the one that says most of it.
fn weighed(metrics: &[(Metric, f64)], x: &Known, y: &Known) -> Option<(Metric, Gap)> {
    let gaps = metrics.iter().filter_map(|(metric, weight)| Some((*metric, *weight, gap(*metric, x, y)?)));
    let gaps: Vec<_> = gaps.collect();
    let all: f64 = gaps.iter().map(|(_, weight, _)| weight).sum();
    let by = gaps.iter().map(|(_, weight, gap)| weight * gap.by).sum::<f64>() / all;
    let error = gaps.iter().map(|(_, weight, gap)| (weight * gap.error).powi(2)).sum::<f64>().sqrt() / all;
    let says = |(_, weight, gap): &(Metric, f64, Gap)| weight * gap.by * by.signum();
    let (metric, ..) = gaps.iter().max_by(|a, b| says(a).total_cmp(&says(b)))?;
    Some((*metric, Gap { by, error }))
}

impl Gap {
    fn surely(&self, margin: f64) -> bool {
        self.by >= margin && self.by > SURE * self.error
    }

    fn turned(self) -> Self {
        Self { by: -self.by, ..self }
    }
}

/// Compares x with y.
pub(super) fn compare(rank: &Rank, x: &Known, y: &Known) -> Better {
    let verdict = |metric: Metric, gap: Gap| {
        let better = gap.surely(rank.margin).then_some(Better::Surely(metric));
        better.or_else(|| gap.turned().surely(rank.margin).then_some(Better::Not))
    };
    let found = match &rank.by {
        Compare::InOrder(metrics) => metrics.iter().find_map(|m| verdict(*m, gap(*m, x, y)?)),
        Compare::Weighted(metrics) => weighed(metrics, x, y).and_then(|(metric, gap)| verdict(metric, gap)),
    };
    found.unwrap_or(Better::Perhaps)
}

/// Whether x is still better than y by the tie, on the metric by which it passed.
pub(super) fn still(rank: &Rank, by: Metric, x: &Known, y: &Known) -> bool {
    let gap = match &rank.by {
        Compare::InOrder(metrics) => metrics.contains(&by).then(|| gap(by, x, y)).flatten(),
        Compare::Weighted(metrics) => weighed(metrics, x, y).map(|(_, gap)| gap),
    };
    gap.is_some_and(|gap| gap.by >= rank.tie && gap.by > 0.0)
}

/// The metric on which the pathway plainly fails the audience now, and what the last seconds say of it: by what the audience
/// alone sees, or else by what all do that it is part of.
pub(super) fn failing(
    rank: &Rank,
    estimates: &Estimates,
    audience: Audience,
    pathway: usize,
    sure: Sure,
) -> Option<Value> {
    rank.by.metrics().find_map(|metric| {
        let (guess, alone) = estimates.recent(audience, pathway, metric)?;
        let surely = f64::from(guess.value) - sure.errors * f64::from(guess.error) >= FAILING;
        alone.filter(|alone| chance(alone) <= sure.chance).or(surely.then_some(guess))
    })
}

/// A bound on the probability that a pathway which fails less than [`FAILING`] would show this, or worse: Hoeffding's (1963,
/// Theorem 1), which holds for whatever lies between 0 and 1, however few the samples.
fn chance(seen: &Value) -> f64 {
    let seen_share = f64::from(seen.value).min(1.0);
    if seen_share <= FAILING {
        return 1.0;
    }
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    let divergence = term(seen_share, FAILING) + term(1.0 - seen_share, 1.0 - FAILING);
    (-f64::from(seen.samples) * divergence).exp()
}

/// What the last seconds say of this other pathway, if it surely does not fail as `failing` does.
pub(super) fn spared(
    estimates: &Estimates,
    audience: Audience,
    pathway: usize,
    failing: &Value,
    sure: Sure,
) -> Option<Value> {
    let (other, _) = estimates.recent(audience, pathway, failing.metric)?;
    let error = f64::from(failing.error).hypot(f64::from(other.error));
    let apart = f64::from(failing.value) - f64::from(other.value);
    (f64::from(other.value) < FAILING && apart > sure.errors * error).then_some(other)
}
