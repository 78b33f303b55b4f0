//! What a step says of itself, in one line, for explain and the dashboard; and how lists read in English.

use std::fmt::Display;

use crate::{
    model::{PathSet, Policy, Step, When},
    steps,
};

/// One line, such as `prefer cdn-a, then cdn-b when country is DE, AT or CH`.
pub fn describe(policy: &Policy, step: &Step) -> String {
    steps::describe(policy, step)
}

/// ` when country is DE, AT or CH and network is AS3320`; nothing for a step that is for everyone.
pub(crate) fn when(when: &When) -> String {
    let kinds = [
        condition("continent is", &when.continent),
        condition("country is", &when.country),
        condition("network is", &when.asn),
        condition("address is in", &when.cidr),
    ];
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    if kinds.is_empty() { String::new() } else { format!(" when {}", kinds.join(" and ")) }
}

fn condition(is: &str, values: &[impl Display]) -> Option<String> {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    (!values.is_empty()).then(|| format!("{is} {}", enumerate("or", &values)))
}

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
