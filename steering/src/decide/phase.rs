//! Who is among whom: phases and shares, by hashing.
//!
//! # Phases
//! Whatever is true only for a share φ of clients (a lead that comes into force, a pathway that comes back, an override to
//! a share, what a full pathway still admits) is in force for a client iff its draw for that thing is under φ. A draw is a
//! number in (0, 1) that depends on nothing but the client's key and the thing's seed; so growing φ moves only those between
//! the old φ and the new, and shrinking it brings the same ones back.
//!
//! # Shares
//! Equals are shared out by weighted rendezvous hashing: a client takes the pathway with the smallest −ln(u)/w, for u its draw
//! for that pathway. Those are exponential clocks with rate w, and the first of them to ring is pathway i with probability
//! wᵢ/Σw: shares hold exactly in expectation. When a pathway comes, goes or changes its share, only those clients move
//! whose best draw is that pathway's, before or after: the fewest that can. The order of the other draws is each client's
//! own order of failover, so that those of a failed pathway spread over the rest by weight too. (Thaler and Ravishankar 1998;
//! weights: Schindelhauer and Schomaker 2005.) A ring of points would need a table per service, and holds shares only roughly.
//!
//! # Draws
//! A client is hashed once, by XXH3, and so is each pathway's id; [`mix`] makes a draw of the two in a nanosecond. Both
//! are spread evenly over 64 bits, so their XOR is too, over all clients for one seed and over all seeds for one client: that
//! alone makes each share hold. That one client's draws for two seeds have nothing to do with each other is the finalizer's
//! part: its two inputs differ by a constant that is the same for all clients, which must not show in the outputs. `moremur`
//! (Evensen 2019) has the shape of MurmurHash3's finalizer, with shifts and factors searched for by how well inputs that
//! differ in little avalanche; a test counts that draws in pairs and in threes are unrelated. It is a bijection, so for one
//! seed no two keys meet. It is no defence against a client that picks its own session id to be sent to a pathway of its
//! choice, and needs to be none: that client can fetch from any pathway anyway.
//!
//! Everything here is fixed by its definition, so nodes of any version and machine agree. The service is left out of the
//! seeds on purpose: a client that uses two services with the same pathways meets the same CDN in both and finds its
//! connections warm.

use fairway_policies::{PathSet, StickBy, model::MAX_PATHWAYS};

use super::decision::Choice;
use crate::client::Asker;

/// What a draw is for, beside the pathway's seed; so that what decides one thing says nothing of another.
#[derive(Clone, Copy, Debug)]
pub(super) enum For {
    /// Overrides to a share, and ramps. One draw for all pathways: whoever is early on one is early on all, so while two
    /// come back together the first φ of clients has both, and each carries φ of what it usually does. Draws of their own
    /// would send each of them more: those who have only one of the two.
    Fit = 1,
    /// Trials of this rotation.
    Trial = 2,
    /// The leads of a `rank` step: one draw for all of them, so that no more of an audience moves than the largest share says.
    Lead = 3,
    /// A full pathway. Each its own draw: those that one turns away must not be those whom the next turns away as well.
    Admission = 4,
    /// `explore`'s turn.
    Explore = 5,
    /// And what it picks.
    Pick = 6,
}

