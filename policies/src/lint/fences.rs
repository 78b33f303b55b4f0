//! Who is left nothing by the fences together, and who is promised what a fence has taken.

use super::{Lint, clients::Clients};
use crate::{
    model::{PathSet, StepKind},
    reading::Code,
    words,
};

/// The most sets of fences that are looked at. Each is of fences that one client can meet, each of which takes another pathway,
/// so that files written by people need some dozens.
const MOST: usize = 100_000;

pub(super) fn lint(lint: &Lint<'_>) {
    starved(lint);
    promised(lint);
    too_late(lint);
}

/// A fence and those for whom it is.
struct Fence<'l> {
    step: usize,
    allowed: PathSet,
    clients: &'l Clients,
}

fn fences<'l>(lint: &'l Lint<'_>) -> Vec<Fence<'l>> {
    let fence = |(step, kind, clients)| match kind {
        &StepKind::Fence(crate::model::Fence { allowed }) => Some(Fence { step, allowed, clients }),
        _ => None,
    };
    lint.steps().map(|(index, step, clients)| (index, &step.kind, clients)).filter_map(fence).collect()
}

/// Clients for whom fences that each leave something leave nothing together.
fn starved(lint: &Lint<'_>) {
    let fences = fences(lint);
    let mut search = Search { fences: &fences, taken: Vec::new(), looked_at: 0 };
    let all = PathSet::all(lint.policy.pathways.len());
    let Some(clients) = search.starve(all, lint.world.everyone()) else { return };
    let mut steps = search.taken;
    steps.sort_unstable();
    let lines: Vec<String> = steps.iter().map(|step| lint.policy.steps[*step].line.to_string()).collect();
    if let [.., last] = steps[..] {
        let message = format!("the fences of lines {} leave no pathway", words::enumerate("and", &lines));
        let help =
            format!("{} meets all of them: let a pathway through all, or narrow one", lint.world.one_of(&clients));
        lint.step(Code::NobodyLeft, last, &[], message, help);
    }
}

struct Search<'l> {
    fences: &'l [Fence<'l>],
    /// The steps of those that are met so far.
    taken: Vec<usize>,
    looked_at: usize,
}

impl Search<'_> {
    /// Clients among these whom fences leave none of these pathways; [`Search::taken`] then holds the fences. The first
    /// pathway that is left must be taken by some fence: each that does is tried. Who meets more fences has no more
    /// pathways, so that it does not matter which others they meet.
    fn starve(&mut self, left: PathSet, clients: Clients) -> Option<Clients> {
        let Some(first) = left.iter().next() else { return Some(clients) };
        for fence in self.fences.iter().filter(|fence| !fence.allowed.contains(first)) {
            self.looked_at += 1;
            let both = clients.and(fence.clients);
            if self.looked_at > MOST || both.none() {
                continue;
            }
            self.taken.push(fence.step);
            let starved = self.starve(left.and(fence.allowed), both);
            if starved.is_some() {
                return starved;
            }
            self.taken.pop();
        }
        None
    }
}

/// Steps that name pathways which a fence has taken from all for whom the step is.
fn promised(lint: &Lint<'_>) {
    let fences = fences(lint);
    for (index, step, clients) in lint.steps() {
        let (key, named): (_, PathSet) = match &step.kind {
            StepKind::Prefer(prefer) => ("tiers", prefer.tiers.iter().flat_map(|tier| tier.iter()).collect()),
            StepKind::Weights(weights) => {
                ("shares", (0..weights.shares.len()).filter(|i| weights.shares[*i] > 0).collect())
            }
            _ => continue,
        };
        for fence in fences.iter().filter(|fence| fence.clients.cover(clients)) {
            let out = named.without(fence.allowed);
            if out.is_empty() {
                continue;
            }
            let line = lint.policy.steps[fence.step].line;
            let ids = words::pathways(lint.policy, out);
            let message = format!("none of these clients can get {ids}: the fence in line {line} keeps it out");
            lint.step(Code::FencedOut, index, &[key], message, "name those that they can get");
        }
    }
}

/// Fences behind a `limit`, which may have kept just what the fence keeps out.
fn too_late(lint: &Lint<'_>) {
    let fences = fences(lint);
    for (index, step, clients) in lint.steps() {
        let StepKind::Limit(limit) = &step.kind else { continue };
        let late = |fence: &&Fence<'_>| {
            let out = PathSet::all(lint.policy.pathways.len()).without(fence.allowed);
            fence.step > index && out.len() >= limit.to as usize && !clients.and(fence.clients).none()
        };
        for fence in fences.iter().filter(late) {
            let message = format!("the limit in line {} may leave only what this fence keeps out", step.line);
            lint.step(Code::FenceTooLate, fence.step, &[], message, "put the fence before the limit");
        }
    }
}
