//! `healthy`: sets aside what does not work.

use super::Definition;
use crate::model::{Healthy, StepKind};

pub(super) const DEFINITION: Definition =
    Definition { name: "healthy", keys: &[], read: |_, _| Some(StepKind::Healthy(Healthy {})) };

pub(super) fn describe(_: &Healthy) -> String {
    "set aside what is down or drained".into()
}
