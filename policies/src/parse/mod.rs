//! Text in, policy or problems out.
//!
//! The file is read in one pass over its TOML tree, which knows where each key and value stands, with the tools of
//! [`crate::reading`]. Only a file that is not TOML at all is reported as that alone, for what it means to say is then a
//! guess. The parts, in reading order: [`pathway`], the steps, which have a folder of their own in [`crate::steps`], and
//! [`whole`] (what must hold between the tables).

use std::time::Duration;

use toml::de::{DeTable, DeValue};

mod pathway;
#[cfg(test)]
mod tests;
mod whole;

use crate::{
    model::{MAX_PATHWAYS, PathSet, Pathway, Policy, Step},
    reading::{Absent, Fault, Fields, Key, Problem, Reader, Value, values},
    steps,
};

/// What a policy file's name ends in, after the service's id.
pub const FILE_ENDING: &str = ".policy.toml";

/// The keys of the file's head, and the two kinds of table.
const HEAD: &[Key] = &[
    Key { name: "service", absent: Absent::Nothing, takes: "the file's own name without `.policy.toml`" },
    Key { name: "names", absent: Absent::Nothing, takes: "a list of host names, such as [\"live.example.net\"]" },
    Key {
        name: "ttl",
        absent: Absent::Means("\"20s\""),
        takes: "a duration of whole seconds from 5s to 1h, such as \"20s\"",
    },
    Key { name: "pathway", absent: Absent::Nothing, takes: "tables that each begin with [[pathway]]" },
    Key { name: "step", absent: Absent::Nothing, takes: "tables that each begin with [[step]]" },
];

/// Reads one policy file. `file` is its name, for messages; without its folder and [`FILE_ENDING`] it is the service's
/// id. Reports every problem it finds, in file order.
pub fn parse(file: &str, text: &str) -> Result<Policy, Vec<Problem>> {
    let reader = Reader::new(file, text, HEAD);
    let (tree, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(syntax(reader, errors));
    }
    let policy = policy(&reader, file, text, tree.get_ref());
    let problems = reader.finish();
    match policy {
        Some(policy) if problems.is_empty() => Ok(policy),
        _ => Err(problems),
    }
}

/// What TOML itself finds wrong; the first of each line, since the others follow from it.
fn syntax(reader: Reader<'_>, errors: Vec<toml::de::Error>) -> Vec<Problem> {
    for error in errors {
        let (what, expected) = error.message().split_once(", expected ").unwrap_or((error.message(), ""));
        let help = (!expected.is_empty()).then(|| format!("expected {expected}"));
        reader.report(error.span().unwrap_or(0..0), Fault { message: what.into(), help });
    }
    let mut problems = reader.finish();
    problems.dedup_by_key(|problem| problem.line);
    problems
}

/// `None` only when something was reported.
fn policy(reader: &Reader<'_>, file: &str, text: &str, table: &DeTable<'_>) -> Option<Policy> {
    let head = Fields::of(reader, table, 0..0, "the head of a policy", HEAD);
    let service = service(&head, file);
    let names = head.list("names", values::host_name).unwrap_or_default();
    let ttl = head.read("ttl", |v| {
        let ttl = values::duration(v, Duration::from_secs(5)..=Duration::from_secs(3600))?;
        if ttl.subsec_nanos() == 0 { Ok(ttl.as_secs()) } else { Err(Fault::new("an answer is kept for whole seconds")) }
    });
    let ttl = ttl.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(20);

    let tables = tables(&head, "pathway");
    if tables.is_empty() && table.get("pathway").is_none_or(|value| value.get_ref().is_array()) {
        let fault = Fault::new("a policy needs a pathway");
        reader.report(0..0, fault.help("begin one with [[pathway]], and give it an `id` and a `url`"));
    }
    let pathways: Vec<Option<Pathway>> = tables.iter().map(|value| pathway::read(reader, value)).collect();
    whole::unlike(reader, tables);
    if !names.is_empty() {
        whole::steered_by_dns(&head, &names, tables, &pathways);
    }

    if let Some(first) = tables.get(MAX_PATHWAYS) {
        reader.report(first.span(), Fault::new(format!("a policy has {MAX_PATHWAYS} pathways at most")));
        return None;
    }

    // Steps may name a pathway in which something is wrong: that it is there is enough.
    let ids: Vec<String> = tables.iter().map(|value| text_of(value, "id").unwrap_or_default().to_owned()).collect();
    let step_tables = self::tables(&head, "step");
    let steps: Vec<Option<Step>> = step_tables.iter().map(|value| steps::read(reader, value, &ids)).collect();
    whole::starved(reader, step_tables, &steps, PathSet::all(ids.len()));

    let (pathways, steps) = (pathways.into_iter().collect::<Option<_>>()?, steps.into_iter().collect::<Option<_>>()?);
    let ttl_min = (ttl / 2).max(5);
    Some(Policy { service: service?, text: text.into(), names, ttl, ttl_min, pathways, steps, tests: Vec::new() })
}

/// The service's id, from the file's name; `service` may only repeat it.
fn service(head: &Fields<'_, '_>, file: &str) -> Option<String> {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let Some(stem) = name.strip_suffix(FILE_ENDING).filter(|stem| values::is_id(stem)) else {
        let fault = Fault::new(format!("{name:?} is not the name of a policy file"));
        let help = format!("name it <service>{FILE_ENDING}; {}", values::ID_HELP);
        head.reader.report(0..0, fault.help(help));
        return None;
    };
    head.read("service", |v| match values::id(v)? {
        same if same == stem => Ok(same),
        other => {
            let fault = Fault::new(format!("the service is `{other}` here, but `{stem}` by the file's name"));
            Err(fault.help(format!("write service = \"{stem}\", or name the file {other}{FILE_ENDING}")))
        }
    });
    Some(stem.into())
}

/// The tables that begin with `[[key]]`.
fn tables<'a, 't>(head: &Fields<'a, 't>, key: &str) -> &'a [Value<'t>] {
    match head.table.get(key) {
        None => &[],
        Some(value) => match value.get_ref() {
            DeValue::Array(array) => array,
            _ => {
                let fault = Fault::new(format!("there can be several of `{key}`"));
                head.reader.report(value.span(), fault.help(format!("begin each with [[{key}]]")));
                &[]
            }
        },
    }
}

fn text_of<'v>(table: &'v Value<'_>, key: &str) -> Option<&'v str> {
    table.get_ref().get(key)?.get_ref().as_str()
}
