//! The policy files that a command is given: named one by one, or by their folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

use fairway_policies::{Policy, Problem, parse};
use fairway_steering::sources;

/// One file.
pub struct File {
    /// As it was named.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

impl File {
    /// As messages call it.
    pub fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// The policy that it is.
    pub fn policy(&self) -> Result<Policy, Vec<Problem>> {
        parse(&self.name(), &self.text)
    }
}

/// Every policy file among the paths, or in a folder among them; and what cannot be read, in words.
pub fn read(paths: &[PathBuf]) -> (Vec<File>, Vec<String>) {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match list(path) {
            Err(error) => errors.push(error),
            Ok(paths) => {
                for path in paths {
                    match fs::read_to_string(&path) {
                        Ok(text) => files.push(File { path, text }),
                        Err(error) => errors.push(format!("error: {}: {error}", path.display())),
                    }
                }
            }
        }
    }
    (files, errors)
}

fn list(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    match sources::files(path).map_err(|error| format!("error: {error}"))? {
        none if none.is_empty() => Err(format!("error: {}", sources::SourceError::Empty(path.to_owned()))),
        files => Ok(files),
    }
}
