//! Who is ahead of whom, and what was known when that was found.

use std::{ops::Index, sync::Arc};

use chrono::{DateTime, Utc};
use fairway_policies::{Metric, PathSet};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::{cells::Audience, estimates::Known};

/// The standings of one `rank` step. The next ones share with these each country and each audience in which nothing is
/// otherwise, so that they cost what has changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standings {
    /// By country, with its networks; continents and the world are under the world.
    parts: FxHashMap<Audience, Arc<Part>>,
    /// Those that may have to move by time alone: all that ever moved.
    restless: FxHashSet<Audience>,
    len: usize,
}

type Part = FxHashMap<Audience, Arc<Standing>>;

/// The part that an audience's standing is in.
fn part(audience: &Audience) -> Audience {
    match audience {
        Audience::CountryAsn(country, _) | Audience::Country(country) => Audience::Country(*country),
        Audience::Continent(_) | Audience::World => Audience::World,
    }
}

impl Standings {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// An audience's own standing.
    pub fn get(&self, audience: &Audience) -> Option<&Arc<Standing>> {
        self.parts.get(&part(audience))?.get(audience)
    }

    /// Whether the audience has one of its own.
    pub fn contains_key(&self, audience: &Audience) -> bool {
        self.get(audience).is_some()
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Audience, &Arc<Standing>)> {
        self.parts.values().flat_map(|part| part.iter())
    }

    /// Who has one, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Audience> {
        self.iter().map(|(audience, _)| audience)
    }

    /// Those that may have to move though nothing new is known of them, and others.
    pub fn restless(&self) -> impl Iterator<Item = (Audience, &Standing)> {
        self.restless.iter().filter_map(|audience| Some((*audience, &**self.get(audience)?)))
    }

    /// The audiences whose standings are not the very same in the other.
    pub fn differing(&self, other: &Self) -> Vec<Audience> {
        let mut differing = Vec::new();
        let nothing = Arc::default();
        let of = |standings: &Self, key| standings.parts.get(key).unwrap_or(&nothing).clone();
        let new = other.parts.keys().filter(|key| !self.parts.contains_key(*key));
        for key in self.parts.keys().chain(new) {
            let (a, b) = (of(self, key), of(other, key));
            if Arc::ptr_eq(&a, &b) {
                continue;
            }
            let same = |audience: &Audience, a| b.get(audience).is_some_and(|b| Arc::ptr_eq(a, b));
            differing.extend(a.iter().filter(|(audience, a)| !same(audience, a)).map(|(audience, _)| *audience));
            differing.extend(b.keys().filter(|audience| !a.contains_key(audience)));
        }
        differing
    }

    /// Gives an audience this standing in place of the one that it has, if any.
    pub fn insert(&mut self, audience: Audience, standing: Arc<Standing>) {
        if standing.moved_at.is_some() {
            self.restless.insert(audience);
        } else {
            self.restless.remove(&audience);
        }
        let part = Arc::make_mut(self.parts.entry(part(&audience)).or_default());
        self.len += usize::from(part.insert(audience, standing).is_none());
    }

    /// Takes its standing from an audience.
    pub fn remove(&mut self, audience: &Audience) {
        self.restless.remove(audience);
        let key = part(audience);
        let Some(part) = self.parts.get_mut(&key).filter(|part| part.contains_key(audience)) else { return };
        Arc::make_mut(part).remove(audience);
        self.len -= 1;
        if part.is_empty() {
            self.parts.remove(&key);
        }
    }
}

impl FromIterator<(Audience, Arc<Standing>)> for Standings {
    fn from_iter<I: IntoIterator<Item = (Audience, Arc<Standing>)>>(all: I) -> Self {
        let mut standings = Self::new();
        all.into_iter().for_each(|(audience, standing)| standings.insert(audience, standing));
        standings
    }
}

impl Index<&Audience> for Standings {
    type Output = Standing;

    /// An audience's own standing. Panics if it has none.
    fn index(&self, audience: &Audience) -> &Standing {
        self.parts[&part(audience)][audience].as_ref()
    }
}

impl<const N: usize> From<[(Audience, Arc<Standing>); N]> for Standings {
    fn from(all: [(Audience, Arc<Standing>); N]) -> Self {
        all.into_iter().collect()
    }
}

/// The outcome of comparing a service's pathways for one audience.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// By pathway index: those that it beats, for some share of the audience at least.
    pub beats: Vec<PathSet>,
    /// By pathway index: what was known of it.
    pub known: Vec<Option<Known>>,
    /// Who is ahead of whom, by what, and for how many. The leads, as decisions read them.
    pub leads: Vec<Lead>,
    /// When a lead's share last changed; `None` before the first time.
    pub moved_at: Option<DateTime<Utc>>,
}

/// One pathway's lead over another, by index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// The better one.
    pub ahead: u8,
    /// The worse one.
    pub behind: u8,
    /// The metric that decided when it passed.
    pub by: Metric,
    /// The share of the audience for whom the lead is in force, above 0, 1 at most: an audience moves step by step.
    pub share: f32,
    /// The size of its last move, below 0 when that was a move back. The share may have changed by less.
    pub step: f32,
}

impl Lead {
    /// A lead in force for everyone.
    pub fn whole(ahead: u8, behind: u8, by: Metric) -> Self {
        Self { ahead, behind, by, share: 1.0, step: 1.0 }
    }
}

impl Standing {
    /// A standing with these leads; `known` has one entry per pathway.
    pub fn new(known: Vec<Option<Known>>, leads: Vec<Lead>) -> Self {
        let mut beats = vec![PathSet::default(); known.len()];
        for lead in &leads {
            beats[usize::from(lead.ahead)].insert(usize::from(lead.behind));
        }
        Self { beats, known, leads, moved_at: None }
    }

    /// Those that `pathway` beats, for some share of the audience at least.
    pub fn beaten_by(&self, pathway: u8) -> PathSet {
        self.beats.get(usize::from(pathway)).copied().unwrap_or_default()
    }

    /// The lead that `ahead` has over `behind`.
    pub fn lead(&self, ahead: u8, behind: u8) -> Option<Lead> {
        self.leads.iter().copied().find(|l| (l.ahead, l.behind) == (ahead, behind))
    }
}
