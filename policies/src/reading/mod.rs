//! Reading a file of the language: what its tables and its steps are both read with.
//!
//! A thing that is wrong is reported and left out, and reading goes on: one run shows everything there is to mend. In
//! reading order: [`key`] (what may be written), [`vocabulary`] (its words), [`code`] and [`problem`] (something wrong,
//! of which kind, at its place), [`reader`] (tables, keys, complaints), [`values`] (durations, bit rates, …), [`places`]
//! (countries, networks, …), and [`pathways`] (what names them).

mod code;
mod key;
pub(crate) mod pathways;
pub(crate) mod places;
mod problem;
mod reader;
pub(crate) mod values;
mod vocabulary;

pub use code::{Code, Severity};
pub(crate) use key::{Absent, Bounds, Choice, Key, Kind, Table};
pub use problem::Problem;
pub(crate) use reader::{Fault, Fields, Reader, Value, kind_of};
