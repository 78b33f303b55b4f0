//! The policy folder: `<service>.policy.toml` files in, policies or everything that is wrong with them out.

use std::{
    collections::HashMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use fairway_policies::{FILE_ENDING, Policy, Problem, parse};

/// One thing wrong in the folder. The operator's to mend; an [`SourceError::Io`] may pass by itself.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder or a file in it cannot be read.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The folder has no policy file.
    #[error("{path}: no policy file (<service>{FILE_ENDING}) in this folder", path = .0.display())]
    Empty(PathBuf),
    /// Something wrong inside a file, shown with its place.
    #[error("{}", .0.render().trim_end())]
    Problem(Problem),
    /// Two services are steered under one name.
    #[error("{name} is steered by both {first}{FILE_ENDING} and {second}{FILE_ENDING}: a name belongs to one service")]
    NameTwice {
        /// The DNS name.
        name: String,
        /// A service.
        first: String,
        /// The other.
        second: String,
    },
}

/// Everything wrong in the folder, in file order. Its text is what `fairway check` prints.
#[derive(Debug)]
pub struct Refused(pub Vec<SourceError>);

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|error| match error {
            SourceError::Problem(_) => writeln!(f, "{error}"),
            error => writeln!(f, "error: {error}"),
        })
    }
}

/// What the folder looks like from outside: name, time of change and size of each policy file. Two equal looks are taken
/// for the same content: a change that keeps both time and size needs a [`reload`](crate::Live::reload) asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Look(Result<Vec<(PathBuf, Option<SystemTime>, u64)>, String>);

impl Look {
    /// Looks.
    pub(crate) fn at(folder: &Path) -> Self {
        let look = |path: PathBuf| {
            let metadata = fs::metadata(&path).map_err(|error| SourceError::Io { path: path.clone(), error })?;
            Ok((path, metadata.modified().ok(), metadata.len()))
        };
        let files = files(folder).and_then(|files| files.into_iter().map(look).collect());
        Self(files.map_err(|error| error.to_string()))
    }
}

/// The policies of all files in the folder, by service id. None is returned if anything is wrong with any.
pub fn read(folder: &Path) -> Result<Vec<Policy>, Refused> {
    let (texts, errors) = texts(folder).map_err(|error| Refused(vec![error]))?;
    let texts = texts.iter().map(|(path, text)| (path.to_string_lossy().into_owned(), text.as_str()));
    check(texts, errors)
}

/// The policies in these texts, each with its file's name for messages, by service id; `errors` were met on the way here.
/// None is returned if anything is wrong with any.
pub(crate) fn check<'t>(
    texts: impl Iterator<Item = (String, &'t str)>,
    mut errors: Vec<SourceError>,
) -> Result<Vec<Policy>, Refused> {
    let mut policies = Vec::new();
    for (name, text) in texts {
        match parse(&name, text) {
            Ok(policy) => policies.push(policy),
            Err(problems) => errors.extend(problems.into_iter().map(SourceError::Problem)),
        }
    }
    policies.sort_by(|a, b| a.service.cmp(&b.service));
    errors.extend(names_twice(&policies));
    if errors.is_empty() { Ok(policies) } else { Err(Refused(errors)) }
}

/// What is in the folder's policy files, by path; those that cannot be read are errors, and a folder without any is one.
#[expect(clippy::type_complexity, reason = "texts and errors, side by side")]
pub(crate) fn texts(folder: &Path) -> Result<(Vec<(PathBuf, String)>, Vec<SourceError>), SourceError> {
    let files = files(folder)?;
    if files.is_empty() {
        return Err(SourceError::Empty(folder.to_owned()));
    }
    let (mut texts, mut errors) = (Vec::new(), Vec::new());
    for path in files {
        match fs::read_to_string(&path) {
            Ok(text) => texts.push((path, text)),
            Err(error) => errors.push(SourceError::Io { path, error }),
        }
    }
    Ok((texts, errors))
}

/// Names that several of these policies claim.
pub fn names_twice(policies: &[Policy]) -> Vec<SourceError> {
    let mut owners: HashMap<&str, &str> = HashMap::new();
    let mut errors = Vec::new();
    for policy in policies {
        for name in &policy.names {
            match owners.insert(name, &policy.service) {
                Some(first) if first != policy.service => errors.push(SourceError::NameTwice {
                    name: name.clone(),
                    first: first.to_owned(),
                    second: policy.service.clone(),
                }),
                _ => {}
            }
        }
    }
    errors
}

/// The folder's policy files, by name. Hidden ones are an editor's.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let failed = |error| SourceError::Io { path: folder.to_owned(), error };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if let Some(name) = name.to_str().filter(|name| name.ends_with(FILE_ENDING) && !name.starts_with('.')) {
            files.push(folder.join(name));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(head: &str) -> String {
        format!("{head}\n[[pathway]]\nid = \"a\"\nurl = \"http://a.test/\"\naddresses = [\"192.0.2.1\"]\n")
    }

    #[test]
    fn policies_come_by_service_and_other_files_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("vod.policy.toml", &policy(""));
        write("live.policy.toml", &policy(""));
        write("Cargo.toml", "broken =");
        write(".live.policy.toml.swp", "broken =");
        write(".vod.policy.toml", "broken =");
        let services: Vec<_> = read(folder.path()).unwrap().into_iter().map(|p| p.service).collect();
        assert_eq!(services, ["live", "vod"]);
    }

    #[test]
    fn everything_wrong_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        assert!(matches!(&read(folder.path()).unwrap_err().0[..], [SourceError::Empty(_)]));
        assert!(matches!(&read(&folder.path().join("none")).unwrap_err().0[..], [SourceError::Io { .. }]));

        write("live.policy.toml", &policy("names = [\"x.test\"]"));
        write("vod.policy.toml", &policy("names = [\"x.test\"]"));
        write("broken.policy.toml", "tll = \"20s\"");
        let refused = read(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("broken.policy.toml:1:1") && refused.contains("tll"), "{refused}");
        assert!(refused.contains("x.test is steered by both live.policy.toml and vod.policy.toml"), "{refused}");
    }

    #[test]
    fn a_look_sees_changes_and_only_those() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("live.policy.toml");
        fs::write(&file, "one").unwrap();
        let before = Look::at(folder.path());
        assert_eq!(before, Look::at(folder.path()));
        fs::write(&file, "longer").unwrap();
        assert_ne!(before, Look::at(folder.path()));
        fs::remove_file(&file).unwrap();
        assert_ne!(before, Look::at(folder.path()));
    }
}
