//! `fairway fmt`: policy files in their one form.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use fairway_policies::{Problem, format};

use super::files;
use crate::{
    cli::Fmt,
    exit::{Code, Failure},
};

/// Formats each file and names those that changed; with `--check` those that would.
pub fn run(args: &Fmt) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let (files, mut problems) = files::read(&args.paths);
    let mut changes = false;
    for file in &files {
        match format(&file.name(), &file.text) {
            Ok(text) if text == file.text => {}
            Ok(text) => {
                changes = true;
                if !args.check {
                    replace(&file.path, &text)
                        .map_err(|error| Failure::bad_input(format!("{}: {error}", file.path.display())))?;
                }
                writeln!(out, "{}", file.path.display())?;
            }
            Err(found) => problems.extend(found.iter().map(Problem::render)),
        }
    }
    match (problems.is_empty(), changes && args.check) {
        (false, _) => Err(Failure::of_texts(&problems)),
        (true, true) => {
            Err(Failure { code: Code::Changes, message: "not in canonical form: run `fairway fmt`".into() })
        }
        (true, false) => Ok(()),
    }
}

/// Puts the text in the file's place in one go: a node that reads the folder meanwhile finds the old file or the new one. A link
/// stays a link.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Hidden files in a policy folder are nobody's policies.
    let beside = path.with_file_name(format!(".{name}.new"));
    fs::write(&beside, text)?;
    fs::set_permissions(&beside, fs::metadata(&path)?.permissions())?;
    fs::rename(&beside, &path)
}
