//! What the pages show, as plain data: filled by the server, written into the page and sent to it again every other
//! second, read by the browser. Times are Unix milliseconds, so that neither side needs a calendar library.

mod decisions;
mod policy;

use fairway_policies::explain::Explanation;
use serde::{Deserialize, Serialize};

pub use decisions::{Decided, Decisions, Filter, Row};
pub use policy::{Change, Edition, FileChange, Line, PolicyInForce};

/// One page with all it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "page", rename_all = "snake_case")]
pub enum Page {
    /// `/`
    Overview(Box<Overview>),
    /// `/explain`
    Explain(Box<Explain>),
    /// `/decisions`
    Decisions(Box<Decisions>),
    /// `/decisions/{id}`
    Decision(Box<Decided>),
    /// `/policy`
    Policy(Box<PolicyInForce>),
    /// There is nothing to show.
    Missing(Missing),
}

/// Why there is nothing to show, and where else to go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// What was not found.
    pub problem: String,
    /// Every service there is.
    pub services: Vec<String>,
}

/// One service at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// The service shown.
    pub service: String,
    /// Every service there is.
    pub services: Vec<String>,
    /// When this was put together.
    pub now_ms: i64,
    /// The snapshot's number.
    pub snapshot: u64,
    /// When the snapshot was compiled.
    pub snapshot_ms: i64,
    /// What stands behind the numbers.
    pub sources: Sources,
    /// In the policy's order; a pathway's place in it is its colour.
    pub pathways: Vec<PathwayView>,
    /// Decisions by the pathway that came first.
    pub decisions: Series,
    /// Time stalled over time watched, 0…1.
    pub stall_ratio: Series,
    /// Requests failed over requests made, 0…1.
    pub request_errors: Series,
    /// Newest first.
    pub feed: Vec<FeedItem>,
    /// Set while the policy files on disk are not those in force.
    pub refused: Option<Refused>,
    /// What operators force of this service, the newest first: it goes before those under it.
    pub overrides: Vec<Override>,
    /// The form for one more, where it was asked for.
    pub form: Option<OverrideForm>,
}

/// How fresh the data behind a page is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sources {
    /// Age of the newest beacon in the cells; `None` before the first.
    pub cells_age_ms: Option<i64>,
    /// Whether the cells are too old to be trusted.
    pub cells_stale: bool,
    /// Why the store does not answer; `None` when it does.
    pub store_away: Option<String>,
    /// When the quality series were read from the store; `None` when never.
    pub qoe_at_ms: Option<i64>,
}

/// A pathway's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathwayView {
    /// Its id.
    pub id: String,
    /// Where its content is.
    pub host: String,
    /// How fit it is.
    pub health: Health,
    /// Why, as a clause.
    pub cause: String,
    /// Since when it has been so.
    pub since_ms: i64,
    /// The load on it; `None` before any was measured.
    pub demand: Option<Demand>,
    /// Bits per second it can carry.
    pub capacity: Option<u64>,
    /// The share of it at which the scaling trigger fires, 0…1.
    pub scale_at: f64,
    /// Whether the trigger has fired and not been taken back.
    pub scaling: bool,
    /// What operators say of it, whatever is found: the one that goes before the others first.
    pub forced: Vec<Forced>,
}

/// An operator's word, where a pathway's verdict is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forced {
    /// The override's number.
    pub id: u64,
    /// The health forced on it; `None` of a share.
    pub health: Option<Health>,
    /// Whether it is for all clients.
    pub everywhere: bool,
    /// What, for whom, by whom, until when, why: `drained for country DE by ana until …: maintenance`.
    pub text: String,
}

/// An override, as the API tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// Its number, by which it is cleared.
    pub id: u64,
    /// A glob of service ids.
    pub service: String,
    /// A glob of pathway ids.
    pub pathway: String,
    /// Two letters; for clients there.
    pub continent: Option<String>,
    /// ISO 3166-1 alpha-2; for clients there.
    pub country: Option<String>,
    /// Autonomous system number; for clients there.
    pub asn: Option<u32>,
    /// The same in words: `everywhere`, `country DE`.
    pub place: String,
    /// What is forced.
    pub force: Force,
    /// Of [`Force::Share`]: the share of clients that it is fit for, 0…1.
    pub share: Option<f32>,
    /// Who forces it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since_ms: i64,
    /// Until when; `None`: until it is cleared.
    pub expires_ms: Option<i64>,
    /// The pathways that it speaks of now.
    pub affects: Vec<Affected>,
}

/// A pathway that an override speaks of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affected {
    /// Service id.
    pub service: String,
    /// Pathway id.
    pub pathway: String,
    /// How fit it is found.
    pub health: Health,
    /// Why, as a clause.
    pub cause: String,
}

/// What is forced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Force {
    /// Fit, whatever is found.
    Up,
    /// Unfit: it does not work.
    Down,
    /// Unfit, on purpose.
    #[default]
    Drained,
    /// Fit for a share of clients.
    Share,
}

/// What came of setting or clearing an override.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverrideDone {
    /// The override, set or cleared.
    #[serde(rename = "override")]
    pub forced: Override,
    /// Whether answers follow it already.
    pub in_force: bool,
    /// What its author should know.
    pub warnings: Vec<String>,
}

