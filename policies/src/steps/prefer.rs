//! `prefer`: these pathways first, in tiers.

use super::{Definition, Ids, pathway};
use crate::{
    model::{Policy, Prefer, StepKind},
    reading::{Absent, Fault, Fields, Key, values},
    words,
};

pub(super) const DEFINITION: Definition = Definition {
    name: "prefer",
    keys: &[Key {
        name: "tiers",
        absent: Absent::Refused,
        takes: "a list of lists of pathway ids, the best first, such as [[\"cdn-a\"], [\"cdn-b\", \"cdn-c\"]]",
    }],
    read,
};

fn read(fields: &Fields<'_, '_>, ids: &Ids) -> Option<StepKind> {
    let value = fields.get("tiers")?;
    let tiers = fields.items("tiers", value, |tier| {
        fields.items("tiers", tier, |item| {
            let index = values::text(item.get_ref()).and_then(|id| pathway(id, ids));
            fields.check("tiers", item, index).map(|index| (index, item.span()))
        })
    })?;
    let mut seen = Vec::new();
    for (index, span) in tiers.iter().flatten() {
        if seen.contains(index) {
            let fault = Fault::new(format!("`{}` is in these tiers twice", ids[*index]));
            fields.reader.report(span.clone(), fault.help("a pathway stands in one tier: the first that names it"));
        }
        seen.push(*index);
    }
    let tiers = tiers.iter().map(|tier| tier.iter().map(|(index, _)| *index).collect()).collect();
    Some(StepKind::Prefer(Prefer { tiers }))
}

pub(super) fn describe(policy: &Policy, prefer: &Prefer) -> String {
    let tiers: Vec<String> = prefer.tiers.iter().map(|tier| words::pathways(policy, *tier)).collect();
    format!("prefer {}", tiers.join(", then "))
}
