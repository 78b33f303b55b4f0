//! What was heard of one pathway for one audience: sums of a metric that fade, and the buckets that are still open.

use fairway_policies::Metric;

use crate::cells::{Cell, Logs};

/// Seconds in a bucket.
pub(super) const BUCKET: i64 = 10;
/// Buckets that a pathway's cell may still be told of, the newest among them: thirty seconds, and the one that has begun.
const OPEN: usize = 4;
/// Buckets that say what is so now: the one that has begun and the last whole one.
const RECENT: i64 = 2;
/// Milliseconds that one session can watch in a bucket.
const BUCKET_MS: f64 = 10_000.0;

/// What is summed of one metric. Its value is `part` over `whole`, or the exponential of that; all add up and fade alike.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Evidence {
    /// Sessions, bucket by bucket; of what is told once a session, starts.
    count: f32,
    /// Buckets that saw any.
    buckets: f32,
    part: f32,
    whole: f32,
    /// Of what is kept in logarithms, their squares; of requests, the sessions that had one fail.
    squares: f32,
}

/// What some evidence comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// Samples that it is worth; 0: there is none.
    pub(super) count: f32,
    /// A share of `whole`, or Σ ln x.
    part: f32,
    whole: f32,
    /// Σ (ln x)².
    squares: f32,
}

impl Sample {
    /// Its value; in logarithms, where the metric is.
    pub(super) fn value(&self, metric: Metric) -> f64 {
        let value = f64::from(self.part) / f64::from(self.whole);
        if metric == Metric::Bitrate { value.ln() } else { value }
    }

    /// Of what is kept in logarithms: the sum of squared differences from the mean, and of how many.
    pub(super) fn within(&self) -> (f64, f64) {
        let [part, whole, squares] = [self.part, self.whole, self.squares].map(f64::from);
        ((squares - part * part / whole).max(0.0), whole)
    }

    /// What is left of it without these parts of it. Whole and parts were counted apart (sessions by sketches), so a rest of
    /// under a twentieth is none.
    pub(super) fn without(&self, parts: &Sample) -> Option<Sample> {
        let rest = Sample {
            count: self.count - parts.count,
            part: self.part - parts.part,
            whole: self.whole - parts.whole,
            squares: self.squares - parts.squares,
        };
        let some = rest.count >= 0.5 && rest.count >= 0.05 * self.count && rest.whole >= 0.05 * self.whole;
        some.then(|| Sample { part: rest.part.max(0.0), squares: rest.squares.max(0.0), ..rest })
    }

    /// Adds another that was taken when sums weighed `by` of what they weigh now.
    pub(super) fn add(&mut self, other: &Sample, by: f64) {
        let by = by as f32;
        self.count += other.count;
        self.part += by * other.part;
        self.whole += by * other.whole;
        self.squares += by * other.squares;
    }
}

/// Whether a metric is told once a session, at its beginning.
pub(super) fn of_starts(metric: Metric) -> bool {
    matches!(metric, Metric::StartFailures | Metric::StartupTime)
}

/// Whether a metric is kept in logarithms: times and rates.
pub(crate) fn in_logs(metric: Metric) -> bool {
    !matches!(metric, Metric::StallRatio | Metric::StartFailures | Metric::RequestErrors)
}

impl Evidence {
    /// What a bucket's cell tells of a metric; of none: of its sessions.
    fn of(cell: &Cell, metric: Option<Metric>) -> Self {
        let sessions = cell.sessions as f64;
        let new = |count: f64, part: f64, whole: f64, squares: f64| {
            let any = if count > 0.0 && whole > 0.0 { 1.0 } else { 0.0 };
            let [count, part, whole, squares] = [count, part, whole, squares].map(|sum| (sum * any) as f32);
            Self { count, buckets: any as f32, part, whole, squares }
        };
        // No more sessions told of a metric than it has samples, nor than could have watched for as long.
        let logs = |logs: &Logs| new(sessions.min(logs.count), logs.sum, logs.count, logs.squares);
        let watched = |part: u64, ms: u64| new(sessions.min(ms as f64 / BUCKET_MS), part as f64, ms as f64, 0.0);
        let counted = |count: f64, part: u64, whole: u64| new(count.min(whole as f64), part as f64, whole as f64, 0.0);
        match metric {
            None => new(sessions, 0.0, 1.0, 0.0),
            Some(Metric::StallRatio) => watched(cell.stalled_ms, cell.watched_ms),
            Some(Metric::StartFailures) => counted(f64::INFINITY, cell.start_failures, cell.starts),
            Some(Metric::RequestErrors) => {
                let failed = cell.failed_sessions.min(cell.sessions) as f64;
                let (part, whole) = (cell.request_errors as f64, cell.requests as f64);
                new(sessions.min(whole), part, whole, failed)
            }
            Some(Metric::StartupTime) => {
                new(cell.startup.count, cell.startup.sum, cell.startup.count, cell.startup.squares)
            }
            Some(Metric::Ttfb) => logs(&cell.ttfb),
            Some(Metric::Throughput) => logs(&cell.throughput),
            Some(Metric::Bitrate) if cell.bits == 0 => Self::default(),
            Some(Metric::Bitrate) => {
                // Bits a millisecond, thousands of which are bits a second.
                let played = cell.watched_ms.saturating_sub(cell.stalled_ms);
                watched(cell.bits.saturating_mul(1000), played)
            }
        }
    }

