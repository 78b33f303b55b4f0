//! The chain at work, and what each kind of step does to it.

use arrayvec::ArrayVec;
use fairway_policies::{
    Fence, PathSet, Prefer, Step, StepKind, Weights,
    model::{MAX_PATHWAYS, PathwayAnswer},
};

use super::{
    decision::Choice,
    scope::Scope,
    spread::Draw,
    trace::{Notes, Reason},
};
use crate::{
    cells::Audience,
    client::{Client, Via},
    health::{Health, Verdict},
    snapshot::Service,
    standing::Standing,
};

/// The pathways between two steps.
pub(super) struct Chain<'a> {
    service: &'a Service,
    client: &'a Client<'a>,
    /// Who stands, best first; tiers ascend.
    pub(super) ranked: ArrayVec<Choice, MAX_PATHWAYS>,
    /// The unfit, least bad first.
    pub(super) aside: ArrayVec<u8, MAX_PATHWAYS>,
    pub(super) panic: bool,
    pub(super) scope: Scope,
    /// Tiers that DNS does not answer from were spread by prefix, and the scope does not say so (see [`Chain::weights`]).
    spread_behind: bool,
    pub(super) notes: Notes,
}

impl<'a> Chain<'a> {
    pub(super) fn new(service: &'a Service, client: &'a Client<'a>, wanted: bool) -> Self {
        let all = 0..service.policy.pathways.len().min(MAX_PATHWAYS) as u8;
        Self {
            service,
            client,
            ranked: all.map(|pathway| Choice { pathway, tier: 0, weight: 0 }).collect(),
            aside: ArrayVec::new(),
            panic: false,
            scope: Scope::default(),
            spread_behind: false,
            notes: Notes::new(wanted),
        }
    }

    /// Applies one step; tells the audience that spoke for the client, if one did.
    pub(super) fn apply(&mut self, index: usize, step: &Step) -> Option<Audience> {
        if !self.scope.matches(&step.when, self.client) {
            self.ranked.iter().for_each(|c| self.notes.add(c.pathway, || Reason::NotForClient));
            return None;
        }
        if self.spread_behind && !matches!(step.kind, StepKind::Weights(_)) {
            // It may bring to the front whom the hash has ordered.
            self.scope.prefix_asked(self.client);
        }
        match &step.kind {
            StepKind::Healthy(_) => self.healthy(),
            StepKind::Fence(fence) => self.fence(fence),
            StepKind::Prefer(prefer) => self.prefer(prefer),
            StepKind::Weights(weights) => self.weights(weights),
            StepKind::Rank(_) => return self.rank(index),
            StepKind::Nearest(_)
            | StepKind::Cheapest(_)
            | StepKind::Capacity(_)
            | StepKind::Explore(_)
            | StepKind::Stick(_)
            | StepKind::Limit(_) => {}
        }
        None
    }

    /// Sets the unfit aside, unless all are.
    fn healthy(&mut self) {
        let service = self.service;
        let unfit = |c: &Choice| service.health(c.pathway) >= Health::Down;
        if self.ranked.iter().all(unfit) {
            self.panic |= !self.ranked.is_empty();
            self.ranked.iter().for_each(|c| self.notes.add(c.pathway, || Reason::Panic(verdict(service, c.pathway))));
            return;
        }
        for choice in &self.ranked {
            let unfit = unfit(choice);
            if unfit {
                self.aside.push(choice.pathway);
            }
            self.notes.add(choice.pathway, || {
                let verdict = verdict(service, choice.pathway);
                if unfit { Reason::Unfit(verdict) } else { Reason::Fit(verdict) }
            });
        }
        self.ranked.retain(|c| !unfit(c));
        self.aside.sort_by_key(|pathway| service.health(*pathway));
        self.renumber(|_| 0);
    }

    /// Takes out whom the fence does not allow, the unfit too. If only unfit ones are left inside it, they stand again.
    fn fence(&mut self, fence: &Fence) {
        let inside = |pathway: u8| fence.allowed.contains(usize::from(pathway));
        for c in &self.ranked {
            self.notes.add(c.pathway, || if inside(c.pathway) { Reason::Inside } else { Reason::Outside });
        }
        self.ranked.retain(|c| inside(c.pathway));
        self.aside.retain(|pathway| inside(*pathway));
        if self.ranked.is_empty() {
            self.panic |= !self.aside.is_empty();
            for pathway in self.aside.drain(..) {
                self.ranked.push(Choice { pathway, tier: 0, weight: 0 });
                self.notes.add(pathway, || Reason::Panic(verdict(self.service, pathway)));
            }
        }
        self.renumber(|_| 0);
    }

    /// Moves the preferred to the front, tier by tier. Inside a tier of the step the order so far stands, and so do the
    /// tiers that earlier steps made.
    fn prefer(&mut self, prefer: &Prefer) {
        let last = prefer.tiers.len();
        let tier = |pathway: u8| prefer.tiers.iter().position(|t| t.contains(usize::from(pathway))).unwrap_or(last);
        for c in &self.ranked {
            self.notes.add(c.pathway, || match tier(c.pathway) {
                tier if tier == last => Reason::NotPreferred,
                tier => Reason::Preferred { tier: tier as u8 },
            });
        }
        self.ranked.sort_by_key(|c| tier(c.pathway));
        self.renumber(|c| tier(c.pathway));
    }

