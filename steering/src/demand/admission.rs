//! Of the clients that would get a pathway, the share that it can carry.
//!
//! **Signal.** The traffic of each country now (bits that viewers played, per second, on whatever pathway) and the shares in
//! which the chain as it stands would send it. Not the load measured on the pathway: that answers to a change only a window
//! and a TTL later, and whoever steers by it must creep or swing. Traffic as such does not answer to where it is sent; so
//! the load that an admission will bring is known before it is brought, and found in one go.
//!
//! **Rule.** Everyone is admitted everywhere; then, again and again, each pathway that would get more than it may carry admits
//! less by just that factor, and whom it turns away goes to the next of that client's ranking, until nothing is over.
//! Turning away only ever adds to others, so admissions only fall, and the end is the most that can be admitted.
//!
//! **When all is full.** If the traffic is more than all pathways may carry together, each may carry more by the same factor:
//! what cannot be spilt anywhere is shared by size. The same where fences leave some clients only full pathways, for which the
//! [`FLOOR`] stands: at least a twentieth is admitted, since below that not the pathway is full but its number is wrong.
//!
//! **Steadiness.** Traffic wavers by some percent from one measure to the next. An admission stays as it was until it would
//! change by more than [`DEADBAND`]: clients near its edge then do not go back and forth with the noise.
//!
//! **Cold start, silence.** Without traffic everyone is admitted. While the store is away nothing changes.

use fairway_policies::Policy;

/// At least this share is admitted.
const FLOOR: f64 = 0.05;
/// A change smaller than this is none.
const DEADBAND: f64 = 0.03;
/// A pathway that is over by less than this counts as full.
const SLACK: f64 = 0.005;
/// Rounds after which what is found is taken; each round at least halves what is over in practice, and four pathways in a
/// row take some ten.
const ROUNDS: usize = 32;

/// The admissions by pathway index. `fill` is the share of a capacity that may be used; `loads` tells what each pathway would
/// get, bit/s, under these admissions; `before` is what was in force.
pub fn admissions(policy: &Policy, fill: f64, before: &[f32], mut loads: impl FnMut(&[f32]) -> Vec<f64>) -> Vec<f32> {
    let mut admits = vec![1.0_f32; policy.pathways.len()];
    let mut offered = loads(&admits);
    let allowed = allowed(policy, fill, offered.iter().sum());
    for _ in 0..ROUNDS {
        let mut over = false;
        for ((admit, load), allowed) in admits.iter_mut().zip(&offered).zip(&allowed) {
            let less = f64::from(*admit) * allowed / load;
            if *load > allowed * (1.0 + SLACK) && f64::from(*admit) > FLOOR {
                *admit = less.max(FLOOR) as f32;
                over = true;
            }
        }
        if !over {
            break;
        }
        offered = loads(&admits);
    }
    let steady = |(admit, before): (f32, Option<&f32>)| match before {
        // To be whole again is worth the last step.
        Some(before) if admit < 1.0 && f64::from((admit - before).abs()) < DEADBAND => *before,
        _ => admit,
    };
    admits.iter().enumerate().map(|(i, admit)| steady((*admit, before.get(i)))).collect()
}

/// What each may carry, bit/s; more than it should only where the traffic is more than all of them should.
fn allowed(policy: &Policy, fill: f64, traffic: f64) -> Vec<f64> {
    let each = policy.pathways.iter().map(|p| p.capacity.map_or(f64::INFINITY, |capacity| capacity as f64 * fill));
    let together: f64 = each.clone().sum();
    let stretch = if traffic > together { traffic / together } else { 1.0 };
    each.map(|allowed| allowed * stretch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;

    /// Pathways of these capacities, in a ranking that everyone shares; traffic of one audience.
    fn found(capacities: &[Option<u64>], traffic: f64, before: &[f32]) -> Vec<f32> {
        let mut policy = (*policy(&["a", "b", "c"][..capacities.len()], "")).clone();
        policy.pathways.iter_mut().zip(capacities).for_each(|(pathway, capacity)| pathway.capacity = *capacity);
        let loads = |admits: &[f32]| {
            let mut left = traffic;
            let mut loads: Vec<f64> = admits
                .iter()
                .map(|admit| {
                    let here = left * f64::from(*admit);
                    left -= here;
                    here
                })
                .collect();
            loads[0] += left; // whom nobody admits stays with the first
            loads
        };
        admissions(&policy, 1.0, before, loads)
    }

    fn near(found: &[f32], expected: &[f32]) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.02), "{found:?} is not {expected:?}");
    }

    #[test]
    fn what_one_cannot_carry_goes_to_the_next() {
        near(&found(&[Some(100), Some(100)], 80.0, &[]), &[1.0, 1.0]);
        near(&found(&[Some(100), None], 400.0, &[]), &[0.25, 1.0]);
        near(&found(&[Some(100), Some(150), None], 400.0, &[]), &[0.25, 0.5, 1.0]);
        near(&found(&[None, Some(1)], 400.0, &[]), &[1.0, 1.0]);
        near(&found(&[Some(100), Some(100)], 0.0, &[]), &[1.0, 1.0]);
    }

    #[test]
    fn what_nobody_can_carry_is_shared_by_size() {
        near(&found(&[Some(100), Some(300)], 800.0, &[]), &[0.25, 1.0]);
    }

    #[test]
    fn noise_changes_nothing() {
        let before = found(&[Some(100), None], 400.0, &[]);
        assert_eq!(found(&[Some(100), None], 410.0, &before), before);
        assert_ne!(found(&[Some(100), None], 500.0, &before), before);
        near(&found(&[Some(100), None], 90.0, &[0.99, 1.0]), &[1.0, 1.0]);
    }
}
