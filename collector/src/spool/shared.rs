//! What the spool's handles and its writer have in common.

use std::{
    collections::VecDeque,
    fs::File,
    path::PathBuf,
    sync::{Mutex, atomic::AtomicU64},
};

use super::segment::Segment;
use crate::metrics::Metrics;

/// How big it may get.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A segment is sealed when it has grown to this: an insert is about so big.
    pub segment_bytes: u64,
    /// All segments together.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { segment_bytes: 8 << 20, max_bytes: 8 << 30 }
    }
}

/// Why rows could not be put on disk. The same request may succeed later.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SpoolError {
    /// The store has been away for so long that the spool is full.
    #[error("the spool is full")]
    Full,
    /// More comes than the disk takes.
    #[error("the spool's disk is behind")]
    Busy,
    /// The disk.
    #[error("the spool cannot be written: {0}")]
    Disk(String),
    /// The node is stopping.
    #[error("the spool is closed")]
    Closed,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub dir: PathBuf,
    pub limits: Limits,
    pub metrics: Metrics,
    /// Bytes of all segments, and those on their way into one.
    pub bytes: AtomicU64,
    /// Of these, those on their way.
    pub queued: AtomicU64,
    /// Oldest first.
    pub sealed: Mutex<VecDeque<Segment>>,
    /// Held for as long as the spool is open.
    pub _lock: File,
}
