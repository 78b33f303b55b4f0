//! One viewer: a player with a buffer, which asks where to fetch from, and tells how it went.
//!
//! A request is made for every four seconds of media. One that fails is tried again after two; one that goes well brings
//! media at the rate the line, the pathway's reach and its load leave, after its first byte has come. The picture
//! starts, and starts again after a stall, with some seconds in the buffer; who sees none for too long goes away.

use fairway_steering::{Cell, Logs};

use super::{
    Second,
    chance::Chance,
    world::{BITRATES, Condition, Pathway, Reach, SESSION},
};

/// Seconds of media that a request brings.
const SEGMENT: f64 = 4.0;
/// Seconds after which a request that failed is tried again.
const RETRIES_IN: Second = 2;
/// Seconds of media without which no picture starts.
const STARTS_WITH: f64 = 2.0;
/// Seconds without a picture after which one goes away: at the start, and later.
const START_PATIENCE: Second = 20;
const PATIENCE: Second = 60;
/// From one report to the next.
const REPORTS_EVERY: Second = 10;

#[derive(Debug)]
pub struct Viewer {
    pub id: usize,
    pub session: String,
    /// Index of its audience.
    pub audience: usize,
    /// Index of the pathway it fetches from.
    pub pathway: usize,
    pub bitrate: f64,
    /// When it asks next; a fraction, since times to live are spread.
    pub asks_at: f64,
    /// When it has seen enough.
    pub leaves_at: f64,
    /// What it will report, of its pathway.
    pub tally: Cell,
    /// Seconds of media that it has.
    pub buffer: f64,
    /// What its line carries, bits per second.
    line: f64,
    /// Seconds of media that it keeps.
    keeps: f64,
    arrived: Second,
    picture: Picture,
    /// Seconds of media that are still to come of its request; and when it may make the next.
    coming: f64,
    requests_at: Second,
    /// The rate at which this second's media comes if the pathway grants all of it; and what it wants of it, bits.
    rate: f64,
    wants: f64,
    requested: bool,
}

/// What a viewer's requests meet in one second.
#[derive(Clone, Copy, Debug)]
pub struct Road<'a> {
    pub reach: Reach,
    /// Of the requests, those that fail, 0…1.
    pub failing: f64,
    pub pathway: &'a Pathway,
    pub condition: &'a Condition,
}

/// What the viewer sees, and since when.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Picture {
    Starting,
    Playing,
    /// Nothing; it stopped while on this pathway.
    Stalled {
        since: Second,
        pathway: usize,
    },
}

/// What a second was like for a viewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    Waiting,
    Picture,
    /// The picture stopped, or never came.
    Hurt,
    Stall,
}

