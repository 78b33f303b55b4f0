//! How lists read in English, and what a misspelt word was meant to be.

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

/// "did you mean `x`?" for the known word nearest to `word`, if one is near enough: a third of its letters may be wrong.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let word = word.to_lowercase();
    let distance = |k: &&str| strsim::damerau_levenshtein(&word, &k.to_lowercase());
    let nearest = known.into_iter().min_by_key(distance)?;
    let allowed = (word.chars().count().max(nearest.chars().count()) / 3).max(1);
    (distance(&nearest) <= allowed).then(|| format!("did you mean `{nearest}`?"))
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn list(joint: &str, words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
    enumerate(joint, &quoted)
}
