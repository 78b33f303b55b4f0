//! What happens, as the feed tells it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{health::Verdict, overrides::Override};

/// Something a person would want to know, as it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A pathway's verdict changed.
    Verdict { at: DateTime<Utc>, service: String, pathway: String, from: Verdict, to: Verdict },
    /// A pathway passed another for an audience, or fell back behind it.
    Standing { at: DateTime<Utc>, service: String, audience: String, ahead: String, behind: String, why: String },
    /// Policies were reloaded; as which revision, where revisions are kept.
    Reloaded { at: DateTime<Utc>, services: usize, revision: Option<Signed> },
    /// A reload was refused; the old policies stay. `problems` is the text that `fairway check` prints.
    ReloadRefused { at: DateTime<Utc>, problems: String },
    /// A pathway's demand crossed its trigger, upward or back down.
    Scaling { at: DateTime<Utc>, service: String, pathway: String, over: bool, bits_per_second: u64, capacity: u64 },
    /// The store stopped or came back.
    Store { at: DateTime<Utc>, up: bool, detail: String },
    /// A pathway is on its way back, is back, or falls back.
    Recovery { at: DateTime<Utc>, service: String, pathway: String, stage: Stage },
    /// An operator's word was given or taken back, or its time is over.
    Override { at: DateTime<Utc>, forced: Override, ordered: Ordered },
}

/// A revision of the policies, by whose hand and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Its number.
    pub number: u64,
    /// Who made it.
    pub author: String,
    /// Why.
    pub message: String,
}

/// What becomes of the share of clients for whom a pathway counts as fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It was down, and its ramp begins.
    Begins,
    /// Viewers spoke against it: it counts as fit for fewer than before.
    Shrinks,
    /// Everyone may use it again.
    Back,
    /// It is down again before everyone could.
    Relapsed,
}

/// What became of an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Ordered {
    /// It is given.
    Set,
    /// It is taken back, by whom where they said so.
    Cleared { by: Option<String> },
    /// Its time is over.
    Expired,
}
