//! Chance, the same in every run.

/// Draws, from a seed.
#[derive(Debug)]
pub struct Chance(fastrand::Rng);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Evenly from 0 to 1.
    pub fn share(&mut self) -> f64 {
        self.0.f64()
    }

    /// Evenly between these.
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.share()
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// The time until something happens that happens at random, once in `mean` on average.
    pub fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.share()).ln()
    }

    /// A whole number that is `mean` on average.
    pub fn count(&mut self, mean: f64) -> usize {
        (mean + self.share()) as usize
    }

    /// One of these, evenly.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.0.usize(0..from.len())]
    }

    /// The index of one of these, in proportion to their size.
    pub fn among(&mut self, sizes: impl Iterator<Item = f64> + Clone) -> usize {
        let mut left = self.share() * sizes.clone().sum::<f64>();
        let found = sizes.clone().position(|size| {
            left -= size;
            left < 0.0
        });
        found.unwrap_or(sizes.count() - 1)
    }
}
