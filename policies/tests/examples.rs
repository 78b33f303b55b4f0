//! The policies that people start from, and the shipped one, are as we ask of others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{fs, path::Path};

use fairway_policies::{Policy, Problem, format, lint, parse};

/// Every policy file of this folder of the crate: its name and its text.
fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".policy.toml"));
    paths.sort();
    assert!(!paths.is_empty(), "{} has no policies", folder.display());
    paths.iter().map(|path| (path.to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())).collect()
}

fn ours() -> Vec<(String, String)> {
    ["", "examples"].into_iter().flat_map(files).collect()
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(Problem::render).collect()
}

/// The same policy, wherever its tables stand and however it is written.
fn meaning(file: &str, text: &str) -> Result<Policy, String> {
    let mut policy = parse(file, text).map_err(|problems| told(&problems))?;
    policy.text = "".into();
    policy.steps.iter_mut().for_each(|step| step.line = 0);
    policy.tests.iter_mut().for_each(|test| test.line = 0);
    Ok(policy)
}

#[test]
fn they_have_neither_errors_nor_warnings() {
    assert_eq!(files("examples").len(), 6);
    for (file, text) in ours() {
        let policy = parse(&file, &text).unwrap_or_else(|problems| panic!("{}", told(&problems)));
        for now in ["2026-01-01T00:00:00Z", "2036-06-15T12:00:00Z"] {
            let warnings = lint(&file, &policy, now.parse().ok());
            assert!(warnings.is_empty(), "{}", told(&warnings));
        }
    }
}

#[test]
fn they_are_in_canonical_form() {
    for (file, text) in ours() {
        assert!(format(&file, &text).unwrap() == text, "run `fairway fmt {file}`");
    }
}

/// Files as an untidy hand would leave them: to format them changes no meaning, and a second time nothing.
#[test]
fn formatting_keeps_the_meaning() {
    let untidy: [fn(&str) -> String; 6] = [
        |text| text.replace(" = ", "="),
        |text| text.replace('\n', "\r\n"),
        |text| text.replace("\n[[", "\n\n\n[[ ").replace("]]\n", " ]]\n\n"),
        |text| text.replace("{ ", "{").replace(" }", "}").replace("\", \"", "\" ,\t\""),
        |text| text.replace("[\"", "[ # here\n  \"").replace("\"]", "\"  ,\n# there\n]"),
        |text| text.replace("\"]\n", "\"] # behind\n").replace("\nid =", "\n  # before\n\t\"id\" ="),
    ];
    for (file, text) in ours() {
        let meant = meaning(&file, &text).unwrap();
        for (index, untidy) in untidy.iter().enumerate() {
            let untidy = untidy(&text);
            let same =
                |text: &str| meaning(&file, text).map_err(|told| format!("hand {index}: {told}")).unwrap() == meant;
            assert!(same(&untidy), "{file}: hand {index} changes the meaning:\n{untidy}");
            let once = format(&file, &untidy).unwrap();
            assert!(same(&once), "{file}: hand {index}:\n{once}");
            assert_eq!(format(&file, &once).unwrap(), once, "{file}: hand {index}");
            let comments = |text: &str| text.matches('#').count();
            assert_eq!(comments(&once), comments(&untidy), "{file}: hand {index}");
        }
    }
}
