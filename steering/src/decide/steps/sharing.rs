//! Equals shared out among clients: `weights`, `stick`, `explore`.

use arrayvec::ArrayVec;
use fairway_policies::{Explore, PathSet, StickBy, Weights, model::MAX_PATHWAYS};

use crate::{
    client::Via,
    decide::{
        chain::Chain,
        decision::Choice,
        phase::{Draws, For, Key, Tier, mix, seed},
        trace::Reason,
    },
    health::Health,
};

impl<D: Draws> Chain<'_, D> {
    /// Gives shares, and orders each tier by this client's draw.
    pub(in crate::decide) fn weights(&mut self, step: usize, weights: &Weights) {
        for c in &mut self.ranked {
            c.weight = weights.shares.get(usize::from(c.pathway)).copied().unwrap_or(0);
            self.notes.add(c.pathway, || Reason::Share { weight: c.weight });
        }
        self.share_out(step, false);
    }

    /// What clients are hashed by from here on. Those who are equal here are shared out by it: by the shares that they were
    /// given, evenly where they were given none.
    pub(in crate::decide) fn stick(&mut self, step: usize, by: StickBy) {
        self.key = Key::of(self.asker, by);
        if by != StickBy::Content {
            self.own = self.key;
        }
        let by = self.key.by();
        self.ranked
            .iter()
            .for_each(|c| self.notes.add(c.pathway, || by.map_or(Reason::NotForClient, |by| Reason::Stuck { by })));
        self.share_out(step, true);
    }

    /// Orders each tier by this client's draw.
    ///
    /// DNS answers one pathway, the first that has records, so that only the tier which holds it tells clients apart: the
    /// order in the others does not narrow the scope. Sharing out leaves tiers as they are; any other step may move
    /// pathways between them by their order, and then asks for the prefix after all (in [`Chain::apply`]).
    fn share_out(&mut self, step: usize, evenly: bool) {
        let (service, key, answers) = (self.service, self.key, self.answers());
        let first = self.ranked.iter().find(|c| answers.contains(usize::from(c.pathway))).map(|c| c.tier);
        for equals in self.ranked.chunk_by_mut(|a, b| a.tier == b.tier) {
            let even = evenly && equals.iter().all(|c| c.weight == 0);
            let weight = |c: &Choice| if even { 1 } else { c.weight };
            let drawn = equals.iter().filter(|c| weight(c) > 0).count();
            let decides = first == Some(equals[0].tier);
            let here: PathSet = equals.iter().map(|c| usize::from(c.pathway)).collect();
            let answers = if decides { answers.and(here) } else { PathSet::default() };
            let of = |c: &Choice| (weight(c), service.prepared.seeds[usize::from(c.pathway)]);
            if drawn > 0 {
                self.draws.share_out(key, Tier { step, answers, equals }, of);
            }
            if drawn > 1 && matches!(key, Key::Prefix(_)) {
                match self.asker.via {
                    Via::Dns if first.is_some() && !decides => self.spread_behind = true,
                    Via::Dns | Via::Hls | Via::Dash | Via::Http => self.asked.prefix = true,
                }
            }
        }
    }

    /// Puts one of those behind the first before it, if it is this client's turn to find out how that one does. Never one
    /// that does badly or is coming back: those are found out about on purpose, by trials and ramps.
    pub(in crate::decide) fn explore(&mut self, explore: &Explore) {
        let answers = self.answers();
        let well = |c: &&Choice| {
            let at = usize::from(c.pathway);
            answers.contains(at)
                && self.health(c.pathway) == Health::Up
                && (self.said.up.contains(at) || self.service.inputs.ramps[at].share >= 1.0)
        };
        let first = self.ranked.iter().position(|c| answers.contains(usize::from(c.pathway))).unwrap_or(0);
        let others: ArrayVec<Choice, MAX_PATHWAYS> = self.ranked.iter().skip(first + 1).filter(well).copied().collect();
        let every = explore.every.as_millis().clamp(1, i64::MAX as u128) as i64;
        let turn = self.now_ms.div_euclid(every) as u64;
        let mut explored = None;
        if !others.is_empty() && self.among(seed(For::Explore, turn), explore.share) {
            let seeds = &self.service.prepared.seeds;
            let of = |c: &Choice| (1, mix(seeds[usize::from(c.pathway)], seed(For::Pick, turn)));
            explored = Some(others[self.draws.pick(self.own, &others, of)].pathway);
            self.asked.prefix |= others.len() > 1 && matches!(self.own, Key::Prefix(_));
        }
        for c in &self.ranked {
            self.notes.add(c.pathway, || match explored {
                Some(pathway) if pathway == c.pathway => {
                    Reason::Explored { share: explore.share, others: others.len() as u8 }
                }
                _ => Reason::NotExplored { share: explore.share },
            });
        }
        if let Some(index) = self.ranked.iter().position(|c| Some(c.pathway) == explored) {
            self.bring_forward(index);
        }
    }
}
