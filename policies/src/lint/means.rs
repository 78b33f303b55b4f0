//! What steps go by, and whether there is anything to go by.

use std::mem::discriminant;

use super::Lint;
use crate::{
    model::{Healthy, Metric, PathSet, Pathway, Step, StepKind},
    reading::Code,
    words,
};

/// Sessions that only the widest audiences of the largest services have within a step's memory.
const MANY_SESSIONS: u32 = 10_000;

pub(super) fn lint(lint: &Lint<'_>) {
    let policy = lint.policy;
    let has = |kind: fn(&StepKind) -> bool| lint.steps().any(|(_, step, _)| kind(&step.kind));
    if policy.pathways.len() == 1 {
        let message = "the only pathway: players have nothing to turn to when it fails";
        lint.pathway(Code::OnePathway, 0, message, "declare a second, if only the origin itself");
    }
    if let Some(probed) = policy.pathways.iter().position(|pathway| pathway.probe.is_some())
        && !has(|kind| matches!(kind, StepKind::Healthy(_)))
    {
        let message = "this pathway is probed, but no step heeds what is found";
        lint.pathway(Code::Unheeded, probed, message, "begin the chain with a step of do = \"healthy\"");
    }
    let spread = |kind: &StepKind| matches!(kind, StepKind::Explore(_) | StepKind::Weights(_) | StepKind::Stick(_));
    for (index, step, _) in lint.steps() {
        match &step.kind {
            StepKind::Rank(rank) => {
                if rank.by.metrics().all(|metric| matches!(metric, Metric::Throughput | Metric::Bitrate)) {
                    let message = "this measures the viewers' own lines first, and pathways only behind them";
                    let help = "put what a pathway is to blame for before it, such as \"stall_ratio\"";
                    lint.step(Code::LastMile, index, &["by"], message, help);
                }
                if rank.min_sessions > MANY_SESSIONS {
                    let message = "hardly an audience has so many sessions at a time: all go by what the world says";
                    lint.step(Code::Unheard, index, &["min_sessions"], message, "the default is 25");
                }
                if policy.pathways.len() > 1 && !has(spread) {
                    let message = "nobody is sent to a pathway that has fallen behind: nothing new is learnt of it";
                    let help = "add a step of do = \"explore\" at the end of the chain";
                    lint.step(Code::Unlearnt, index, &["do"], message, help);
                }
            }
            StepKind::Nearest(_) => {
                declared(lint, index, "no location: it comes last", |pathway| pathway.location.is_some());
            }
            StepKind::Cheapest(_) => declared(lint, index, "no cost: it comes last", |pathway| pathway.cost.is_some()),
            _ => {}
        }
        said_before(lint, index, step);
    }
}

/// What is asked of pathways and not of clients, by key: of several steps of the kind the first says it, for all.
fn of_pathways(kind: &StepKind) -> Vec<(&'static str, f64)> {
    match kind {
        StepKind::Healthy(Healthy { availability, ramp, .. }) => {
            let (least, over) = availability.map_or_else(Default::default, |a| (a.least, a.over.as_secs_f64()));
            vec![("availability", least), ("over", over), ("ramp", ramp.as_secs_f64())]
        }
        StepKind::Capacity(capacity) => vec![("fill", capacity.fill)],
        _ => Vec::new(),
    }
}

fn said_before(lint: &Lint<'_>, index: usize, step: &Step) {
    let kind = |other: &&Step| discriminant(&other.kind) == discriminant(&step.kind);
    let Some(first) = lint.policy.steps[..index].iter().find(kind) else { return };
    for ((key, counts), (_, said)) in of_pathways(&first.kind).into_iter().zip(of_pathways(&step.kind)) {
        if counts != said && lint.says(index, key) {
            let message = format!("not heeded: for all clients, the step in line {} says `{key}`", first.line);
            lint.step(Code::SaidBefore, index, &[key], message, "say it there");
        }
    }
}

/// What a step goes by is said of none (which the parser refuses), or of all.
fn declared(lint: &Lint<'_>, step: usize, what: &str, is: impl Fn(&Pathway) -> bool) {
    let pathways = &lint.policy.pathways;
    let without: PathSet = (0..pathways.len()).filter(|index| !is(&pathways[*index])).collect();
    if !without.is_empty() && without.len() < pathways.len() {
        let message = format!("{} has {what}", words::pathways(lint.policy, without));
        lint.step(Code::HalfDeclared, step, &["do"], message, "say it of all pathways");
    }
}
