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
        doc: "Keeps the first so many pathways; the others are not answered. Those set aside fill up what is missing. \
              DNS answers one pathway in any case. A list of one takes players' own failover away: keep two at least for \
              HLS and DASH.",
        keys: &[Key::needed("to", Kind::Integer(1, MAX_PATHWAYS as u32), "2", "How many.")],
        choice: Choice::Free,
        examples: &["[[step]]\ndo = \"limit\"\nto = 2"],
    },
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
