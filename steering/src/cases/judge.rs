//! Whether what came is what was expected.

use fairway_policies::{Expect, Explanation, PathSet, Policy, model::SHARE_TOLERANCE};
use serde::Serialize;

use crate::{client::Via, decide::Decision};

/// Something that was expected and did not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// The key of `expect`.
    pub key: &'static str,
    /// What it says.
    pub expected: String,
    /// What came.
    pub came: String,
}

/// What came of a test's question.
pub(super) struct Came<'a> {
    pub policy: &'a Policy,
    pub via: Via,
    pub decision: &'a Decision,
    /// By pathway index; empty where nobody asked.
    pub shares: &'a [f64],
    /// Gives the account of it; asked for only where it matters, since it takes longer than the decision.
    pub explain: &'a dyn Fn() -> Explanation,
}

pub(super) fn misses(expect: &Expect, came: &Came<'_>) -> Vec<Miss> {
    let decision = came.decision;
    let ranked: Vec<usize> = decision.ranked.iter().map(|c| usize::from(c.pathway)).collect();
    let aside: PathSet = decision.aside.iter().map(|pathway| usize::from(*pathway)).collect();
    let answered: PathSet = ranked.iter().copied().chain(aside.iter()).collect();
    let first = decision.first(came.policy, came.via).map(usize::from);
    let mut misses = Vec::new();
    let mut miss = |key, expected: String, came: String| misses.push(Miss { key, expected, came });

    if let Some(expected) = expect.first.filter(|expected| Some(*expected) != first) {
        miss("first", came.ids([expected]), came.ids(first));
    }
    if let Some(expected) = expect.order.as_ref().filter(|expected| **expected != ranked) {
        miss("order", came.ids(expected.iter().copied()), came.ids(ranked));
    }
    let seen = expect.never.and(answered);
    if !seen.is_empty() {
        miss("never", came.ids(expect.never.iter()), format!("{} in the answer", came.ids(seen.iter())));
    }
    if !expect.aside.without(aside).is_empty() {
        miss("aside", came.ids(expect.aside.iter()), came.ids(aside.iter()));
    }
    let share = |pathway: usize| came.shares.get(pathway).copied().unwrap_or(0.0);
    if expect.share.iter().any(|(pathway, expected)| (share(*pathway) - expected).abs() > SHARE_TOLERANCE) {
        let of = |pathway: usize, share: f64| format!("{} {:.1} %", came.ids([pathway]), share * 100.0);
        let all = (0..came.shares.len()).map(|pathway| (pathway, share(pathway))).filter(|(_, share)| *share > 0.0);
        let words = |shares: Vec<String>| if shares.is_empty() { "none".into() } else { shares.join(", ") };
        miss(
            "share",
            words(expect.share.iter().map(|(pathway, share)| of(*pathway, *share)).collect()),
            words(all.map(|(pathway, share)| of(pathway, share)).collect()),
        );
    }
    if let Some(expected) = &expect.reason {
        let account = first.map(|first| came.account(first)).unwrap_or_default();
        if !account.to_lowercase().contains(&expected.to_lowercase()) {
            miss("reason", format!("{expected:?}"), format!("{account:?}"));
        }
    }
    if let Some(expected) = expect.ttl.filter(|expected| *expected != decision.ttl) {
        miss("ttl", format!("{expected} s"), format!("{} s", decision.ttl));
    }
    if let Some(expected) = expect.panic.filter(|expected| *expected != decision.panic) {
        miss("panic", expected.to_string(), decision.panic.to_string());
    }
    misses
}

impl Came<'_> {
    fn ids(&self, pathways: impl IntoIterator<Item = usize>) -> String {
        let ids: Vec<&str> = pathways.into_iter().map(|index| self.policy.pathways[index].id.as_str()).collect();
        if ids.is_empty() { "none".into() } else { ids.join(", ") }
    }

    /// What explain says of a pathway, step by step.
    fn account(&self, pathway: usize) -> String {
        let id = &self.policy.pathways[pathway].id;
        let explanation = (self.explain)();
        let rows = explanation.steps.iter().filter(|step| step.applied).flat_map(|step| &step.rows);
        let said = rows.filter(|row| row.pathway == *id).map(|row| {
            let numbers = row.numbers.iter().map(|number| format!(", {number}"));
            row.why.clone() + &numbers.collect::<String>()
        });
        said.collect::<Vec<_>>().join("; ")
    }
}
