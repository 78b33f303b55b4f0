//! Who is ahead of whom for an audience, and how the audience moves there.
//!
//! Read [`next`] first; then `compare` (who is better), `apart` (how surely), `moves` (how far an audience goes), `change`
//! (what is told of it), [`Standing`] (what comes of it).
//!
//! # Signals
//! The [`estimates`](crate::estimates): what beacons said, for each audience, with its standard error. Nothing else;
//! whether a pathway works at all is [`health`](crate::health)'s to say. No new cells at all (the store is down) is no
//! news: nobody calls [`next`], and all stays as it is.
//!
//! # Comparison
//! With floor *f*, x is better than y by the share (y − x) / (y + f), or, of what is better when it is more, by (x − y)
//! / (x + f). Floors are what no viewer notices: half a per cent of stalling (half of CTA's alarm at 1 %), one start or
//! request in a hundred, 300 ms of startup, 50 ms of a first byte, 250 kbit/s; near zero a share alone would be noise.
//! In order, the first metric on which one is better by `margin` decides, and the next ones decide its ties; weighed,
//! the mean of the shares does. A metric that either has no value for is passed over; a pathway of which nothing is
//! known neither beats nor is beaten.
//!
//! # Small samples
//! A challenger wins only where the difference is also beyond [three standard errors](compare::SURE), by the likelihood
//! ratio: [`apart`] says why not over its own standard error. So thirty sessions in one network that stall 12 % of the
//! time, where all else stalls under 1 %, are enough (3.4) and wait for no more: a session that stalls may be the same
//! all its life, so that to watch the same ones for longer would be to count them twice.
//!
//! Not 1.645, the one-sided 95 % of one look, for it is looked at all day: estimates forget by half-lives, so that looks
//! are independent some two half-lives (2h / ln 2 = 87 s at 30 s) apart. At 1 in 740 an audience of its own would err
//! once in eighteen hours; shrinkage and margin make it rarer. Of forty countries with 3 to 100 sessions on each of two
//! pathways that are alike, sessions seeing all or nothing, at 0.5 % to 5 %, no more than one move on average begins in ten
//! thousand ticks (five and a half hours): one a country in nine days (a test). Such a move costs little, as the two are alike and
//! it is by a `pace` of one small audience; and it goes back by itself.
//!
//! # Three zones
//! While a challenger is surely better, the share of the audience for which it leads grows; while it is not even better
//! by `tie`, the share shrinks; in between (too little, or too unsure) everyone stays where they are. Passing takes a
//! third, staying a twentieth (Openmix's 0.65 and 0.95). The band is wide on purpose: where quality falls with load,
//! moving viewers makes the challenger worse and the other better, and a band is a place to stop in; with a point the
//! audience would be sent to and fro for ever.
//!
//! # Moves
//! One move of an audience is at most `pace`, moves are at least `settle` apart. What is known is old by then: a TTL
//! until players ask, ten seconds until they report, a half-life until that outweighs what was. Whoever reacts to old
//! loads at full strength herds (Mitzenmacher, "How useful is old information?", 2000), and moves in proportion, slow
//! against the age of what is known, come to rest (Fischer, Räcke and Vöcking 2010). After a turn a step is an eighth
//! of the pace, and half as much again each time while the way stays the same (as in Rprop, whose steps grow by less): an
//! overshoot is taken back by little, a way back is a slow start, and its last step is never more than a third of it all,
//! so that a pathway which cannot carry everyone says so before everyone is there. By doubling, shares of a pathway on
//! the brink swing twice as far (`make simulate`).
//!
//! # Flight
//! From a pathway that plainly fails an audience it does not wait: where, by the last ten to twenty seconds, a tenth of
//! the time is stalled or a tenth of the starts fail (ten times CTA's alarm; what viewers leave for), or a third of the
//! sessions had a request fail (which a tenth of the requests comes to), and the other pathway is spared. Surely, and
//! that is by 4.5 standard errors: once in 300,000 looks where nothing is wrong, since many look, every two seconds. The
//! audience says so itself, or all do that it is part of.
//!
//! Why sessions, where it is requests that fail: a player that is refused goes elsewhere until it asks again, so that after
//! five seconds of a fault half of what is asked fails and yet only a tenth of what was asked in those two buckets; a
//! share of requests tells of it after twenty seconds. But by then every session has been refused once. And of one
//! session's failures the first is evidence of the pathway, the next ones of the session: a broken line fails a hundred.
//!
//! All go at once, if those whom it fails together are at most `pace` of all viewers: one country's fault is no crowd.
//! The more go in moves of `pace` of all viewers, `settle` apart: a pathway that fails everyone may be one with too much
//! load, and so would be the next. One that fails requests outright is down by its verdict well before.
//!
//! # When samples stop
//! An audience that left a pathway sends it no more sessions; what it knew grows unsure, and goes over to what its
//! family says, at the latest when it is forgotten (eight half-lives, four minutes at 30 s). With an `explore` step a
//! small share tells all along, and the audience returns when *they* see it mended. Without one the way back is itself
//! the trial: it begins with an eighth of a `pace`, 3 % of the audience. If it still fails these, they leave at once,
//! at a lower bar than the first time (once in 20: the benefit of the doubt is not due), and the next trial is minutes
//! away. Where it fails by less than can be seen in so few, these few stay, as explorers would. Mended, the steps
//! grow to the pace, and some four minutes later everyone is back.
//!
//! # Who has a standing
//! An audience that does otherwise than the one it is part of, or has `min_sessions` of its own, whose numbers are
//! worth telling; a client is decided for by the narrowest of its audiences that has one. A new one goes on from the
//! leads of the wider one.
//!
//! # Restart
//! Leads are saved with their shares, and what was known with them; a restart moves nobody.

mod apart;
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
    audiences.extend(previous.restless().filter(|(_, standing)| standing.is_due(settle, now)).map(|(a, _)| a));
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
    let leads = |of: &Standings, audience| of.get(audience).map(|standing| standing.leads.clone());
    std::ptr::eq(a, b) || a.differing(b).iter().all(|audience| leads(a, audience) == leads(b, audience))
}

/// The standings that these estimates lead to in the end, all moves made.
pub fn settled(rank: &Rank, estimates: &Estimates, now: DateTime<Utc>) -> Standings {
    let rank = Rank { pace: 1.0, settle: Duration::ZERO, ..rank.clone() };
    Arc::unwrap_or_clone(next(&Arc::default(), &rank, estimates, now).0)
}
