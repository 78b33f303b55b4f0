//! Steps that change nothing: by themselves, or for what another step does before or after.
//!
//! Each rule holds for every client the one step is for, whatever is measured. A pair of steps is compared only where
//! nothing between the two could tell whether the first was there; which kinds could is said with each rule. Where an
//! earlier step has done the same for some values of a condition only, these are named.

use super::{Lint, clients::Clients, conditions::each_value};
use crate::{
    model::{PathSet, Prefer, Step, StepKind, StickBy},
    reading::Code,
};

pub(super) fn lint(lint: &Lint<'_>) {
    let all = lint.policy.pathways.len();
    let mut steps: Vec<(usize, &Step, &Clients)> = lint.steps().collect();
    // Of one pathway no step makes anything: that is said of the pathway.
    steps.retain(|(index, step, _)| match in_itself(&step.kind, all).filter(|_| all > 1) {
        Some((key, message)) => {
            lint.step(Code::NoEffect, *index, &[key], message, "take the step out");
            false
        }
        None => true,
    });
    for (at, &(later, step, clients)) in steps.iter().enumerate() {
        let done = |&&(earlier, before, _): &&(usize, &Step, &Clients)| {
            has_done(lint, earlier, later, &before.kind, &step.kind)
        };
        let done: Vec<(&Step, &Clients)> =
            steps[..at].iter().rev().filter(done).map(|(_, before, whom)| (*before, *whom)).collect();
        if let Some((before, _)) = done.iter().find(|(_, whom)| whom.cover(clients)) {
            let (message, help) = match before.kind {
                StepKind::Limit(_) => (
                    format!("only one pathway is left after the limit in line {}", before.line),
                    "put the step before the limit, or take it out",
                ),
                _ => (
                    format!("this step changes nothing: the one in line {} has done the same", before.line),
                    "take it out",
                ),
            };
            lint.step(Code::NoEffect, later, &["do"], message, help);
        } else if !done.is_empty() {
            for value in each_value(&step.when) {
                let Some(only) = value.only.map(|only| lint.world.clients(&only)) else { continue };
                if let Some((before, _)) = done.iter().find(|(_, whom)| whom.cover(&only)) {
                    let message = format!("for this value the step in line {} has done the same", before.line);
                    lint.item(Code::IdleValue, later, &["when", value.key], value.item, message, "take it out");
                }
            }
        }
    }
    for (at, &(earlier, step, clients)) in steps.iter().enumerate() {
        let undone = |&&(later, after, whom): &&(usize, &Step, &Clients)| {
            whom.cover(clients) && undoes(lint, earlier, later, &step.kind, &after.kind)
        };
        if let Some((_, after, _)) = steps[at + 1..].iter().find(undone) {
            let message =
                format!("this step changes nothing: the one in line {} undoes it for all of its clients", after.line);
            lint.step(Code::NoEffect, earlier, &["do"], message, "put it after that one, or take it out");
        }
    }
}

/// Why such a step changes nothing whatever stands of all `all` pathways, if so; and the key that says so.
fn in_itself(kind: &StepKind, all: usize) -> Option<(&'static str, &'static str)> {
    match kind {
        StepKind::Fence(fence) if fence.allowed.len() == all => Some(("only", "this fence keeps nothing out")),
        StepKind::Prefer(prefer) if prefer.tiers.iter().any(|tier| tier.len() == all) => {
            Some(("tiers", "all pathways stand in one tier here: none goes before another"))
        }
        StepKind::Limit(limit) if limit.to as usize >= all => Some(("to", "there are no more pathways than that")),
        _ => None,
    }
}

