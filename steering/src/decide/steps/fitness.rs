//! Who may stand: overrides, `healthy`, `fence`, `limit`.

use fairway_policies::{Fence, Healthy, Limit, PathSet};

use crate::{
    decide::{
        chain::{Chain, SETTLING, WHILE_IT_LASTS},
        decision::Choice,
        phase::{Draws, For, mix, seed},
        trace::Reason,
    },
    health::{Health, Verdict},
    overrides::Force,
    snapshot::{Forced, Service},
};

/// How long a trial is the same clients' turn, milliseconds: long enough to begin a playback or fetch some segments, and
/// short enough that whoever meets a pathway that still fails has met it once.
const ROTATION_MS: i64 = 10_000;

/// Entries that a steering list needs for a player to fail over by itself.
const LIST: usize = 2;

impl<D: Draws> Chain<'_, D> {
    /// What operators force, pathway by pathway: the last word that is for this client holds. `up` only says so, for
    /// `healthy` to hear; whatever else takes a pathway away sets it aside here and now, whether the policy has a `healthy` or
    /// not. Where nothing else is left it takes nothing away.
    pub(in crate::decide) fn overrides(&mut self) {
        let (service, now_ms) = (self.service, self.now_ms);
        let (mut heard, mut out) = (PathSet::default(), PathSet::default());
        let mut words = [None::<(&Forced, bool)>; fairway_policies::model::MAX_PATHWAYS];
        for forced in service.prepared.forced.iter().rev().filter(|forced| forced.until_ms > now_ms) {
            self.asked.place |= !forced.place.is_everywhere();
            let of = forced.pathways.without(heard);
            if of.is_empty() || !forced.place.holds(&self.asker.place) {
                continue;
            }
            heard = PathSet(heard.0 | of.0);
            self.unsettled_until_ms = self.unsettled_until_ms.max(forced.since_ms + SETTLING.num_milliseconds());
            let among = match forced.force {
                Force::Share(share) => self.among(seed(For::Fit, 0), share.into()),
                Force::Up | Force::Down | Force::Drained => true,
            };
            match forced.force {
                Force::Up => self.said.up = PathSet(self.said.up.0 | of.0),
                Force::Down => self.said.down = PathSet(self.said.down.0 | of.0),
                Force::Drained => self.said.drained = PathSet(self.said.drained.0 | of.0),
                Force::Share(_) if among => {}
                Force::Share(_) => out = PathSet(out.0 | of.0),
            }
            if self.notes.wanted() {
                of.iter().for_each(|pathway| words[pathway] = Some((forced, among)));
            }
        }
        let unfit = PathSet(out.0 | self.said.down.0 | self.said.drained.0);
        let in_vain = !self.ranked.is_empty() && self.ranked.iter().all(|c| unfit.contains(usize::from(c.pathway)));
        for c in &self.ranked {
            self.notes.add(c.pathway, || match words[usize::from(c.pathway)] {
                Some((forced, among)) => {
                    let in_vain = in_vain && unfit.contains(usize::from(c.pathway));
                    Reason::Forced { id: forced.id, force: forced.force, among, in_vain }
                }
                None => Reason::NotForced,
            });
        }
        self.panic |= in_vain;
        if !in_vain {
            self.set_aside(unfit);
        }
    }

    /// Sets the unfit aside, and those coming back for whom it is not this client's turn; unless too few would be left.
    ///
    /// Whether there is panic is asked of verdicts, the same for all clients: one that is not yet among those of a ramp has
    /// fewer pathways, and that is no emergency. Only where nothing but what comes back is left does it come back for all
    /// at once: all else is worse.
    pub(in crate::decide) fn healthy(&mut self, healthy: &Healthy) {
        let (service, stood) = (self.service, self.ranked.len());
        let well: PathSet = self.pathways().filter(|p| self.health(*p as u8) < Health::Down).collect();
        let panic = well.is_empty() || (well.len() as f64) < healthy.panic * stood as f64;
        if panic {
            self.panic |= stood > 0 && well.len() < stood;
            self.ranked
                .iter()
                .for_each(|c| self.notes.add(c.pathway, || Reason::Panic { verdict: verdict(service, c) }));
            return;
        }
        let mut fit = PathSet::default();
        for pathway in well.iter() {
            if self.is_back(pathway) {
                fit.insert(pathway);
            }
        }
        let in_vain = fit.is_empty();
        for c in &self.ranked {
            let at = usize::from(c.pathway);
            self.notes.add(c.pathway, || {
                let (verdict, ramp) = (verdict(service, c), service.inputs.ramps[at]);
                if self.said.up.contains(at) {
                    Reason::ForcedUp { verdict }
                } else if !well.contains(at) {
                    Reason::Unfit { verdict }
                } else if ramp.share >= 1.0 {
                    Reason::Fit { verdict }
                } else {
                    let among = fit.contains(at);
                    Reason::ComingBack { verdict, share: ramp.share, trial: ramp.trial, among, in_vain }
                }
            });
        }
        let stays = if in_vain { well } else { fit };
        self.set_aside(self.pathways().collect::<PathSet>().without(stays));
    }

    /// Whether it counts as fit for this client: is back for it, or was never taken away.
    fn is_back(&mut self, pathway: usize) -> bool {
        let ramp = self.service.inputs.ramps[pathway];
        if ramp.share >= 1.0 || self.said.up.contains(pathway) {
            return true;
        }
        self.unsettled_until_ms = WHILE_IT_LASTS;
        if !ramp.trial {
            return self.among(seed(For::Fit, 0), ramp.share.into());
        }
        let turn = mix(self.service.prepared.seeds[pathway], self.now_ms.div_euclid(ROTATION_MS) as u64);
        self.asker.affords && self.asker.session.is_some() && self.among(seed(For::Trial, turn), ramp.share.into())
    }

    /// Whether it is back for some clients and not for others.
    pub(in crate::decide) fn is_coming_back(&self, pathway: u8) -> bool {
        let at = usize::from(pathway);
        let ramp = self.service.inputs.ramps[at];
        ramp.share < 1.0 && !self.said.up.contains(at) && self.health(pathway) < Health::Down
    }

    /// Takes out whom the fence does not allow, the unfit too. If only unfit ones are left inside it, they stand again.
    pub(in crate::decide) fn fence(&mut self, fence: &Fence) {
        let inside = |pathway: u8| fence.allowed.contains(usize::from(pathway));
        for c in &self.ranked {
            self.notes.add(c.pathway, || if inside(c.pathway) { Reason::Inside } else { Reason::Outside });
        }
        self.ranked.retain(|c| inside(c.pathway));
        self.aside.retain(|pathway| inside(*pathway));
        if self.ranked.is_empty() {
            self.panic |= !self.aside.is_empty();
            for pathway in self.aside.take() {
                let choice = Choice { pathway, tier: 0, weight: 0 };
                self.notes.add(pathway, || Reason::Panic { verdict: verdict(self.service, &choice) });
                self.ranked.push(choice);
            }
        }
        self.renumber(|_| 0);
    }

    /// Keeps the first so many. A steering list shall have as many entries as the limit says and two at least: what is missing
    /// comes from those past the limit, then from those aside, all of them as a last resort.
    pub(in crate::decide) fn limit(&mut self, limit: &Limit) {
        let to = (limit.to.max(1) as usize).min(self.ranked.len());
        let room = (limit.to as usize).max(LIST) - to.min(limit.to as usize);
        for (at, c) in self.ranked.iter().enumerate() {
            self.notes.add(c.pathway, || match at {
                at if at < to => Reason::Within,
                at if at < to + room => Reason::Reserve,
                _ => Reason::Beyond,
            });
        }
        let past = self.ranked.iter().skip(to).map(|c| c.pathway);
        self.aside = past.chain(self.aside.iter().copied()).take(room).collect();
        self.ranked.truncate(to);
    }

    fn pathways(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranked.iter().map(|c| usize::from(c.pathway))
    }
}

fn verdict(service: &Service, choice: &Choice) -> Verdict {
    service.inputs.verdicts[usize::from(choice.pathway)].clone()
}
