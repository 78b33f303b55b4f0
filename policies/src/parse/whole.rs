//! What must hold between the tables of a file, each of which may be right in itself.

use std::ops::Range;

use url::Url;

use super::{pathway, text_of};
use crate::{
    model::{PathSet, Pathway, PathwayAnswer, Step, StepKind},
    reading::{Code, Fault, Fields, Reader, Value},
    steps::STEPS,
};

/// No two pathways may have one id, nor one host: a beacon names its host only, and could not be attributed.
pub(super) fn unlike(reader: &Reader<'_>, tables: &[Value<'_>]) {
    for (i, table) in tables.iter().enumerate() {
        if let Some(id) = text_of(table, "id")
            && let Some(first) = tables[..i].iter().find(|other| text_of(other, "id") == Some(id))
        {
            let fault = Fault::new(Code::SameId, format!("there is already a pathway `{id}`"));
            reader.report(
                span_of(table, "id"),
                fault.help(format!("the first is in line {}", reader.line(first.span()))),
            );
        }
        if let Some(host) = host_of(table)
            && let Some(first) = tables[..i].iter().find(|other| host_of(other).as_ref() == Some(&host))
        {
            let message = format!("the pathway in line {} has the host {host} too", reader.line(first.span()));
            let fault = Fault::new(Code::SameHost, message);
            let help = "viewers' reports are told apart by host: give each pathway its own";
            reader.report(span_of(table, "url"), fault.help(help));
        }
    }
}

/// A steered name needs something to answer, and a canonical name must lead away from it.
pub(super) fn steered_by_dns(
    head: &Fields<'_, '_>,
    names: &[String],
    tables: &[Value<'_>],
    pathways: &[Option<Pathway>],
) {
    let answers = || pathways.iter().map(|pathway| pathway.as_ref().map(|pathway| &pathway.answer));
    if !tables.is_empty() && answers().all(|answer| answer == Some(&PathwayAnswer::None)) {
        let fault =
            Fault::new(Code::NothingForDns, "these names are steered, but no pathway says what DNS should answer");
        let place = head.table.get("names").map_or(0..0, Value::span);
        head.reader.report(place, fault.help("give the pathways `addresses` or a `cname`"));
    }
    for (table, answer) in tables.iter().zip(answers()) {
        if let Some(PathwayAnswer::Cname(target)) = answer
            && names.contains(target)
        {
            let message = format!("{target} is steered by this policy: it cannot be where it leads");
            let fault = Fault::new(Code::LeadsBack, message);
            head.reader.report(span_of(table, "cname"), fault.help("name the CDN's own host"));
        }
    }
}

/// Fences must leave something, for everyone and for those that one with a `when` is for.
pub(super) fn starved(reader: &Reader<'_>, tables: &[Value<'_>], steps: &[Option<Step>], all: PathSet) {
    let mut everyone = all;
    let mut some: Vec<PathSet> = Vec::new();
    for (table, step) in tables.iter().zip(steps) {
        let Some(Step { kind: StepKind::Fence(fence), when, .. }) = step else { continue };
        let left = everyone.and(fence.allowed);
        let starves_some = when.is_always() && some.iter().any(|set| set.and(fence.allowed).is_empty());
        if !all.is_empty() && (left.is_empty() || starves_some) {
            let fault = Fault::new(Code::Starved, "this fence leaves no pathway to answer");
            let help = if fence.allowed.is_empty() {
                "let one through"
            } else {
                "an earlier fence keeps out what this one lets through"
            };
            let key = if table.get_ref().get("only").is_some() { "only" } else { "never" };
            reader.report(span_of(table, key), fault.help(help));
        } else if when.is_always() {
            everyone = left;
        } else {
            some.push(left);
        }
    }
}

/// Steps that go by what pathways declare need one that does.
pub(super) fn declared(reader: &Reader<'_>, steps: &[Value<'_>], pathways: &[Value<'_>]) {
    for step in steps {
        let kind = STEPS.iter().find(|kind| text_of(step, "do") == Some(kind.name));
        let needed = kind.and_then(|kind| pathway::TABLE.keys.iter().find(|key| kind.needs == Some(key.name)));
        if let (Some(kind), Some(key)) = (kind, needed)
            && !pathways.iter().any(|pathway| pathway.get_ref().get(key.name).is_some())
        {
            let message = format!("`{}` goes by `{}`, and no pathway has one", kind.name, key.name);
            let help = format!("give the pathways one, as in {} = {}", key.name, key.example);
            reader.report(span_of(step, "do"), Fault::new(Code::Undeclared, message).help(help));
        }
    }
}

/// No two tests may have one name: a report of them could not be told apart.
pub(super) fn named_once(reader: &Reader<'_>, tests: &[Value<'_>]) {
    for (i, test) in tests.iter().enumerate() {
        if let Some(name) = text_of(test, "name")
            && let Some(first) = tests[..i].iter().find(|other| text_of(other, "name") == Some(name))
        {
            let fault = Fault::new(Code::SameId, "there is already a test of this name");
            let help = format!("the first is in line {}; say what this one shows beside", reader.line(first.span()));
            reader.report(span_of(test, "name"), fault.help(help));
        }
    }
}

fn host_of(table: &Value<'_>) -> Option<String> {
    Some(Url::parse(text_of(table, "url")?).ok()?.host_str()?.to_owned())
}

fn span_of(table: &Value<'_>, key: &str) -> Range<usize> {
    table.get_ref().get(key).map_or_else(|| table.span(), Value::span)
}
