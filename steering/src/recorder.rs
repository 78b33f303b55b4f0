//! Where answers hand over what is to be recorded. No lock; nothing is allocated for an answer that is not.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{
    client::{Asker, Via},
    decide::Decision,
    lock::lock,
    snapshot::{Service, Snapshot},
};

/// What waits for the recorder at most. It makes tens of thousands of records a second, so that only a flood gets here.
const QUEUE: usize = 1024;
/// Low bits of an id, which tell decisions of one millisecond apart.
const ID_BITS: u32 = 20;

/// A recorded decision's name: its Unix milliseconds, and a number. Written as sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DecisionId(pub u64);

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<DecisionId> for String {
    fn from(id: DecisionId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for DecisionId {
    type Error = NoDecisionId;
    fn try_from(text: String) -> Result<Self, NoDecisionId> {
        text.parse()
    }
}

impl FromStr for DecisionId {
    type Err = NoDecisionId;
    fn from_str(text: &str) -> Result<Self, NoDecisionId> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let id = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        id.map(Self).ok_or_else(|| NoDecisionId(text.to_owned()))
    }
}

/// Not the name of a decision. The asker's fault.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0:?} is no decision's id: it is sixteen hexadecimal digits")]
pub struct NoDecisionId(pub String);

/// Why a decision is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It was drawn.
    Sampled,
    /// It may have helped nobody: there was nothing to answer, or nothing healthy.
    Failed,
    /// Somebody asked why.
    Explained,
    /// A new snapshot answers this audience otherwise than the one before.
    Changed,
}

impl Occasion {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sampled, Self::Failed, Self::Explained, Self::Changed];

    /// The word: `sampled`, `failed`, `explained`, `changed`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sampled => "sampled",
            Self::Failed => "failed",
            Self::Explained => "explained",
            Self::Changed => "changed",
        }
    }
}

/// How an answer went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// How the client asked.
    pub via: Via,
    /// When.
    pub at: DateTime<Utc>,
    /// The pathway that it was sent to, if there was any.
    pub chosen: Option<u8>,
    /// Nothing to answer, or nothing healthy.
    pub failed: bool,
}

impl Answered {
    /// The answer that this decision of the service made.
    pub fn of(decision: &Decision, service: &Service, via: Via, at: DateTime<Utc>) -> Self {
        let chosen = decision.first(&service.policy, via);
        Self { via, at, chosen, failed: decision.panic || decision.ranked.is_empty() || chosen.is_none() }
    }
}

/// A decision to be recorded, by what makes it again: it is decided once more for that, off the answering path.
#[derive(Clone, Debug)]
pub(crate) struct Noted {
    pub id: DecisionId,
    pub at: DateTime<Utc>,
    pub occasion: Occasion,
    /// For how many it stands; 0 where it was not drawn.
    pub weight: u64,
    pub service: Arc<Service>,
    /// Number of the snapshot that it was of, and when that was compiled.
    pub snapshot: (u64, DateTime<Utc>),
    pub asker: Asker,
}

/// What the recorder is told.
#[derive(Debug)]
pub(crate) enum Told {
    Decision(Box<Noted>),
    /// The snapshot was swapped.
    Swapped {
        before: Arc<Snapshot>,
        after: Arc<Snapshot>,
        at: DateTime<Utc>,
    },
}

/// The recorder's end that answers hold. Until recording [`start`](crate::record::start)s, nothing is drawn.
#[derive(Debug)]
pub struct Recorder {
    queue: mpsc::Sender<Told>,
    told: Mutex<Option<mpsc::Receiver<Told>>>,
    /// Somebody takes what is told; until then nothing is, lest it wait for nobody.
    heard: AtomicBool,
    next: AtomicU64,
    /// Decisions that are in the store.
    pub recorded: AtomicU64,
    /// Decisions that were to be recorded and could not be: too many at once, or no store.
    pub dropped: AtomicU64,
}

impl Recorder {
    /// Ids count on from `now`, so that those of two runs, or of two nodes, seldom meet in one millisecond.
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        let (queue, told) = mpsc::channel(QUEUE);
        let next = AtomicU64::new(now.timestamp_subsec_nanos().into());
        let (recorded, dropped) = (AtomicU64::default(), AtomicU64::default());
        Self { queue, told: Mutex::new(Some(told)), heard: AtomicBool::new(false), next, recorded, dropped }
    }

    /// Counts one answer of a service of `snapshot`, and hands it over if it is drawn; only then is the asker asked for.
    #[inline]
    pub fn answered(&self, snapshot: &Snapshot, service: &Service, answer: &Answered, asker: impl FnOnce() -> Asker) {
        let counters = &service.counters;
        let drawn = answer.chosen.and_then(|pathway| match answer.via {
            Via::Dns => counters.dns(pathway),
            Via::Hls | Via::Dash | Via::Http => counters.http(pathway),
        });
        let (drawn, occasion) = match answer.failed {
            true => (counters.failed(), Occasion::Failed),
            false => (drawn, Occasion::Sampled),
        };
        if let Some(weight) = drawn {
            self.hand_over(snapshot, service, (occasion, weight), asker(), answer.at);
        }
    }

    /// Somebody asked why; tells the name under which it is recorded.
    pub fn explained(
        &self,
        snapshot: &Snapshot,
        service: &Service,
        asker: Asker,
        at: DateTime<Utc>,
    ) -> Option<DecisionId> {
        self.hand_over(snapshot, service, (Occasion::Explained, 0), asker, at)
    }

    /// The snapshot was swapped.
    pub(crate) fn swapped(&self, before: Arc<Snapshot>, after: Arc<Snapshot>, at: DateTime<Utc>) {
        self.tell(Told::Swapped { before, after, at });
    }

    #[cold]
    fn hand_over(
        &self,
        snapshot: &Snapshot,
        service: &Service,
        (occasion, weight): (Occasion, u64),
        asker: Asker,
        at: DateTime<Utc>,
    ) -> Option<DecisionId> {
        let id = self.id(at);
        let index = snapshot.services.binary_search_by(|s| s.policy.service.cmp(&service.policy.service)).ok()?;
        let (service, snapshot) = (snapshot.services[index].clone(), (snapshot.version, snapshot.made_at));
        let noted = Noted { id, at, occasion, weight, service, snapshot, asker };
        self.tell(Told::Decision(Box::new(noted))).then_some(id)
    }

    /// The next name, of a decision made then.
    pub(crate) fn id(&self, at: DateTime<Utc>) -> DecisionId {
        let number = self.next.fetch_add(1, Ordering::Relaxed) & ((1 << ID_BITS) - 1);
        DecisionId((at.timestamp_millis().max(0) as u64) << ID_BITS | number)
    }

    /// What the recorder is told from here on; once.
    pub(crate) fn receiver(&self) -> Option<mpsc::Receiver<Told>> {
        self.heard.store(true, Ordering::Relaxed);
        lock(&self.told).take()
    }

    fn tell(&self, told: Told) -> bool {
        if !self.heard.load(Ordering::Relaxed) {
            return false;
        }
        let taken = self.queue.try_send(told).is_ok();
        if !taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }
}
