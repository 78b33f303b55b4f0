//! `cheapest`: among equals, by price.

use super::{Definition, percent};
use crate::{
    model::{Cheapest, StepKind},
    reading::{Bounds, Choice, Fields, Key, Kind, Table, pathways::Ids, values},
};

pub(super) const DEFINITION: Definition = Definition {
    name: "cheapest",
    table: Table {
        name: "a `cheapest` step",
        title: "`do = \"cheapest\"`",
        doc: "Orders the first tier by what one more terabyte on each pathway costs now: the price of its volume tier this \
              month. A commitment that is behind its pace costs nothing more until it is caught up with; a maximum that is \
              ahead of its pace makes a pathway dear. Put it behind `rank`, so that only those compete that are as good.",
        keys: &[Key::default(
            "tie",
            Kind::Number(Bounds::NOT_ALL),
            "0.05",
            "Prices that differ by less than this share are the same.",
        )],
        choice: Choice::Free,
        examples: &["[[step]]\ndo = \"cheapest\"\ntie = 0.1"],
    },
    needs: Some("cost"),
    read,
};

fn read(fields: &Fields<'_, '_>, _: &Ids) -> Option<StepKind> {
    Some(StepKind::Cheapest(Cheapest { tie: fields.read("tie", values::number)? }))
}

pub(super) fn describe(cheapest: &Cheapest) -> String {
    format!("among the first, the cheapest first, within {} equals", percent(cheapest.tie))
}
