//! `fence`: only, or never, these pathways.

use super::Definition;
use crate::{
    model::{Fence, PathSet, Policy, StepKind},
    reading::{
        Code, Fault, Fields, Key, Kind, Table,
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
        doc: "Only, or never, these pathways. What is fenced out is not answered at all, whatever else fails. One of the \
              two keys is needed, and a pathway must be left.",
        keys: &[
            Key::optional("only", PATHWAYS, "see `never`", "[\"cdn-a\"]", "No other pathway is answered."),
            Key::optional("never", PATHWAYS, "see `only`", "[\"cdn-c\"]", "None of these is answered."),
        ],
        examples: &["[[step]]\ndo = \"fence\"\nnever = [\"cdn-c\"]\nwhen = { country = [\"CN\"] }"],
    },
    read,
};

fn read(fields: &Fields<'_, '_>, ids: &Ids) -> Option<StepKind> {
    let only = pathways::set(fields, "only", ids);
    let never = pathways::set(fields, "never", ids);
    match (fields.has("only"), fields.has("never")) {
        (true, true) => {
            let fault = Fault::new(Code::Both, "a fence says `only` or `never`, not both");
            fields.report("never", fault.help("what is not in `only` is fenced out already"));
            return None;
        }
        (false, false) => {
            let fault = Fault::new(Code::Neither, "a fence needs `only` or `never`");
            let help = "write only = [\"…\"] for what may be used, or never = [\"…\"] for what may not";
            fields.reader.report(fields.span.clone(), fault.help(help));
            return None;
        }
        _ => {}
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
