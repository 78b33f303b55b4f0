//! How dense the sample is: the densest that fits the budget.
//!
//! Each second's answers are taken for what the next will bring. Services share the budget as water fills vessels: whoever
//! answers less than the level is recorded whole, the others up to the level. So a service of one query a second is as easy to look into as
//! one of a million, and the store's growth is known before the traffic is. A second is late for a flood, which the
//! queue takes: it is bounded, and what it drops is counted.

/// By service: *k*, so that one in 2ᵏ of `rates` (answers a second) is within `budget` (a second, of all together).
pub(super) fn densities(rates: &[f64], budget: f64) -> Vec<u8> {
    let level = level(rates, budget);
    rates.iter().map(|rate| (rate / level).log2().ceil().clamp(0.0, 62.0) as u8).collect()
}

/// The largest level at which what is under it fits the budget: Σ min(rate, level) = budget.
fn level(rates: &[f64], budget: f64) -> f64 {
    let mut ascending = rates.to_vec();
    ascending.sort_by(f64::total_cmp);
    let (mut left, mut level) = (budget, f64::INFINITY);
    for (index, rate) in ascending.iter().enumerate() {
        let fair = left / (ascending.len() - index) as f64;
        if *rate > fair {
            level = fair;
            break;
        }
        left -= rate;
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_are_recorded_whole_and_the_large_share_what_is_left() {
        assert_eq!(densities(&[3.0, 0.0, 5.0], 20.0), [0, 0, 0], "all fits");
        assert_eq!(densities(&[4.0, 1_000.0, 16_000.0], 20.0), [0, 7, 11], "4 whole; 8 a second of each other");
        assert_eq!(densities(&[1e9], 20.0), [26]);
        assert!(densities(&[], 20.0).is_empty());
        let rates: Vec<f64> = (0..1000).map(|n| f64::from(n) * 3.0).collect();
        let sampled: f64 = rates.iter().zip(densities(&rates, 50.0)).map(|(r, k)| r / f64::from(1u32 << k)).sum();
        assert!((25.0..=50.0).contains(&sampled), "{sampled}");
    }
}
