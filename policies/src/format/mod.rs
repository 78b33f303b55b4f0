//! The one form in which a policy file is written, so that a difference between two files is a difference in meaning.
//!
//! # The form
//! - `key = value`, no indentation, one blank line before a table and its comments, never two blank lines, none right after a
//!   header or at either end of the file.
//! - Text in double quotes, unless it holds quotes or backslashes of its own; keys bare where they can be.
//! - A value stands on its line as long as that is at most 120 columns wide. A longer list is filled line by line; one of
//!   lists or tables has a line for each. A table in braces stays on one line, for TOML 1.0 knows no other, and lists in it
//!   break first.
//! - Every comment stays where it was: on its own lines before what it is about, or behind a value. Those behind values of
//!   neighbouring lines begin in one column.
//!
//! The order of keys and tables is the author's: a comment speaks of what follows it, perhaps of several keys, and only its
//! author knows of how many. Numbers, dates and strings over several lines stay as they are written.
//!
//! # How
//! [`tree`] makes the file's tokens into lines and values, in file order; [`print`] lays those out. Nothing is looked up and
//! nothing is left out in between, so that what is printed means what was read; and what is printed reads as the same tree, so
//! that to format it again changes nothing.

mod print;
#[cfg(test)]
mod tests;
mod tree;

use toml::de::DeTable;

use crate::{parse, reading::Problem};

/// The text in canonical form. `file` is its name, for messages. Only what is TOML can be formatted; it need not be a policy
/// without problems.
pub fn format(file: &str, text: &str) -> Result<String, Vec<Problem>> {
    let (_, errors) = DeTable::parse_recoverable(text);
    match parse::parse(file, text) {
        Err(problems) if !errors.is_empty() => Err(problems),
        _ => Ok(print::print(&tree::read(text))),
    }
}
