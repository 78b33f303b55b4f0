//! What was seen in a run, second by second, and the figures taken from it.

use std::{collections::HashSet, ops::Range};

use super::{
    Second, World,
    viewer::{Seen, Viewer},
    world::Condition,
};

#[derive(Debug)]
pub struct Record {
    pathways: usize,
    audiences: usize,
    /// By second, audience and pathway: how many fetch from it.
    on: Vec<u32>,
    /// By second and pathway.
    load: Vec<f64>,
    /// By second.
    switches: Vec<u32>,
    stalled: Vec<u32>,
    /// When a picture stopped or never came, on which pathway, and whose.
    hurt: Vec<(Second, usize, usize)>,
}

impl Record {
    pub fn new(world: &World) -> Self {
        let (lasts, audiences, pathways) = (world.lasts as usize, world.audiences.len(), world.pathways.len());
        Self {
            pathways,
            audiences,
            on: vec![0; lasts * audiences * pathways],
            load: vec![0.0; lasts * pathways],
            switches: vec![0; lasts],
            stalled: vec![0; lasts],
            hurt: Vec::new(),
        }
    }

    pub fn switched(&mut self, now: Second) {
        self.switches[now as usize] += 1;
    }

    pub fn saw(&mut self, now: Second, viewer: &Viewer, seen: Seen) {
        self.on[(now as usize * self.audiences + viewer.audience) * self.pathways + viewer.pathway] += 1;
        self.stalled[now as usize] += u32::from(matches!(seen, Seen::Hurt | Seen::Stall));
        if seen == Seen::Hurt {
            self.hurt.push((now, viewer.pathway, viewer.id));
        }
    }

    pub fn loads(&mut self, now: Second, conditions: &[Condition]) {
        let row = &mut self.load[now as usize * self.pathways..][..self.pathways];
        row.iter_mut().zip(conditions).for_each(|(load, condition)| *load = condition.load);
    }

    /// How many of these audiences fetch from the pathway.
    fn count(&self, at: Second, pathway: usize, audiences: &[usize]) -> u32 {
        let row = &self.on[at as usize * self.audiences * self.pathways..];
        audiences.iter().map(|a| row[a * self.pathways + pathway]).sum()
    }

    /// The share of these audiences that fetches from the pathway.
    pub fn share(&self, at: Second, pathway: usize, audiences: &[usize]) -> f64 {
        let all: u32 = (0..self.pathways).map(|p| self.count(at, p, audiences)).sum();
        f64::from(self.count(at, pathway, audiences)) / f64::from(all.max(1))
    }

    /// All audiences.
    pub fn everyone(&self) -> Vec<usize> {
        (0..self.audiences).collect()
    }

    /// How far the pathways' shares of all viewers swing about their mean: the standard deviation over time, of the
    /// pathway that swings most.
    pub fn deviation(&self, during: Range<Second>) -> f64 {
        let everyone = self.everyone();
        let of = |p| {
            let shares: Vec<f64> = during.clone().map(|at| self.share(at, p, &everyone)).collect();
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            (shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / shares.len() as f64).sqrt()
        };
        (0..self.pathways).map(of).fold(0.0, f64::max)
    }

    /// Times that a viewer changes its pathway in an hour of watching.
    pub fn switches_an_hour(&self, during: Range<Second>) -> f64 {
        3600.0 * sum(&self.switches, &during) / self.watched(&during)
    }

    /// Time without a picture, of all time.
    pub fn stall_ratio(&self, during: Range<Second>) -> f64 {
        sum(&self.stalled, &during) / self.watched(&during)
    }

    /// The highest load that any pathway has, over what it can carry then.
    pub fn peak(&self, during: Range<Second>) -> f64 {
        (0..self.pathways).map(|p| self.peak_of(p, during.clone())).fold(0.0, f64::max)
    }

    /// The highest load that this pathway has.
    pub fn peak_of(&self, pathway: usize, during: Range<Second>) -> f64 {
        during.map(|at| self.load[at as usize * self.pathways + pathway]).fold(0.0, f64::max)
    }

    /// Viewers whose picture stopped, or did not come, over this pathway.
    pub fn hurt(&self, pathway: usize, during: Range<Second>) -> usize {
        let by = self.hurt.iter().filter(|(at, p, _)| *p == pathway && during.contains(at));
        by.map(|(_, _, viewer)| viewer).collect::<HashSet<_>>().len()
    }

    /// Seconds from the first of `during` until these audiences have left the pathway for good, but for this share of them.
    pub fn left(&self, pathway: usize, audiences: &[usize], but: f64, during: Range<Second>) -> Option<Second> {
        let stays = |at: &Second| self.share(*at, pathway, audiences) > but;
        match during.clone().rev().find(stays) {
            None => Some(0),
            Some(last) => (last + 1 < during.end).then(|| last + 1 - during.start),
        }
    }

    /// Seconds from the first of `during` until the pathway has this share of all viewers.
    pub fn reached(&self, pathway: usize, share: f64, mut during: Range<Second>) -> Option<Second> {
        let (start, everyone) = (during.start, self.everyone());
        during.find(|at| self.share(*at, pathway, &everyone) >= share).map(|at| at - start)
    }

    fn watched(&self, during: &Range<Second>) -> f64 {
        let everyone = self.everyone();
        let all = |at| (0..self.pathways).map(|p| f64::from(self.count(at, p, &everyone))).sum::<f64>();
        during.clone().map(all).sum::<f64>().max(1.0)
    }
}

fn sum(series: &[u32], during: &Range<Second>) -> f64 {
    series[during.start as usize..during.end as usize].iter().map(|n| f64::from(*n)).sum()
}
