//! Text in, policy or problems out.
//!
//! The file is read in one pass over its TOML tree, which knows where each key and value stands, with the tools of
//! [`crate::reading`]. Only a file that is not TOML at all is reported as that alone, for what it means to say is then a
//! guess. The parts, in reading order: [`head`], [`pathway`] with its [`cost`], the steps, which have a folder of their own in
//! [`crate::steps`], [`case`] (a test), and [`whole`] (what must hold between the tables).

use toml::de::{DeTable, DeValue};

mod case;
mod cost;
pub(crate) mod head;
pub(crate) mod pathway;
#[cfg(test)]
mod tests;
mod whole;

use crate::{
    model::{Case, MAX_PATHWAYS, MAX_STEPS, PathSet, Pathway, Policy, Step},
    reading::{Code, Fault, Fields, Problem, Reader, Value, values},
    steps,
};

/// What a policy file's name ends in, after the service's id.
pub const FILE_ENDING: &str = ".policy.toml";

/// Reads one policy file. `file` is its name, for messages; without its folder and [`FILE_ENDING`] it is the service's
/// id. Reports every problem it finds, in file order.
pub fn parse(file: &str, text: &str) -> Result<Policy, Vec<Problem>> {
    let reader = Reader::new(file, text, head::TABLE.keys);
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
fn syntax(reader: Reader<'_>, mut errors: Vec<toml::de::Error>) -> Vec<Problem> {
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    for error in errors {
        let (what, expected) = error.message().split_once(", expected ").unwrap_or((error.message(), ""));
        let help = match (what, expected) {
            ("duplicate key", _) => "keep one of them; tables of which there can be several begin with [[…]]".into(),
            (what, _) if what.starts_with("cannot extend value of type inline table") => {
                "what stands between { and } is whole: write all of its keys there, or all under headers".into()
            }
            ("string values must be quoted", _) => "write it between quotes, as in \"20s\"".into(),
            (_, "") => "how TOML is written: https://toml.io".into(),
            (_, expected) => format!("expected {expected}"),
        };
        reader.report(error.span().unwrap_or(0..0), Fault::new(Code::NotToml, what).help(help));
        // Text that does not end swallows what comes behind it.
        if what.starts_with("invalid") && what.ends_with("string") {
            break;
        }
    }
    let mut problems = reader.finish();
    problems.dedup_by_key(|problem| problem.line);
    problems
}

/// `None` only when something was reported.
fn policy(reader: &Reader<'_>, file: &str, text: &str, table: &DeTable<'_>) -> Option<Policy> {
    let head = Fields::of(reader, table, 0..0, head::TABLE.name, head::TABLE.keys);
    let service = head::service(&head, file);
    let names = head.list("names", values::host_name).unwrap_or_default();
    let client_subnet = head.read("client_subnet", values::truth);
    let ttls = head::ttls(&head);

    let [pathways, steps, tests] = ["pathway", "step", "test"].map(|key| tables(&head, key));
    if pathways.is_empty() && table.get("pathway").is_none_or(|value| value.get_ref().is_array()) {
        let fault = Fault::new(Code::NoPathway, "a policy needs a pathway");
        reader.report(0..0, fault.help("begin one with [[pathway]], and give it an `id` and a `url`"));
    }
    too_many(reader, pathways, MAX_PATHWAYS, "pathways");
    too_many(reader, steps, MAX_STEPS, "steps");
    let read: Vec<Option<Pathway>> = pathways.iter().map(|value| pathway::read(reader, value)).collect();
    whole::unlike(reader, pathways);
    if !names.is_empty() {
        whole::steered_by_dns(&head, &names, pathways, &read);
    }

    // Steps and tests may name a pathway in which something is wrong: that it is there is enough.
    let ids: Vec<String> = pathways.iter().map(|value| text_of(value, "id").unwrap_or_default().to_owned()).collect();
    let ids = &ids[..ids.len().min(MAX_PATHWAYS)];
    let chain: Vec<Option<Step>> = steps.iter().map(|value| steps::read(reader, value, ids)).collect();
    whole::starved(reader, steps, &chain, PathSet::all(ids.len()));
    whole::declared(reader, steps, pathways);
    let cases: Vec<Option<Case>> = tests.iter().map(|value| case::read(reader, value, ids)).collect();
    whole::named_once(reader, tests);

    let (ttl, ttl_min) = ttls?;
    let (pathways, steps) = (read.into_iter().collect::<Option<_>>()?, chain.into_iter().collect::<Option<_>>()?);
    let tests = cases.into_iter().collect::<Option<_>>()?;
    let (service, client_subnet, text) = (service?, client_subnet?, text.into());
    Some(Policy { service, text, names, client_subnet, ttl, ttl_min, pathways, steps, tests })
}

fn too_many(reader: &Reader<'_>, tables: &[Value<'_>], most: usize, what: &str) {
    if let Some(first) = tables.get(most) {
        let fault = Fault::new(Code::TooMany, format!("a policy has {most} {what} at most"));
        reader.report(first.span(), fault.help(format!("{} are too many: make two services of it", tables.len())));
    }
}

/// The tables that begin with `[[key]]`.
fn tables<'a, 't>(head: &Fields<'a, 't>, key: &str) -> &'a [Value<'t>] {
    match head.table.get(key) {
        None => &[],
        Some(value) => match value.get_ref() {
            DeValue::Array(array) => array,
            _ => {
                let fault = Fault::new(Code::SingleBrackets, format!("there can be several of `{key}`"));
                head.reader.report(value.span(), fault.help(format!("begin each with [[{key}]]")));
                &[]
            }
        },
    }
}

fn text_of<'v>(table: &'v Value<'_>, key: &str) -> Option<&'v str> {
    table.get_ref().get(key)?.get_ref().as_str()
}
