//! What happens, as the feed tells it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::health::Verdict;

/// Something a person would want to know, as it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A pathway's verdict changed.
    Verdict { at: DateTime<Utc>, service: String, pathway: String, from: Verdict, to: Verdict },
    /// A pathway passed another for an audience, or fell back behind it.
    Standing { at: DateTime<Utc>, service: String, audience: String, ahead: String, behind: String, why: String },
    /// Policies were reloaded.
    Reloaded { at: DateTime<Utc>, services: usize },
    /// A reload was refused; the old policies stay. `problems` is the text that `fairway check` prints.
    ReloadRefused { at: DateTime<Utc>, problems: String },
    /// A pathway's demand crossed its trigger, upward or back down.
    Scaling { at: DateTime<Utc>, service: String, pathway: String, over: bool, bits_per_second: u64, capacity: u64 },
    /// The store stopped or came back.
    Store { at: DateTime<Utc>, up: bool, detail: String },
}
