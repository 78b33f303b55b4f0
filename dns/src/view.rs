//! What is answered from: immutable, swapped as a whole.

use std::sync::Arc;

use fairway_steering::Snapshot;

use crate::{names::Names, settings::Settings};

/// A snapshot, and the names whose answers its decisions choose. The two belong together: a steered name knows its service
/// by the index that it has in this snapshot.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) names: Arc<Names>,
    pub(crate) settings: Arc<Settings>,
}
