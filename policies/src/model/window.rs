//! Time windows: when a step applies.
//!
//! A window is a set of *spans*, one for each day it names: from the first instant at which the zone's clock shows `from`
//! to the first at which it shows `to`. So a span has one beginning and one end also on the day on which an hour comes
//! twice (it is not opened again by the second) and on the day on which one is left out (an edge inside it falls on the
//! instant of the change). Whether the window holds, and when that changes, are read off the same spans.

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc, Weekday};
use chrono_tz::{GapInfo, Tz};

/// A time at which a step applies: everything given must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// On these days of the week, in `zone`; empty: every day. A span over midnight belongs to the day it began.
    pub days: Vec<Weekday>,
    /// From this time of day on, in `zone`, up to the other; the same twice: for a whole day from then; `None`: from
    /// midnight to midnight. `from` after `to` goes over midnight.
    pub hours: Option<(NaiveTime, NaiveTime)>,
    /// Where clock and calendar are read.
    pub zone: Tz,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Not from this instant on.
    pub until: Option<DateTime<Utc>>,
}

impl Window {
    /// Whether it holds at this instant.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        // A clock that is set back at midnight shows yesterday's date when today's span has begun; hence tomorrow.
        self.since.is_none_or(|since| since <= now)
            && self.until.is_none_or(|until| now < until)
            && (self.is_all_day_every_day() || self.spans(now, 1).any(|(start, end)| start <= now && now < end))
    }

    /// The first instant after `now` at which it begins or ceases to hold; `None` when it never does.
    pub fn next_change(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let holds = self.holds(now);
        let from = self.since.map_or(now, |since| since.max(now));
        // Two weeks ahead: next week's span may fall into an hour that the clock leaves out.
        let edges = self.spans(from, 15).flat_map(|(start, end)| [start, end]).filter(|_| !self.is_all_day_every_day());
        let mut edges: Vec<DateTime<Utc>> = edges.chain(self.since).chain(self.until).filter(|at| *at > now).collect();
        edges.sort_unstable();
        edges.into_iter().find(|at| self.holds(*at) != holds)
    }

    fn is_all_day_every_day(&self) -> bool {
        self.days.is_empty() && self.hours.is_none_or(|(from, to)| from == to)
    }

    /// The spans that begin from the day before `around` to so many days after it.
    fn spans(&self, around: DateTime<Utc>, ahead: u64) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> + '_ {
        let today = around.with_timezone(&self.zone).date_naive();
        let yesterday = today.checked_sub_days(Days::new(1)).unwrap_or(today);
        let days = yesterday.iter_days().take_while(move |day| (*day - today).num_days() <= ahead as i64);
        days.filter(|day| self.days.is_empty() || self.days.contains(&chrono::Datelike::weekday(day)))
            .filter_map(|day| self.span(day))
    }

    /// The span that belongs to this day.
    fn span(&self, day: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let (from, to) = self.hours.unwrap_or_default();
        let last = if to > from { day } else { day.checked_add_days(Days::new(1))? };
        Some((first(self.zone, day.and_time(from))?, first(self.zone, last.and_time(to))?))
    }
}

