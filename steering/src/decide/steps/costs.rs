//! By what it costs, and by what can be carried: `cheapest`, `capacity`.

use fairway_policies::{Cheapest, model::MAX_PATHWAYS};

use crate::decide::{
    chain::{Chain, WHILE_IT_LASTS},
    phase::{Draws, For, seed},
    trace::Reason,
};

impl<D: Draws> Chain<'_, D> {
    /// Orders the first tier by price, those without one last; the others stay behind it as they were.
    pub(in crate::decide) fn cheapest(&mut self, cheapest: &Cheapest) {
        // Those without a price come last of the first tier, all others behind it: by order of NaN, and by their tiers.
        const UNPRICED: f64 = f64::NAN;
        let service = self.service;
        let mut measure = [UNPRICED; MAX_PATHWAYS];
        let first = self.ranked.iter().take_while(|c| c.tier == 0).count();
        for (index, c) in self.ranked.iter().enumerate() {
            let at = usize::from(c.pathway);
            let price = service.inputs.prices[at].filter(|_| index < first);
            self.notes.add(c.pathway, || match price {
                _ if index >= first => Reason::BehindFirstTier,
                Some(price) => Reason::Priced { price },
                None => Reason::Unpriced,
            });
            measure[at] = price.unwrap_or(UNPRICED);
        }
        let same = |cheap: f64, dear: f64| {
            // A price of infinity is one that must not be paid: it is never the same as any other.
            let near = dear.is_finite() && dear - cheap <= cheapest.tie * cheap.abs().max(dear.abs());
            near || cheap.is_nan()
        };
        self.sort_by_measure(&measure, same);
    }

    /// Of the clients that a pathway would get, it admits a share. A client that its first does not admit gets the first of
    /// its ranking that does, and those before that one right behind it; if none admits it, all stays as it was, for then it
    /// is not this pathway that is full.
    pub(in crate::decide) fn capacity(&mut self) {
        let answers = self.answers();
        let mut to = None;
        for index in 0..self.ranked.len() {
            let pathway = self.ranked[index].pathway;
            if !answers.contains(usize::from(pathway)) {
                continue;
            }
            let share = self.admits(pathway);
            if share < 1.0 {
                self.unsettled_until_ms = WHILE_IT_LASTS;
            }
            if self.among(seed(For::Admission, self.service.prepared.seeds[usize::from(pathway)]), share.into()) {
                to = Some(index);
                break;
            }
        }
        let found = to.map(|index| self.ranked[index].pathway);
        for (index, c) in self.ranked.iter().enumerate() {
            let share = self.admits(c.pathway);
            self.notes.add(c.pathway, || match to {
                _ if !answers.contains(usize::from(c.pathway)) => Reason::NotReached,
                Some(to) if index == to => Reason::Admitted { share },
                Some(to) if index > to => Reason::NotReached,
                _ => Reason::Full { share, to: found },
            });
        }
        if let Some(to) = to.filter(|to| self.ranked[..*to].iter().any(|c| answers.contains(usize::from(c.pathway)))) {
            self.bring_forward(to);
        }
    }

    /// Of those that the pathway would get, the share that it can carry.
    pub(in crate::decide) fn admits(&self, pathway: u8) -> f32 {
        self.service.inputs.admits[usize::from(pathway)]
    }

    /// Puts the one at `index` before all others, in a tier of its own.
    pub(super) fn bring_forward(&mut self, index: usize) {
        let pathway = self.ranked[index].pathway;
        self.ranked[..=index].rotate_right(1);
        self.renumber(|c| u8::from(c.pathway != pathway));
    }
}
