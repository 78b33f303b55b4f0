//! The policy language: what an SRE writes, and everything that can be said of it without traffic.
//!
//! A policy file (`<service>.policy.toml`) describes one service: its steered names, its pathways, and an ordered chain
//! of steps, each of which drops, reorders or reweighs the pathways still standing. Read [`model`] for the words, then
//! [`parse`](parse()) (text in, [`Policy`] or [`Problem`]s with their place out), `steps` (one definition for each kind:
//! how it is read, and what it says of itself, for [`describe`]), and [`explain`] (the account of one decision, which
//! steering fills in and everyone shows). Under these lie `reading` (keys, values and complaints of a file) and `words`
//! (how lists read in English).
//!
//! This room is pure: no clock, no disk, no network. It compiles to wasm.

pub mod explain;
mod format;
mod lint;
pub mod model;
mod parse;
mod reading;
mod reference;
mod schema;
mod steps;
mod words;

pub use explain::Explanation;
pub use format::format;
pub use lint::lint;
pub use model::{
    Availability, Capacity, Case, CaseCell, CaseClient, Cheapest, Compare, Cost, CostTier, Device, Expect, Explore,
    Fence, Given, Healthy, Limit, Matcher, Metric, Nearest, PathSet, Pathway, PathwayAnswer, Policy, Prefer, Probe,
    ProbeTarget, Protocol, Rank, Region, Step, StepKind, Stick, StickBy, Stream, Weights, When, Window,
};
pub use parse::{FILE_ENDING, parse};
pub use reading::{Code, Problem, Severity};
pub use reference::reference;
pub use schema::schema;
pub use steps::describe;
pub use words::did_you_mean;
