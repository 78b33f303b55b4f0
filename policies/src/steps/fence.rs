//! `fence`: only, or never, these pathways.

use super::Definition;
use crate::{
    model::{Fence, PathSet, Policy, StepKind},
    reading::{
        Choice, Fields, Key, Kind, Table,
        pathways::{self, Ids},
    },
    words,
};

const PATHWAYS: Kind = Kind::List(&Kind::Pathway);

pub(super) const DEFINITION: Definition = Definition {
    name: "fence",
    table: Table {
        name: "a `fence` step",
        title: "`do = \"fence\"`",
        doc: "Only, or never, these pathways. What is fenced out is not answered at all, whatever else fails. A pathway \
              must be left for everyone.",
        keys: &[
            Key::optional("only", PATHWAYS, "see `never`", "[\"cdn-a\"]", "No other pathway is answered."),
            Key::optional("never", PATHWAYS, "see `only`", "[\"cdn-c\"]", "None of these is answered."),
        ],
        choice: Choice::One(&["only", "never"]),
        examples: &["[[step]]\ndo = \"fence\"\nnever = [\"cdn-c\"]\nwhen = { country = [\"CN\"] }"],
    },
    needs: None,
    read,
};

fn read(fields: &Fields<'_, '_>, ids: &Ids) -> Option<StepKind> {
    let only = pathways::set(fields, "only", ids);
    let never = pathways::set(fields, "never", ids);
    if fields.has("only") && fields.has("never") {
        return None;
    }
    let all = PathSet::all(ids.len());
    Some(StepKind::Fence(Fence { allowed: only.or_else(|| Some(all.without(never?)))? }))
}

/// Said in the shorter of the two ways.
pub(super) fn describe(policy: &Policy, fence: &Fence) -> String {
    let never = PathSet::all(policy.pathways.len()).without(fence.allowed);
    if !never.is_empty() && never.len() < fence.allowed.len() {
        format!("never {}", words::pathways(policy, never))
    } else {
        format!("only {}", words::pathways(policy, fence.allowed))
    }
}
