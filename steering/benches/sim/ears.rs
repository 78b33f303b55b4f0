//! From reports to cells: late, in part, in buckets of ten seconds, for audiences at every level; as the store gives them.

use std::collections::{BTreeMap, VecDeque};

use fairway_steering::{Audience, Cell, CellRow};

use super::{SERVICE, Second, World, chance::Chance, time};

/// How long a report is on its way until it is in a cell, seconds.
const DELAY: (f64, f64) = (2.0, 12.0);
/// Of the reports, those that are lost.
const LOST: f64 = 0.05;
/// How long buckets are kept.
const KEEP: Second = 60;

#[derive(Debug)]
pub struct Ears {
    /// What arrives in the next seconds.
    coming: VecDeque<Vec<Report>>,
    /// By bucket (its first second): by audience and pathway.
    buckets: BTreeMap<Second, Vec<Cell>>,
    /// By viewer: the last bucket and pathway that it was counted in; and in which it was counted among the failed.
    counted: Vec<[(Second, usize); 2]>,
    pathways: usize,
}

#[derive(Debug)]
struct Report {
    viewer: usize,
    audience: usize,
    pathway: usize,
    cell: Cell,
}

impl Ears {
    pub fn new(world: &World) -> Self {
        let coming = (0..=DELAY.1 as usize).map(|_| Vec::new()).collect();
        Self { coming, buckets: BTreeMap::new(), counted: Vec::new(), pathways: world.pathways.len() }
    }

    /// A viewer sends this.
    pub fn send(&mut self, viewer: usize, audience: usize, pathway: usize, cell: Cell, chance: &mut Chance) {
        let delay = chance.between(DELAY.0, DELAY.1) as usize;
        if !chance.happens(LOST) {
            self.coming[delay].push(Report { viewer, audience, pathway, cell });
        }
    }

    /// What arrives in this second is put into its bucket.
    pub fn hear(&mut self, now: Second, world: &World) {
        let bucket = now / 10 * 10;
        let reports = self.coming.pop_front().unwrap_or_default();
        self.coming.push_back(Vec::new());
        let size = world.audiences.len() * self.pathways;
        let cells = self.buckets.entry(bucket).or_insert_with(|| vec![Cell::default(); size]);
        for Report { viewer, audience, pathway, mut cell } in reports {
            self.counted.resize(self.counted.len().max(viewer + 1), [(Second::MAX, 0); 2]);
            let [counted, failed] = &mut self.counted[viewer];
            let here = (bucket, pathway);
            cell.sessions = u64::from(std::mem::replace(counted, here) != here);
            if cell.request_errors > 0 {
                cell.failed_sessions = u64::from(std::mem::replace(failed, here) != here);
            }
            cell.newest_ms = time(now).timestamp_millis();
            add(&mut cells[audience * self.pathways + pathway], &cell);
        }
        self.buckets.retain(|bucket, _| bucket + KEEP > now);
    }

    /// The cells of the buckets that began less than `window` seconds ago.
    pub fn cells(&self, now: Second, window: Second, world: &World) -> Vec<CellRow> {
        let mut rows = Vec::new();
        for (&bucket, cells) in self.buckets.iter().filter(|(bucket, _)| **bucket + window > now) {
            let mut sums: BTreeMap<(usize, Audience), Cell> = BTreeMap::new();
            for (index, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.sessions > 0) {
                let (audience, pathway) = (index / self.pathways, index % self.pathways);
                for level in Audience::of(&world.audiences[audience].place) {
                    add(sums.entry((pathway, level)).or_default(), cell);
                }
            }
            let row = |((pathway, audience), cell): ((usize, Audience), Cell)| CellRow {
                service: SERVICE.to_owned(),
                pathway: world.pathways[pathway].id.to_owned(),
                audience,
                bucket: time(bucket).timestamp(),
                cell,
            };
            rows.extend(sums.into_iter().map(row));
        }
        rows
    }
}

/// Adds a cell of other viewers of the same ten seconds.
fn add(sum: &mut Cell, others: &Cell) {
    let (sessions, failed_sessions) = (sum.sessions + others.sessions, sum.failed_sessions + others.failed_sessions);
    sum.add(others);
    (sum.sessions, sum.failed_sessions) = (sessions, failed_sessions);
}