/// The seed of draws for `purpose` that are told apart by `n`.
pub(super) fn seed(purpose: For, n: u64) -> u64 {
    mix(n, (purpose as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// 64 bits that look random, of a key and a seed; see the page above.
pub(super) fn mix(key: u64, seed: u64) -> u64 {
    let mut x = key ^ seed;
    x = (x ^ (x >> 27)).wrapping_mul(0x3c79_ac49_2ba7_b653);
    x = (x ^ (x >> 33)).wrapping_mul(0x1c69_b3f7_4ac4_ae35);
    x ^ (x >> 27)
}

/// A number in (0, 1): the upper 53 bits, in the middle of their interval: never 0, never 1.
fn uniform(key: u64, seed: u64) -> f64 {
    ((mix(key, seed) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// Where the chain gets its draws: by hashing, or (to tell shares) by going through all that could be drawn.
pub(crate) trait Draws {
    /// Whether the client is among the first `share` (between 0 and 1, neither) of those who draw with this seed.
    fn among(&mut self, key: Key, seed: u64, share: f64) -> bool;

    /// Which of `equals` the client takes; `of` gives weight and seed of each, and one at least has a weight.
    fn pick(&mut self, key: Key, equals: &[Choice], of: impl Fn(&Choice) -> (u32, u64)) -> usize;

    /// Puts equals into the client's order. Those of weight 0 come last, as they stood.
    fn share_out(&mut self, key: Key, tier: Tier<'_>, of: impl Fn(&Choice) -> (u32, u64));
}

/// Equals to be shared out, and where they stand.
pub(crate) struct Tier<'t> {
    /// The index of the step that asks.
    pub step: usize,
    /// Those among them that could be answered, where it is of this tier that one will be.
    pub answers: PathSet,
    /// The equals.
    pub equals: &'t mut [Choice],
}

/// Draws by hashing: the client's own.
pub(crate) struct Hashed;

impl Draws for Hashed {
    #[inline]
    fn among(&mut self, key: Key, seed: u64, share: f64) -> bool {
        uniform(key.bits(), seed) < share
    }

    fn pick(&mut self, key: Key, equals: &[Choice], of: impl Fn(&Choice) -> (u32, u64)) -> usize {
        let rings = |c: &Choice| rings(key.bits(), of(c));
        let best = equals.iter().enumerate().min_by(|(_, a), (_, b)| rings(a).total_cmp(&rings(b)));
        best.map_or(0, |(index, _)| index)
    }

    #[inline]
    fn share_out(&mut self, key: Key, tier: Tier<'_>, of: impl Fn(&Choice) -> (u32, u64)) {
        if tier.equals.len() < 2 {
            return;
        }
        let mut at = [f64::INFINITY; MAX_PATHWAYS];
        tier.equals.iter().for_each(|c| at[usize::from(c.pathway)] = rings(key.bits(), of(c)));
        tier.equals.sort_by(|a, b| at[usize::from(a.pathway)].total_cmp(&at[usize::from(b.pathway)]));
    }
}

/// When the clock rings: smaller is better; never for weight 0.
fn rings(key: u64, (weight, seed): (u32, u64)) -> f64 {
    if weight == 0 { f64::INFINITY } else { -uniform(key, seed).ln() / f64::from(weight) }
}

/// By what a client is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Its session.
    Session(u64),
    /// Its prefix.
    Prefix(u64),
    /// What it watches.
    Content(u64),
    /// Nothing is known of it.
    Nothing,
}

impl Key {
    /// What this asker is hashed by, where `by` is asked for.
    pub(super) fn of(asker: &Asker, by: StickBy) -> Self {
        let session = asker.session.map(Self::Session).filter(|_| by != StickBy::Prefix);
        let content = asker.content.map(Self::Content).filter(|_| by == StickBy::Content);
        content.or(session).or(asker.prefix.map(Self::Prefix)).unwrap_or(Self::Nothing)
    }

    /// What that is, where there is anything.
    pub(super) fn by(self) -> Option<StickBy> {
        match self {
            Self::Session(_) => Some(StickBy::Session),
            Self::Prefix(_) => Some(StickBy::Prefix),
            Self::Content(_) => Some(StickBy::Content),
            Self::Nothing => None,
        }
    }

    fn bits(self) -> u64 {
        match self {
            Self::Session(key) | Self::Prefix(key) | Self::Content(key) => key,
            Self::Nothing => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    /// Clients by their draws for three seeds, each high or low: all eight kinds are equally many.
    #[test]
    fn draws_are_unrelated() {
        const CLIENTS: u64 = 16_000;
        let ids = ["a", "b", "c", "cdn-a", "cdn-b", "cdn-c"].map(|id| xxh3_64(id.as_bytes()));
        let seeds: Vec<u64> = ids.into_iter().chain((0..4).map(|n| seed(For::Trial, n))).collect();
        let keys: Vec<u64> = (0..CLIENTS).map(|n| xxh3_64(&n.to_le_bytes())).collect();
        for (i, a) in seeds.iter().enumerate() {
            for (j, b) in seeds.iter().enumerate().skip(i + 1) {
                for c in &seeds[j + 1..] {
                    let mut kinds = [0.0_f64; 8];
                    for key in &keys {
                        let kind =
                            [a, b, c].iter().fold(0, |kind, s| kind << 1 | usize::from(uniform(*key, **s) < 0.5));
                        kinds[kind] += 1.0;
                    }
                    let even = CLIENTS as f64 / 8.0;
                    let off: f64 = kinds.iter().map(|n| (n - even).powi(2) / even).sum();
                    // Chi-squared with 7 degrees of freedom: over 33 once in 40,000 tries, and there are 120.
                    assert!(off < 33.0, "{kinds:?}");
                }
            }
        }
    }

    #[test]
    fn a_growing_phase_is_nested() {
        let among = |key: u64, share| Hashed.among(Key::Session(key), seed(For::Fit, 0), share);
        for n in 0..2000_u64 {
            let key = xxh3_64(&n.to_le_bytes());
            assert!(!among(key, 0.2) || among(key, 0.3));
        }
    }
}