    /// Lets those that viewers' beacons show to be clearly better pass.
    ///
    /// The first place goes to the first in order whom nobody that stands beats; then the same among the rest. So the
    /// operator's order stands until somebody in front is beaten, who then steps back behind the one that beats it. (Should
    /// memory ever make a circle of leads, the first in order breaks it.) A pathway shares the tier of the one before
    /// it as long as it did so far and nobody in that tier beats it: `weights` then never undoes a lead.
    fn rank(&mut self, step: usize) -> Option<Audience> {
        let (service, place) = (self.service, &self.client.located.place);
        let standings = service.inputs.standings.get(step)?;
        let found = service.standing(step, place);
        let everyone = standings.len() == 1 && matches!(found, Some((Audience::World, _)));
        if self.ranked.len() > 1 && !standings.is_empty() && !everyone {
            self.scope.place_asked(self.client);
        }
        let before = if self.notes.wanted() { self.ranked.clone() } else { ArrayVec::new() };
        if let Some((_, standing)) = found {
            self.pass(standing);
        }
        let standing = found.map(|(_, standing)| standing);
        for (at, c) in before.iter().enumerate() {
            self.notes.add(c.pathway, || moved(&before, at, &self.ranked, standing));
        }
        found.map(|(audience, _)| audience)
    }

    fn pass(&mut self, standing: &Standing) {
        let mut rest = self.ranked.take();
        let (mut tier, mut mates) = (0, PathSet::default());
        let mut last: Option<u8> = None;
        while !rest.is_empty() {
            let beaten = rest.iter().fold(0, |beaten, c| beaten | standing.beaten_by(c.pathway).0);
            let first = rest.iter().position(|c| beaten >> c.pathway & 1 == 0).unwrap_or(0);
            let mut choice = rest.remove(first);
            let led = mates.iter().any(|mate| standing.beaten_by(mate as u8).contains(usize::from(choice.pathway)));
            if last.is_some_and(|last| last != choice.tier) || led {
                (tier, mates) = (tier + 1, PathSet::default());
            }
            last = Some(choice.tier);
            mates.insert(usize::from(choice.pathway));
            choice.tier = tier;
            self.ranked.push(choice);
        }
    }

    /// Gives shares, and orders each tier by this client's draw.
    ///
    /// DNS answers one pathway, the first that has records, so that only the tier which holds it tells clients apart: the
    /// order in the others does not narrow the scope. `weights` leaves tiers as they are; any other step may move
    /// pathways between them by their order, and then asks for the prefix after all (in [`Chain::apply`]).
    fn weights(&mut self, weights: &Weights) {
        let answered = |c: &&Choice| self.service.policy.pathways[usize::from(c.pathway)].answer != PathwayAnswer::None;
        let answered_tier = match self.client.via {
            Via::Dns => self.ranked.iter().find(answered).map(|c| c.tier),
            Via::Hls | Via::Dash | Via::Http => None,
        };
        let draw = Draw::of(self.client);
        let mut rings = [f64::INFINITY; MAX_PATHWAYS];
        for tier in self.ranked.chunk_by_mut(|a, b| a.tier == b.tier) {
            let mut drawn = 0;
            for c in &mut *tier {
                let i = usize::from(c.pathway);
                c.weight = weights.shares.get(i).copied().unwrap_or(0);
                rings[i] = draw.rings(self.service.seeds[i], c.weight);
                drawn += u32::from(c.weight > 0);
                self.notes.add(c.pathway, || Reason::Share { weight: c.weight });
            }
            tier.sort_by(|a, b| rings[usize::from(a.pathway)].total_cmp(&rings[usize::from(b.pathway)]));
            if drawn < 2 || self.client.session.is_some() {
                continue;
            }
            if answered_tier.is_none_or(|answered| tier.iter().any(|c| c.tier == answered)) {
                self.scope.prefix_asked(self.client);
            } else {
                self.spread_behind = true;
            }
        }
    }

    /// Numbers the tiers again from 0: those of one tier stay together where `group` is the same.
    fn renumber(&mut self, group: impl Fn(&Choice) -> usize) {
        let mut tier = 0;
        let mut last = None;
        for c in &mut self.ranked {
            let here = (group(c), c.tier);
            tier += u8::from(last.is_some_and(|last| last != here));
            last = Some(here);
            c.tier = tier;
        }
    }
}

fn verdict(service: &Service, pathway: u8) -> Verdict {
    service.inputs.verdicts[usize::from(pathway)].clone()
}

/// What the comparison meant for the pathway that was at `at`.
fn moved(before: &[Choice], at: usize, after: &[Choice], standing: Option<&Standing>) -> Reason {
    let me = before[at].pathway;
    let known = standing.and_then(|s| s.known.get(usize::from(me))?.clone());
    let now = after.iter().position(|c| c.pathway == me).unwrap_or(at);
    let beats = |a: u8, b: u8| standing.is_some_and(|s| s.beaten_by(a).contains(usize::from(b)));
    let pathways = |choices: &[Choice]| -> Vec<u8> { choices.iter().map(|c| c.pathway).collect() };
    let (ahead, behind) = (pathways(&before[..at]), pathways(&after[now..]));
    let over: Vec<u8> = ahead.into_iter().filter(|p| behind.contains(p) && beats(me, *p)).collect();
    let (behind, ahead) = (pathways(&before[at..]), pathways(&after[..now]));
    let by: Vec<u8> = ahead.into_iter().filter(|p| behind.contains(p) && beats(*p, me)).collect();
    match (over.is_empty(), by.is_empty()) {
        (true, true) => Reason::Holds { known },
        (_, false) => Reason::PassedBy { by, known },
        (false, true) => Reason::Passed { over, known },
    }
}
