//! `prefer`: these pathways first, in tiers.

use super::Definition;
use crate::{
    model::{Policy, Prefer, StepKind},
    reading::{
        Choice, Code, Fault, Fields, Key, Kind, Table,
        pathways::{Ids, pathway},
    },
    words,
};

pub(super) const DEFINITION: Definition = Definition {
    name: "prefer",
    table: Table {
        name: "a `prefer` step",
        title: "`do = \"prefer\"`",
        doc: "Moves these tiers to the front, in this order; the other pathways follow as they stood. A pathway is in one \
              tier at most.",
        keys: &[Key::needed(
            "tiers",
            Kind::List(&Kind::List(&Kind::Pathway)),
            "[[\"cdn-a\"], [\"cdn-b\", \"cdn-c\"]]",
            "The best tier first.",
        )],
        choice: Choice::Free,
        examples: &[
            "[[step]]\ndo = \"prefer\"\ntiers = [[\"cdn-a\", \"cdn-b\"], [\"origin\"]]\nwhen = { continent = [\"EU\"] }",
        ],
    },
    needs: None,
    read,
};

fn read(fields: &Fields<'_, '_>, ids: &Ids) -> Option<StepKind> {
    let value = fields.get("tiers")?;
    let tiers = fields.items("tiers", value, |tier| {
        fields.items("tiers", tier, |item| {
            let index = pathway(item.get_ref(), ids);
            fields.check("tiers", item, index).map(|index| (index, item.span()))
        })
    })?;
    let mut seen = Vec::new();
    for (index, span) in tiers.iter().flatten() {
        if seen.contains(index) {
            let fault = Fault::new(Code::Repeated, format!("`{}` is in these tiers twice", ids[*index]));
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
