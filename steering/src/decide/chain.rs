//! The chain at work: what stands between two steps, who is let through to a step, and where it can be cut in two.
//!
//! What each kind of step does is in `steps`. A chain may be run whole ([`Chain::start`]) or from a [`Row`] on, which has what
//! its first steps made of it for everyone at a place ([`Chain::at_place`], [`Chain::resume`]). Both are this one code: a row
//! is a chain that was stopped before the first step that would look at more than the place.

use arrayvec::ArrayVec;
use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::Place;
use fairway_policies::{PathSet, Step, StepKind, StickBy, When, model::MAX_PATHWAYS};

use super::{
    asker::in_place,
    decision::{Asked, Choice},
    phase::{Draws, Hashed, Key},
    row::{Row, Said},
    trace::{Notes, Reason, StepReport, Trace},
};
use crate::{
    cells::Audience,
    client::{Asker, Via},
    health::Health,
    overrides::Force,
    snapshot::{Forced, Service},
};

/// How long after a change an answer counts as unsettled: [`mod@super`] says why.
pub(crate) const SETTLING: TimeDelta = TimeDelta::seconds(60);
/// Unsettled for as long as it is so.
pub(super) const WHILE_IT_LASTS: i64 = i64::MAX;

/// The pathways between two steps.
pub(crate) struct Chain<'a, D = Hashed> {
    pub(super) service: &'a Service,
    pub(super) asker: &'a Asker,
    pub(super) draws: D,
    pub(super) now_ms: i64,
    /// The step to do next.
    pub(super) next: usize,
    /// Who stands, best first; tiers ascend.
    pub(super) ranked: ArrayVec<Choice, MAX_PATHWAYS>,
    /// The unfit, least bad first.
    pub(super) aside: ArrayVec<u8, MAX_PATHWAYS>,
    pub(super) panic: bool,
    pub(super) asked: Asked,
    /// Those of which operators say so.
    pub(super) said: Said,
    /// By what equals are shared out.
    pub(super) key: Key,
    /// By what the client is among those of a phase: never by what it watches, or all viewers of a title would move as one.
    pub(super) own: Key,
    /// Unix milliseconds until which what the steps did is unsettled.
    pub(super) unsettled_until_ms: i64,
    /// Tiers that DNS does not answer from were spread by prefix, and the scope does not say so (see [`Chain::share_out`]).
    pub(super) spread_behind: bool,
    pub(super) notes: Notes,
}

/// All at once, not one by one. A row has no more than there are pathways.
fn copied<T: Copy>(from: &[T]) -> ArrayVec<T, MAX_PATHWAYS> {
    let mut into = ArrayVec::new();
    let fits = into.try_extend_from_slice(from);
    debug_assert!(fits.is_ok(), "a row with more than all pathways");
    into
}

impl<'a, D: Draws> Chain<'a, D> {
    /// Before everything.
    pub(super) fn start(service: &'a Service, asker: &'a Asker, draws: D, now: DateTime<Utc>, wanted: bool) -> Self {
        let all = 0..service.policy.pathways.len().min(MAX_PATHWAYS) as u8;
        let key = Key::of(asker, StickBy::Session);
        Self {
            service,
            asker,
            draws,
            now_ms: now.timestamp_millis(),
            next: 0,
            ranked: all.map(|pathway| Choice { pathway, tier: 0, weight: 0 }).collect(),
            aside: ArrayVec::new(),
            panic: false,
            asked: Asked::default(),
            said: Said::default(),
            key,
            own: key,
            unsettled_until_ms: 0,
            spread_behind: false,
            notes: Notes::new(wanted),
        }
    }