impl Viewer {
    pub fn arrive(id: usize, audience: usize, pathway: usize, now: Second, chance: &mut Chance) -> Self {
        let bitrate = chance.pick(&BITRATES);
        Self {
            id,
            session: format!("{:016x}", (id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            audience,
            pathway,
            bitrate,
            asks_at: 0.0,
            leaves_at: f64::from(now) + chance.wait(SESSION),
            tally: Cell::default(),
            buffer: 0.0,
            line: bitrate * (2.0 + chance.wait(1.5)),
            keeps: chance.between(6.0, 30.0),
            arrived: now,
            picture: Picture::Starting,
            coming: 0.0,
            requests_at: now,
            rate: 0.0,
            wants: 0.0,
            requested: false,
        }
    }

    /// Milliseconds that it could play without fetching anything.
    pub fn buffer_ms(&self) -> u32 {
        (self.buffer * 1000.0) as u32
    }

    /// Makes its request, if one is due, and gives the bits that it wants in this second.
    pub fn want(&mut self, now: Second, to: &Road<'_>, chance: &mut Chance) -> f64 {
        let Road { reach, failing, pathway, condition } = *to;
        self.rate = self.line * reach.rate * chance.between(0.5, 1.5);
        let mut usable = 1.0;
        self.requested = self.coming <= 0.0 && self.buffer < self.keeps && now >= self.requests_at;
        if self.requested {
            self.tally.requests += 1;
            if chance.happens(failing) {
                self.tally.request_errors += 1;
                self.requests_at = now + RETRIES_IN;
                self.requested = false;
            } else {
                let ttfb = reach.ttfb * condition.slower(pathway) * chance.between(0.6, 1.4);
                note(&mut self.tally.ttfb, ttfb);
                self.coming = SEGMENT;
                usable = (1.0 - ttfb / 1000.0).max(0.05);
            }
        }
        self.wants = (self.rate * usable).min(self.coming * self.bitrate);
        self.wants
    }

    /// Gets this part of what it wanted, and plays for a second.
    pub fn play(&mut self, now: Second, granted: f64) -> Seen {
        if self.requested {
            note(&mut self.tally.throughput, (self.rate * granted).max(1.0));
        }
        let got = self.wants * granted / self.bitrate;
        self.buffer += got;
        // A hundredth of a second that is left of it is a rounding error.
        self.coming = if self.coming - got < 0.01 { 0.0 } else { self.coming - got };
        match self.picture {
            Picture::Playing if self.buffer >= 1.0 => self.see(),
            Picture::Playing => {
                self.picture = Picture::Stalled { since: now, pathway: self.pathway };
                self.stall(self.pathway);
                Seen::Hurt
            }
            Picture::Stalled { .. } if self.buffer >= STARTS_WITH => self.see(),
            Picture::Stalled { since, pathway } => {
                self.stall(pathway);
                if now - since >= PATIENCE {
                    self.leaves_at = f64::from(now);
                }
                Seen::Stall
            }
            Picture::Starting if self.buffer >= STARTS_WITH => {
                self.tally.starts += 1;
                // Of this second only the part until there was enough.
                let excess = ((self.buffer - STARTS_WITH) / got.max(f64::EPSILON)).clamp(0.0, 1.0);
                note(&mut self.tally.startup, (f64::from(now - self.arrived) + 1.0 - excess) * 1000.0);
                self.see()
            }
            Picture::Starting => {
                self.tally.watched_ms += 1000;
                if now - self.arrived < START_PATIENCE {
                    return Seen::Waiting;
                }
                (self.tally.starts, self.tally.start_failures) = (self.tally.starts + 1, self.tally.start_failures + 1);
                self.leaves_at = f64::from(now);
                Seen::Hurt
            }
        }
    }

    fn see(&mut self) -> Seen {
        self.picture = Picture::Playing;
        self.buffer -= 1.0;
        self.tally.watched_ms += 1000;
        self.tally.bits += self.bitrate as u64;
        Seen::Picture
    }

    /// A stall belongs to the pathway on which it began: the one that ends it does not pay for it.
    fn stall(&mut self, pathway: usize) {
        if pathway == self.pathway {
            self.tally.watched_ms += 1000;
            self.tally.stalled_ms += 1000;
        }
    }

    /// Fetches from this pathway from now on.
    pub fn turn(&mut self, pathway: usize) {
        // What was asked of the other is not waited for.
        (self.pathway, self.coming) = (pathway, 0.0);
    }

    /// Whether a report is due; one is also due when it leaves a pathway.
    pub fn reports(&self, now: Second) -> bool {
        now > self.arrived && (now - self.arrived).is_multiple_of(REPORTS_EVERY)
    }

    /// What it has to say since the last time, if anything.
    pub fn report(&mut self) -> Option<Cell> {
        let tally = std::mem::take(&mut self.tally);
        (tally != Cell::default()).then_some(tally)
    }
}

fn note(logs: &mut Logs, value: f64) {
    let log = value.ln();
    *logs = Logs { count: logs.count + 1.0, sum: logs.sum + log, squares: logs.squares + log * log };
}
