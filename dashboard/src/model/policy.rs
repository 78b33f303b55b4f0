//! A policy in force and those before it, as the page shows them.

use serde::{Deserialize, Serialize};

/// The policy of a service, and its revisions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyInForce {
    /// Every service there is.
    pub services: Vec<String>,
    /// The service shown.
    pub service: String,
    /// Its file, as it is in force.
    pub text: String,
    /// The newest first.
    pub revisions: Vec<Edition>,
    /// From one revision to another, where both are there.
    pub change: Option<Change>,
    /// Why revisions, or the change asked for, cannot be shown.
    pub problem: Option<String>,
}

/// A revision, without its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edition {
    /// From 1.
    pub number: u64,
    /// When it came into force.
    pub at_ms: i64,
    /// Who made it.
    pub author: String,
    /// Why.
    pub message: String,
}

/// What is otherwise in one revision than in another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The one before.
    pub from: u64,
    /// The one after.
    pub to: u64,
    /// Files that differ.
    pub files: Vec<FileChange>,
}

/// What is otherwise in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileChange {
    /// Its name.
    pub name: String,
    /// Its changes with the lines around them; `None` where some are left out in between.
    pub lines: Vec<Option<Line>>,
}

/// A line of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its number in the file before, if it was there.
    pub before: Option<usize>,
    /// Its number in the file after, if it is there.
    pub after: Option<usize>,
    /// Without its end.
    pub text: String,
}
