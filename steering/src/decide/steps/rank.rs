//! Who goes before whom, by what viewers saw: `rank`.

use arrayvec::ArrayVec;
use fairway_policies::{PathSet, model::MAX_PATHWAYS};

use crate::{
    cells::Audience,
    decide::{
        chain::{Chain, WHILE_IT_LASTS},
        decision::Choice,
        phase::{Draws, For, seed},
        trace::Reason,
    },
    standing::{Lead, Standing},
};

/// By pathway index: those that it beats, for one client.
type Beats = [PathSet; MAX_PATHWAYS];

impl<D: Draws> Chain<'_, D> {
    /// Lets those that viewers' beacons show to be clearly better pass, as far as this client is among those for whom their
    /// leads are in force.
    ///
    /// The first place goes to the first in order whom nobody that stands beats; then the same among the rest. So the
    /// operator's order stands until somebody in front is beaten, who then steps back behind the one that beats it. (Should
    /// memory ever make a circle of leads, the first in order breaks it.) A pathway shares the tier of the one before
    /// it as long as it did so far and nobody in that tier beats it: `weights` then never undoes a lead.
    pub(in crate::decide) fn rank(&mut self, step: usize) -> Option<Audience> {
        let service = self.service;
        let standings = service.inputs.standings.get(step)?;
        let found = service.standing(step, &self.asker.place);
        let everyone = standings.len() == 1 && matches!(found, Some((Audience::World, _)));
        self.asked.place |= self.ranked.len() > 1 && !standings.is_empty() && !everyone;
        let before = if self.notes.wanted() { self.ranked.clone() } else { ArrayVec::new() };
        let beats = found.map_or([PathSet::default(); MAX_PATHWAYS], |(_, standing)| self.in_force(standing));
        self.pass(&beats);
        let standing = found.map(|(_, standing)| standing);
        for (at, c) in before.iter().enumerate() {
            self.notes.add(c.pathway, || compared(&before, at, &self.ranked, &beats, standing));
        }
        found.map(|(audience, _)| audience)
    }

    /// Whether the standing that speaks at the place is on the move, so that not all there are treated alike.
    pub(in crate::decide) fn is_moving(&self, step: usize) -> bool {
        let standing = self.service.standing(step, &self.asker.place);
        standing.is_some_and(|(_, standing)| self.leads(standing).any(|lead| under_way(lead.share)))
    }

    /// The leads among those that stand.
    fn leads<'s>(&self, standing: &'s Standing) -> impl Iterator<Item = Lead> + use<'s, D> {
        let stand: PathSet = self.ranked.iter().map(|c| usize::from(c.pathway)).collect();
        let both = move |l: &Lead| stand.contains(usize::from(l.ahead)) && stand.contains(usize::from(l.behind));
        standing.leads.iter().copied().filter(both)
    }

    fn in_force(&mut self, standing: &Standing) -> Beats {
        let mut beats = [PathSet::default(); MAX_PATHWAYS];
        for lead in self.leads(standing) {
            if under_way(lead.share) {
                self.unsettled_until_ms = WHILE_IT_LASTS;
            }
            if self.among(seed(For::Lead, 0), lead.share.into()) {
                beats[usize::from(lead.ahead)].insert(usize::from(lead.behind));
            }
        }
        beats
    }

    fn pass(&mut self, beats: &Beats) {
        let mut rest = self.ranked.take();
        let (mut tier, mut mates) = (0, PathSet::default());
        let mut last: Option<u8> = None;
        while !rest.is_empty() {
            let beaten = rest.iter().fold(0, |beaten, c| beaten | beats[usize::from(c.pathway)].0);
            let first = rest.iter().position(|c| beaten >> c.pathway & 1 == 0).unwrap_or(0);
            let mut choice = rest.remove(first);
            let led = mates.iter().any(|mate| beats[mate].contains(usize::from(choice.pathway)));
            if last.is_some_and(|last| last != choice.tier) || led {
                (tier, mates) = (tier + 1, PathSet::default());
            }
            last = Some(choice.tier);
            mates.insert(usize::from(choice.pathway));
            choice.tier = tier;
            self.ranked.push(choice);
        }
    }
}

fn under_way(share: f32) -> bool {
    share > 0.0 && share < 1.0
}

/// What the comparison meant for the pathway that was at `at`.
fn compared(before: &[Choice], at: usize, after: &[Choice], beats: &Beats, standing: Option<&Standing>) -> Reason {
    let me = before[at].pathway;
    let known = standing.and_then(|s| s.known.get(usize::from(me))?.clone());
    let now = after.iter().position(|c| c.pathway == me).unwrap_or(at);
    let beat = |a: u8, b: u8| beats[usize::from(a)].contains(usize::from(b));
    let among = |choices: &[Choice], pathway: u8| choices.iter().any(|c| c.pathway == pathway);
    let over = before[..at].iter().filter(|c| among(&after[now..], c.pathway) && beat(me, c.pathway));
    let by = after[..now].iter().filter(|c| among(&before[at..], c.pathway) && beat(c.pathway, me));
    let mine = |lead: &&Lead| {
        under_way(lead.share)
            && (lead.ahead == me || lead.behind == me)
            && among(before, lead.ahead)
            && among(before, lead.behind)
            && !beat(lead.ahead, lead.behind)
    };
    Reason::Compared {
        over: over.map(|c| c.pathway).collect(),
        by: by.map(|c| c.pathway).collect(),
        waiting: standing.map_or_else(Vec::new, |s| s.leads.iter().filter(mine).copied().collect()),
        known,
    }
}
