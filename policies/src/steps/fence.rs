//! `fence`: only, or never, these pathways.

use super::{Definition, Ids, pathways};
use crate::{
    model::{Fence, PathSet, Policy, StepKind},
    reading::{Absent, Fault, Fields, Key},
    words,
};

pub(super) const DEFINITION: Definition = Definition {
    name: "fence",
    keys: &[
        Key { name: "only", absent: Absent::Nothing, takes: "a list of pathway ids: no other is answered" },
        Key { name: "never", absent: Absent::Nothing, takes: "a list of pathway ids: none of them is answered" },
    ],
    read,
};

fn read(fields: &Fields<'_, '_>, ids: &Ids) -> Option<StepKind> {
    let only = pathways(fields, "only", ids);
    let never = pathways(fields, "never", ids);
    match (fields.table.get("only"), fields.table.get("never")) {
        (Some(_), Some(never)) => {
            let fault = Fault::new("a fence says `only` or `never`, not both");
            fields.reader.report(never.span(), fault.help("what is not in `only` is fenced out already"));
            return None;
        }
        (None, None) => {
            let fault = Fault::new("a fence needs `only` or `never`");
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
