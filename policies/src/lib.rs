//! The policy language: what an SRE writes, and everything that can be said of it without traffic.
//!
//! A policy file (`<service>.policy.toml`) describes one service: its steered names, its pathways, and an ordered chain
//! of steps, each of which drops, reorders or reweighs the pathways still standing. Read [`model`] for the words, then
//! [`parse`](parse()): text in, [`Policy`] or [`Problem`]s with their place out.
//!
//! Every table of the language and every key in it is defined once: the file's head, pathways and tests in `parse`, each
//! kind of step in `steps`. What may be written, what it means when left out, and what it is for are all there, and from
//! there come the reading, the words of a complaint, the JSON [`schema`](schema()), the [`reference`](reference())
//! (`docs/policy.md`), and what a step says of itself ([`describe`]). `reading` is what keys and values are made of, and how
//! a file is read by them; `words` is how lists read in English.
//!
//! A policy that parses may still not mean what its author does: see [`lint`](lint()). [`format`](format()) gives a file its
//! usual form. [`explain`] is the account of one decision, which steering fills in and everyone shows.
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
    Alpn, Availability, Capacity, Case, CaseCell, CaseClient, Cheapest, Compare, Cost, CostTier, Device, Expect,
    Explore, Fence, Given, Healthy, Limit, Matcher, Metric, Nearest, PathSet, Pathway, PathwayAnswer, Policy, Prefer,
    Probe, ProbeTarget, Protocol, Rank, Region, Step, StepKind, Stick, StickBy, Stream, Weights, When, Window,
};
pub use parse::{FILE_ENDING, parse};
pub use reading::{Code, Problem, Severity};
pub use reference::reference;
pub use schema::schema;
pub use steps::describe;
pub use words::did_you_mean;
