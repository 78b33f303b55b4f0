//! The steps of the language, one definition each: its name, its keys, what it does in words, examples, how it is read,
//! and what it says of itself; and `when`, which all of them may have.
//!
//! A new kind of step is a new file here, a line in [`STEPS`] and in [`describe`], and its data in [`crate::model`].

use crate::{
    model::{Policy, Step, StepKind},
    reading::{Choice, Fields, Key, Kind, Reader, Table, Value, pathways::Ids, values},
};

mod capacity;
mod cheapest;
mod explore;
mod fence;
mod healthy;
mod limit;
mod nearest;
mod prefer;
mod rank;
mod stick;
mod weights;
pub(crate) mod when;
pub(crate) mod window;

/// One kind of step.
#[derive(Debug)]
pub(crate) struct Definition {
    /// What `do` names.
    pub name: &'static str,
    /// Its keys, beside [`COMMON`], and what it does.
    pub table: Table,
    /// The key of pathways that it goes by; one of them at least must have it.
    pub needs: Option<&'static str>,
    /// Reads them; `None` when something it cannot be without is missing or wrong (then it is reported).
    read: fn(&Fields<'_, '_>, &Ids) -> Option<StepKind>,
}

/// Every kind of step, in the order in which a chain most often has them.
pub(crate) const STEPS: &[&Definition] = &[
    &healthy::DEFINITION,
    &fence::DEFINITION,
    &nearest::DEFINITION,
    &prefer::DEFINITION,
    &rank::DEFINITION,
    &cheapest::DEFINITION,
    &stick::DEFINITION,
    &weights::DEFINITION,
    &explore::DEFINITION,
    &capacity::DEFINITION,
    &limit::DEFINITION,
];

/// What every step has.
pub(crate) const COMMON: Table = Table {
    name: "a step",
    title: "`[[step]]`: the chain",
    doc: "Steps run in file order. Pathways stand in *tiers*: those of one tier are equals, and an earlier tier goes \
          first. All begin in one tier. Each step drops, reorders or reweighs what the steps before it left standing. \
          A policy has at most 64 steps.",
    keys: &[
        Key::needed("do", Kind::Word("step", names), "\"healthy\"", "The kind of step."),
        Key::optional(
            "when",
            Kind::Table(&when::TABLE),
            "everyone, always",
            "{ country = [\"DE\"] }",
            "Which clients the step is for, and when.",
        ),
    ],
    choice: Choice::Free,
    examples: &[],
};

fn names() -> Vec<&'static str> {
    STEPS.iter().map(|definition| definition.name).collect()
}

/// Reads one `[[step]]` of a file whose pathways are `ids`.
pub(crate) fn read(reader: &Reader<'_>, value: &Value<'_>, ids: &Ids) -> Option<Step> {
    // The kind says which keys there are, so it is read first; while it is wrong, any step's keys may stand beside it.
    let kind = value.get_ref().get("do").and_then(|v| v.get_ref().as_str());
    let Some(definition) = STEPS.iter().find(|d| Some(d.name) == kind) else {
        let any = COMMON.keys.iter().chain(STEPS.iter().flat_map(|d| d.table.keys));
        let fields = Fields::open(reader, value, COMMON.name, any)?;
        fields.read("do", |v, _| Err::<(), _>(values::unknown_word("step", values::plain(v)?, &names())));
        when::read(&fields);
        return None;
    };
    let fields = Fields::table(reader, value, &definition.table, COMMON.keys)?;
    let when = when::read(&fields);
    Some(Step { kind: (definition.read)(&fields, ids)?, when, line: reader.line(value.span()) })
}

/// What a step does, and for whom, in one line, such as `prefer cdn-a, then cdn-b when country is DE, AT or CH`.
pub fn describe(policy: &Policy, step: &Step) -> String {
    let what = match &step.kind {
        StepKind::Healthy(healthy) => healthy::describe(healthy),
        StepKind::Fence(fence) => fence::describe(policy, fence),
        StepKind::Prefer(prefer) => prefer::describe(policy, prefer),
        StepKind::Nearest(nearest) => nearest::describe(policy, nearest),
        StepKind::Rank(rank) => rank::describe(rank),
        StepKind::Cheapest(cheapest) => cheapest::describe(cheapest),
        StepKind::Weights(weights) => weights::describe(policy, weights),
        StepKind::Capacity(capacity) => capacity::describe(capacity),
        StepKind::Explore(explore) => explore::describe(explore),
        StepKind::Stick(stick) => stick::describe(stick),
        StepKind::Limit(limit) => limit::describe(limit),
    };
    what + &when::describe(&step.when)
}

/// `2 %`, `0.5 %`.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}
