//! How a zone's key comes, gives way to the next, and goes, without an answer that a validator would refuse (RFC 6781
//! §4, RFC 7583).
//!
//! # A function of what was done and of the time
//! [`History`] holds what an operator did and when: a key made, a roll begun, the parent seen to have followed. Which
//! records follow from it now is [`History::plan`], a pure function. No step that only waits is ever written down: a
//! node changes nothing in the folder of keys, nodes that share a copy of it do the same at the same time, and one that
//! was off for a week wakes in the right step.
//!
//! # What each step waits for
//! A validator joins three things that it may have cached at different times: the parent's DS, the zone's DNSKEY, a
//! signature. The rule behind all steps: nothing is used before every cache can have it, and nothing is taken away
//! while a cache may still need it.
//! - *First key*: signed for [`MAX_TTL`] until no cache holds an unsigned answer (*introducing*); then the parent may
//!   have the DS (*submitting*); from when it has it, *secure*.
//! - *Roll*: the new key stands in DNSKEY until every cache has it there (*publishing*); then it signs alone, and CDS
//!   asks the parent for it (*submitting*); the parent has followed, and until no cache holds the old DS or an old
//!   signature both keys stand in DNSKEY, signed by both (*retiring*). It is the double-KSK and pre-published-ZSK roll
//!   of RFC 6781 in one, since the keys are one.
//! - *Roll to another algorithm*: a validator may insist on a signature by each algorithm that it finds in DNSKEY (RFC
//!   6781 §4.1.4). So everything is signed by both before the new key is published (*presigning*), and until no cache
//!   has the old key in DNSKEY (*cleaning*).
//! - *Emergency*: the old key is known to somebody else. What can be saved is the wait before the parent is asked: the
//!   new key is announced at once, and everything is signed by both keys until the old one goes, so that it need not
//!   stay for old signatures. A resolver that has the old DNSKEY set when it meets the new DS may fail, for an hour at
//!   most; it is the price, and it is told. The forger is not shut out before the old DS has left the caches: the
//!   parent's TTL decides, which no order of steps can shorten.
//! - *Unsigning*: the parent is asked to take the DS away (RFC 8078 §4) while everything stays signed (*withdrawing*);
//!   when no cache holds it (*expiring*), the zone is *unsigned*.
//!
//! # The parent
//! Only the operator says when the parent has followed: a registry has many servers, and an answer from one proves
//! nothing of the others; a roll that waits harms nobody. The DS's TTL is the parent's; told, or two days, longer than
//! any registry's we know of.
//!
//! # Margin
//! Every wait is an hour longer than the caches need ([`MARGIN`]): for copying keys to the other nodes, for
//! secondaries, for clocks.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    keys::KeyId,
    ttl::{DNSKEY_TTL, MAX_TTL},
};

/// What every wait is longer than the caches need, in seconds.
pub const MARGIN: u32 = 3_600;
/// TTL of the parent's DS record where the operator does not tell it, in seconds.
pub const DS_TTL: u32 = 172_800;

/// What was done to a zone's keys, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The key that signs, or that a roll is about to replace.
    pub key: KeyId,
    /// When the zone was first signed with it.
    pub since: DateTime<Utc>,
    /// The parent has its DS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Seen>,
    /// A key is to replace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll: Option<Roll>,
    /// The zone shall not be signed any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsign: Option<Unsign>,
}

/// The operator has seen, at all the parent's servers, that it has followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// When.
    pub at: DateTime<Utc>,
    /// TTL of the DS set there, in seconds.
    pub ttl: u32,
}

/// A roll-over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roll {
    /// The new key.
    pub key: KeyId,
    /// When it began.
    pub since: DateTime<Utc>,
    /// The old key is not to be trusted.
    #[serde(default)]
    pub emergency: bool,
    /// The parent has the new DS, and no longer the old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Seen>,
}

/// The way back to a zone without signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsign {
    /// When it began.
    pub since: DateTime<Utc>,
    /// The parent has no DS any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Seen>,
}

