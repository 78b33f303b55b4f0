//! `nearest`: by great-circle distance.
//!
//! Why 100 km: geo data knows cities at best, and light needs a millisecond for that far and back; whatever differs by
//! less is better decided by what viewers see.

use super::Definition;
use crate::{
    model::{Nearest, Policy, StepKind},
    reading::{
        Bounds, Choice, Fields, Key, Kind, Table,
        pathways::{self, Ids},
        values,
    },
};

/// Half the way around the Earth and more.
const FAR: f64 = 40_000.0;

pub(super) const DEFINITION: Definition = Definition {
    name: "nearest",
    table: Table {
        name: "a `nearest` step",
        title: "`do = \"nearest\"`",
        doc: "The nearer pathway first, by great-circle distance between the client and each pathway's `location`, whatever \
              their tiers. Those about as near as the nearest of them stay as they stood; those without a location come last. \
              A client whose coordinates are not known is left alone.",
        keys: &[
            Key::optional(
                "bias_km",
                Kind::ByPathway(&Kind::Number(Bounds::of(-FAR, FAR))),
                "0 each",
                "{ cdn-a = -500 }",
                "Kilometres added to a pathway's distance; negative brings it nearer.",
            ),
            Key::default(
                "same_km",
                Kind::Number(Bounds::of(0.0, FAR)),
                "100",
                "Pathways farther than the nearest by no more than this count as near as it.",
            ),
        ],
        choice: Choice::Free,
        examples: &["[[step]]\ndo = \"nearest\"\nbias_km = { cdn-b = 300 }"],
    },
    needs: Some("location"),
    read,
};

fn read(fields: &Fields<'_, '_>, ids: &Ids) -> Option<StepKind> {
    let mut bias = vec![0.0; ids.len()];
    for (index, km) in pathways::by_pathway(fields, "bias_km", ids, values::number).unwrap_or_default() {
        bias[index] = km;
    }
    Some(StepKind::Nearest(Nearest { bias, same: fields.read("same_km", values::number)? }))
}

pub(super) fn describe(policy: &Policy, nearest: &Nearest) -> String {
    let biased = policy.pathways.iter().zip(&nearest.bias).filter(|(_, km)| **km != 0.0);
    let biased: Vec<String> = biased.map(|(pathway, km)| format!("{} {km:+} km", pathway.id)).collect();
    let bias = if biased.is_empty() { String::new() } else { format!(", {}", biased.join(", ")) };
    format!("the nearest first, within {} km equals{bias}", nearest.same)
}
