//! A recorded decision as data: what was asked and answered, and all that it takes to decide it again.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use fairway_policies::{Explanation, FILE_ENDING, Problem, parse};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::recorder::{DecisionId, Noted, Occasion};
use crate::{
    client::Asker,
    decide::{Choice, Reason, StepReport, decide_for, shares},
    explain::explain_asker,
    snapshot::{Inputs, Service},
};

/// One decision, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its name.
    pub id: DecisionId,
    /// When it was made, to the nanosecond: decisions read the clock.
    pub at: DateTime<Utc>,
    /// Why it was recorded.
    pub occasion: Occasion,
    /// For how many it stands: one over the probability with which it was drawn. 0: it was not drawn.
    pub weight: u64,
    /// Service id.
    pub service: String,
    /// Number of the snapshot.
    pub snapshot: u64,
    /// When that was compiled.
    pub snapshot_at: DateTime<Utc>,
    /// What the policy's text is known by: see [`known_by`].
    pub policy: String,
    /// All that was read of the client.
    pub asker: Asker,
    /// What was decided.
    pub answer: Answer,
    /// What was known: all that the decision read beside policy, client and clock.
    pub inputs: Inputs,
}

/// What a policy's text is known by: its XXH3, sixteen hexadecimal digits.
pub fn known_by(text: &str) -> String {
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

/// What was decided, by pathway ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Who may be answered, best first.
    pub candidates: Vec<Candidate>,
    /// Set aside as unfit, least bad first.
    pub aside: Vec<String>,
    /// The pathway answered: over DNS the first that has records, else the first.
    pub chosen: Option<String>,
    /// What put it there.
    pub why: Option<Why>,
    /// The share of such clients (its place and its way of asking, any key) for whom it is chosen, 0…1.
    pub probability: f64,
    /// Seconds.
    pub ttl: u32,
    /// Nothing was healthy, so all were kept.
    pub panic: bool,
}

/// A pathway that may be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Pathway id.
    pub pathway: String,
    /// Equals have the same; 0 is the best.
    pub tier: u8,
    /// Share inside the tier; 0 where no step gave one.
    pub weight: u32,
}

/// The step that put the chosen pathway first, and why it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Place in the chain, from 1; 0: the operators' words, which come before all.
    pub step: usize,
    /// Its reason for the chosen.
    pub reason: Reason,
}

impl Why {
    /// The reason in a word: its kind, as JSON has it.
    pub fn word(&self) -> String {
        let reason = serde_json::to_value(&self.reason).unwrap_or_default();
        reason["kind"].as_str().unwrap_or_default().to_owned()
    }
}

impl Recorded {
    /// Decides what was noted once more, and takes it all down.
    pub(super) fn of(noted: Noted) -> Self {
        let Noted { id, at, occasion, weight, service, snapshot: (snapshot, snapshot_at), asker } = noted;
        Self {
            id,
            at,
            occasion,
            weight,
            service: service.policy.service.clone(),
            snapshot,
            snapshot_at,
            policy: known_by(&service.policy.text),
            asker,
            answer: Answer::of(&service, &asker, at),
            inputs: service.inputs.of(&asker.place),
        }
    }

    /// Decides it again by this text of its policy, as this build decides.
    pub fn replay(&self, text: &str) -> Result<Replay, ReplayError> {
        if text.is_empty() {
            return Err(ReplayError::NoPolicy);
        }
        if known_by(text) != self.policy {
            return Err(ReplayError::OtherPolicy);
        }
        let policy = parse(&format!("{}{FILE_ENDING}", self.service), text).map_err(ReplayError::Policy)?;
        let service = Service::new(Arc::new(policy), self.inputs.clone(), Arc::default());
        let answer = Answer::of(&service, &self.asker, self.at);
        let explanation = explain_asker(&service, &self.asker, (self.snapshot, self.snapshot_at), self.at);
        Ok(Replay { differences: differences(&self.answer, &answer), answer, explanation })
    }
}

impl Answer {
    fn of(service: &Service, asker: &Asker, at: DateTime<Utc>) -> Self {
        let mut reports = Vec::new();
        let decision = decide_for(service, asker, at, &mut reports);
        let policy = &*service.policy;
        let id = |index: u8| policy.pathways[usize::from(index)].id.clone();
        let chosen = decision.first(policy, asker.via);
        let candidate = |c: &Choice| Candidate { pathway: id(c.pathway), tier: c.tier, weight: c.weight };
        Self {
            candidates: decision.ranked.iter().map(candidate).collect(),
            aside: decision.aside.iter().map(|index| id(*index)).collect(),
            chosen: chosen.map(id),
            why: chosen.and_then(|chosen| why(&reports, chosen)),
            probability: chosen.map_or(0.0, |chosen| shares(service, asker, at)[usize::from(chosen)]),
            ttl: decision.ttl,
            panic: decision.panic,
        }
    }
}

/// The last step that brought the chosen to where it is at the end, among those that were for this client; where none moved it,
/// the last that spoke of it.
fn why(reports: &[StepReport], chosen: u8) -> Option<Why> {
    let place = |choices: &[Choice]| choices.iter().position(|c| c.pathway == chosen);
    let spoke = |report: &StepReport| {
        let reason =
            report.reasons.iter().find(|(pathway, reason)| *pathway == chosen && *reason != Reason::NotForClient);
        reason.map(|(_, reason)| Why { step: report.step.map_or(0, |index| index + 1), reason: reason.clone() })
    };
    let moved = |report: &&StepReport| place(&report.before) != place(&report.after);
    reports.iter().rev().filter(moved).find_map(spoke).or_else(|| reports.iter().rev().find_map(spoke))
}

/// A recorded decision, made again.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// As this build decides it.
    pub answer: Answer,
    /// The story, as of then.
    pub explanation: Explanation,
    /// Where the two answers differ; none: they are the same bit for bit.
    pub differences: Vec<Difference>,
}

/// Where a replay is not what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// In what.
    pub what: String,
    /// As recorded, JSON.
    pub then: String,
    /// As this build decides, JSON.
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: then {}, now {}", self.what, self.then, self.now)
    }
}

/// Why a decision cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The policy's text was not kept so long, or never came.
    #[error("the text of its policy is not kept (any more)")]
    NoPolicy,
    /// Damaged, or edited in the store.
    #[error("the text kept for its policy is not the one that decided")]
    OtherPolicy,
    /// It was written for another version of the language.
    #[error("this build does not accept its policy: {}", .0.iter().map(|p| p.message.as_str()).collect::<Vec<_>>().join("; "))]
    Policy(Vec<Problem>),
}

/// Part by part, so that whoever looks sees at once which it is. Numbers are compared as they are written: shortest and
/// exact.
fn differences(then: &Answer, now: &Answer) -> Vec<Difference> {
    fn text(part: &impl Serialize) -> String {
        // Strings and numbers in structs: there is nothing in them that JSON cannot say.
        serde_json::to_string(part).unwrap_or_default()
    }
    let Answer { candidates, aside, chosen, why, probability, ttl, panic } = then;
    let parts = [
        ("candidates", text(candidates), text(&now.candidates)),
        ("aside", text(aside), text(&now.aside)),
        ("chosen", text(chosen), text(&now.chosen)),
        ("reason", text(why), text(&now.why)),
        ("probability", text(probability), text(&now.probability)),
        ("ttl", text(ttl), text(&now.ttl)),
        ("panic", text(panic), text(&now.panic)),
    ];
    let differ = parts.into_iter().filter(|(_, then, now)| then != now);
    differ.map(|(what, then, now)| Difference { what: what.into(), then, now }).collect()
}
