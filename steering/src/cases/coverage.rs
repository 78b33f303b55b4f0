//! What steps can do, and which of it tests have seen.

use std::sync::Arc;

use fairway_policies::{Policy, Step, StepKind, describe};
use serde::Serialize;

use crate::decide::{Choice, Reason, StepReport};

/// Something that a step can do, or leave undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Branch {
    /// It is for some client.
    Applies,
    /// It is not for some other.
    Skips,
    /// It sets a pathway aside.
    SetsAside,
    /// It keeps all, since too few would be left.
    Panics,
    /// It keeps a pathway out.
    Drops,
    /// It changes order or tiers.
    Reorders,
    /// It shares out equals.
    Splits,
    /// It gives a client of a full pathway another.
    Spills,
    /// It gives a client another pathway to learn of it.
    Explores,
    /// It cuts off who is behind the first so many.
    Cuts,
}

/// Something that no test made a step do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreached {
    /// The step's place in the chain, from 1.
    pub step: usize,
    /// The line of its `[[step]]`, from 1.
    pub line: u32,
    /// What it does, in a line.
    pub title: String,
    /// What of that no test has seen.
    pub branch: Branch,
}

impl Branch {
    /// What is missing, as the end of a sentence about the step.
    pub fn missing(self) -> &'static str {
        match self {
            Self::Applies => "applies in no test",
            Self::Skips => "applies in every test: none asks for someone whom it is not for",
            Self::SetsAside => "sets nothing aside in any test",
            Self::Panics => "has something left in every test (no panic)",
            Self::Drops => "keeps nothing out in any test",
            Self::Reorders => "moves nothing in any test",
            Self::Splits => "has no equals to share out in any test",
            Self::Spills => "spills nothing in any test",
            Self::Explores => "sends nobody exploring in any test (expect a `share`)",
            Self::Cuts => "cuts nothing off in any test",
        }
    }

    /// All that a step can do.
    fn of(step: &Step) -> Vec<Self> {
        let mut branches = vec![Self::Applies];
        branches.extend((!step.when.is_always()).then_some(Self::Skips));
        branches.extend_from_slice(match &step.kind {
            StepKind::Healthy(_) => &[Self::SetsAside, Self::Panics],
            StepKind::Fence(_) => &[Self::Drops],
            StepKind::Prefer(_) | StepKind::Nearest(_) | StepKind::Rank(_) | StepKind::Cheapest(_) => &[Self::Reorders],
            StepKind::Weights(_) | StepKind::Stick(_) => &[Self::Splits],
            StepKind::Capacity(_) => &[Self::Spills],
            StepKind::Explore(_) => &[Self::Explores],
            StepKind::Limit(_) => &[Self::Cuts],
        });
        branches
    }
}

/// What is still to be seen.
pub(super) struct Coverage {
    policy: Arc<Policy>,
    /// By step.
    unseen: Vec<Vec<Branch>>,
}

impl Coverage {
    pub(super) fn of(policy: &Arc<Policy>) -> Self {
        Self { policy: policy.clone(), unseen: policy.steps.iter().map(Branch::of).collect() }
    }

    /// Notes what the steps did in one decision.
    pub(super) fn saw(&mut self, reports: &[StepReport]) {
        for report in reports {
            let Some(unseen) = report.step.and_then(|step| self.unseen.get_mut(step)) else { continue };
            if !unseen.is_empty() {
                unseen.retain(|branch| !did(report, *branch));
            }
        }
    }

    /// A step that never applied did nothing else either: that is said once.
    pub(super) fn unreached(&self) -> Vec<Unreached> {
        let steps = self.policy.steps.iter().zip(&self.unseen).enumerate();
        let unreached = |(index, (step, unseen)): (usize, (&Step, &Vec<Branch>))| {
            let one = |branch: &Branch| Unreached {
                step: index + 1,
                line: step.line,
                title: describe(&self.policy, step),
                branch: *branch,
            };
            let told = if unseen.contains(&Branch::Applies) { 1 } else { unseen.len() };
            unseen.iter().take(told).map(one).collect::<Vec<_>>()
        };
        steps.flat_map(unreached).collect()
    }
}

fn did(report: &StepReport, branch: Branch) -> bool {
    let StepReport { before, after, reasons, .. } = report;
    let because = |is: fn(&Reason) -> bool| reasons.iter().any(|(_, reason)| is(reason));
    let stands = |choices: &[Choice]| choices.iter().map(|c| (c.pathway, c.tier)).collect::<Vec<_>>();
    let skipped = because(|reason| matches!(reason, Reason::NotForClient));
    match branch {
        Branch::Skips => skipped,
        _ if skipped => false,
        Branch::Applies => true,
        Branch::SetsAside => because(|reason| matches!(reason, Reason::Unfit { .. })),
        Branch::Panics => because(|reason| matches!(reason, Reason::Panic { .. })),
        Branch::Drops => because(|reason| matches!(reason, Reason::Outside)),
        Branch::Reorders => stands(before) != stands(after),
        Branch::Splits => after.chunk_by(|a, b| a.tier == b.tier).any(|equals| {
            let even = equals.iter().all(|c| c.weight == 0);
            equals.iter().filter(|c| even || c.weight > 0).count() > 1
        }),
        Branch::Spills => because(|reason| matches!(reason, Reason::Full { to: Some(_), .. })),
        Branch::Explores => because(|reason| matches!(reason, Reason::Explored { .. })),
        Branch::Cuts => because(|reason| matches!(reason, Reason::Beyond | Reason::Reserve)),
    }
}
