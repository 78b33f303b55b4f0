//! Who is ahead of whom for an audience, and how an audience moves there.

mod change;
mod compare;
mod leads;
mod moves;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use fairway_policies::Rank;

pub use change::{Change, Comparison, Side, Turn};
pub use leads::{Lead, Standing, Standings};

use crate::cells::Audience;
pub use crate::estimates::{Estimates, Known, Value};

/// The standing that speaks for an audience: its own, or its nearest wider one's.
fn speaking(standings: &Standings, audience: Audience) -> Option<&Arc<Standing>> {
    audience.lineage().find_map(|a| standings.get(&a))
}

/// The standings after `previous`, now that `estimates` have heard something (or nothing, for a while); and what there is to
/// tell of moves. Where nothing changes these are the very `previous`, and so is what has not changed in them.
pub fn next(
    previous: &Arc<Standings>,
    rank: &Rank,
    estimates: &Estimates,
    now: DateTime<Utc>,
) -> (Arc<Standings>, Vec<Change>) {
    let settle = moves::settle(rank);
    let mut audiences = estimates.changed().to_vec();
    audiences.extend(previous.iter().filter(|(_, standing)| standing.is_moving(settle, now)).map(|(a, _)| *a));
    audiences.sort_unstable_by(|a, b| b.cmp(a));
    audiences.dedup();
    let (mut standings, mut changes) = (previous.clone(), Vec::new());
    let nothing = Standing::default();
    // The widest first: who says what its wider audience says has no need of a standing.
    for audience in audiences {
        let own = previous.get(&audience);
        let before = speaking(previous, audience).map_or(&nothing, Arc::as_ref);
        let after = estimates.remembers(audience).then(|| moves::after(before, rank, estimates, audience, now));
        let wider = audience.parent().and_then(|parent| speaking(&standings, parent));
        let needed = |(after, _): &(Standing, _)| {
            let says_more = wider.is_none_or(|wider| wider.leads != after.leads);
            says_more || estimates.sessions(audience) >= f64::from(rank.min_sessions)
        };
        match after.filter(needed) {
            Some((after, _)) if own.is_some_and(|own| **own == after) => {}
            Some((after, flights)) => {
                change::between(audience, before, &after, rank.pace, &flights, &mut changes);
                Arc::make_mut(&mut standings).insert(audience, Arc::new(after));
            }
            None if own.is_some() => {
                let wider = wider.cloned().unwrap_or_default();
                change::between(audience, before, &wider, rank.pace, &[], &mut changes);
                Arc::make_mut(&mut standings).remove(&audience);
            }
            None => {}
        }
    }
    (standings, changes)
}

/// What the standings of a `rank` step say was known: to go on from, after a restart or under another policy.
pub fn recall(standings: &Standings, rank: &Rank, pathways: usize) -> Estimates {
    let mut estimates = Estimates::new(rank, pathways);
    standings.iter().for_each(|(audience, standing)| estimates.recall(*audience, &standing.known));
    estimates
}

/// Whether both decide alike.
pub fn same_leads(a: &Standings, b: &Standings) -> bool {
    let same = |(audience, a): (&Audience, &Arc<Standing>)| {
        b.get(audience).is_some_and(|b| Arc::ptr_eq(a, b) || a.leads == b.leads)
    };
    std::ptr::eq(a, b) || a.len() == b.len() && a.iter().all(same)
}

/// The standings that these estimates lead to in the end, all moves made.
pub fn settled(rank: &Rank, estimates: &Estimates, now: DateTime<Utc>) -> Standings {
    let rank = Rank { pace: 1.0, settle: Duration::ZERO, ..rank.clone() };
    Arc::unwrap_or_clone(next(&Arc::default(), &rank, estimates, now).0)
}
