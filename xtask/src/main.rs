//! Fairway's own build steps, called by the Makefile: `cargo xtask site` makes the dashboard's wasm bundle, `cargo xtask
//! house` checks sizes and arrows.

mod house;
mod site;

use std::{env, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let done = match env::args().nth(1).as_deref() {
        Some("house") => house::check(root).map_err(|error| error.to_string()),
        Some("site") => site::build(root).map_err(|error| error.to_string()),
        _ => {
            eprintln!("usage: cargo xtask site | house");
            return ExitCode::from(64);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
