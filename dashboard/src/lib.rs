//! The dashboard: what SREs see of a node, and the JSON and server-sent events behind it.
//!
//! Built twice from this one source. With `ssr` it is a room of the node: `Console` goes in, a router of pages and API
//! comes out. With `hydrate` it is the wasm that `cargo xtask site` makes, which takes over the same pages in the browser
//! and keeps them live. Everything works without it: pages are rendered here, questions are plain forms.
//!
//! In reading order: [`model`] (what a page shows, as data: the seam between both sides), [`pages`] (model in, HTML out),
//! then `server` (routes; the model filled from steering and store) or `browser` (the model refreshed from events).
//!
//! This room watches. It must never decide anything, hold up an answer, or be needed by one.

// A page's type is as deep as its markup.
#![recursion_limit = "256"]

pub mod format;
pub mod model;
pub mod pages;

#[cfg(feature = "hydrate")]
mod browser;
#[cfg(feature = "ssr")]
mod server;

#[cfg(feature = "ssr")]
pub use server::{Console, router};
