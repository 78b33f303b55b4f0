//! How lists and durations are written, and what a misspelt word was meant to be.

use std::time::Duration;

use crate::model::{PathSet, Policy};

/// `cdn-a, cdn-b or cdn-c`.
pub(crate) fn pathways(policy: &Policy, set: PathSet) -> String {
    let ids: Vec<String> = set.iter().filter_map(|i| policy.pathways.get(i)).map(|p| p.id.clone()).collect();
    enumerate("or", &ids)
}

/// `a, b joint c`.
pub(crate) fn enumerate(joint: &str, words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}

/// "did you mean `x`?" for the known word nearest to `word`, if one is near enough: a third of its letters may be wrong. A
/// word cut short, or one that goes on, is as near as a slip of the finger.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let word = word.to_lowercase();
    let distance = |k: &&str| {
        let k = k.to_lowercase();
        let shorter = word.len().min(k.len());
        let continues = shorter >= 3 && (word.starts_with(&k) || k.starts_with(&word));
        if continues && word != k { 1 } else { strsim::damerau_levenshtein(&word, &k) }
    };
    let nearest = known.into_iter().min_by_key(distance)?;
    let allowed = (word.chars().count().max(nearest.chars().count()) / 3).max(1);
    (distance(&nearest) <= allowed).then(|| format!("did you mean `{nearest}`?"))
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn list(joint: &str, words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
    enumerate(joint, &quoted)
}

/// As it is written: `1h`, `90s`, `250ms`.
pub(crate) fn span(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "0s".into(),
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}
