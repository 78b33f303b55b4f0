//! `limit`: at most so many pathways.

use super::Definition;
use crate::{
    model::{Limit, MAX_PATHWAYS, StepKind},
    reading::{Choice, Fields, Key, Kind, Table, pathways::Ids, values},
};

pub(super) const DEFINITION: Definition = Definition {
    name: "limit",
    table: Table {
        name: "a `limit` step",
        title: "`do = \"limit\"`",
        doc: "Keeps the first so many pathways. DNS answers one in any case. A steering list has two at least, or players could \
              not fail over by themselves: what is missing comes from those past the limit, then from those set aside, as a \
              last resort.",
        keys: &[Key::needed("to", Kind::Integer(1, MAX_PATHWAYS as u32), "2", "How many.")],
        choice: Choice::Free,
        examples: &["[[step]]\ndo = \"limit\"\nto = 2"],
    },
    needs: None,
    read,
};

fn read(fields: &Fields<'_, '_>, _: &Ids) -> Option<StepKind> {
    Some(StepKind::Limit(Limit { to: fields.read("to", values::integer)? }))
}

pub(super) fn describe(limit: &Limit) -> String {
    match limit.to {
        1 => "keep the first only".into(),
        to => format!("keep the first {to}"),
    }
}
