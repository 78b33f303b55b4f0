//! `fairway schema`: the language for editors.

use std::io::{self, Write};

use crate::exit::Failure;

/// Prints the JSON Schema of a policy file.
pub fn run() -> Result<(), Failure> {
    let schema = serde_json::to_string_pretty(&fairway_policies::schema()).map_err(io::Error::other)?;
    Ok(writeln!(io::stdout().lock(), "{schema}")?)
}
