//! What is right in itself, but hardly what its author means.
//!
//! A policy that parses is a policy; here it is read as a colleague would read it, for steps that can never apply or that
//! another undoes, for clients whom fences leave nothing, for steps that go by something nobody tells. All of that is known
//! from the file alone, and nothing is guessed: each lint says something that is so, whatever the traffic. What may well be
//! meant (a short TTL, one pathway for a country) is not complained of, since a warning that is usually wrong teaches people
//! to ignore the others.
//!
//! Reading order: [`clients`] (which clients a condition holds for, exactly), then the lints: [`conditions`] (of one step
//! by itself), [`order`] (of steps to each other), [`fences`] (who is left nothing), [`means`] (what steps go by).

mod clients;
mod conditions;
mod fences;
mod means;
mod order;

use std::{cell::RefCell, ops::Range};

use chrono::{DateTime, Utc};
use toml::de::{DeTable, DeValue};

use crate::{
    model::{Policy, Step},
    reading::{Code, Problem, Value},
};
use clients::{Clients, World};

/// Every warning about a policy, in file order. `file` is its name, for messages. With `now`, times that are past are
/// complained of.
pub fn lint(file: &str, policy: &Policy, now: Option<DateTime<Utc>>) -> Vec<Problem> {
    let (tree, _) = DeTable::parse_recoverable(&policy.text);
    let world = World::of(policy, now);
    let clients = policy.steps.iter().map(|step| world.clients(&step.when)).collect();
    let lint = Lint { file, policy, tree: tree.get_ref(), world, clients, found: RefCell::default() };
    conditions::lint(&lint);
    order::lint(&lint);
    fences::lint(&lint);
    means::lint(&lint);
    let mut found = lint.found.into_inner();
    found.sort_by_key(|problem| (problem.line, problem.column));
    found
}

/// One policy under examination.
struct Lint<'p> {
    file: &'p str,
    policy: &'p Policy,
    tree: &'p DeTable<'p>,
    world: World,
    /// By step: those for whom it is.
    clients: Vec<Clients>,
    found: RefCell<Vec<Problem>>,
}

impl<'p> Lint<'p> {
    /// Those steps that are for anyone at all, each with its place in the chain and whom it is for.
    fn steps(&self) -> impl DoubleEndedIterator<Item = (usize, &'p Step, &Clients)> {
        let steps = self.policy.steps.iter().zip(&self.clients).enumerate();
        steps.map(|(index, (step, clients))| (index, step, clients)).filter(|(_, _, clients)| !clients.none())
    }

    /// Complains of a step, at the value under `path` in it; at its header where there is none.
    fn step(&self, code: Code, step: usize, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        let span = self.table("step", step).map_or(0..0, |table| find(table, path).unwrap_or(table).span());
        self.report(code, span, message, help);
    }

    /// The same of the item `item` of the list there.
    fn item(&self, code: Code, step: usize, path: &[&str], item: usize, message: String, help: impl Into<String>) {
        let list = self.table("step", step).and_then(|table| find(table, path));
        let value = list.and_then(|list| list.get_ref().as_array()?.get(item).or(Some(list)));
        match value {
            Some(value) => self.report(code, value.span(), message, help),
            None => self.step(code, step, &[], message, help),
        }
    }

    /// Whether the key stands in the step.
    fn says(&self, step: usize, key: &str) -> bool {
        self.table("step", step).is_some_and(|table| find(table, &[key]).is_some())
    }

    /// Complains of a pathway.
    fn pathway(&self, code: Code, pathway: usize, message: impl Into<String>, help: impl Into<String>) {
        let span = self.table("pathway", pathway).map_or(0..0, |table| find(table, &["id"]).unwrap_or(table).span());
        self.report(code, span, message, help);
    }

    fn report(&self, code: Code, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::at(code, self.file, &self.policy.text, span, message, Some(help.into()));
        self.found.borrow_mut().push(problem);
    }

    fn table(&self, key: &str, index: usize) -> Option<&Value<'p>> {
        self.tree.get(key)?.get_ref().as_array()?.get(index)
    }
}

fn find<'v, 't>(table: &'v Value<'t>, path: &[&str]) -> Option<&'v Value<'t>> {
    path.iter().try_fold(table, |value, key| match value.get_ref() {
        DeValue::Table(table) => table.get(*key),
        _ => None,
    })
}
