//! Load per pathway, and the trigger that tells an autoscaler when a pathway nears what it can carry.
//!
//! **Signal.** Bits of media that viewers played from a pathway over the cells' window, per second, and the distinct
//! sessions in it: what viewers really took, over DNS and HTTP steering alike, and not what was decided. It lags by a beacon
//! interval and averages over the window, which suits a machine that needs minutes to start.
//!
//! **Hysteresis.** The trigger fires at `scale_at` of the capacity and clears under [`CLEARS_AT`] of that. Demand of a window
//! swings by some percent from one to the next; a fifth is well outside that swing, and near what one more machine among
//! five takes off the others, so that scaling out does not by itself scale in again.
//!
//! **Silence.** While the store is down there are no new cells. Demand then stays what it was, with its age beside it, and
//! no trigger moves: to an autoscaler, silence read as zero would be an order to shut down the machines that carry the load.
//!
//! What the load means for answers is in `admission` (how much of it each pathway can carry) and `price` (what a month's
//! volume does to the next terabyte).
//!
//! **Restart.** What has fired is not saved: a pathway that is still over is told again, which says nothing false, since a
//! trigger is a level. One that fell under while the node was away is not told; who must know reads the metric.

mod admission;
mod price;
mod webhook;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use fairway_policies::Policy;
use serde::{Deserialize, Serialize};

pub use admission::admissions;
pub(crate) use price::TERABYTE;
pub use price::{Pace, UNWANTED, Volume, prices};
pub(crate) use webhook::Webhook;
pub use webhook::{Crossing, Deliveries};

use crate::{
    cells::{Audience, Cell, CellRow},
    health::PathKey,
};

/// The share of its trigger under which demand must fall to clear it.
const CLEARS_AT: f64 = 0.8;

/// Load of one pathway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// Service id.
    pub service: String,
    /// Pathway id.
    pub pathway: String,
    /// Distinct sessions in the window.
    pub sessions: u64,
    /// Media played, bits per second over the window.
    pub bits_per_second: u64,
    /// Bits per second it can carry, where the policy says.
    pub capacity: Option<u64>,
    /// The share of `capacity` at which the trigger fires.
    pub scale_at: f64,
    /// Whether the trigger has fired and not cleared.
    pub over: bool,
}

/// The triggers of all pathways: which of them have fired.
#[derive(Debug, Default)]
pub(crate) struct Triggers {
    over: HashSet<PathKey>,
}

impl Triggers {
    /// Demand by these cells (of the last `window`), and the indexes in it of those whose trigger just fired or cleared.
    pub(crate) fn measure(
        &mut self,
        policies: &[Arc<Policy>],
        cells: &[CellRow],
        window: Duration,
    ) -> (Vec<Demand>, Vec<usize>) {
        let world: HashMap<(&str, &str), &Cell> = cells
            .iter()
            .filter(|row| row.audience == Audience::World)
            .map(|row| ((row.service.as_str(), row.pathway.as_str()), &row.cell))
            .collect();
        let (mut demand, mut crossed, mut over) = (Vec::new(), Vec::new(), HashSet::new());
        for policy in policies {
            for pathway in &policy.pathways {
                let cell = world.get(&(policy.service.as_str(), pathway.id.as_str()));
                let bits_per_second = cell.map_or(0.0, |cell| cell.bits as f64 / window.as_secs_f64());
                let key = PathKey::new(&policy.service, &pathway.id);
                let was = self.over.contains(&key);
                let is = pathway.capacity.is_some_and(|capacity| {
                    let fires_at = capacity as f64 * pathway.scale_at;
                    bits_per_second >= if was { fires_at * CLEARS_AT } else { fires_at }
                });
                if is {
                    over.insert(key);
                }
                if is != was {
                    crossed.push(demand.len());
                }
                demand.push(Demand {
                    service: policy.service.clone(),
                    pathway: pathway.id.clone(),
                    sessions: cell.map_or(0, |cell| cell.sessions),
                    bits_per_second: bits_per_second as u64,
                    capacity: pathway.capacity,
                    scale_at: pathway.scale_at,
                    over: is,
                });
            }
        }
        self.over = over;
        (demand, crossed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_fires_at_its_share_and_clears_well_under_it() {
        let text = "[[pathway]]\nid = \"a\"\nurl = \"http://a.test/\"\ncapacity = \"100 Mbit/s\"\nscale_at = 0.7\n\
                    [[pathway]]\nid = \"b\"\nurl = \"http://b.test/\"\n";
        let policies = [Arc::new(fairway_policies::parse("live.policy.toml", text).unwrap())];
        let mut triggers = Triggers::default();
        // Mbit/s of a, whether over then, whether it crossed
        let rows = [
            (69, false, false),
            (70, true, true),
            (57, true, false),
            (55, false, true),
            (60, false, false),
            (0, false, false),
        ];
        for (megabits, over, crosses) in rows {
            let row = |pathway: &str, audience, bits| CellRow {
                service: "live".into(),
                pathway: pathway.into(),
                audience,
                bucket: 0,
                cell: Cell { sessions: 9, bits, ..Cell::default() },
            };
            let bits = megabits * 1_000_000 * 30;
            let germany = Audience::Country("DE".parse().unwrap());
            let cells =
                [row("a", Audience::World, bits), row("a", germany, u64::MAX), row("b", Audience::World, u64::MAX)];
            let (demand, crossed) = triggers.measure(&policies, &cells, Duration::from_secs(30));
            let [a, b] = &demand[..] else { panic!("{demand:?}") };
            assert_eq!((a.bits_per_second, a.sessions, a.over), (megabits * 1_000_000, 9, over));
            assert_eq!(crossed, if crosses { vec![0] } else { vec![] }, "{megabits} Mbit/s");
            assert!(!b.over, "what has no capacity has no trigger");
        }
        let (demand, _) = triggers.measure(&policies, &[], Duration::from_secs(30));
        assert_eq!(demand[0].bits_per_second, 0, "a pathway nobody plays from has a value too");
    }
}
