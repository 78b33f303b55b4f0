//! Text in, policy or problems out. (Skeleton: the signatures other rooms build on.)

use std::fmt;

use crate::model::Policy;

/// Something wrong in a policy file, at a place in it. Always the author's to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// As given to [`parse`].
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The offending line of the file, without its line end.
    pub source: String,
    /// How many characters of it, from `column`, are meant.
    pub width: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// Reads one policy file. `file` is its name, for messages; its stem must be the service's id. Reports every problem it finds, in file order.
pub fn parse(_file: &str, _text: &str) -> Result<Policy, Vec<Problem>> {
    Err(Vec::new())
}
