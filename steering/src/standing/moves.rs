//! How far an audience goes in one move.

use chrono::{DateTime, TimeDelta, Utc};
use fairway_policies::{Metric, PathSet, Rank};

use super::{
    compare::{AGAIN, Better, FIRST, compare, failing, looks_failing, still},
    leads::{Lead, Standing},
};
use crate::{
    cells::Audience,
    estimates::{Estimates, Known, Value},
};

/// Longer than from one look to the next.
const LOOKS: TimeDelta = TimeDelta::seconds(10);

/// The first step after a turn, as a part of the pace.
const TURNING: f64 = 1.0 / 8.0;

/// By what a step is more than the one before while the way stays the same.
const GROWS: f64 = 1.5;

/// Where the lead of one pathway over another should go.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// To those whom the other plainly fails, in steps of this share.
    Flee(Metric, f64),
    Up(Metric),
    Stay,
    Back,
    /// Nowhere, at once: the one that is ahead plainly fails.
    Drop,
}

impl Standing {
    /// Whether it may have to move though nothing new is known: where it has waited out its last move. Who has not moved on
    /// for as long again stays where it is until something new is known.
    pub(super) fn is_due(&self, settle: TimeDelta, now: DateTime<Utc>) -> bool {
        let Some(at) = self.moved_at else { return false };
        // A clock set back does not hold anyone.
        at > now || (settle..=settle + settle + LOOKS).contains(&(now - at))
    }
}

/// The standing of an audience for which that of `before` spoke; and of those that flee, what they flee from.
pub(super) fn after(
    before: &Standing,
    rank: &Rank,
    estimates: &Estimates,
    audience: Audience,
    now: DateTime<Utc>,
) -> (Standing, Vec<Flight>) {
    let known = estimates.known(audience);
    let looks_failing = (0..known.len()).filter(|p| looks_failing(rank, estimates, audience, *p)).collect();
    let ways = Ways { rank, estimates, audience, before, known: &known, looks_failing };
    // A clock set back does not hold anyone.
    let settled = before.moved_at.is_none_or(|at| at > now || now - at >= settle(rank));
    let (mut leads, mut flights) = (Vec::new(), Vec::new());
    for (ahead, behind) in (0..known.len()).flat_map(|a| (0..known.len()).map(move |b| (a, b))).filter(|(a, b)| a != b)
    {
        let pair = (ahead as u8, behind as u8);
        let held = before.lead(pair.0, pair.1);
        let way = match (ways.flight(behind, ahead), ways.flight(ahead, behind)) {
            (Some((failing, spared, step)), _) => {
                flights.extend(known[ahead].as_ref().map(|to| Flight {
                    pair,
                    from: failing,
                    to: spared,
                    by: to.clone(),
                }));
                Way::Flee(failing.metric, step)
            }
            (None, Some(_)) => Way::Drop,
            (None, None) => ways.way(ahead, behind, held),
        };
        leads.extend(moved(pair, held, before.lead(pair.1, pair.0).is_some(), way, settled, rank.pace));
    }
    let standing = Standing::new(known, leads);
    let share = |of: &Standing, lead: &Lead| of.lead(lead.ahead, lead.behind).map(|lead| lead.share);
    let has_moved = standing.leads.iter().any(|lead| share(before, lead) != Some(lead.share))
        || before.leads.iter().any(|lead| share(&standing, lead).is_none());
    let moved_at = if has_moved { Some(now) } else { before.moved_at };
    (Standing { moved_at, ..standing }, flights)
}

/// From one move of an audience to the next, at least.
pub(super) fn settle(rank: &Rank) -> TimeDelta {
    TimeDelta::from_std(rank.settle).unwrap_or(TimeDelta::MAX)
}

/// Some of an audience leave a pathway at once.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    /// The one they go to, and the one they leave.
    pub(super) pair: (u8, u8),
    /// What the last seconds say of the one they leave.
    pub(super) from: Value,
    /// And of the other.
    pub(super) to: Value,
    /// Who says it of the other.
    pub(super) by: Known,
}

/// What it takes to know the way of a lead.
struct Ways<'a> {
    rank: &'a Rank,
    estimates: &'a Estimates,
    audience: Audience,
    before: &'a Standing,
    known: &'a [Option<Known>],
    looks_failing: PathSet,
}

impl Ways<'_> {
    fn way(&self, ahead: usize, behind: usize, held: Option<Lead>) -> Way {
        let (Some(x), Some(y)) = (&self.known[ahead], &self.known[behind]) else { return Way::Back };
        match compare(self.rank, x, y) {
            Better::Surely(by) => Way::Up(by),
            Better::Not => Way::Back,
            Better::Perhaps if held.is_some_and(|held| still(self.rank, held.by, x, y)) => Way::Stay,
            Better::Perhaps => Way::Back,
        }
    }

    /// What the last seconds say of both, if one plainly fails the audience and the other does not; and which share of the
    /// audience may leave at once: all, if those on the pathway whom it fails together are not more than `pace` of all
    /// viewers.
    fn flight(&self, from: usize, to: usize) -> Option<(Value, Value, f64)> {
        if !self.looks_failing.contains(from) {
            return None;
        }
        let left = self.before.leads.iter().any(|lead| usize::from(lead.behind) == from && lead.share > 0.5);
        let sure = if left { AGAIN } else { FIRST };
        let fails = |audience| failing(self.rank, self.estimates, audience, (from, to), sure);
        let (failing, spared) = fails(self.audience)?;
        let together = self.audience.lineage().take_while(|audience| fails(*audience).is_some()).last();
        let on = self.estimates.sessions_on(together.unwrap_or(self.audience), from);
        let size = (on / self.estimates.sessions(Audience::World).max(1.0)).clamp(self.rank.pace, 1.0);
        Some((failing, spared, self.rank.pace / size))
    }
}

/// The lead after this move, if there is one then. `settled`: whether the audience may move.
fn moved(pair: (u8, u8), held: Option<Lead>, reverse: bool, way: Way, settled: bool, pace: f64) -> Option<Lead> {
    let fresh = |by, step: f64| Some(Lead { ahead: pair.0, behind: pair.1, by, share: step as f32, step: step as f32 });
    match (way, held) {
        (Way::Flee(by, step), None) => fresh(by, step),
        // Who is on the way back, or only began to leave, does not wait.
        (Way::Flee(by, step), Some(held))
            if held.share < 1.0 && (settled || held.step < 0.0 || 2.0 * f64::from(held.share) < step) =>
        {
            Some(Lead { by, share: (f64::from(held.share) + step).min(1.0) as f32, step: step as f32, ..held })
        }
        (Way::Up(by), None) if settled && !reverse => fresh(by, pace),
        (Way::Up(by), Some(held)) if settled && held.share < 1.0 => Some(Lead { by, ..stepped(held, 1.0, pace)? }),
        (Way::Up(by), Some(held)) => Some(Lead { by, ..held }),
        (Way::Back, Some(held)) if settled => stepped(held, -1.0, pace),
        (Way::Drop, _) => None,
        (_, held) => held,
    }
}

/// One step up or back: as after a turn, or more than the last, up to the pace. `None`: nothing is left of the lead.
fn stepped(lead: Lead, way: f64, pace: f64) -> Option<Lead> {
    let last = f64::from(lead.step) * way;
    let step = if last > 0.0 { (GROWS * last).min(pace) } else { TURNING * pace };
    let share = (f64::from(lead.share) + way * step).min(1.0);
    // What is left of a step is not worth a move of its own.
    (share > 0.01).then_some(Lead { share: share as f32, step: (way * step) as f32, ..lead })
}
