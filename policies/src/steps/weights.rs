//! `weights`: shares inside each tier.

use toml::de::DeValue;

use super::{Definition, Ids, pathway};
use crate::{
    model::{Policy, StepKind, Weights},
    reading::{Absent, Fault, Fields, Key, kind_of, values},
};

pub(super) const DEFINITION: Definition = Definition {
    name: "weights",
    keys: &[Key {
        name: "shares",
        absent: Absent::Refused,
        takes: "a table of whole numbers by pathway id, such as { cdn-a = 60, cdn-b = 40 }",
    }],
    read,
};

/// Far more than anyone needs to be exact, and few enough that all pathways' shares add up in a u32.
const MOST: u32 = 1_000_000;

fn read(fields: &Fields<'_, '_>, ids: &Ids) -> Option<StepKind> {
    let value = fields.get("shares")?;
    let DeValue::Table(table) = value.get_ref() else {
        let fault = Fault::new(format!("expected a table, found {}", kind_of(value.get_ref())));
        return fields.check("shares", value, Err(fault));
    };
    let mut shares = vec![0; ids.len()];
    let mut sound = true;
    for (id, value) in table.iter() {
        let share = fields.check("shares", value, values::integer(value.get_ref(), 0..=MOST));
        match (pathway(id.get_ref(), ids), share) {
            (Ok(index), Some(share)) => shares[index] = share,
            (Err(fault), _) => {
                fields.reader.report(id.span(), fault);
                sound = false;
            }
            (Ok(_), None) => sound = false,
        }
    }
    if sound && shares.iter().all(|share| *share == 0) {
        let fault = Fault::new("these shares are all 0");
        fields.reader.report(value.span(), fault.help("give one pathway more than 0, or leave the step out"));
    }
    Some(StepKind::Weights(Weights { shares }))
}

pub(super) fn describe(policy: &Policy, weights: &Weights) -> String {
    let named = policy.pathways.iter().zip(&weights.shares).filter(|(_, share)| **share > 0);
    let shares: Vec<String> = named.map(|(pathway, share)| format!("{} {share}", pathway.id)).collect();
    format!("split equals: {}", shares.join(", "))
}
