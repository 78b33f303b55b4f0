//! What each step did, for those who want to know.

use serde::Serialize;

use super::decision::Choice;
use crate::{cells::Audience, health::Verdict, standing::Known};

/// Why a step did what it did to one pathway. To explain and to record; text is made of it at the edge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// Its verdict lets it stand.
    Fit(Verdict),
    /// Set aside for its verdict.
    Unfit(Verdict),
    /// Unfit, but so are all.
    Panic(Verdict),
    /// The fence lets it through.
    Inside,
    /// The fence keeps it out.
    Outside,
    /// Preferred, in this tier of the step.
    Preferred { tier: u8 },
    /// Not among the preferred.
    NotPreferred,
    /// Compared with the others and where it was: nobody passed it, it passed nobody.
    Holds { known: Option<Known> },
    /// Passed `over`: better by more than the margin.
    Passed { over: Vec<u8>, known: Option<Known> },
    /// Was passed by `by`.
    PassedBy { by: Vec<u8>, known: Option<Known> },
    /// Given this share.
    Share { weight: u32 },
    /// The step is not for this client.
    NotForClient,
}

/// What one step did; `reasons` has one entry for each pathway that stood before it, and for each that a fence had to
/// bring back from aside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// Index in the policy's steps.
    pub step: usize,
    /// Who stood before it, best first.
    pub before: Vec<Choice>,
    /// Who stood after it.
    pub after: Vec<Choice>,
    /// Pathway index and why.
    pub reasons: Vec<(u8, Reason)>,
    /// For `rank`: the audience whose standing spoke for this client, if there was one.
    pub audience: Option<Audience>,
}

/// Looks over the decision's shoulder. `()` looks away, at no cost; `Vec<StepReport>` keeps all.
pub trait Trace {
    /// Whether reports are wanted: none is built otherwise.
    const WANTED: bool;
    /// One step is done.
    fn report(&mut self, report: StepReport);
}

impl Trace for () {
    const WANTED: bool = false;
    fn report(&mut self, _: StepReport) {}
}

impl Trace for Vec<StepReport> {
    const WANTED: bool = true;
    fn report(&mut self, report: StepReport) {
        self.push(report);
    }
}

/// The reasons of the step at work; empty, and free, when nobody wants them.
pub(super) struct Notes {
    wanted: bool,
    reasons: Vec<(u8, Reason)>,
}

impl Notes {
    pub(super) fn new(wanted: bool) -> Self {
        Self { wanted, reasons: Vec::new() }
    }

    /// Notes why, if somebody wants to know.
    pub(super) fn add(&mut self, pathway: u8, reason: impl FnOnce() -> Reason) {
        if self.wanted {
            self.reasons.push((pathway, reason()));
        }
    }

    pub(super) fn wanted(&self) -> bool {
        self.wanted
    }

    pub(super) fn take(&mut self) -> Vec<(u8, Reason)> {
        std::mem::take(&mut self.reasons)
    }
}