/// Whether `step` changes nothing after `before`, for clients for whom both are.
fn has_done(lint: &Lint<'_>, earlier: usize, later: usize, before: &StepKind, step: &StepKind) -> bool {
    let mut pairs = pairs(lint);
    let between = |kinds: fn(&StepKind) -> bool| between(lint, earlier, later, kinds);
    match (before, step) {
        // A fence may bring back whom a verdict or a limit has set aside.
        (StepKind::Limit(before), _) if before.to == 1 && orders(step) => {
            between(|kind| !matches!(kind, StepKind::Fence(_)))
        }
        (StepKind::Limit(before), StepKind::Limit(step)) => before.to <= step.to,
        // Where fewer stand, as many that are down are more of them.
        (StepKind::Healthy(before), StepKind::Healthy(step)) => {
            before == step && between(|kind| !matches!(kind, StepKind::Fence(_) | StepKind::Limit(_)))
        }
        (StepKind::Fence(before), StepKind::Fence(step)) => before.allowed.without(step.allowed).is_empty(),
        (StepKind::Prefer(before), StepKind::Prefer(step)) => {
            pairs.all(|(a, b)| tier(step, a) >= tier(step, b) || tier(before, a) < tier(before, b))
                && between(|kind| matches!(kind, StepKind::Healthy(_)))
        }
        (StepKind::Nearest(_), StepKind::Nearest(_))
        | (StepKind::Weights(_), StepKind::Weights(_))
        | (StepKind::Stick(_), StepKind::Stick(_)) => {
            before == step && between(|kind| matches!(kind, StepKind::Healthy(_)))
        }
        _ => false,
    }
}

/// Whether `after` leaves no trace of what `step` did, for clients for whom both are.
fn undoes(lint: &Lint<'_>, earlier: usize, later: usize, step: &StepKind, after: &StepKind) -> bool {
    let mut pairs = pairs(lint);
    let between = |kinds: fn(&StepKind) -> bool| between(lint, earlier, later, kinds);
    match (step, after) {
        // Whom the one tells apart, the other tells apart too.
        (StepKind::Prefer(step), StepKind::Prefer(after)) => {
            pairs.all(|(a, b)| tier(step, a) == tier(step, b) || tier(after, a) != tier(after, b))
                && between(|kind| matches!(kind, StepKind::Fence(_) | StepKind::Healthy(_) | StepKind::Prefer(_)))
        }
        // Those without a share stay in the order in which they stood.
        (StepKind::Weights(_), StepKind::Weights(after)) => {
            after.shares.iter().filter(|share| **share == 0).count() < 2
                && between(|kind| matches!(kind, StepKind::Fence(_) | StepKind::Healthy(_)))
        }
        // By what it watches a client is never told to be among some share of all: for that, the one before still counts.
        (StepKind::Stick(_), StepKind::Stick(after)) => {
            after.by != StickBy::Content
                && between(|kind| matches!(kind, StepKind::Fence(_) | StepKind::Prefer(_) | StepKind::Nearest(_)))
        }
        _ => false,
    }
}

fn pairs(lint: &Lint<'_>) -> impl Iterator<Item = (usize, usize)> + use<> {
    let all = lint.policy.pathways.len();
    (0..all).flat_map(move |a| (0..all).map(move |b| (a, b)))
}

/// Whether all steps between the two are of such kinds.
fn between(lint: &Lint<'_>, earlier: usize, later: usize, kinds: fn(&StepKind) -> bool) -> bool {
    lint.policy.steps[earlier + 1..later].iter().all(|step| kinds(&step.kind))
}

/// Kinds that order what stands, or share it out: nothing to do for one.
fn orders(kind: &StepKind) -> bool {
    match kind {
        StepKind::Healthy(_) | StepKind::Fence(_) => false,
        StepKind::Prefer(_)
        | StepKind::Nearest(_)
        | StepKind::Rank(_)
        | StepKind::Cheapest(_)
        | StepKind::Weights(_)
        | StepKind::Capacity(_)
        | StepKind::Explore(_)
        | StepKind::Stick(_)
        | StepKind::Limit(_) => true,
    }
}

/// The tier of the step that a pathway is in; one after all others for those that it does not name.
fn tier(prefer: &Prefer, pathway: usize) -> usize {
    let named = |tier: &PathSet| tier.contains(pathway);
    prefer.tiers.iter().position(named).unwrap_or(prefer.tiers.len())
}
