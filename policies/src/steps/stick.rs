//! `stick`: by what clients are hashed.

use super::Definition;
use crate::{
    model::{StepKind, Stick, StickBy},
    reading::{Choice, Fields, Key, Kind, Table, pathways::Ids, values},
};

pub(super) const DEFINITION: Definition = Definition {
    name: "stick",
    table: Table {
        name: "a `stick` step",
        title: "`do = \"stick\"`",
        doc: "Says what clients are hashed by from here on in the chain, and splits equals by that hash, evenly where no \
              `weights` follow. By `session` (as without this step) one playback stays where it is; by `prefix` a whole \
              /24 or /48 does; by `content` all who watch one title get the same pathway, so that an origin shield fetches \
              it once. When pathways come or go, only what must move does (rendezvous hashing).",
        keys: &[Key::needed(
            "by",
            Kind::word::<StickBy>(),
            "\"content\"",
            "What is hashed. A client of which it is not known is hashed by its session, else by its prefix.",
        )],
        choice: Choice::Free,
        examples: &["[[step]]\ndo = \"stick\"\nby = \"content\""],
    },
    needs: None,
    read,
};

fn read(fields: &Fields<'_, '_>, _: &Ids) -> Option<StepKind> {
    Some(StepKind::Stick(Stick { by: fields.read("by", values::word)? }))
}

pub(super) fn describe(stick: &Stick) -> String {
    match stick.by {
        StickBy::Session => "keep each session where it is".into(),
        StickBy::Prefix => "keep each address prefix on one of the equals".into(),
        StickBy::Content => "keep each content on one of the equals".into(),
    }
}
