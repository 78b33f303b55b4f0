//! `healthy`: sets aside what does not work.

use super::Definition;
use crate::model::{Healthy, StepKind};

pub(super) const DEFINITION: Definition = Definition {
    name: "healthy",
    keys: &[],
    read: |_, _| {
        let (panic, ramp) = (0.0, std::time::Duration::from_secs(60));
        Some(StepKind::Healthy(Healthy { panic, availability: None, ramp }))
    },
};

pub(super) fn describe(_: &Healthy) -> String {
    "set aside what is down or drained".into()
}
