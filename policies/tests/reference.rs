//! The reference and the schema say what the parser does.

use std::{fs, path::Path};

use fairway_policies::{Code, parse, reference, schema};

/// `UPDATE_GOLDEN=1 cargo test` writes the page anew; read the difference before you commit it.
#[test]
fn the_page_is_made_from_the_definitions() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md");
    let made = reference();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&page, &made).unwrap();
    }
    let there = fs::read_to_string(&page).unwrap();
    let different = there.lines().zip(made.lines()).find(|(there, made)| there != made);
    assert!(there == made, "docs/policy.md is out of date, first here: {different:#?}");
}

#[test]
fn whole_files_in_it_are_policies() {
    let page = reference();
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let whole: Vec<&str> = blocks.filter(|block| block.starts_with("# ")).collect();
    assert!(!whole.is_empty());
    for file in whole {
        let name = file[2..].split(':').next().unwrap();
        parse(name, file).unwrap();
    }
}

#[test]
fn every_code_is_documented_once() {
    let page = reference();
    for code in Code::ALL {
        assert_eq!(page.matches(&format!("| `{code}` |")).count(), 1, "{code}");
        let same = Code::ALL.iter().filter(|other| other.meaning() == code.meaning()).count();
        assert_eq!(same, 1, "{code} means the same as another");
    }
    assert!(Code::ALL.is_sorted());
}

#[test]
fn the_schema_knows_every_kind_of_table_and_refers_to_nothing_else() {
    let schema = schema();
    let text = schema.to_string();
    let defs = schema["$defs"].as_object().unwrap();
    for reference in text.split(r##""#/$defs/"##).skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(defs.contains_key(reference), "{reference}");
    }
    for name in ["pathway", "probe", "cost", "when", "time-window", "healthy-step", "rank-step", "test", "cell"] {
        assert!(defs.contains_key(name), "{name} is not among {:?}", defs.keys());
    }
    let rank = &defs["rank-step"]["properties"];
    assert_eq!((&rank["do"]["const"], &rank["margin"]["default"]), (&"rank".into(), &0.33.into()));
    assert_eq!((&rank["margin"]["exclusiveMinimum"], &rank["margin"]["exclusiveMaximum"]), (&0.0.into(), &1.0.into()));
    assert_eq!(schema["required"], serde_json::json!(["pathway"]));
    // Every property says what it is for.
    let described = |table: &serde_json::Value| {
        let properties = table["properties"].as_object().unwrap();
        properties.values().all(|property| property["description"].as_str().is_some_and(|text| !text.is_empty()))
    };
    assert!(defs.values().chain([&schema]).all(described));
}