/// Where a zone stands; see the module's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Signed, while caches may still hold unsigned answers.
    Introducing,
    /// The parent is asked for a DS.
    Submitting,
    /// Signed, and known to be.
    Secure,
    /// The next algorithm signs, unseen.
    Presigning,
    /// The next key is shown.
    Publishing,
    /// The parent has the new DS; the old key stays for the caches.
    Retiring,
    /// The old key is gone from DNSKEY; it still signs.
    Cleaning,
    /// The parent is asked to take the DS away.
    Withdrawing,
    /// It has; the zone stays signed for the caches.
    Expiring,
    /// Not signed.
    Unsigned,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Introducing => "introducing",
            Self::Submitting => "submitting",
            Self::Secure => "secure",
            Self::Presigning => "presigning",
            Self::Publishing => "publishing",
            Self::Retiring => "retiring",
            Self::Cleaning => "cleaning",
            Self::Withdrawing => "withdrawing",
            Self::Expiring => "expiring",
            Self::Unsigned => "unsigned",
        })
    }
}

/// What is asked of the parent (RFC 7344, RFC 8078).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announced {
    /// Nothing: it is too early.
    Nothing,
    /// DS records of these keys, and no others.
    Keys(Vec<KeyId>),
    /// No DS record.
    Deletion,
}

/// What the operator has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Have the parent publish the DS of this key, and of no other; then say so.
    SubmitDs(KeyId),
    /// Have the parent take every DS away; then say so.
    WithdrawDs,
}

/// What is to be served now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the zone stands.
    pub phase: Phase,
    /// Keys in the DNSKEY set; each signs DNSKEY, CDS and CDNSKEY.
    pub published: Vec<KeyId>,
    /// Keys that sign everything else; none in a zone that is not signed.
    pub signing: Vec<KeyId>,
    /// What CDS and CDNSKEY say.
    pub announced: Announced,
    /// When the plan will be another, if nobody does anything.
    pub until: Option<DateTime<Utc>>,
    /// What the operator has to do, without which nothing goes on.
    pub task: Option<Task>,
}

/// Why something cannot be done to a zone's keys now. The operator's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A roll needs a secure zone.
    #[error("the zone is {0}: a roll begins when it is secure, and no other is under way")]
    CannotRoll(Phase),
    /// As does unsigning.
    #[error("the zone is {0}: finish that first")]
    CannotUnsign(Phase),
    /// Nothing was asked of the parent.
    #[error("the zone is {0}: there is nothing yet that the parent should have done")]
    NothingAsked(Phase),
}

fn after(time: DateTime<Utc>, seconds: u32) -> DateTime<Utc> {
    time + TimeDelta::seconds(i64::from(seconds) + i64::from(MARGIN))
}

impl History {
    /// Of a zone whose first key was made now.
    pub fn new(key: KeyId, now: DateTime<Utc>) -> Self {
        Self { key, since: now, parent: None, roll: None, unsign: None }
    }

    /// What is to be served at this time.
    pub fn plan(&self, now: DateTime<Utc>) -> Plan {
        match (&self.unsign, &self.roll) {
            (Some(unsign), _) => self.unsigning(unsign, now),
            (_, Some(roll)) if self.key.algorithm != roll.key.algorithm && !roll.emergency => {
                self.rolling_algorithm(roll, now)
            }
            (_, Some(roll)) => self.rolling(roll, now),
            _ => {
                let introduced = after(self.since, MAX_TTL);
                match self.parent {
                    Some(_) => alone(Phase::Secure, self.key),
                    None if now < introduced => Plan {
                        announced: Announced::Nothing,
                        until: Some(introduced),
                        ..alone(Phase::Introducing, self.key)
                    },
                    None => Plan { task: Some(Task::SubmitDs(self.key)), ..alone(Phase::Submitting, self.key) },
                }
            }
        }
    }

    fn rolling(&self, roll: &Roll, now: DateTime<Utc>) -> Plan {
        let (old, new) = (self.key, roll.key);
        let published = after(roll.since, DNSKEY_TTL);
        let gone = roll.parent.map(|seen| match roll.emergency {
            true => after(seen.at, seen.ttl).max(published),
            false => after(seen.at, seen.ttl.max(MAX_TTL)),
        });
        let signing = if roll.emergency { vec![old, new] } else { vec![new] };
        let both = Plan { published: vec![old, new], signing, ..alone(Phase::Submitting, new) };
        match gone {
            Some(gone) if now >= gone => alone(Phase::Secure, new),
            Some(gone) => Plan { phase: Phase::Retiring, until: Some(gone), ..both },
            None if now < published && !roll.emergency => Plan {
                phase: Phase::Publishing,
                signing: vec![old],
                announced: Announced::Keys(vec![old]),
                until: Some(published),
                ..both
            },
            None => Plan { task: Some(Task::SubmitDs(new)), ..both },
        }
    }

