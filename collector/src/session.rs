//! What a playback's successive beacons add up to, in the terms of CTA-2066.
//!
//! **Signals.** A beacon tells the state in which the player is from its moment on (`sta` at `ts`), so the time between two
//! beacons belongs to the state told by the first. Startup, playing, stalls and seeks are watched; pauses and what comes
//! after the end are not. Playing time × bitrate is the bits delivered (kbit/s × ms = bits). Response records (`rr`) do not
//! take part: their `ts` is when the request was begun, which lies before beacons already seen.
//!
//! **Stalls.** Rebuffering is a stall once there has been a picture; before that it is startup, and after a seek, up to
//! the next playing, it is the seek's. `bsd` tells the length of the stall that is just over, and `bsda` of all of them:
//! where they tell more than the states did (a player that sends no state changes tells nothing by states), the rest is
//! added, so no stall counts twice. A stall belongs to the pathway in force when it began, however it ended: the pathway
//! that rescued the viewer must not pay for it.
//!
//! **Starts.** A playback has begun, for the statistics, when its outcome is known: the first picture, or a fatal error
//! (`sta=f`) before it, which is a start failure. A viewer who leaves earlier is neither. The startup time is `msd`, which
//! players may repeat but which counts once; where none has come by the first picture (hls.js 1.7 sends none), it is the
//! time from the first `s` to the `ps` that says `p`. An error (`e=e`) without `sta=f` is one the player lives with.
//!
//! **Cold start.** After a restart of the node, sessions in mid-play turn up unknown. They must not count as started
//! again: one whose first beacon here has a number over [`JOINED_AT`] is taken to have begun before, unless that beacon
//! brings `msd`.
//!
//! **Clocks.** Only differences of the player's own clock are used; the receipt time stands in where a session tells no
//! `ts` at all. A gap counts for at most [`MAX_GAP_MS`]: 30 s is CTA-5004-B's default between interval reports, and half as
//! much again is room for a throttled timer; what is longer is a sleeping device. A beacon from the past adds nothing and
//! changes nothing (batches overtake each other); one from further back than the gap is a clock that was set, and the
//! count goes on from there.

use std::sync::Arc;

use crate::record::{Beacon, State};

/// The longest time between two beacons that counts, milliseconds.
const MAX_GAP_MS: i64 = 45_000;
/// A session that turns up with a beacon number over this is in mid-play. hls.js numbers from 0 and has sent some five
/// records by the first picture.
const JOINED_AT: u32 = 10;

/// What is remembered of one playback.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// Its service, once known.
    pub service: Option<Arc<str>>,
    /// The pathway that its requests told of last, and when we got that (Unix milliseconds).
    pub requested: Option<(Arc<str>, i64)>,
    /// The last beacon's moment, and whether by the player's clock.
    last: Option<(i64, bool)>,
    state: Option<State>,
    /// The pathway to which the time up to the next beacon goes, as far as it is known.
    entered_on: Option<Arc<str>>,
    /// A seek is not over before the picture moves again.
    seeking: bool,
    /// When it first wanted to play.
    wanted_ms: Option<i64>,
    /// There has been a picture.
    started: bool,
    /// The outcome of its start has been counted.
    outcome_told: bool,
    startup_told: bool,
    /// Stalls by state since `bsd` last came, milliseconds.
    stalled_by_state: u32,
    /// The last `bsda`, milliseconds.
    stalled_total: Option<u32>,
    bitrate_kbps: u32,
}

/// What one beacon adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// To which pathway, where that is not the one the record itself is about.
    pub pathway: Option<Arc<str>>,
    pub watched_ms: u32,
    pub stalled_ms: u32,
    pub startup_ms: Option<u32>,
    pub starts: u8,
    pub start_failures: u8,
    pub bits: u64,
}