    /// Where the row's place left off.
    pub(super) fn resume(service: &'a Service, asker: &'a Asker, draws: D, now: DateTime<Utc>, row: &Row) -> Self {
        let key = Key::of(asker, StickBy::Session);
        Self {
            service,
            asker,
            draws,
            now_ms: now.timestamp_millis(),
            next: usize::from(row.next),
            ranked: copied(&row.ranked),
            aside: copied(&row.aside),
            panic: row.panic,
            asked: Asked { place: row.place_asked, prefix: false },
            said: row.said,
            key,
            own: key,
            unsettled_until_ms: row.unsettled_until_ms,
            spread_behind: false,
            notes: Notes::new(false),
        }
    }

    /// The operators' words, which come before the first step.
    pub(super) fn begin<T: Trace>(&mut self, trace: &mut T) {
        if self.service.prepared.forced.is_empty() {
            return;
        }
        let before = if T::WANTED { self.ranked.to_vec() } else { Vec::new() };
        self.overrides();
        if T::WANTED {
            let (after, reasons) = (self.ranked.to_vec(), self.notes.take());
            trace.report(StepReport { step: None, before, after, reasons, audience: None });
        }
    }

    /// All steps that are left.
    pub(super) fn go_on<T: Trace>(&mut self, trace: &mut T) {
        let service = self.service;
        for (index, step) in service.policy.steps.iter().enumerate().skip(self.next) {
            let before = if T::WANTED { self.ranked.to_vec() } else { Vec::new() };
            let audience = self.apply(index, step);
            if T::WANTED {
                let (after, reasons) = (self.ranked.to_vec(), self.notes.take());
                trace.report(StepReport { step: Some(index), before, after, reasons, audience });
            }
        }
    }

    /// Applies one step; tells the audience that spoke for the client, if one did.
    fn apply(&mut self, index: usize, step: &Step) -> Option<Audience> {
        if !is_for(self.asker, index, &step.when) {
            self.ranked.iter().for_each(|c| self.notes.add(c.pathway, || Reason::NotForClient));
            return None;
        }
        if self.spread_behind && !matches!(step.kind, StepKind::Weights(_) | StepKind::Stick(_)) {
            // It may bring to the front whom the hash has ordered.
            self.asked.prefix = true;
        }
        match &step.kind {
            StepKind::Healthy(healthy) => self.healthy(healthy),
            StepKind::Fence(fence) => self.fence(fence),
            StepKind::Prefer(prefer) => self.prefer(prefer),
            StepKind::Nearest(nearest) => self.nearest(nearest),
            StepKind::Rank(_) => return self.rank(index),
            StepKind::Cheapest(cheapest) => self.cheapest(cheapest),
            StepKind::Weights(weights) => self.weights(index, weights),
            StepKind::Capacity(_) => self.capacity(),
            StepKind::Explore(explore) => self.explore(explore),
            StepKind::Stick(stick) => self.stick(index, stick.by),
            StepKind::Limit(limit) => self.limit(limit),
        }
        None
    }

    /// Whether the client is among `share` of all for what has this seed. Only where that is not plain is it hashed.
    pub(super) fn among(&mut self, seed: u64, share: f64) -> bool {
        if share >= 1.0 || share <= 0.0 {
            return share >= 1.0;
        }
        self.asked.prefix |= matches!(self.own, Key::Prefix(_));
        self.draws.among(self.own, seed, share)
    }

    /// What operators or else the node say of it.
    pub(super) fn health(&self, pathway: u8) -> Health {
        let at = usize::from(pathway);
        match self.said {
            Said { up, .. } if up.contains(at) => Health::Up,
            Said { down, .. } if down.contains(at) => Health::Down,
            Said { drained, .. } if drained.contains(at) => Health::Drained,
            _ => self.service.health(pathway),
        }
    }

    /// Whether an operator's word stands in the place of its verdict.
    pub(super) fn is_said(&self, pathway: u8) -> bool {
        PathSet(self.said.up.0 | self.said.down.0 | self.said.drained.0).contains(usize::from(pathway))
    }

    /// Whether operators have said nothing of any pathway.
    pub(super) fn nothing_is_said(&self) -> bool {
        self.said == Said::default()
    }

