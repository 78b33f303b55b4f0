//! Who is better, and how surely. The page in [`super`] argues the numbers.

use fairway_policies::{Compare, Metric, Rank};

use super::apart;
use crate::{
    cells::Audience,
    estimates::{Estimates, Known, Value, in_logs},
};

/// How many standard errors a difference must be beyond: the page above argues it.
pub(super) const SURE: f64 = 3.0;
/// Beyond how many standard errors a pathway that is relied on plainly fails: once in 300,000 looks if it does not.
pub(super) const FIRST: f64 = 4.5;
/// And one that was left and is tried again: one-sided 95 %, once.
pub(super) const AGAIN: f64 = 1.645;

/// The share of time stalled, of starts failed, or of sessions with a request that failed, from which on a pathway plainly
/// fails: a tenth; of the last a third, which some twenty seconds of requests make of a tenth that fails.
fn failing_from(metric: Metric) -> f64 {
    if metric == Metric::RequestErrors { 1.0 / 3.0 } else { 0.10 }
}

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

/// By how much x is better than y on some metric: from -1 to 1; and how surely, in standard errors.
#[derive(Clone, Copy, Debug)]
struct Gap {
    by: f64,
    sure: f64,
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
    let sure = if in_logs(metric) { apart::logs(&bad, &good) } else { apart::shares(&bad, &good) };
    Some(Gap { by: (f64::from(bad.value) - f64::from(good.value)) / scale, sure })
}

/// The mean over all metrics that both are known by, and the one that says most of it.
fn weighed(metrics: &[(Metric, f64)], x: &Known, y: &Known) -> Option<(Metric, Gap)> {
    let gaps = metrics.iter().filter_map(|(metric, weight)| Some((*metric, *weight, gap(*metric, x, y)?)));
    let gaps: Vec<_> = gaps.collect();
    let all: f64 = gaps.iter().map(|(_, weight, _)| weight).sum();
    let by = gaps.iter().map(|(_, weight, gap)| weight * gap.by).sum::<f64>() / all;
    let error = |gap: &Gap| if gap.sure == 0.0 { 0.0 } else { gap.by / gap.sure };
    let error = gaps.iter().map(|(_, weight, gap)| (weight * error(gap)).powi(2)).sum::<f64>().sqrt() / all;
    let says = |(_, weight, gap): &(Metric, f64, Gap)| weight * gap.by * by.signum();
    let (metric, ..) = gaps.iter().max_by(|a, b| says(a).total_cmp(&says(b)))?;
    Some((*metric, Gap { by, sure: if by == 0.0 { 0.0 } else { by / error } }))
}

impl Gap {
    fn surely(&self, margin: f64) -> bool {
        self.by >= margin && self.sure > SURE
    }

    fn turned(self) -> Self {
        Self { by: -self.by, sure: -self.sure }
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

/// Whether anything in the last seconds looks as if the pathway failed the audience; most often nothing does, and nobody need
/// ask whom that sets apart.
pub(super) fn looks_failing(rank: &Rank, estimates: &Estimates, audience: Audience, pathway: usize) -> bool {
    rank.by.metrics().any(|metric| {
        let seen = estimates.recent(audience, pathway, metric);
        seen.is_some_and(|(guess, alone)| [Some(guess), alone].into_iter().flatten().any(|of| fails(metric, &of)))
    })
}

fn fails(metric: Metric, of: &Value) -> bool {
    f64::from(of.value) >= failing_from(metric)
}

/// Whether x plainly fails the audience now while y does not, and on which metric: what the last seconds say of both. Of x
/// by what the audience alone sees, or else by what all do that it is part of.
pub(super) fn failing(
    rank: &Rank,
    estimates: &Estimates,
    audience: Audience,
    (x, y): (usize, usize),
    sure: f64,
) -> Option<(Value, Value)> {
    rank.by.metrics().find_map(|metric| {
        let (guess, alone) = estimates.recent(audience, x, metric)?;
        let seen = [alone, Some(guess)].into_iter().flatten().filter(|seen| fails(metric, seen));
        let (spared, _) = estimates.recent(audience, y, metric).filter(|(spared, _)| !fails(metric, spared))?;
        seen.map(|seen| (seen, spared)).find(|(seen, spared)| apart::shares(seen, spared) > sure)
    })
}
