//! The decision, and all it is made from.
//!
//! ```text
//! cells (store) ─┐
//! health (probes)├─▶ control loop ─▶ snapshot ─▶ decide ─▶ http (here) · dns (its own room)
//! policies (files)┤
//! overrides ──────┘
//! ```
//! Read [`decide`] first: it is what everything else is for. Then [`snapshot`] (what it reads), [`standing`] (who is
//! ahead of whom for an audience), [`estimates`] (what is known of each pathway, and how surely), [`health`] (verdicts,
//! and the way back), [`overrides`] (what operators force), [`cells`] (what beacons say), [`control`] (the loop that
//! gathers these and swaps the snapshot; [`sources`] reads the policy folder), [`live`] (the handle the other rooms
//! hold), [`sessions`] (which pathway a playback is on), [`demand`] (load per pathway and its triggers), [`http`] (the
//! content-steering service), [`explain`] (the story of one decision), [`metrics`].
//!
//! Imports run one way, from a line here to those under it, and never in a circle:
//!
//! ```text
//! control                                 gathers it all
//! cases                                   holds a policy's tests against it
//! http · explain · metrics                answer, tell, count
//! decide · live                           the decision; the handle. Neither knows the other
//! snapshot                                what both read
//! standing · demand · sessions
//! estimates                               what is known, and how surely
//! event
//! overrides                               what operators force
//! health · cells · client · counters      the words that all share
//! sources · lock · file                   know nothing of this room
//! ```
//!
//! Answering touches one snapshot and nothing else: no lock, no disk, no store. This room never imports `store`.

pub mod cases;
pub mod cells;
pub mod client;
pub mod control;
pub mod counters;
pub mod decide;
pub mod demand;
pub mod estimates;
pub mod event;
pub mod explain;
mod file;
pub mod health;
pub mod http;
pub mod live;
mod lock;
pub mod metrics;
pub mod overrides;
pub mod plan;
pub mod record;
pub mod revisions;
pub mod sessions;
pub mod snapshot;
pub mod sources;
pub mod standing;
#[cfg(test)]
mod testing;

pub use cells::{Audience, Cell, CellRow, CellSource, Logs};
pub use client::{Asker, Client, Via};
pub use decide::{Choice, Decision, Reason, StepReport, Trace, decide, decide_for, shares};
pub use event::Event;
pub use explain::explain;
/// Where a client is: for rooms that ask about a place, and know no geo.
pub use fairway_geo::{Asn, Place};
/// What a [`Decision`] makes DNS say: for the DNS room, which knows no policies.
pub use fairway_policies::model::PathwayAnswer;
pub use health::{Cause, Health, Verdict};
pub use live::Live;
pub use sessions::Attributed;
pub use snapshot::{Service, Snapshot};
