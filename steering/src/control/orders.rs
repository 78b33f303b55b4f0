//! What changes verdicts from outside of them: a pathway's return, and operators' overrides.

use chrono::{DateTime, Utc};
use fairway_policies::Policy;

use super::{save::Swap, state::State};
use crate::{
    event::{Event, Ordered, Stage},
    health::{Health, Ramp, Verdicts},
    overrides,
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
            held.overrides = overrides::concerning(&self.overrides, &held.policy);
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

/// Whose return begins, is done, or has failed, and who is taken a part of its clients, from one moment to the next.
fn stages<'p>(
    policy: &'p Policy,
    before: &'p [Ramp],
    after: &'p [Ramp],
    verdicts: &'p Verdicts,
) -> impl Iterator<Item = (&'p str, Stage)> {
    let back = Ramp::default();
    let of = move |ramps: &[Ramp], i: usize| ramps.get(i).copied().unwrap_or(back);
    policy.pathways.iter().enumerate().filter_map(move |(i, pathway)| {
        let (was, is) = (of(before, i), of(after, i));
        let stage = match is {
            _ if is == was => return None,
            Ramp { trial: true, .. } => Stage::Begins,
            Ramp { share, .. } if share < was.share => Stage::Shrinks,
            _ if is == back => {
                let watch = verdicts.watch(&policy.service, &pathway.id);
                let down = watch.is_some_and(|watch| watch.verdict().health >= Health::Down);
                if down { Stage::Relapsed } else { Stage::Back }
            }
            _ => return None,
        };
        Some((pathway.id.as_str(), stage))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use fairway_geo::GeoTable;
    use tokio::sync::mpsc;

    use super::*;
    use crate::{
        cells::{Audience, Cell, CellRow},
        health::Probes,
        live::Live,
        overrides::{Force, OverridePlace, Overrides, Wish},
        testing::{now, policy},
    };

    const STEPS: &str = "[[step]]\ndo = \"healthy\"\nramp = \"5m\"\n";

    fn start(ids: &[&str]) -> (State, Arc<Live>) {
        let policies = vec![(*policy(ids, STEPS)).clone()];
        let (outcomes, _) = mpsc::channel(1);
        State::start(policies, None, Overrides::default(), Arc::new(GeoTable::empty()), Probes::new(outcomes, 0), now())
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        now() + TimeDelta::seconds(seconds)
    }

    /// Of a hundred requests to `pathway`, so many failed.
    fn failed(state: &mut State, pathway: &str, errors: u64, seconds: i64) {
        let cell = Cell { requests: 100, request_errors: errors, ..Cell::default() };
        let bucket = at(seconds).timestamp() / 10 * 10;
        let row = CellRow { service: "live".into(), pathway: pathway.into(), audience: Audience::World, bucket, cell };
        state.fetched(Ok(vec![row].into()), at(seconds));
        state.publish(at(seconds));
    }

    fn silence(state: &mut State, seconds: i64) {
        state.fetched(Ok(Vec::new().into()), at(seconds));
        state.tick(at(seconds));
        state.publish(at(seconds));
    }

    fn ramp(live: &Live) -> Ramp {
        live.snapshot().services[0].inputs.ramps[0]
    }

    fn stages(live: &Live) -> Vec<Stage> {
        let stage = |event: &Event| match event {
            Event::Recovery { stage, .. } => Some(*stage),
            _ => None,
        };
        live.feed.since(0).iter().filter_map(|entry| stage(&entry.event)).collect()
    }

    #[tokio::test]
    async fn a_return_is_in_the_snapshot_that_has_the_verdict_and_is_told() {
        let (mut state, live) = start(&["a", "b"]);
        failed(&mut state, "a", 100, 0);
        state.fetched(Ok(Vec::new().into()), at(30));
        state.publish(at(30));
        assert!(ramp(&live).trial, "before any tick: nobody is sent there in a crowd");
        silence(&mut state, 100);
        assert!(!ramp(&live).trial && ramp(&live).share < 0.2);
        assert_eq!(stages(&live), [Stage::Begins]);
        failed(&mut state, "a", 100, 110);
        assert_eq!((ramp(&live), stages(&live)), (Ramp::default(), vec![Stage::Begins, Stage::Relapsed]));
        silence(&mut state, 110 + 59);
        assert_eq!(stages(&live).len(), 2, "the hold is twice as long");
        silence(&mut state, 110 + 60);
        silence(&mut state, 110 + 60 + 300);
        assert_eq!((ramp(&live), stages(&live).split_off(2)), (Ramp::default(), vec![Stage::Begins, Stage::Back]));
        let version = live.snapshot().version;
        silence(&mut state, 1_000);
        assert_eq!(live.snapshot().version, version, "and then nothing moves any more");
    }

    #[tokio::test]
    async fn who_is_taken_a_part_of_its_clients_is_so_in_the_snapshot_of_its_verdict_and_it_is_told() {
        let (mut state, live) = start(&["a", "b"]);
        failed(&mut state, "a", 60, 0);
        let half = ramp(&live);
        assert!(!half.trial && half.share <= 0.5 && half.share > 0.3, "{half:?}");
        assert_eq!(live.snapshot().services[0].inputs.verdicts[0].health, Health::Degraded);
        failed(&mut state, "a", 60, 10);
        state.tick(at(11));
        state.publish(at(11));
        assert!(ramp(&live).share < half.share / 2.0 + 0.01);
        assert_eq!(stages(&live), [Stage::Shrinks, Stage::Shrinks]);
        failed(&mut state, "a", 0, 20);
        silence(&mut state, 400);
        assert_eq!(stages(&live).last(), Some(&Stage::Back));
    }

    #[tokio::test]
    async fn an_order_is_in_the_next_snapshot_until_its_time_is_over() {
        let (mut state, live) = start(&["a", "b"]);
        let wish = Wish {
            service: "live".into(),
            pathway: "a".into(),
            place: OverridePlace::default(),
            force: Force::Drained,
            author: "ana".into(),
            reason: "maintenance".into(),
            expires: Some(at(60)),
        };
        let mut ordered = live.overrides.watch();
        let forcing = tokio::spawn({
            let live = live.clone();
            async move { live.force(wish, now()).await }
        });
        ordered.changed().await.unwrap();
        state.take_orders();
        state.publish(at(1));
        let outcome = forcing.await.unwrap().unwrap();
        assert!(outcome.in_force);
        let forced = || live.snapshot().services[0].inputs.overrides.len();
        assert_eq!(forced(), 1);

        let c = vec![(*policy(&["c"], STEPS)).clone()];
        state.read(Ok(c), None, at(2));
        state.publish(at(2));
        assert_eq!(forced(), 0, "it speaks of no pathway of the new policy");
        state.read(Ok(vec![(*policy(&["c", "a"], STEPS)).clone()]), None, at(3));
        state.publish(at(3));
        assert_eq!(forced(), 1, "and of one of the next");
        state.tick(at(59));
        assert!(state.publish(at(59)).is_none());
        state.tick(at(60));
        state.publish(at(60));
        assert_eq!((forced(), live.overrides.list().len()), (0, 0));
        let told = live.feed.since(0);
        let expired = |event: &Event| matches!(event, Event::Override { ordered: Ordered::Expired, .. });
        assert_eq!(told.iter().filter(|entry| expired(&entry.event)).count(), 1);
    }
}
