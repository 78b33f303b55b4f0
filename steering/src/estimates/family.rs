//! What the parts of an audience say together, and what that says of each of them: random effects after DerSimonian and
//! Laird ("Meta-analysis in clinical trials", 1986), and shrinkage (James and Stein; Efron and Morris 1975) towards them.

use fairway_policies::Metric;

use super::{
    Value,
    evidence::{Sample, in_logs},
};

/// One part of an audience, or an audience that has no parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// What it says, in logarithms where the metric is.
    pub(super) mean: f64,
    /// How many samples that is worth.
    pub(super) worth: f64,
    /// All that was heard of it.
    pub(super) sample: Sample,
}

/// What the parts of an audience say together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Family {
    /// What a part is like, typically.
    pub(super) mean: f32,
    /// How many samples that is worth.
    pub(super) worth: f32,
    /// The variance of one sample (σ²).
    pub(super) within: f32,
    /// The variance between the true values of the parts (τ²).
    pub(super) between: f32,
}

/// The best guess of a true value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Guess {
    /// In logarithms where the metric is.
    pub(super) mean: f32,
    /// Of its error.
    pub(super) variance: f32,
    /// How much of it its main speaker has said, 0…1.
    pub(super) weight: f32,
    /// The main speaker, by how many levels it is wider.
    pub(super) level: u8,
}

/// By how many of its own standard errors what a part says may be shrunk, at most: a rule of limited translation (Efron and
/// Morris 1972). Among many quiet siblings one loud part widens τ² too little to be believed by that alone.
const LIMIT: f32 = 2.0;

impl Guess {
    /// In the metric's unit, with so many samples of the audience itself.
    pub(super) fn value(&self, metric: Metric, samples: f32) -> Value {
        let error = self.variance.sqrt();
        // A standard error in logarithms is a share.
        let (value, error) =
            if in_logs(metric) { (self.mean.exp(), self.mean.exp() * error) } else { (self.mean, error) };
        Value { metric, value, error, samples }
    }

    /// Whether the parts of a family whose τ² is `between` would know something else by this than by what was there `before`: by a
    /// tenth of what they are unsure about anyway.
    pub(super) fn is_news(&self, between: f32, (guess, was_between): (Guess, f32)) -> bool {
        const NEWS: f32 = 0.1;
        let (unsure, was) = (self.variance + between, guess.variance + was_between);
        let moved = (self.mean - guess.mean).abs() > NEWS * unsure.sqrt();
        moved || (unsure - was).abs() > 2.0 * NEWS * was || self.level != guess.level
    }
}

impl Family {
    /// The family of these. `minimum`: after how many samples a part speaks for itself as much as its family does, as long
    /// as its siblings have not told how alike they are. `None` of nobody.
    pub(super) fn of(metric: Metric, minimum: f64, members: &[Member]) -> Option<Self> {
        let size = members.len() as f64;
        let within = within(metric, members);
        let worth: f64 = members.iter().map(|m| m.worth).sum();
        if members.is_empty() || worth <= 0.0 {
            return None;
        }
        // DerSimonian and Laird's weights are worth / σ²; σ² is the same for all, so it can be reckoned with afterwards.
        let mean = members.iter().map(|m| m.worth * m.mean).sum::<f64>() / worth;
        let q = members.iter().map(|m| m.worth * (m.mean - mean).powi(2)).sum::<f64>() / within;
        let c = worth - members.iter().map(|m| m.worth * m.worth).sum::<f64>() / worth;
        let found = if c > 0.0 { (within * (q - (size - 1.0)) / c).max(0.0) } else { 0.0 };
        let between = ((size - 1.0) * found + within / minimum) / size;
        let precision = |m: &Member| 1.0 / (between + within / m.worth);
        let all: f64 = members.iter().map(precision).sum();
        let mean = members.iter().map(|m| precision(m) * m.mean).sum::<f64>() / all;
        let [mean, worth, within, between] = [mean, within * all, within, between].map(|x| x as f32);
        Some(Self { mean, worth, within, between })
    }

    /// An audience that has no parts.
    pub(super) fn alone(metric: Metric, member: Member) -> Self {
        let within = within(metric, &[member]);
        Self { mean: member.mean as f32, worth: member.worth as f32, within: within as f32, between: 0.0 }
    }

    /// The guess where no wider audience is heard.
    pub(super) fn guess(&self) -> Guess {
        Guess { mean: self.mean, variance: self.within / self.worth, weight: 1.0, level: 0 }
    }

    /// The guess for a part of this family: what it says itself, shrunk towards what is known of the family.
    pub(super) fn member(&self, metric: Metric, wider: &Guess, own: Option<&Family>) -> Guess {
        let level = wider.level.saturating_add(1);
        let Some(own) = own else {
            return Guess { variance: wider.variance + self.between, level, ..*wider };
        };
        let itself = self.between / (self.between + self.within / own.worth);
        let mean = itself * own.mean + (1.0 - itself) * wider.mean;
        // One that is worse than its family varies more.
        let within = if in_logs(metric) { self.within } else { self.within.max(mean * (1.0 - mean)) };
        let variance = itself * within / own.worth + (1.0 - itself).powi(2) * wider.variance;
        let alone = own.within / own.worth;
        let limit = LIMIT * alone.sqrt();
        if (mean - own.mean).abs() > limit {
            let mean = mean.clamp(own.mean - limit, own.mean + limit);
            return Guess { mean, variance: variance.max(alone), weight: 1.0, level: 0 };
        }
        let borrowed = (1.0 - itself) * wider.weight;
        let (weight, level) = if itself >= borrowed { (itself, 0) } else { (borrowed, level) };
        Guess { mean, variance, weight, level }
    }
}

/// The variance of one sample.
///
/// *Shares*: what one session (or start) adds lies between 0 and 1, so that around a mean *p* it varies by at most p(1 − p),
/// as it does where some see nothing else and the others nothing of it; how a session's own seconds hang together does not
/// matter then. *p* is the family's, with half a sample of either kind on top (Krichevsky and Trofimov, Jeffreys), so that
/// none seen in *n* is no proof of a rate under 1/n.
///
/// *Times and rates* vary in logarithms as the samples do, as if four with a variance of 1 had been seen before. A sample
/// here is a session: its requests may be all alike, but are no more unlike than all requests. *Bitrates* come without
/// squares; ladders span a factor of thirty, over which even spread has a variance of 1.
fn within(metric: Metric, members: &[Member]) -> f64 {
    const BEFORE: f64 = 4.0;
    if metric == Metric::Bitrate {
        return 1.0;
    }
    if in_logs(metric) {
        let sums = members.iter().map(|m| m.sample.within());
        let (squares, count) = sums.fold((BEFORE, BEFORE), |(s, n), (squares, count)| (s + squares, n + count));
        return squares / count;
    }
    let count: f64 = members.iter().map(|m| f64::from(m.sample.count)).sum();
    let part: f64 = members.iter().map(|m| f64::from(m.sample.count) * m.sample.value(metric)).sum();
    let p = (part + 0.5) / (count + 1.0);
    p * (1.0 - p)
}
