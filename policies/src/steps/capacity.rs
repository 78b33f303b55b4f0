//! `capacity`: what a pathway cannot carry goes to the next.

use super::{Definition, percent};
use crate::{
    model::{Capacity, StepKind},
    reading::{Bounds, Choice, Fields, Key, Kind, Table, pathways::Ids, values},
};

pub(super) const DEFINITION: Definition = Definition {
    name: "capacity",
    table: Table {
        name: "a `capacity` step",
        title: "`do = \"capacity\"`",
        doc: "Of the clients that a pathway would get, only so many as its `capacity` carries given the traffic now; for \
              the others it stands behind the next. It reads the order that stands, so it comes after the steps that make \
              it, `weights` among them. A pathway without a `capacity` carries everything. \
              Where several steps are `capacity`, the first says `fill`.",
        keys: &[Key::default(
            "fill",
            Kind::Number(Bounds::SOME),
            "0.9",
            "The share of the capacity that may be filled.",
        )],
        choice: Choice::Free,
        examples: &["[[step]]\ndo = \"capacity\"\nfill = 0.8"],
    },
    needs: Some("capacity"),
    read,
};

fn read(fields: &Fields<'_, '_>, _: &Ids) -> Option<StepKind> {
    Some(StepKind::Capacity(Capacity { fill: fields.read("fill", values::number)? }))
}

pub(super) fn describe(capacity: &Capacity) -> String {
    format!("fill each to {} of its capacity, the rest goes on", percent(capacity.fill))
}
