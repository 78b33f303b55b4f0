//! How surely two values differ, in standard errors.
//!
//! *Shares* (of time stalled, of requests or starts failed) are mostly near zero, and there a difference over its
//! standard error, p(1 − p)/n (Wald's test), is at its worst: the more one side fails, the wider its own error, so that
//! half of ten sessions failing against none of forty is 3.2 of them, and one of three against none of a thousand 1.2.
//! What is asked is how well *one* share explains both, and the answer is the likelihood ratio (Wilks 1938): with the
//! pooled share p, Σ n·KL(share ‖ p) for both sides, and the signed root of twice that is as a standard normal to a higher
//! order than Wald's or the score (Barndorff-Nielsen and Cox, "Inference and Asymptotics", 1994, ch. 5). The two above are 4.4
//! and 3.5; and one of ten against none of a hundred, which by score would be 3.2, is 2.2. What a session adds lies
//! between 0 and 1, and among all that do so, all or nothing is what strays farthest (Hoeffding 1963), so that this
//! holds for shares of time too.
//!
//! An estimate is not a count: it is shrunk, and faded. It is worth as many sessions as would know it as well as it is
//! known: [`sessions`] finds them from its standard error. Where that is less than half of those that were heard, the parts
//! of the audience differ by more than chance, and that is not how sessions scatter: one country at 50 % and one at none
//! are no two hundred sessions at 25 %. Then it is Wald's, with the error that is known.
//!
//! *Times and rates* are known in logarithms, and differ there: a standard error is a share of the value.

use crate::estimates::Value;

/// In how many sessions a share would be known with this error: *n* of p′(1 − p′)/n = error², where p′ has half a session
/// of either kind on top, as in the error itself, to the first order of 1/n.
fn sessions(share: f64, error: f64) -> f64 {
    let (spread, variance) = (share * (1.0 - share), (error * error).max(1e-12));
    let skew = (1.0 - 2.0 * share).powi(2);
    (spread + (spread * spread + 2.0 * variance * skew).sqrt()) / (2.0 * variance)
}

/// By how many standard errors `x` is more than `y` (below 0: less), where both are shares.
pub(super) fn shares(x: &Value, y: &Value) -> f64 {
    let side = |value: &Value| {
        let share = f64::from(value.value).clamp(0.0, 1.0);
        (share, sessions(share, value.error.into()))
    };
    let scattered = |value: &Value, (_, worth): (f64, f64)| worth < 0.5 * f64::from(value.samples);
    let (of_x, of_y) = (side(x), side(y));
    if scattered(x, of_x) || scattered(y, of_y) {
        return f64::from(x.value - y.value) / f64::from(x.error).hypot(y.error.into());
    }
    let ((x, in_x), (y, in_y)) = (of_x, of_y);
    let pooled = (x * in_x + y * in_y) / (in_x + in_y);
    let deviance = 2.0 * (in_x * divergence(x, pooled) + in_y * divergence(y, pooled));
    deviance.max(0.0).sqrt().copysign(x - y)
}

/// The same of what is known in logarithms.
pub(super) fn logs(x: &Value, y: &Value) -> f64 {
    let side = |value: &Value| {
        let known = f64::from(value.value).max(f64::MIN_POSITIVE);
        (known.ln(), f64::from(value.error) / known)
    };
    let ((x, of_x), (y, of_y)) = (side(x), side(y));
    let apart = x - y;
    if apart == 0.0 { 0.0 } else { apart / of_x.hypot(of_y) }
}

/// Kullback and Leibler's, of yes and no.
fn divergence(p: f64, q: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    term(p, q) + term(1.0 - p, 1.0 - q)
}

#[cfg(test)]
mod tests {
    use fairway_policies::Metric;

    use super::*;

    /// As so many of so many sessions would say it.
    fn of(failed: f64, sessions: f64) -> Value {
        let p = (failed + 0.5) / (sessions + 1.0);
        let error = (p * (1.0 - p) / sessions).sqrt() as f32;
        let value = (failed / sessions) as f32;
        Value { metric: Metric::StallRatio, value, error, samples: sessions as f32 }
    }

    #[test]
    fn an_error_is_worth_sessions() {
        for (failed, of_all) in [(0.0, 10.0), (0.0, 1000.0), (3.0, 60.0), (30.0, 60.0), (59.0, 60.0), (1.0, 3.0)] {
            let value = of(failed, of_all);
            let found = sessions(value.value.into(), value.error.into());
            assert!((0.8..1.25).contains(&(found / of_all)), "{failed} of {of_all}: {found}");
        }
    }

    #[test]
    fn what_one_share_explains_is_no_difference() {
        let near = |a: Value, b: Value, errors: f64| {
            let found = shares(&a, &b);
            assert!((found - errors).abs() < 0.35 && (found + shares(&b, &a)).abs() < 1e-9, "{found} is not {errors}");
        };
        near(of(5.0, 10.0), of(0.0, 40.0), 4.4);
        near(of(1.0, 10.0), of(0.0, 100.0), 2.2);
        near(of(1.0, 3.0), of(0.0, 1000.0), 3.5);
        near(of(3.0, 100.0), of(3.0, 100.0), 0.0);
        let sure = |share| Value { error: 0.0, ..of(100.0 * share, 100.0) };
        assert!(shares(&sure(0.4), &sure(0.1)) > 100.0 && shares(&sure(0.1), &sure(0.1)) == 0.0);
    }

    /// How often chance alone says three standard errors, of two pathways that are alike: exactly, by all outcomes.
    #[test]
    fn three_standard_errors_are_what_they_say() {
        let binomial = |n: usize, p: f64| {
            let mut chances = vec![(1.0 - p).powi(n as i32)];
            for k in 0..n {
                chances.push(chances[k] * (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p));
            }
            chances
        };
        for (n, m, p) in [(12, 12, 0.02), (12, 200, 0.02), (3, 300, 0.05), (30, 300, 0.005), (300, 300, 0.01)] {
            let mut wrong = 0.0;
            for (k, of_k) in binomial(n, p).iter().enumerate() {
                for (l, of_l) in binomial(m, p).iter().enumerate() {
                    if shares(&of(k as f64, n as f64), &of(l as f64, m as f64)) > 3.0 {
                        wrong += of_k * of_l;
                    }
                }
            }
            assert!(wrong < 2.0 / 740.0, "{n} and {m} at {p}: {wrong}");
        }
    }
}
