//! What changes verdicts from outside of them: a pathway's return, and operators' overrides.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fairway_policies::Policy;

use super::{save::Swap, state::State};
use crate::{
    event::{Event, Ordered, Stage},
    health::{Health, Ramp, Verdicts},
    overrides::Override,
};

impl State {
    /// Ramps go on, of one service or of all.
    pub(super) fn recover(&mut self, service: Option<&str>, now: DateTime<Utc>) {
        let mut swap = None;
        let concerned = |policy: &Policy| service.is_none_or(|service| policy.service == service);
        for held in self.services.iter_mut().filter(|held| concerned(&held.policy)) {
            let next = self.verdicts.ramps(&held.policy, now);
            if next == held.ramps {
                continue;
            }
            swap = swap.or(Some(Swap::Numbers));
            for (pathway, stage) in stages(&held.policy, &held.ramps, &next, &self.verdicts) {
                swap = Some(Swap::Answers);
                let (service, pathway) = (held.policy.service.clone(), pathway.to_owned());
                tracing::info!(service, pathway, ?stage, "recovery");
                self.live.feed.tell(Event::Recovery { at: now, service, pathway, stage });
            }
            held.ramps = next;
        }
        if let Some(swap) = swap {
            self.change(swap);
        }
    }

    /// The list of overrides changed, or whom it concerns.
    pub(super) fn take_orders(&mut self) {
        self.overrides = self.live.overrides.list();
        for held in &mut self.services {
            held.overrides = concerning(&self.overrides, &held.policy);
        }
        self.change(Swap::Answers);
    }

    /// Overrides whose time is over end.
    pub(super) fn expire(&mut self, now: DateTime<Utc>) {
        let over = self.live.overrides.expire(now);
        if over.is_empty() {
            return;
        }
        for forced in over {
            tracing::info!(id = forced.id, %forced, "override expired");
            self.live.feed.tell(Event::Override { at: now, forced, ordered: Ordered::Expired });
        }
        self.take_orders();
    }
}

/// Those that concern this policy, in their order.
pub(super) fn concerning(overrides: &[Override], policy: &Policy) -> Arc<[Override]> {
    overrides.iter().filter(|forced| forced.concerns(policy)).cloned().collect()
}

/// Whose return begins, is done, or has failed, from one moment to the next.
fn stages<'p>(
    policy: &'p Policy,
    before: &'p [Ramp],
    after: &'p [Ramp],
    verdicts: &'p Verdicts,
) -> impl Iterator<Item = (&'p str, Stage)> {
    let back = |ramps: &[Ramp], i: usize| ramps.get(i).is_none_or(|ramp| *ramp == Ramp::default());
    policy.pathways.iter().enumerate().filter_map(move |(i, pathway)| {
        let stage = match (back(before, i), back(after, i)) {
            (true, false) => Stage::Begins,
            (false, true) => {
                let watch = verdicts.watch(&policy.service, &pathway.id);
                let down = watch.is_some_and(|watch| watch.verdict().health >= Health::Down);
                if down { Stage::Relapsed } else { Stage::Back }
            }
            _ => return None,
        };
        Some((pathway.id.as_str(), stage))
    })
}