impl Session {
    /// Takes the session's next beacon in. `pathway` is in force now; `now_ms` is when the beacon was received.
    pub fn account(&mut self, beacon: &Beacon, pathway: Option<&Arc<str>>, now_ms: i64) -> Account {
        if beacon.is_response() {
            self.bitrate_kbps =
                if self.bitrate_kbps == 0 { beacon.bitrate_kbps.unwrap_or(0) } else { self.bitrate_kbps };
            return Account { startup_ms: self.told_startup(beacon), ..Account::default() };
        }
        let moment = (beacon.time_ms.unwrap_or(now_ms), beacon.time_ms.is_some());
        if self.last.is_none() && beacon.number.is_some_and(|n| n > JOINED_AT) && beacon.startup_ms.is_none() {
            (self.started, self.outcome_told, self.startup_told) = (true, true, true);
        }
        let Some(gap) = self.gap_to(moment) else {
            return Account { startup_ms: self.told_startup(beacon), ..Account::default() };
        };
        let mut account = self.interval(gap);
        self.add_told_stalls(beacon, &mut account);
        account.startup_ms = self.told_startup(beacon);
        let was_stall = self.is_stall();
        if let Some(state) = beacon.state {
            self.enter(state, beacon, moment.0, &mut account);
        }
        // A stall keeps the pathway on which it began; all else goes with the pathway in force.
        if !(was_stall && self.is_stall()) || self.entered_on.is_none() {
            self.entered_on = pathway.cloned();
        }
        self.bitrate_kbps = beacon.bitrate_kbps.unwrap_or(self.bitrate_kbps);
        account
    }

    /// The milliseconds since the last beacon that count; `None` if this one is from the past. Moves the clock on.
    fn gap_to(&mut self, moment: (i64, bool)) -> Option<u32> {
        let gap = match self.last {
            Some((last, theirs)) if theirs == moment.1 => moment.0.saturating_sub(last),
            // Two clocks cannot be compared: the player's is the one to go on with.
            Some((_, true)) => return None,
            _ => 0,
        };
        if (-MAX_GAP_MS..0).contains(&gap) {
            return None;
        }
        self.last = Some(moment);
        Some(gap.clamp(0, MAX_GAP_MS) as u32)
    }

    fn is_stall(&self) -> bool {
        self.state == Some(State::Rebuffering) && self.started && !self.seeking
    }

    /// What `gap` milliseconds in the state of before add.
    fn interval(&mut self, gap: u32) -> Account {
        let watched = match self.state {
            Some(State::Starting | State::Playing | State::Seeking | State::Rebuffering) => gap,
            _ => 0,
        };
        let stalled = if self.is_stall() { gap } else { 0 };
        self.stalled_by_state = self.stalled_by_state.saturating_add(stalled);
        let played = if self.state == Some(State::Playing) { gap } else { 0 };
        Account {
            pathway: self.entered_on.clone().filter(|_| watched > 0),
            watched_ms: watched,
            stalled_ms: stalled,
            bits: u64::from(played) * u64::from(self.bitrate_kbps),
            ..Account::default()
        }
    }

    /// Adds what `bsd` and `bsda` tell beyond what the states did.
    fn add_told_stalls(&mut self, beacon: &Beacon, account: &mut Account) {
        let since_total =
            beacon.stalled_total_ms.zip(self.stalled_total).map(|(now, before)| now.saturating_sub(before));
        self.stalled_total = beacon.stalled_total_ms.or(self.stalled_total);
        if let Some(told) = beacon.stalled_ms.or(since_total).filter(|_| self.started) {
            account.stalled_ms = account.stalled_ms.saturating_add(told.saturating_sub(self.stalled_by_state));
            self.stalled_by_state = 0;
        }
    }

    /// `msd`, the first time that it is told.
    fn told_startup(&mut self, beacon: &Beacon) -> Option<u32> {
        let told = beacon.startup_ms.filter(|_| !self.startup_told)?;
        self.startup_told = true;
        Some(told)
    }

    /// The player is in `state` from `at_ms` on.
    fn enter(&mut self, state: State, beacon: &Beacon, at_ms: i64, account: &mut Account) {
        match state {
            State::Starting => self.wanted_ms = self.wanted_ms.or(Some(at_ms)),
            State::Seeking => self.seeking = true,
            State::Rebuffering => {}
            _ => self.seeking = false,
        }
        if state == State::Playing && !self.started {
            self.started = true;
            account.starts = u8::from(!self.outcome_told);
            self.outcome_told = true;
            // An interval report only happens to find it playing: the picture came at some time before.
            let seen = matches!(beacon.event.as_deref(), Some("ps") | None);
            if let Some(wanted) = self.wanted_ms.filter(|_| seen && !self.startup_told) {
                self.startup_told = true;
                account.startup_ms = u32::try_from(at_ms - wanted).ok();
            }
        }
        if state == State::Failed && !self.outcome_told {
            self.outcome_told = true;
            (account.starts, account.start_failures) = (1, 1);
        }
        self.state = Some(state);
    }
}
