//! Every broken file in `tests/broken` and, beside it, what its author is told. `UPDATE_GOLDEN=1 cargo test` writes the
//! expected texts anew; read the difference before you commit it.

use std::{collections::BTreeSet, fs, path::Path};

use fairway_policies::{Code, Problem, Severity, parse};

#[test]
fn broken_files_are_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    files.sort();
    assert!(files.len() >= 30, "the broken files are gone");
    let mut reached = BTreeSet::new();
    let mut different = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let problems = parse(name, &fs::read_to_string(&path).unwrap()).expect_err(name);
        let places: Vec<_> = problems.iter().map(|p| (p.line, p.column)).collect();
        assert!(places.is_sorted(), "{name}: not in file order: {places:?}");
        for problem in &problems {
            assert!(problem.help.is_some(), "{name}: what to write instead of this?\n{}", problem.render());
            reached.insert(problem.code.unwrap());
        }
        let told: String = problems.iter().map(Problem::render).collect::<Vec<_>>().join("\n");
        let golden = folder.join(name.replace(".policy.toml", ".txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &told).unwrap();
        }
        if told != fs::read_to_string(&golden).unwrap_or_default() {
            different.push(format!("── {name}\n{told}"));
        }
    }
    assert!(different.is_empty(), "other than expected:\n{}", different.join("\n"));
    let errors: BTreeSet<_> = Code::ALL.iter().copied().filter(|code| code.severity() == Severity::Error).collect();
    assert_eq!(reached, errors, "each code of an error is reached by a broken file");
}
