//! The decision, and all it is made from.
//!
//! ```text
//! cells (store) ─┐
//! health (probes)├─▶ control loop ─▶ snapshot ─▶ decide ─▶ http (here) · dns (its own room)
//! policies (files)┘
//! ```
//! Read [`decide`] first: it is what everything else is for. Then [`snapshot`] (what it reads), [`standing`] (who beats
//! whom for an audience, with memory), [`health`] (verdicts), [`cells`] (what beacons say), [`control`] (the loop that
//! gathers these and swaps the snapshot), [`live`] (the handle the other rooms hold), [`demand`] (load per pathway and its
//! triggers), [`http`] (the content-steering service).
//!
//! Answering touches one snapshot and nothing else: no lock, no disk, no store. This room never imports `store`.

pub mod cells;
pub mod control;
pub mod decide;
pub mod demand;
pub mod health;
pub mod http;
pub mod live;
pub mod snapshot;
pub mod standing;

pub use cells::{Audience, Cell, CellRow, CellSource};
pub use decide::{Choice, Client, Decision, Reason, StepReport, Trace, Via, decide};
pub use health::{Cause, Health, Verdict};
pub use live::{Event, Live};
pub use snapshot::{Service, Snapshot};
