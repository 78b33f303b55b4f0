//! What is silent: worth less as time goes on, and forgotten at last.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use fairway_policies::PathSet;

use super::Estimates;

/// After so many half-lives of silence a pathway or an audience is forgotten: a 256th is left of it.
const FORGOTTEN: f64 = 8.0;
/// What is silent is looked at again after this share of a half-life.
const REVISIT: f64 = 0.5;

/// Who is to be looked at when. Everyone of whom something is remembered stands here once, so that time alone asks after
/// nobody else; who was heard of in between is put off when it is their turn.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    due: BTreeMap<i64, Vec<u32>>,
    /// By number.
    booked: Vec<bool>,
}

impl Agenda {
    fn book(&mut self, number: u32, bucket: i64) {
        let at = number as usize;
        if at >= self.booked.len() {
            self.booked.resize(at + 1, false);
        }
        if !std::mem::replace(&mut self.booked[at], true) {
            self.due.entry(bucket).or_default().push(number);
        }
    }

    /// Whose turn it is at this bucket.
    fn take(&mut self, here: i64) -> Vec<u32> {
        let mut taken = Vec::new();
        while let Some(first) = self.due.first_entry().filter(|first| *first.key() <= here) {
            taken.extend(first.remove());
        }
        taken.iter().for_each(|number| self.booked[*number as usize] = false);
        taken
    }
}

impl Estimates {
    /// Puts an audience on the agenda, if it does not stand there: of its pathways the one that was looked at the longest ago
    /// was so at this bucket.
    pub(super) fn book(&mut self, number: u32, looked_at: i64) {
        self.agenda.book(number, looked_at.saturating_add(self.revisit() as i64 + 1));
    }

    fn revisit(&self) -> f64 {
        REVISIT * self.sums.half_life
    }

    /// What was silent for a while is looked at again, since it is worth less now; what was silent for long is forgotten.
    pub(super) fn look_at_the_silent(&mut self, here: i64) {
        let forgotten = FORGOTTEN * self.sums.half_life;
        for number in self.agenda.take(here) {
            let mut next = None;
            for (pathway, at) in self.cells_of(number).enumerate() {
                let Some(age) = self.memories[at].as_ref().map(|memory| memory.age(here)) else { continue };
                let mut looked_at = self.looked_at[at];
                if here.saturating_sub(looked_at) as f64 > self.revisit() {
                    self.touch(number, PathSet::from_iter([pathway]));
                    if age as f64 > forgotten {
                        self.memories[at] = None;
                        continue;
                    }
                    looked_at = here;
                }
                next = next.map_or(Some(looked_at), |next: i64| Some(next.min(looked_at)));
            }
            match next {
                Some(looked_at) => self.book(number, looked_at),
                None => self.forget(number),
            }
        }
    }

    /// Forgets an audience if nothing is remembered of it or its parts; and then those that it is part of, likewise.
    fn forget(&mut self, number: u32) {
        let mut next = Some(number);
        while let Some(number) = next {
            let node = self.tree.node(number);
            if !node.children.is_empty() || self.cells_of(number).any(|at| self.memories[at].is_some()) {
                return;
            }
            self.changed.push(node.audience);
            self.dirty[number as usize] = PathSet::default();
            next = self.tree.remove(number);
            if let Some(parent) = next {
                self.touch(parent, PathSet::all(self.pathways));
            }
        }
    }

    /// The clock was set back: what is known is taken as of now.
    pub(super) fn set_back(&mut self, here: i64, now: DateTime<Utc>) {
        let now_ms = now.timestamp_millis();
        self.newest_bucket = here;
        self.newest_ms = self.newest_ms.map(|newest| newest.min(now_ms));
        self.agenda = Agenda::default();
        let numbers: Vec<u32> = self.tree.numbers().collect();
        for number in numbers {
            let mut heard = PathSet::default();
            for (pathway, at) in self.cells_of(number).enumerate() {
                if let Some(memory) = &mut self.memories[at] {
                    memory.set_back(&self.sums, here, now_ms);
                    heard.insert(pathway);
                }
            }
            self.touch(number, heard);
            self.book(number, here);
        }
    }
}
