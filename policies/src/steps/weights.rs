//! `weights`: shares inside each tier.

use toml::de::DeValue;

use super::Definition;
use crate::{
    model::{Policy, StepKind, Weights},
    reading::{
        Choice, Code, Fault, Fields, Key, Kind, Table,
        pathways::{self, Ids},
        values,
    },
};

/// Far more than anyone needs to be exact, and few enough that all pathways' shares add up in a u32.
const MOST: u32 = 1_000_000;

pub(super) const DEFINITION: Definition = Definition {
    name: "weights",
    table: Table {
        name: "a `weights` step",
        title: "`do = \"weights\"`",
        doc: "Splits the clients of each tier by number. A client keeps its pathway: a hash of its session, or of its \
              address prefix (or of what `stick` says), picks it, and a change of shares moves only those that must move. In \
              a tier, pathways with no share come after the others.",
        keys: &[Key::needed(
            "shares",
            Kind::ByPathway(&Kind::Integer(0, MOST)),
            "{ cdn-a = 60, cdn-b = 40 }",
            "Not all 0. Only their proportions count.",
        )],
        choice: Choice::Free,
        examples: &["[[step]]\ndo = \"weights\"\nshares = { cdn-a = 60, cdn-b = 40 }"],
    },
    needs: None,
    read,
};

fn read(fields: &Fields<'_, '_>, ids: &Ids) -> Option<StepKind> {
    let whole = |value: &DeValue<'_>, kind| {
        let help = "only their proportions count: for 0.6 and 0.4 write 60 and 40";
        let fraction = matches!(value, DeValue::Float(_));
        values::integer(value, kind).map_err(|fault| if fraction { fault.help(help) } else { fault })
    };
    let named = pathways::by_pathway(fields, "shares", ids, whole)?;
    let mut shares = vec![0; ids.len()];
    for (index, share) in named {
        shares[index] = share;
    }
    if shares.iter().all(|share| *share == 0) {
        let fault = Fault::new(Code::NoShare, "these shares are all 0");
        fields.report("shares", fault.help("give one pathway more than 0, or leave the step out"));
    }
    Some(StepKind::Weights(Weights { shares }))
}

pub(super) fn describe(policy: &Policy, weights: &Weights) -> String {
    let named = policy.pathways.iter().zip(&weights.shares).filter(|(_, share)| **share > 0);
    let shares: Vec<String> = named.map(|(pathway, share)| format!("{} {share}", pathway.id)).collect();
    format!("split equals: {}", shares.join(", "))
}
