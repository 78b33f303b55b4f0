//! The decision, and all it is made from.
//!
//! ```text
//! cells (store) ─┐
//! health (probes)├─▶ control loop ─▶ snapshot ─▶ decide ─▶ http (here) · dns (its own room)
//! policies (files)┤
//! overrides ──────┘
//! ```
//! Read [`decide`] first: it is what everything else is for. Then:
//! - *what it reads*: [`snapshot`], and in it [`client`] (who asks, and the [`Asker`] that is left of one), [`health`]
//!   (verdicts, and the way back), [`overrides`] (what operators force), [`cells`] (what beacons say), [`estimates`] (what is
//!   known of each pathway, and how surely), [`standing`] (who is ahead of whom for an audience), [`demand`] (load per
//!   pathway: triggers, admissions, prices), [`sessions`] (which pathway a playback is on);
//! - *who makes it*: [`control`] (the loop that gathers these and swaps the snapshot; [`sources`] reads the policy folder);
//! - *who asks it*: [`http`] (the content-steering service), by [`live`], the handle that other rooms hold too;
//! - *what is told of it*: [`explain`] (the story of one decision), [`record`] (decisions kept, and made again; answers hand
//!   them over by `recorder`), [`event`] (the feed), [`metrics`] and [`counters`];
//! - *how policies change*: [`cases`] (a policy's own tests), [`plan`] (what a change would mean, and making it),
//!   [`revisions`] (what was in force before).
//!
//! Imports run one way, from a line here to those under it, and never in a circle:
//!
//! ```text
//! control                                 gathers it all
//! record · plan · cases                   keep decisions, weigh changes, run a policy's tests
//! http · metrics                          answer, count
//! live                                    the handle
//! recorder · explain                      what is told of a decision
//! decide ⇄ snapshot                       the decision, and what it reads
//! standing · demand · sessions
//! estimates · event                       what is known, and how surely; what happened
//! overrides                               what operators force
//! health · cells · client · counters      the words that all share
//! sources · revisions · lock · file       know nothing of this room
//! ```
//!
//! `decide` and `snapshot` are one layer, since a snapshot holds what decisions have in common (rows), which the chain itself
//! works out. File by file they run one way as well: `snapshot`'s `compile` and `dimensions` use the chain, the chain reads
//! `snapshot` and its `rows`, and these hold `decide`'s `row` and `decision`, which are plain data.
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
mod recorder;
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
pub use fairway_geo::{Asn, Continent, Country, GeoTable, Place, RegionSet};
/// What a [`Decision`] makes DNS say: for the DNS room, which knows no policies.
pub use fairway_policies::{Alpn, Pathway, PathwayAnswer, Policy};
pub use health::{Cause, Health, Verdict};
pub use live::Live;
pub use sessions::Attributed;
pub use snapshot::{Service, Snapshot};
