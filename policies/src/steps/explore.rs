//! `explore`: a small share goes elsewhere, to learn.
//!
//! Why these defaults: two of a hundred sessions are a price that nobody notices, and enough to keep the cells of an
//! audience of a few thousand fresh; a minute is long enough for a session to tell of start, stalls and throughput.

use std::time::Duration;

use super::{Definition, percent};
use crate::{
    explain::lasting,
    model::{Explore, StepKind},
    reading::{Bounds, Choice, Fields, Key, Kind, Table, pathways::Ids, values},
};

pub(super) const DEFINITION: Definition = Definition {
    name: "explore",
    table: Table {
        name: "an `explore` step",
        title: "`do = \"explore\"`",
        doc: "Gives a small share of each audience another pathway first, one of those behind its first that are up, so that \
              what is known of the others stays fresh and one that has become better is noticed. Put it behind `rank`, whose \
              order would otherwise confirm itself.",
        keys: &[
            Key::default(
                "share",
                Kind::Number(Bounds { above: true, ..Bounds::of(0.0, 0.2) }),
                "0.02",
                "Of the clients of each audience.",
            ),
            Key::default(
                "every",
                Kind::Duration(Duration::from_secs(1), Duration::from_secs(3600)),
                "\"60s\"",
                "After so long it is other clients' turn.",
            ),
        ],
        choice: Choice::Free,
        examples: &["[[step]]\ndo = \"explore\"\nshare = 0.05"],
    },
    needs: None,
    read,
};

fn read(fields: &Fields<'_, '_>, _: &Ids) -> Option<StepKind> {
    let share = fields.read("share", values::number);
    let every = fields.read("every", values::duration);
    Some(StepKind::Explore(Explore { share: share?, every: every? }))
}

pub(super) fn describe(explore: &Explore) -> String {
    format!("{} try another, others every {}", percent(explore.share), lasting(explore.every.as_secs_f64()))
}
