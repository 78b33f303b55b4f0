//! What a playback's successive beacons add up to, in the terms of CTA-2066.
//!
//! **Signals.** A beacon tells the state in which the player is from its moment on (`sta` at `ts`), so the time between two
//! beacons belongs to the state told by the first. Startup, playing, stalls and seeks are watched; pauses and what comes
//! after the end are not. Playing time × bitrate is the bits delivered (kbit/s × ms = bits). Response records (`rr`) do not
//! take part: their `ts` is when the request was begun, which lies before beacons already seen.
//!
//! **Stalls.** Rebuffering is a stall once there has been a picture; before that it is startup, and after a seek, up to
//! the next playing, it is the seek's. `bsd` tells the length of the stall that is just over, and `bsda` of all of them:
//! where they tell more than the states did (a player that sends no state changes tells nothing by states, and one that
//! notices late tells too little), the rest is added, so no stall counts twice. A stall belongs to the pathway in force when it began, however it ended: the pathway
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
    /// Watched so far and not stalled, milliseconds.
    watched_well: u32,
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
    /// What is still true when what followed was lost: the time up to the next beacon is nobody's rather than counted twice.
    pub fn interrupted(self) -> Self {
        Self { last: None, state: None, ..self }
    }

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
        account.pathway = self.entered_on.clone().filter(|_| account.watched_ms > 0 || account.stalled_ms > 0);
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
        self.watched_well = self.watched_well.saturating_add(watched - stalled);
        let played = if self.state == Some(State::Playing) { gap } else { 0 };
        Account {
            watched_ms: watched,
            stalled_ms: stalled,
            bits: u64::from(played) * u64::from(self.bitrate_kbps),
            ..Account::default()
        }
    }

    /// Adds what `bsd` and `bsda` tell beyond what the states did. No more can have been stalled than was watched: a
    /// wrong figure from one player must not outweigh all others.
    fn add_told_stalls(&mut self, beacon: &Beacon, account: &mut Account) {
        let since_total =
            beacon.stalled_total_ms.zip(self.stalled_total).map(|(now, before)| now.saturating_sub(before));
        self.stalled_total = beacon.stalled_total_ms.or(self.stalled_total);
        let Some(told) = beacon.stalled_ms.or(since_total) else { return };
        let by_state = std::mem::take(&mut self.stalled_by_state);
        if self.started && !self.seeking {
            let more = told.saturating_sub(by_state).min(self.watched_well);
            self.watched_well -= more;
            account.stalled_ms = account.stalled_ms.saturating_add(more);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmcd;

    /// Watched, stalled, startup, starts, failures, bits.
    type Sum = (u32, u32, Option<u32>, u8, u8, u64);

    /// A beacon: the player's clock in seconds, the pathway in force, CMCD.
    type Line<'a> = (f64, &'a str, &'a str);

    /// What the beacons add up to, by pathway.
    fn play(lines: &[Line<'_>]) -> Vec<(String, Sum)> {
        let mut session = Session::default();
        let mut sums: Vec<(String, Sum)> = Vec::new();
        for (seconds, pathway, text) in lines {
            let ts = if text.contains("ts=") {
                String::new()
            } else {
                format!(",ts={}", 1_000_000 + (seconds * 1e3) as i64)
            };
            let beacon = cmcd::parse(&format!("{text}{ts}")).expect("a sound line");
            let pathway: Option<Arc<str>> = Some(*pathway).filter(|p| !p.is_empty()).map(Into::into);
            let account = session.account(&beacon, pathway.as_ref(), 0);
            let to = account.pathway.or(pathway).map_or(String::new(), |p| p.to_string());
            let sum = match sums.iter_mut().find(|(p, _)| *p == to) {
                Some((_, sum)) => sum,
                None => &mut sums.push_mut((to, Sum::default())).1,
            };
            sum.0 += account.watched_ms;
            sum.1 += account.stalled_ms;
            assert!(sum.2.is_none() || account.startup_ms.is_none(), "the startup time counts once");
            sum.2 = sum.2.or(account.startup_ms);
            sum.3 += account.starts;
            sum.4 += account.start_failures;
            sum.5 += account.bits;
        }
        sums
    }

    #[test]
    fn what_sessions_add_up_to() {
        let cases: &[(&str, &[Line<'_>], Sum)] = &[
            (
                "startup, playing, a stall, playing, a pause, the end",
                &[
                    (0.0, "a", "e=ps,sta=s,sn=0"),
                    (0.8, "a", "e=ps,sta=p,br=(4000;v)"),
                    (10.8, "a", "e=t,sta=p"),
                    (15.8, "a", "e=ps,sta=r"),
                    (17.3, "a", "e=ps,sta=p"),
                    (20.0, "a", "e=ps,sta=a"),
                    (30.0, "a", "e=ps,sta=p"),
                    (31.0, "a", "e=ps,sta=e"),
                    (40.0, "a", "e=t,sta=e"),
                ],
                (21_000, 1_500, Some(800), 1, 0, 18_700 * 4_000),
            ),
            (
                "rebuffering before the first picture is startup; msd is better than the states, and counts once",
                &[
                    (0.0, "a", "e=ps,sta=s,sn=0"),
                    (0.5, "a", "e=ps,sta=r"),
                    (2.0, "a", "e=ps,sta=p,msd=1900.5"),
                    (3.0, "a", "e=t,sta=p,msd=1900.5"),
                ],
                (3_000, 0, Some(1_901), 1, 0, 0),
            ),
            (
                "rebuffering that follows a seek is the seek's",
                &[
                    (0.0, "a", "e=ps,sta=p,sn=1"),
                    (5.0, "a", "e=ps,sta=k"),
                    (5.2, "a", "e=ps,sta=r"),
                    (7.0, "a", "e=ps,sta=p"),
                    (8.0, "a", "e=ps,sta=r"),
                    (9.0, "a", "e=ps,sta=p"),
                ],
                (9_000, 1_000, None, 1, 0, 0),
            ),
            (
                "a fatal error before the first picture, told twice",
                &[(0.0, "a", "e=ps,sta=s,sn=0"), (4.0, "a", "e=ps,sta=f"), (4.0, "a", "e=e,sta=f,ec=(\"x\")")],
                (4_000, 0, None, 1, 1, 0),
            ),
            (
                "an error that the player lives with, then one after the picture",
                &[
                    (0.0, "a", "e=ps,sta=s,sn=0"),
                    (1.0, "a", "e=e,ec=(\"x\")"),
                    (2.0, "a", "e=ps,sta=p"),
                    (3.0, "a", "e=ps,sta=f"),
                ],
                (3_000, 0, Some(2_000), 1, 0, 0),
            ),
            (
                "a viewer who leaves before the picture is neither",
                &[(0.0, "a", "e=ps,sta=s,sn=0"), (9.0, "a", "e=ps,sta=q")],
                (9_000, 0, None, 0, 0, 0),
            ),
            (
                "bsd adds what the states did not tell",
                &[
                    (0.0, "a", "e=ps,sta=p,sn=1"),
                    (5.0, "a", "e=ps,sta=r"),
                    (6.0, "a", "e=ps,sta=p,bs,bsd=(1500)"),
                    (9.0, "a", "e=t,sta=p,bsd=(400)"),
                ],
                (9_000, 1_900, None, 1, 0, 0),
            ),
            (
                "bsd of what follows a seek is the seek's; the next one is a stall",
                &[
                    (0.0, "a", "e=ps,sta=p,sn=1"),
                    (5.0, "a", "e=ps,sta=k"),
                    (5.2, "a", "e=ps,sta=r"),
                    (7.0, "a", "e=ps,sta=p,bs,bsd=(1800)"),
                    (9.0, "a", "e=t,sta=p,bsd=(300)"),
                ],
                (9_000, 300, None, 1, 0, 0),
            ),
            (
                "nobody stalls for longer than they watch",
                &[
                    (0.0, "a", "e=ps,sta=p,sn=1"),
                    (5.0, "a", "e=t,sta=p,bsd=(4000000000)"),
                    (6.0, "a", "e=t,bsd=(9000)"),
                ],
                (6_000, 6_000, None, 1, 0, 0),
            ),
            (
                "bsda alone, cumulative",
                &[
                    (0.0, "a", "e=t,sta=p,sn=1,bsda=(0)"),
                    (10.0, "a", "e=t,sta=p,bsda=(700)"),
                    (20.0, "a", "e=t,sta=p,bsda=(700)"),
                    (30.0, "a", "e=t,sta=p,bsda=(1000)"),
                ],
                (30_000, 1_000, None, 1, 0, 0),
            ),
            (
                "a sleeping device; then a clock that overtakes, and one that was set back",
                &[
                    (0.0, "a", "e=ps,sta=p,sn=1"),
                    (7_200.0, "a", "e=t,sta=p"),
                    (7_201.0, "a", "e=t,sta=p"),
                    (7_199.0, "a", "e=ps,sta=r"),
                    (100.0, "a", "e=t,sta=p"),
                    (101.0, "a", "e=t,sta=p"),
                ],
                (47_000, 0, None, 1, 0, 0),
            ),
            (
                "in mid-play already: not a start",
                &[(0.0, "a", "e=t,sta=p,sn=57"), (10.0, "a", "e=ps,sta=r"), (11.0, "a", "e=ps,sta=p")],
                (11_000, 1_000, None, 0, 0, 0),
            ),
            (
                "an interval report that finds it playing does not date the picture",
                &[(0.0, "a", "e=ps,sta=s,sn=0"), (10.0, "a", "e=t,sta=p")],
                (10_000, 0, None, 1, 0, 0),
            ),
            (
                "responses are dated before beacons already seen, and take no part",
                &[
                    (0.0, "a", "e=ps,sta=s,sn=0"),
                    (1.0, "a", "e=ps,sta=p"),
                    (0.4, "a", "e=rr,sta=s,br=(800)"),
                    (2.0, "a", "e=t,sta=p"),
                    (3.0, "a", "e=t,sta=p,br=(900)"),
                ],
                (3_000, 0, Some(1_000), 1, 0, 2_000 * 800),
            ),
        ];
        for (what, lines, sum) in cases {
            assert_eq!(play(lines), [("a".to_owned(), *sum)], "{what}");
        }
    }

    #[test]
    fn a_stall_is_of_the_pathway_on_which_it_began() {
        let sums = play(&[
            (0.0, "a", "e=ps,sta=p,sn=1"),
            (10.0, "a", "e=ps,sta=r"),
            (12.0, "a", "e=t,sta=r"),
            (13.0, "b", "e=t,sta=r"),
            (14.0, "b", "e=ps,sta=p,bsd=(4500)"),
            (16.0, "b", "e=t,sta=p"),
        ]);
        assert_eq!(sums, [("a".into(), (14_000, 4_500, None, 1, 0, 0)), ("b".into(), (2_000, 0, None, 0, 0, 0))]);
    }

    #[test]
    fn a_stall_noticed_as_it_ends_is_of_the_pathway_on_which_it_began() {
        let sums = play(&[
            (0.0, "a", "e=ps,sta=p,sn=1"),
            (4.0, "a", "e=ps,sta=r"),
            (4.0, "b", "e=ps,sta=p,bs,bsd=(3000)"),
            (6.0, "b", "e=t,sta=p"),
        ]);
        assert_eq!(sums, [("a".into(), (4_000, 3_000, None, 1, 0, 0)), ("b".into(), (2_000, 0, None, 0, 0, 0))]);
    }

    #[test]
    fn without_a_clock_of_its_own_the_receipt_counts() {
        let mut session = Session::default();
        let mut at = |text: &str, now| session.account(&cmcd::parse(text).expect("sound"), None, now).watched_ms;
        assert_eq!(at("sta=p", 5_000), 0);
        assert_eq!(at("sta=p", 7_000), 2_000);
        assert_eq!(at("sta=p,ts=1", 9_000), 0, "its own clock, from here on");
        assert_eq!(at("sta=p", 11_000), 0, "is not mixed with ours");
        assert_eq!(at("sta=p,ts=1001", 13_000), 1_000);
    }
}