    fn rolling_algorithm(&self, roll: &Roll, now: DateTime<Utc>) -> Plan {
        let (old, new) = (self.key, roll.key);
        let presigned = after(roll.since, MAX_TTL);
        let published = after(presigned, DNSKEY_TTL);
        let retired = roll.parent.map(|seen| after(seen.at, seen.ttl));
        let cleaned = retired.map(|at| after(at, DNSKEY_TTL));
        let both = Plan { published: vec![old, new], signing: vec![old, new], ..alone(Phase::Submitting, new) };
        let before = Plan { announced: Announced::Keys(vec![old]), ..both.clone() };
        match (retired, cleaned) {
            (_, Some(cleaned)) if now >= cleaned => alone(Phase::Secure, new),
            (Some(retired), _) if now >= retired => {
                Plan { phase: Phase::Cleaning, published: vec![new], until: cleaned, ..both }
            }
            (Some(_), _) => Plan { phase: Phase::Retiring, until: retired, ..both },
            _ if now < presigned => {
                Plan { phase: Phase::Presigning, published: vec![old], until: Some(presigned), ..before }
            }
            _ if now < published => Plan { phase: Phase::Publishing, until: Some(published), ..before },
            _ => Plan { task: Some(Task::SubmitDs(new)), ..both },
        }
    }

    fn unsigning(&self, unsign: &Unsign, now: DateTime<Utc>) -> Plan {
        let signed = Plan { announced: Announced::Deletion, ..alone(Phase::Withdrawing, self.key) };
        match unsign.parent.map(|seen| after(seen.at, seen.ttl)) {
            Some(gone) if now >= gone => Plan {
                published: vec![],
                signing: vec![],
                announced: Announced::Nothing,
                ..alone(Phase::Unsigned, self.key)
            },
            Some(gone) => Plan { phase: Phase::Expiring, until: Some(gone), ..signed },
            None => Plan { task: Some(Task::WithdrawDs), ..signed },
        }
    }

    /// The same, where a roll that is over is no more told of.
    #[must_use]
    pub fn settled(self, now: DateTime<Utc>) -> Self {
        match (&self.roll, self.plan(now).phase) {
            (Some(roll), Phase::Secure) => {
                Self { key: roll.key, since: roll.since, parent: roll.parent, roll: None, unsign: None }
            }
            _ => self,
        }
    }

    /// A roll to this key begins.
    pub fn roll(&mut self, key: KeyId, emergency: bool, now: DateTime<Utc>) -> Result<(), Refusal> {
        *self = self.clone().settled(now);
        match self.plan(now).phase {
            Phase::Secure => self.roll = Some(Roll { key, since: now, emergency, parent: None }),
            phase => return Err(Refusal::CannotRoll(phase)),
        }
        Ok(())
    }

    /// The parent has done what was asked: its servers all have the DS that is announced and no other, with this TTL.
    /// For a zone's first key it may have been early.
    pub fn seen(&mut self, ttl: u32, now: DateTime<Utc>) -> Result<(), Refusal> {
        let plan = self.plan(now);
        let seen = Some(Seen { at: now, ttl });
        match (plan.phase, &mut self.roll, &mut self.unsign) {
            (Phase::Withdrawing, _, Some(unsign)) => unsign.parent = seen,
            (Phase::Submitting, Some(roll), _) => roll.parent = seen,
            (Phase::Submitting | Phase::Introducing, None, None) => self.parent = seen,
            _ => return Err(Refusal::NothingAsked(plan.phase)),
        }
        Ok(())
    }

    /// The zone shall not be signed any more.
    pub fn unsign(&mut self, now: DateTime<Utc>) -> Result<(), Refusal> {
        *self = self.clone().settled(now);
        match self.plan(now).phase {
            Phase::Secure => self.unsign = Some(Unsign { since: now, parent: None }),
            // No DS was ever announced or seen, or it may be on its way: the same wait serves both.
            Phase::Introducing | Phase::Submitting if self.roll.is_none() => {
                self.unsign = Some(Unsign { since: now, parent: None });
            }
            phase => return Err(Refusal::CannotUnsign(phase)),
        }
        Ok(())
    }

    /// Every key that it speaks of.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> {
        [self.key].into_iter().chain(self.roll.as_ref().map(|roll| roll.key))
    }
}

/// One key, that all know.
fn alone(phase: Phase, key: KeyId) -> Plan {
    let announced = Announced::Keys(vec![key]);
    Plan { phase, published: vec![key], signing: vec![key], announced, until: None, task: None }
}

#[cfg(test)]
#[path = "rollover_tests.rs"]
mod tests;