    fn add(&mut self, other: &Self, weight: f64) {
        let weight = weight as f32;
        self.count += weight * other.count;
        self.buckets += weight * other.buckets;
        self.part += weight * other.part;
        self.whole += weight * other.whole;
        self.squares += weight * other.squares;
    }

    fn fade(&mut self, weight: f64) {
        let mut faded = Self::default();
        faded.add(self, weight);
        *self = faded;
    }

    /// `fresh`: what time has left of it since its newest bucket.
    fn sample(&self, metric: Option<Metric>, fresh: f64) -> Sample {
        if self.buckets <= 0.0 || self.whole <= 0.0 {
            return Sample::default();
        }
        let count = if metric.is_some_and(of_starts) { self.count } else { self.count / self.buckets };
        let fresh = fresh as f32;
        let [count, part, whole, squares] = [count, self.part, self.whole, self.squares].map(|sum| sum * fresh);
        Sample { count, part, whole, squares }
    }
}

/// Everything heard of one pathway for one audience: per metric, what has been folded in, and the open buckets.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// The newest bucket heard of.
    newest: i64,
    /// The bucket that weighs 1 in what is folded.
    folded_at: i64,
    folded: Box<[Evidence]>,
    /// The bucket *b* is at *b* modulo [`OPEN`], until it gives way to a newer one.
    open: [Option<(i64, Box<[Evidence]>)>; OPEN],
    /// Unix milliseconds of the newest beacon.
    pub(super) newest_ms: i64,
}

/// The metrics that are summed, and after how many buckets they weigh half.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// The sessions, then the metrics compared.
    pub(super) of: Vec<Option<Metric>>,
    pub(super) half_life: f64,
}

impl Sums {
    /// What is left of something after so many buckets.
    pub(super) fn fade(&self, buckets: i64) -> f64 {
        (-(buckets.max(0) as f64) / self.half_life).exp2()
    }
}

impl Memory {
    /// Nothing yet, heard at this bucket.
    pub(super) fn new(sums: &Sums, bucket: i64) -> Self {
        let folded = vec![Evidence::default(); sums.of.len()].into();
        Self { newest: bucket, folded_at: bucket, folded, open: Default::default(), newest_ms: i64::MIN }
    }

    /// As if `count` samples had long said this of each sum (`None`: nothing), up to this bucket.
    pub(super) fn recalled(
        sums: &Sums,
        bucket: i64,
        newest_ms: i64,
        said: impl Fn(Option<Metric>) -> Option<(f64, f64)>,
    ) -> Self {
        // What a session adds to a sum in all buckets together.
        let buckets = 1.0 / (1.0 - sums.fade(1));
        let evidence = |metric: &Option<Metric>| {
            let Some((count, value)) = said(*metric) else { return Evidence::default() };
            let sessions = count * buckets;
            let (count, whole) = match metric {
                Some(metric) if of_starts(*metric) => (count, count),
                Some(Metric::StallRatio | Metric::Bitrate) => (sessions, sessions * BUCKET_MS),
                _ => (sessions, sessions),
            };
            let logged = metric.is_some_and(in_logs) && *metric != Some(Metric::Bitrate);
            let per_whole = if logged { value.max(f64::MIN_POSITIVE).ln() } else { value };
            let squares = if logged { whole * (per_whole * per_whole + 1.0) } else { 0.0 };
            let [count, buckets, part, whole, squares] =
                [count, buckets, per_whole * whole, whole, squares].map(|sum| sum as f32);
            Evidence { count, buckets, part, whole, squares }
        };
        let folded = sums.of.iter().map(evidence).collect();
        Self { folded, newest_ms, ..Self::new(sums, bucket) }
    }

