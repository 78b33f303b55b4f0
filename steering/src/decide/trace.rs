//! What each step did, for those who want to know.

use fairway_policies::StickBy;
use serde::{Deserialize, Serialize};

use super::decision::Choice;
use crate::{cells::Audience, estimates::Known, health::Verdict, overrides::Force, standing::Lead};

/// Why a step did what it did to one pathway. To explain and to record; text is made of it at the edge. Shares are 0…1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// An operator's word: the override of this number. `among`: this client is in the share that it names. `in_vain`: it
    /// would take the pathway away, but nothing else would stand.
    Forced { id: u64, force: Force, among: bool, in_vain: bool },
    /// No operator says anything of it here.
    NotForced,
    /// Its verdict lets it stand.
    Fit { verdict: Verdict },
    /// Set aside for its verdict.
    Unfit { verdict: Verdict },
    /// Unfit, but too few are not.
    Panic { verdict: Verdict },
    /// Stands since an operator forced it up, whatever the verdict.
    ForcedUp { verdict: Verdict },
    /// Coming back, for this share of clients so far, or on trial by this share of those who can afford it; `among`: this
    /// client is one of them. `in_vain`: it is not, but all else is unfit.
    ComingBack { verdict: Verdict, share: f32, trial: bool, among: bool, in_vain: bool },
    /// The fence lets it through.
    Inside,
    /// The fence keeps it out.
    Outside,
    /// Preferred, in this tier of the step.
    Preferred { tier: u8 },
    /// Not among the preferred.
    NotPreferred,
    /// So far away, with the step's bias on top.
    Distant { km: f64, bias: f64 },
    /// It has no location: after those that have.
    NoLocation,
    /// Where the client is, is not known.
    ClientNowhere,
    /// Compared with the others: `over` are those it passed, `by` those that passed it, `waiting` the leads under way, its own
    /// or over it, that are not yet in force for this client.
    Compared { over: Vec<u8>, by: Vec<u8>, waiting: Vec<Lead>, known: Option<Known> },
    /// One of the first tier, and what one more terabyte on it costs.
    Priced { price: f64 },
    /// One of the first tier, at a cost that nobody declared: after those at one that is.
    Unpriced,
    /// Not of the first tier.
    BehindFirstTier,
    /// Given this share.
    Share { weight: u32 },
    /// Shared out by this from here on.
    Stuck { by: StickBy },
    /// Can carry all whom it would get, or this share of them, of whom this client is one.
    Admitted { share: f32 },
    /// Can carry this share of those whom it would get, of whom this client is none; `to` takes it, if any does.
    Full { share: f32, to: Option<u8> },
    /// What a pathway can carry did not matter: the client does not get so far down.
    NotReached,
    /// It is this client's turn to try another than its first; this is the one, of `others` that could be.
    Explored { share: f64, others: u8 },
    /// It is not this client's turn, or another was picked.
    NotExplored { share: f64 },
    /// Among the first so many.
    Within,
    /// Past the limit, but a list needs it as its last resort.
    Reserve,
    /// Past the limit.
    Beyond,
    /// The step is not for this client.
    NotForClient,
}

/// What one step did; `reasons` has one entry for each pathway that stood before it, and for each that it brought back from
/// aside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// Index in the policy's steps; `None` for the operators' words, which come before all.
    pub step: Option<usize>,
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
