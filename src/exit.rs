//! How the command ends.

use std::fmt;

use fairway_policies::Problem;

/// The exit codes, by `sysexits.h` where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// It is done.
    Done = 0,
    /// There are changes: asked for, and not made.
    Changes = 2,
    /// The command line is wrong.
    Usage = 64,
    /// A file or value given to us is wrong.
    BadInput = 65,
    /// Something we need is not there or not answering.
    Unavailable = 69,
    /// Our bug.
    Bug = 70,
}

/// Why a command did not do what was asked, in words for the person who asked.
#[derive(Debug)]
pub struct Failure {
    /// Whose fault.
    pub code: Code,
    /// What to print to standard error; nothing where all is said.
    pub message: String,
}

impl Failure {
    /// The input is wrong.
    pub fn bad_input(message: impl fmt::Display) -> Self {
        Self { code: Code::BadInput, message: format!("error: {message}") }
    }
    /// Nothing is wrong, but something is not the same.
    pub fn changes() -> Self {
        Self { code: Code::Changes, message: String::new() }
    }
    /// Something needed is missing.
    pub fn unavailable(message: impl fmt::Display) -> Self {
        Self { code: Code::Unavailable, message: format!("error: {message}") }
    }
    /// Every problem of a file, as diagnostics.
    pub fn problems(problems: &[Problem]) -> Self {
        Self::of_texts(&problems.iter().map(Problem::render).collect::<Vec<_>>())
    }
    /// Several things wrong with the input, each told already.
    pub fn of_texts(texts: &[String]) -> Self {
        let plural = if texts.len() == 1 { "" } else { "s" };
        let texts_and_blank_lines: String = texts.iter().map(|text| format!("{}\n\n", text.trim_end())).collect();
        Self { code: Code::BadInput, message: format!("{texts_and_blank_lines}{} problem{plural}", texts.len()) }
    }
}