    /// Hears a bucket's cell, whole, in place of what was heard of that bucket before. Tells whether that was news. A bucket older
    /// than those that are open has been folded in, or would be by now: it is too late for it.
    pub(super) fn hear(&mut self, sums: &Sums, bucket: i64, cell: &Cell) -> bool {
        if bucket <= self.newest - OPEN as i64 {
            return false;
        }
        let evidence = sums.of.iter().map(|metric| Evidence::of(cell, *metric));
        let slot = bucket.rem_euclid(OPEN as i64) as usize;
        match &mut self.open[slot] {
            Some((held, before)) if *held == bucket => {
                if evidence.clone().eq(before.iter().copied()) {
                    return false;
                }
                before.iter_mut().zip(evidence).for_each(|(before, evidence)| *before = evidence);
            }
            _ => {
                let gone = self.open[slot].replace((bucket, evidence.collect()));
                self.fold(sums, gone);
            }
        }
        self.newest = self.newest.max(bucket);
        self.newest_ms = self.newest_ms.max(cell.newest_ms);
        true
    }

    fn fold(&mut self, sums: &Sums, gone: Option<(i64, Box<[Evidence]>)>) {
        let Some((bucket, evidence)) = gone else { return };
        let (old, new) = (sums.fade(bucket - self.folded_at), sums.fade(self.folded_at - bucket));
        self.folded_at = self.folded_at.max(bucket);
        for (folded, evidence) in self.folded.iter_mut().zip(&evidence) {
            folded.fade(old);
            folded.add(evidence, new);
        }
    }

    /// The clock was set back to this bucket: what is known stays known, as of now.
    pub(super) fn set_back(&mut self, sums: &Sums, bucket: i64, now_ms: i64) {
        if self.newest <= bucket {
            return;
        }
        for slot in 0..OPEN {
            let gone = self.open[slot].take();
            self.fold(sums, gone);
        }
        (self.newest, self.folded_at) = (bucket, bucket);
        self.newest_ms = self.newest_ms.min(now_ms);
    }

    /// How many buckets ago the newest was.
    pub(super) fn age(&self, bucket: i64) -> i64 {
        bucket - self.newest
    }

    /// What all of it says of the sum `index`, at this bucket.
    pub(super) fn all(&self, sums: &Sums, index: usize, bucket: i64) -> Sample {
        let mut sum = self.folded[index];
        sum.fade(sums.fade(self.newest - self.folded_at));
        for (held, evidence) in self.open.iter().flatten() {
            sum.add(&evidence[index], sums.fade(self.newest - held));
        }
        // The bucket that has just begun may be empty yet.
        sum.sample(sums.of[index], sums.fade(bucket - 1 - self.newest))
    }

    /// What only the newest [`RECENT`] buckets say of it, unfaded, as seen from this one. Of requests: the share of sessions
    /// that had one fail, at least (in either bucket: it may have been the same ones). A player that is refused goes elsewhere for a while, so that few of the last seconds' requests fail
    /// even where all do that are still made; and failures of one session are not evidence of each other.
    pub(super) fn recent(&self, sums: &Sums, index: usize, bucket: i64) -> Sample {
        let (mut sum, mut overlap, mut failed) = (Evidence::default(), 0.0, 0.0_f32);
        let open = || self.open.iter().flatten().filter(|(held, _)| *held > bucket - RECENT);
        for (_, evidence) in open() {
            let evidence = &evidence[index];
            sum.add(evidence, 1.0);
            overlap += open().map(|(_, other)| evidence.count.min(other[index].count)).sum::<f32>();
            failed = failed.max(evidence.squares);
        }
        let sample = sum.sample(sums.of[index], 1.0);
        match sums.of[index] {
            // As many independent ones as there are if those of a lesser bucket are in the greater one too.
            metric if !metric.is_some_and(of_starts) && overlap > 0.0 => {
                let count = sum.count * sum.count / overlap;
                if metric == Some(Metric::RequestErrors) {
                    Sample { count, part: failed.min(count), whole: count, squares: 0.0 }
                } else {
                    Sample { count, ..sample }
                }
            }
            _ => sample,
        }
    }
}
