//! What is answered from: immutable, swapped as a whole.

use std::sync::Arc;

use fairway_steering::Snapshot;

use crate::{
    cookie::Cookies, dnssec::budget::Budget, limit::Limiter, names::Names, settings::Settings, transfer::Transfers,
};

/// A snapshot, and the names whose answers its decisions choose. The two belong together: a steered name knows its service
/// by the index that it has in this snapshot.
#[derive(Clone)]
pub struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) names: Arc<Names>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) guards: Arc<Guards>,
    pub(crate) transfers: Arc<Transfers>,
}

/// What keeps us from being aimed at others; the same over all views.
pub(crate) struct Guards {
    pub(crate) cookies: Cookies,
    pub(crate) limiter: Limiter,
    /// Of what is signed while a stranger waits.
    pub(crate) signatures: Budget,
}