    /// Those that can be answered to this client.
    pub(super) fn answers(&self) -> PathSet {
        match self.asker.via {
            Via::Dns => self.service.prepared.answerable,
            Via::Hls | Via::Dash | Via::Http => PathSet(u32::MAX),
        }
    }

    /// Numbers the tiers again from 0: those of one tier stay together where `group` is the same.
    pub(super) fn renumber(&mut self, group: impl Fn(&Choice) -> u8) {
        let mut tier = 0;
        let mut last = None;
        for c in &mut self.ranked {
            let here = (group(c), c.tier);
            tier += u8::from(last.is_some_and(|last| last != here));
            last = Some(here);
            c.tier = tier;
        }
    }

    /// Puts those for whom it holds aside, in the order of their health; what is aside already is sorted in.
    pub(super) fn set_aside(&mut self, unfit: PathSet) {
        if unfit.is_empty() {
            return;
        }
        let is_unfit = |c: &Choice| unfit.contains(usize::from(c.pathway));
        self.aside.extend(self.ranked.iter().filter(|c| is_unfit(c)).map(|c| c.pathway));
        self.ranked.retain(|c| !is_unfit(c));
        let mut aside = self.aside.take();
        aside.sort_by_key(|pathway| self.health(*pathway));
        self.aside = aside;
        self.renumber(|_| 0);
    }
}

impl Chain<'_> {
    /// What everyone at `place` has in common: the chain up to the first step that looks at more of them than that. `None` if
    /// that is nothing at all, since operators say something for a share of them.
    pub(crate) fn at_place(service: &Service, place: &Place, now: DateTime<Utc>) -> Option<Row> {
        let asker = Asker::somewhere(place);
        let mut chain = Chain::start(service, &asker, Hashed, now, false);
        let said = service.prepared.forced.iter().filter(|forced| forced.until_ms > chain.now_ms);
        let drawn = |forced: &Forced| matches!(forced.force, Force::Share(share) if share > 0.0 && share < 1.0);
        if said.clone().any(|forced| drawn(forced) && forced.place.holds(place)) {
            return None;
        }
        let until_ms = said.map(|forced| forced.until_ms).min().unwrap_or(i64::MAX);
        chain.begin(&mut ());
        let steps = &service.policy.steps;
        while let Some(step) = steps.get(chain.next).filter(|step| chain.is_placed(chain.next, step)) {
            chain.apply(chain.next, step);
            chain.next += 1;
        }
        Some(Row {
            until_ms,
            next: chain.next as u8,
            ranked: chain.ranked.iter().copied().collect(),
            aside: chain.aside.iter().copied().collect(),
            panic: chain.panic,
            place_asked: chain.asked.place,
            unsettled_until_ms: chain.unsettled_until_ms,
            said: chain.said,
        })
    }

    /// Whether the step does the same for everyone at the place.
    fn is_placed(&self, index: usize, step: &Step) -> bool {
        if !in_place(&step.when, &self.asker.place) {
            return true;
        }
        let conditional =
            1_u64.checked_shl(index as u32).is_some_and(|bit| self.service.prepared.conditional & bit != 0);
        !conditional
            && match &step.kind {
                StepKind::Fence(_) | StepKind::Prefer(_) | StepKind::Nearest(_) => true,
                StepKind::Cheapest(_) | StepKind::Limit(_) => true,
                StepKind::Healthy(_) => !self.ranked.iter().any(|c| self.is_coming_back(c.pathway)),
                StepKind::Rank(_) => !self.is_moving(index),
                StepKind::Capacity(_) => self.ranked.iter().all(|c| self.admits(c.pathway) >= 1.0),
                StepKind::Explore(explore) => explore.share <= 0.0,
                StepKind::Weights(_) | StepKind::Stick(_) => false,
            }
    }
}

/// Whether the step is for the client, now.
pub(super) fn is_for(asker: &Asker, index: usize, when: &When) -> bool {
    1_u64.checked_shl(index as u32).is_none_or(|bit| asker.holds & bit != 0) && in_place(when, &asker.place)
}