/// The first instant at which the zone's clock shows `local` or later.
fn first(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    let found = match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at),
        LocalResult::None => GapInfo::new(&local, &zone).and_then(|gap| gap.end),
    };
    found.map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn window(days: &[Weekday], hours: Option<(&str, &str)>, zone: Tz) -> Window {
        let hours = hours.map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap()));
        Window { days: days.to_vec(), hours, zone, since: None, until: None }
    }

    fn berlin(days: &[Weekday], from: &str, to: &str) -> Window {
        window(days, Some((from, to)), chrono_tz::Europe::Berlin)
    }

    #[test]
    fn a_window_is_open_by_the_clocks_of_its_zone() {
        let friday = Window { until: Some(at("2026-07-10T17:00:00Z")), ..berlin(&[Weekday::Fri], "18:00", "02:00") };
        let open = |text: &str| friday.holds(at(text));
        assert!(open("2026-01-02T17:00:00Z") && !open("2026-01-02T16:59:59Z"), "18:00 in winter");
        assert!(open("2026-07-03T16:00:00Z") && !open("2026-07-03T15:59:59Z"), "and in summer");
        assert!(open("2026-01-03T00:59:59Z") && !open("2026-01-03T01:00:00Z"), "Saturday's first hours are Friday's");
        assert!(!open("2026-01-02T00:30:00Z"), "but Friday's own are Thursday's");
        assert!(open("2026-07-10T16:59:59Z") && !open("2026-07-10T17:00:00Z"), "and then never again");
        assert_eq!(friday.next_change(at("2026-07-10T17:00:00Z")), None);
        assert_eq!(friday.next_change(at("2026-01-03T01:00:00Z")), Some(at("2026-01-09T17:00:00Z")));
    }

    #[test]
    fn one_without_conditions_holds_always() {
        for hours in [None, Some(("18:00", "18:00"))] {
            let always = window(&[], hours, Tz::UTC);
            assert!(always.holds(DateTime::UNIX_EPOCH) && always.holds(DateTime::<Utc>::MAX_UTC));
            assert_eq!(always.next_change(at("2026-01-02T17:00:00Z")), None);
            let since = Window { since: Some(at("2030-01-01T00:00:00Z")), ..always };
            assert_eq!(since.next_change(at("2026-01-02T17:00:00Z")), since.since);
        }
    }

    #[test]
    fn days_are_whole_days_of_the_zone() {
        let weekend = window(&[Weekday::Sat, Weekday::Sun], None, chrono_tz::Europe::Berlin);
        let begins = weekend.next_change(at("2026-01-01T00:00:00Z"));
        assert_eq!(begins, Some(at("2026-01-02T23:00:00Z")));
        assert_eq!(
            weekend.next_change(begins.unwrap()),
            Some(at("2026-01-04T23:00:00Z")),
            "midnight within is no change"
        );
        let tuesday = window(&[Weekday::Tue], Some(("18:00", "18:00")), Tz::UTC);
        assert!(tuesday.holds(at("2026-01-07T17:59:59Z")) && !tuesday.holds(at("2026-01-06T17:59:59Z")));
    }

    #[test]
    fn an_hour_that_is_left_out_is_over_at_once_and_one_that_comes_twice_opens_nothing_twice() {
        // On 29 March 2026 Berlin's clocks go from 02:00 to 03:00, at 01:00 UTC.
        let spring = at("2026-03-29T01:00:00Z");
        let edges = |from, to| {
            let window = berlin(&[], from, to);
            let start = window.next_change(at("2026-03-28T12:00:00Z")).unwrap();
            (start, window.next_change(start).unwrap())
        };
        assert_eq!(edges("02:30", "04:00"), (spring, at("2026-03-29T02:00:00Z")));
        assert_eq!(edges("01:00", "02:30"), (at("2026-03-29T00:00:00Z"), spring));
        let left_out = edges("02:15", "02:45");
        assert_eq!(left_out, (at("2026-03-30T00:15:00Z"), at("2026-03-30T00:45:00Z")), "there is none that night");

        // On 25 October 2026 they show 02:00 to 03:00 twice, from 00:00 and from 01:00 UTC on.
        let autumn = berlin(&[], "02:15", "02:45");
        let start = autumn.next_change(at("2026-10-24T12:00:00Z")).unwrap();
        assert_eq!(start, at("2026-10-25T00:15:00Z"));
        assert_eq!(autumn.next_change(start), Some(at("2026-10-25T00:45:00Z")));
        assert!(!autumn.holds(at("2026-10-25T01:30:00Z")), "the second 02:30");
        assert_eq!(autumn.next_change(at("2026-10-25T00:45:00Z")), Some(at("2026-10-26T01:15:00Z")));
    }

    #[test]
    fn a_midnight_that_comes_twice_does_not_interrupt_the_day() {
        // In Havana clocks go back from 01:00 to 00:00 on 1 November 2026; in Asunción they went from 00:00 back to 23:00.
        let sunday = window(&[Weekday::Sun], None, chrono_tz::America::Havana);
        let start = sunday.next_change(at("2026-10-31T12:00:00Z")).unwrap();
        assert_eq!((start, sunday.next_change(start)), (at("2026-11-01T04:00:00Z"), Some(at("2026-11-02T05:00:00Z"))));
        let sunday = window(&[Weekday::Sun], None, chrono_tz::America::Asuncion);
        let start = sunday.next_change(at("2024-03-23T12:00:00Z")).unwrap();
        assert_eq!(sunday.next_change(start), Some(at("2024-03-25T04:00:00Z")), "from {start}");
    }

    #[test]
    fn the_next_change_is_the_first_instant_at_which_holding_changes() {
        let zones =
            [Tz::UTC, chrono_tz::Europe::Berlin, chrono_tz::America::Sao_Paulo, chrono_tz::Australia::Lord_Howe];
        let days: [&[Weekday]; 3] = [&[], &[Weekday::Sun], &[Weekday::Sat, Weekday::Sun]];
        let hours = [None, Some(("18:00", "23:00")), Some(("22:30", "02:30")), Some(("00:00", "02:15"))];
        // Over the weekends on which clocks change, in the spring and in the autumn of each of these zones.
        for from in ["2026-03-27T00:00:00Z", "2026-04-03T00:00:00Z", "2026-10-02T00:00:00Z", "2026-10-23T00:00:00Z"] {
            for (zone, days, hours) in
                zones.iter().flat_map(|z| days.iter().flat_map(move |d| hours.map(|h| (z, d, h))))
            {
                let window = Window { until: Some(at("2026-10-25T12:00:00Z")), ..window(days, hours, *zone) };
                let mut now = at(from);
                let end = now + chrono::TimeDelta::days(4);
                let mut next = window.next_change(now);
                let mut held = window.holds(now);
                while now < end {
                    now += MINUTE;
                    let holds = window.holds(now);
                    assert_eq!(holds != held, next == Some(now), "{window:?} at {now}, expected {next:?}");
                    if holds != held {
                        next = window.next_change(now);
                    }
                    held = holds;
                }
            }
        }
    }
}