/// The form for an override, as typed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OverrideForm {
    /// A glob of pathway ids.
    pub pathway: String,
    /// `up`, `down`, `drained` or `share`.
    pub force: String,
    /// In per cent, where `force` is `share`.
    pub share: String,
    /// Two letters.
    pub continent: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Autonomous system number, with or without `AS`.
    pub asn: String,
    /// How long, as `30m`, `2h`; empty: until it is cleared.
    pub lasts: String,
    /// Who.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Why it was refused.
    pub problem: Option<String>,
}

/// The load on a pathway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// Active sessions.
    pub sessions: u64,
    /// Bits delivered per second.
    pub bits_per_second: u64,
}

/// A verdict's word. The same four as steering's, which the browser does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Works.
    Up,
    /// Works badly.
    Degraded,
    /// Does not work.
    Down,
    /// Taken out by an operator.
    Drained,
}

/// Values over time, on one clock for all pathways.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Start of the first point.
    pub from_ms: i64,
    /// From one point to the next.
    pub step_ms: i64,
    /// By pathway, then oldest first; `None` where nothing is known.
    pub values: Vec<Vec<Option<f64>>>,
    /// By pathway, over the whole span: of sums, so not the mean of the values.
    pub whole: Vec<Option<f64>>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedItem {
    /// Its number in the node's feed.
    pub id: u64,
    /// When.
    pub at_ms: i64,
    /// How it should strike the eye.
    pub tone: Tone,
    /// What it is about: `Verdict`, `Recovery`, `Override`, `Standing`, `Policies`, `Scaling`, `Store`.
    pub about: String,
    /// One line.
    pub title: String,
    /// The pathways named in it, for their colours.
    pub pathways: Vec<String>,
    /// The evidence; may be empty.
    pub detail: String,
}

/// How an item should strike the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Something mended.
    Good,
    /// Worth knowing.
    Note,
    /// Worth a look.
    Warn,
    /// Something broke.
    Bad,
}

/// A policy reload that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at_ms: i64,
    /// What `fairway check` prints.
    pub problems: String,
}

/// The explain page: a question and, once asked, its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explain {
    /// Every service there is.
    pub services: Vec<String>,
    /// What was asked, as typed.
    pub question: Question,
    /// The policy's pathways, for their colours.
    pub pathways: Vec<String>,
    /// Why there is no answer.
    pub problem: Option<String>,
    /// The answer.
    pub explanation: Option<Explanation>,
}

/// What was asked of explain: the page's state, which is its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    /// Service id.
    pub service: String,
    /// An address; or else a place, by the next two.
    pub client: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Autonomous system number, with or without `AS`.
    pub asn: String,
    /// `dns`, `hls`, `dash` or `http`.
    pub via: String,
    /// An open page asks this again by itself: that is not recorded.
    pub renewed: bool,
}

impl Health {
    /// The word shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "Up",
            Self::Degraded => "Degraded",
            Self::Down => "Down",
            Self::Drained => "Drained",
        }
    }
}

impl Question {
    /// Whether anything was asked (an empty form was not).
    pub fn is_asked(&self) -> bool {
        [&self.client, &self.country, &self.asn].iter().any(|field| !field.trim().is_empty())
    }
}

impl Series {
    /// How many points each pathway has.
    pub fn len(&self) -> usize {
        self.values.iter().map(Vec::len).max().unwrap_or(0)
    }
    /// Whether there is no point at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The value of pathway `row` at point `at`.
    pub fn get(&self, row: usize, at: usize) -> Option<f64> {
        *self.values.get(row)?.get(at)?
    }
    /// The newest value of pathway `row`: that of the last point, or of the one before while the last still fills.
    pub fn newest(&self, row: usize) -> Option<f64> {
        self.values.get(row)?.iter().rev().take(2).find_map(|v| *v)
    }
    /// The value of pathway `row` over the whole span.
    pub fn whole(&self, row: usize) -> Option<f64> {
        *self.whole.get(row)?
    }
    /// Each value as a share of all pathways' at that point; `None` where the sum is 0.
    pub fn shares(&self) -> Series {
        let share = |part: Option<f64>, sum: f64| (sum > 0.0).then(|| part.unwrap_or(0.0) / sum);
        let sums: Vec<f64> =
            (0..self.len()).map(|at| (0..self.values.len()).filter_map(|row| self.get(row, at)).sum()).collect();
        let shares = |row: usize| sums.iter().enumerate().map(|(at, sum)| share(self.get(row, at), *sum)).collect();
        let all: f64 = self.whole.iter().flatten().sum();
        Series {
            values: (0..self.values.len()).map(shares).collect(),
            whole: self.whole.iter().map(|part| share(*part, all)).collect(),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_each_point_and_silence_is_no_share() {
        let counts = Series {
            from_ms: 0,
            step_ms: 1000,
            values: vec![vec![Some(3.0), Some(0.0), None], vec![Some(1.0), Some(0.0), Some(5.0)]],
            whole: vec![Some(1.0), Some(3.0)],
        };
        assert_eq!(counts.shares().values, [[Some(0.75), None, Some(0.0)], [Some(0.25), None, Some(1.0)]]);
        assert_eq!(counts.newest(0), Some(0.0), "the last point may still be filling");
        assert_eq!(counts.shares().whole, [Some(0.25), Some(0.75)]);
    }
}
