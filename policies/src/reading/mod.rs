//! Reading a file of the language: what its tables and its steps are both read with.
//!
//! A thing that is wrong is reported and left out, and reading goes on: one run shows everything there is to mend. In
//! reading order: [`problem`] (something wrong, at its place), [`reader`] (tables, keys, complaints), and [`values`]
//! (durations, bit rates, places…).

mod problem;
mod reader;
pub(crate) mod values;

pub use problem::Problem;
pub(crate) use reader::{Absent, Fault, Fields, Key, Reader, Value, kind_of};
