//! The steps of the language, one definition each: its name, its keys, how it is read, and what it says of itself;
//! and `when`, which all of them may have.
//!
//! A new kind of step is a new file here, a line in [`STEPS`] and in [`describe`], and its data in [`crate::model`].

use crate::{
    model::{PathSet, Policy, Step, StepKind},
    reading::{Absent, Fault, Fields, Key, Reader, Value, values},
    words::{did_you_mean, list},
};

mod fence;
mod healthy;
mod prefer;
mod rank;
mod weights;
pub(crate) mod when;

/// One kind of step.
#[derive(Debug)]
pub(crate) struct Definition {
    /// What `do` names.
    pub name: &'static str,
    /// Its keys, beside [`COMMON`].
    pub keys: &'static [Key],
    /// Reads them; `None` when something it cannot be without is missing or wrong (then it is reported).
    read: fn(&Fields<'_, '_>, &Ids) -> Option<StepKind>,
}

/// The ids of the file's pathways, in file order.
type Ids = [String];

/// Every kind of step.
pub(crate) const STEPS: &[Definition] =
    &[healthy::DEFINITION, fence::DEFINITION, prefer::DEFINITION, rank::DEFINITION, weights::DEFINITION];

/// The keys that every step has.
pub(crate) const COMMON: &[Key] = &[
    Key { name: "do", absent: Absent::Refused, takes: "the kind of step, such as \"healthy\"" },
    Key {
        name: "when",
        absent: Absent::Nothing,
        takes: "which clients the step is for, such as { country = [\"DE\"] }; everyone when left out",
    },
];

/// Reads one `[[step]]` of a file whose pathways are `ids`.
pub(crate) fn read(reader: &Reader<'_>, value: &Value<'_>, ids: &Ids) -> Option<Step> {
    // The kind says which keys there are, so it is read first; while it is wrong, any step's keys may stand beside it.
    let kind = value.get_ref().get("do").and_then(|v| v.get_ref().as_str());
    let Some(definition) = STEPS.iter().find(|d| Some(d.name) == kind) else {
        let fields = Fields::open(reader, value, "a step", COMMON.iter().chain(STEPS.iter().flat_map(|d| d.keys)))?;
        let kinds: Vec<(&str, ())> = STEPS.iter().map(|d| (d.name, ())).collect();
        fields.read("do", |v| values::word(v, "step", &kinds));
        return None;
    };
    let name = format!("a `{}` step", definition.name);
    let fields = Fields::open(reader, value, name, COMMON.iter().chain(definition.keys))?;
    let when = when::read(&fields);
    Some(Step { kind: (definition.read)(&fields, ids)?, when, line: reader.line(value.span()) })
}

/// What a step does, and for whom, in one line, such as `prefer cdn-a, then cdn-b when country is DE, AT or CH`.
pub fn describe(policy: &Policy, step: &Step) -> String {
    let what = match &step.kind {
        StepKind::Healthy(healthy) => healthy::describe(healthy),
        StepKind::Fence(fence) => fence::describe(policy, fence),
        StepKind::Prefer(prefer) => prefer::describe(policy, prefer),
        StepKind::Rank(rank) => rank::describe(rank),
        StepKind::Weights(weights) => weights::describe(policy, weights),
        StepKind::Nearest(_) => "the nearest first".into(),
        StepKind::Cheapest(_) => "among equals, the cheapest first".into(),
        StepKind::Capacity(_) => "spill what a pathway cannot carry".into(),
        StepKind::Explore(_) => "explore".into(),
        StepKind::Stick(_) => "stick".into(),
        StepKind::Limit(limit) => format!("{} at most", limit.to),
    };
    what + &when::describe(&step.when)
}

/// The index of the pathway that a value names.
fn pathway(value: &str, ids: &Ids) -> Result<usize, Fault> {
    ids.iter().position(|id| id == value).ok_or_else(|| {
        let known: Vec<&str> = ids.iter().map(String::as_str).collect();
        let all = || format!("there are {}", list("and", &known));
        let help = did_you_mean(value, known.iter().copied()).unwrap_or_else(all);
        Fault::new(format!("there is no pathway `{value}`")).help(help)
    })
}

/// The set of pathways that a list at `key` names.
fn pathways(fields: &Fields<'_, '_>, key: &str, ids: &Ids) -> Option<PathSet> {
    let indexes = fields.list(key, |v| pathway(values::text(v)?, ids))?;
    Some(indexes.into_iter().collect())
}
