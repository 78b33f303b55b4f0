//! What no linter knows of the house: who may import whom, and how long a file may be.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Above this, a Rust file holds two ideas.
const MOST_LINES: usize = 600;
/// At most one file in ten may be longer than this.
const USUAL_LINES: usize = 450;

/// The allowed arrows: a room, and the rooms that it may import. The command imports all; what only tests import does not count.
const ARROWS: &[(&str, &[&str])] = &[
    ("geo", &[]),
    ("policies", &["geo"]),
    ("steering", &["policies", "geo"]),
    ("dns", &["steering"]),
    ("collector", &["geo", "store"]),
    ("store", &[]),
    ("dashboard", &["steering", "store", "policies"]),
    ("demo", &["geo", "policies"]),
    ("xtask", &[]),
];

/// Checks the house below `root`; prints what is wrong. `Ok(true)` when nothing is.
pub fn check(root: &Path) -> io::Result<bool> {
    let mut wrong = Vec::new();
    for (room, allowed) in ARROWS {
        let manifest = fs::read_to_string(root.join(room).join("Cargo.toml"))?;
        for imported in rooms_imported(&manifest) {
            if !allowed.contains(&imported.as_str()) {
                wrong.push(format!("{room}/Cargo.toml: {room} may not import {imported}"));
            }
        }
    }

    let mut files = Vec::new();
    rust_files(root, &mut files)?;
    let mut lengths = Vec::with_capacity(files.len());
    for file in files {
        let lines = fs::read_to_string(&file)?.lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{}: {lines} lines, more than {MOST_LINES}", file.display()));
        }
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let long = lengths.iter().filter(|lines| **lines > USUAL_LINES).count();
    if long * 10 > lengths.len() {
        wrong.push(format!("{long} of {} files have more than {USUAL_LINES} lines", lengths.len()));
    }
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    eprintln!("house: {} Rust files, median {median} lines, {long} above {USUAL_LINES}", lengths.len());
    wrong.iter().for_each(|line| eprintln!("house: {line}"));
    Ok(wrong.is_empty())
}

/// The `fairway-…` crates under `[dependencies]`.
fn rooms_imported(manifest: &str) -> Vec<String> {
    manifest
        .split("\n[")
        .filter(|section| section.starts_with("dependencies]"))
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("fairway-"))
        .map(|rest| rest.split(['.', ' ', '=']).next().unwrap_or(rest).to_owned())
        .collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" && name != "data" {
                rust_files(&path, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_real_dependencies_are_arrows() {
        let manifest = "[package]\nname = \"fairway-dns\"\n\n[dependencies]\nfairway-steering.workspace = true\nfairway-geo = { path = \"x\" }\n\n[dev-dependencies]\nfairway-store.workspace = true\n";
        assert_eq!(super::rooms_imported(manifest), ["steering", "geo"]);
    }
}
