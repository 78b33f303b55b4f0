//! What a step says of itself, in one line, for explain and the dashboard. (Skeleton.)

use crate::model::{Policy, Step};

/// One line, such as `prefer cdn-a, then cdn-b when country is DE, AT or CH`.
pub fn describe(_policy: &Policy, _step: &Step) -> String {
    String::new()
}
