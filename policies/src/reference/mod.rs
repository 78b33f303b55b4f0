//! The reference of the language, in Markdown, made from the same definitions that read it.

use std::fmt::{self, Write};

use crate::{
    parse::head,
    reading::{Absent, Choice, Code, Key, Kind, Table},
    steps::{COMMON, STEPS},
};

/// The page `docs/policy.md`.
pub fn reference() -> String {
    let mut out =
        String::from("<!-- Made from the definitions in policies/src. UPDATE_GOLDEN=1 cargo test writes it. -->\n\n");
    // Writing to a String cannot fail; the Result is the trait's.
    write_to(&mut out).unwrap_or_default();
    out
}

fn write_to(out: &mut String) -> fmt::Result {
    out.write_str(include_str!("intro.md"))?;
    let mut told = Vec::new();
    section(out, &head::TABLE, 2, &mut told)?;
    write!(out, "\n{}\n## Problems\n\n", include_str!("values.md"))?;
    paragraph(
        out,
        "What `fairway check` reports has a code, which stays what it is. A policy with an error is not taken; a \
                    warning is a policy that hardly means what it says.",
    )?;
    writeln!(out, "\n| code | | says |\n|---|---|---|")?;
    Code::ALL.iter().try_for_each(|code| writeln!(out, "| `{code}` | {} | {} |", code.severity(), code.meaning()))
}

/// A table with its keys and examples, and the tables that stand in it and are not `told` yet.
fn section(out: &mut String, table: &'static Table, level: usize, told: &mut Vec<&'static str>) -> fmt::Result {
    if told.contains(&table.title) {
        return Ok(());
    }
    told.push(table.title);
    writeln!(out, "\n{} {}", "#".repeat(level), table.title)?;
    if !table.doc.is_empty() {
        out.write_char('\n')?;
        paragraph(out, table.doc)?;
    }
    match table.choice {
        Choice::Free => {}
        Choice::AtMost([one, other]) => write!(out, "\n`{one}` and `{other}` exclude each other.\n")?,
        Choice::One([one, other]) => write!(out, "\nEither `{one}` or `{other}` is needed.\n")?,
    }
    if !table.keys.is_empty() {
        writeln!(out, "\n| key | left out | takes | |\n|---|---|---|---|")?;
        table.keys.iter().try_for_each(|key| row(out, key))?;
    }
    for example in table.examples {
        write!(out, "\n```toml\n{example}\n```\n")?;
    }
    for key in table.keys {
        match key.kind {
            Kind::Table(inner) | Kind::List(&Kind::Table(inner)) => section(out, inner, (level + 1).min(4), told)?,
            Kind::Tables(inner) => section(out, inner, 2, told)?,
            Kind::Steps => chain(out, told)?,
            _ => {}
        }
    }
    Ok(())
}

fn chain(out: &mut String, told: &mut Vec<&'static str>) -> fmt::Result {
    section(out, &COMMON, 2, told)?;
    write!(out, "\n### Which step where\n\n{}", include_str!("order.md"))?;
    STEPS.iter().try_for_each(|definition| section(out, &definition.table, 3, told))
}

fn row(out: &mut String, key: &Key) -> fmt::Result {
    let absent = match key.absent {
        Absent::Refused => "refused".to_owned(),
        Absent::Nothing(words) => words.to_owned(),
        Absent::Means(default) => format!("`{default}`"),
    };
    let (what, doc) = (key.what(), key.doc);
    match key.example {
        "" => writeln!(out, "| `{}` | {absent} | {what} | {doc} |", key.name),
        example if key.absent == Absent::Means(example) => {
            writeln!(out, "| `{}` | {absent} | {what} | {doc} |", key.name)
        }
        example => writeln!(out, "| `{}` | {absent} | {what}: `{example}` | {doc} |", key.name),
    }
}

/// Paragraphs of at most 120 columns.
fn paragraph(out: &mut String, text: &str) -> fmt::Result {
    for (i, paragraph) in text.split("\n\n").enumerate() {
        if i > 0 {
            out.write_char('\n')?;
        }
        let mut line = 0;
        for word in paragraph.split(' ') {
            let wide = word.chars().count();
            if line > 0 && line + 1 + wide > 120 {
                out.write_char('\n')?;
                line = 0;
            }
            if line > 0 {
                out.write_char(' ')?;
                line += 1;
            }
            out.write_str(word)?;
            line += wide;
        }
        out.write_char('\n')?;
    }
    Ok(())
}
