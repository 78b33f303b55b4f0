//! Who is asked, in which order: what was heard goes up, from parts to wholes; what is known comes down.

use fairway_policies::PathSet;

use super::{
    Estimates,
    evidence::Sample,
    family::{Family, Guess, Member},
    tree::WIDTHS,
};

/// One line of one pathway, for one audience.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    /// What was heard of the audience as a whole.
    pub(super) sample: Sample,
    /// What its parts say together.
    pub(super) family: Option<Family>,
    pub(super) guess: Option<Guess>,
    /// What its parts and it said together when the audience that it is part of last heard of it.
    passed_up: Option<Guess>,
    /// The guess and the τ² that its children last heard of.
    passed_on: Option<(Guess, f32)>,
    /// The guess that was last told of ([`Estimates::changed`]).
    told: Option<Guess>,
}

impl Estimates {
    /// Something new was heard of these pathways, for this audience or a part of it.
    pub(super) fn touch(&mut self, number: u32, pathways: PathSet) {
        let dirty = &mut self.dirty[number as usize];
        if dirty.is_empty() && !pathways.is_empty() {
            self.touched[self.tree.node(number).width()].push(number);
        }
        dirty.0 |= pathways.0;
    }

    /// Estimates anew whatever was touched.
    pub(super) fn estimate(&mut self, here: i64) {
        let mut members = Vec::new();
        let mut next: Vec<Vec<u32>> = Vec::with_capacity(WIDTHS);
        for width in 0..WIDTHS {
            let mut touched = std::mem::take(&mut self.touched[width]);
            // Those that were forgotten since.
            touched.retain(|number| !self.dirty[*number as usize].is_empty());
            for number in &touched {
                let news = self.gather(*number, here, &mut members);
                if let Some(parent) = self.tree.node(*number).parent {
                    self.touch(parent, news);
                }
            }
            next.push(touched);
        }
        // A part that is not dirty itself is put behind all that are: it has no part that is.
        let mut next: Vec<u32> = next.into_iter().rev().flatten().collect();
        let mut at = 0;
        while let Some(number) = next.get(at) {
            self.settle(*number, &mut next);
            at += 1;
        }
        self.changed.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Sums up what was heard of an audience and its parts. Tells the pathways of which that is news to a wider one.
    fn gather(&mut self, number: u32, here: i64, members: &mut Vec<Member>) -> PathSet {
        let mut news = PathSet::default();
        for pathway in self.dirty[number as usize].iter() {
            let cell = self.cell(number, pathway);
            for (line, of) in self.lines.iter().enumerate() {
                let mut sample = self.memories[cell].as_ref().map_or_else(Sample::default, |memory| {
                    if of.recent {
                        memory.recent(&self.sums, of.sum, here)
                    } else {
                        memory.all(&self.sums, of.sum, here)
                    }
                });
                members.clear();
                let mut parts = Sample::default();
                for child in &self.tree.node(number).children {
                    let cell = self.cell(*child, pathway);
                    let level = &self.levels[self.level(cell, line)];
                    let Some(family) = level.family else { continue };
                    let fade = if of.recent { 1.0 } else { self.sums.fade(here - self.looked_at[cell]) };
                    parts.add(&level.sample, fade);
                    let (mean, worth) = (f64::from(family.mean), f64::from(family.worth));
                    members.push(Member { mean, worth, sample: level.sample });
                }
                let rest = if members.is_empty() { Some(sample) } else { sample.without(&parts) };
                let rest = rest.filter(|rest| rest.count > 0.0).map(|rest| Member {
                    mean: rest.value(of.metric),
                    worth: f64::from(rest.count),
                    sample: rest,
                });
                let family = if members.is_empty() {
                    rest.map(|rest| Family::alone(of.metric, rest))
                } else {
                    members.extend(rest);
                    Family::of(of.metric, self.minimum, members)
                };
                if sample.count <= 0.0 {
                    sample = parts;
                }
                let at = self.level(cell, line);
                let level = &mut self.levels[at];
                (level.sample, level.family) = (sample, family);
                let says = family.map(|family| family.guess());
                if is_news(says, level.passed_up) {
                    level.passed_up = says;
                    news.insert(pathway);
                }
            }
            self.looked_at[cell] = here;
        }
        news
    }

    /// Guesses for an audience whose wider ones are guessed; and where its parts would borrow something else now, they are
    /// `next`.
    fn settle(&mut self, number: u32, next: &mut Vec<u32>) {
        let node = self.tree.node(number);
        let (mut changed, mut news) = (false, PathSet::default());
        for pathway in std::mem::take(&mut self.dirty[number as usize]).iter() {
            for (line, of) in self.lines.iter().enumerate() {
                let wider = node.parent.map(|parent| &self.levels[self.level(self.cell(parent, pathway), line)]);
                let wider = wider.and_then(|wider| Some((wider.guess?, wider.family)));
                let at = self.level(self.cell(number, pathway), line);
                let level = &mut self.levels[at];
                let guess = match (wider, level.family) {
                    (Some((guess, Some(family))), own) => Some(family.member(of.metric, &guess, own.as_ref())),
                    (Some((guess, None)), _) => Some(Guess { level: guess.level.saturating_add(1), ..guess }),
                    (None, own) => own.map(|own| own.guess()),
                };
                level.guess = guess;
                if is_news(guess, level.told) {
                    (changed, level.told) = (true, guess);
                }
                let between = level.family.map_or(0.0, |family| family.between);
                if guess.is_some_and(|guess| level.passed_on.is_none_or(|before| guess.is_news(between, before))) {
                    news.insert(pathway);
                    level.passed_on = guess.map(|guess| (guess, between));
                }
            }
        }
        if changed {
            self.changed.push(node.audience);
        }
        if !news.is_empty() {
            for child in &node.children {
                let dirty = &mut self.dirty[*child as usize];
                if dirty.is_empty() {
                    next.push(*child);
                }
                dirty.0 |= news.0;
            }
        }
    }
}

/// Whether this is news to who knew `before`: by a tenth of a standard error, or a fifth of a variance.
fn is_news(guess: Option<Guess>, before: Option<Guess>) -> bool {
    match (guess, before) {
        (Some(guess), Some(before)) => guess.is_news(0.0, (before, 0.0)),
        (guess, before) => guess.is_some() != before.is_some(),
    }
}
