//! What one more terabyte on each pathway costs now.
//!
//! **Volume.** What viewers played from a pathway since the calendar month (UTC) began: demand, added up measure by measure,
//! kept over restarts. It is the node's own count of media, some percent under what a CDN bills (headers, prefetched and
//! retransmitted bytes), which is what orders pathways by price needs; an invoice it is not. While the store is away nothing is
//! added: a price must not rest on a guess.
//!
//! **Tiers.** The price is that of the tier the volume stands in: the next terabyte's, not the average, since the bytes before
//! are paid for whatever is decided now.
//!
//! **Commitment, least.** What is committed to is paid whether used or not, so up to it a terabyte costs nothing more. Taken at
//! its word that would fill the commitment in the month's first days; it is paced instead: a pathway whose volume is behind
//! the straight line from nothing to the commitment over the month is free until it has caught up, and has its tier's price
//! otherwise. Days left and volume left are in the line: a pathway that was down for a week is behind, and free, for longer.
//!
//! **Commitment, most.** The same line to the maximum: a pathway ahead of it costs more than anything else
//! ([`UNWANTED`]) until it is back on it. It stays the last among its equals: to drop it would be an outage by bookkeeping.
//!
//! **To and fro.** Leaving the line takes [`BAND`] of the commitment, coming back takes reaching it: a pathway near its line
//! changes sides a few times a day and not at each measure.
//!
//! **Cold start.** A node that knows no volume takes the month so far to have been on the line: else it would be in debt on
//! every commitment at once.

use chrono::{DateTime, Datelike, Months, NaiveTime, TimeDelta, Utc};
use fairway_policies::{Cost, Policy};
use serde::{Deserialize, Serialize};

/// How far off its line, as a share of the commitment, a pathway's volume must be to count as off it: about four hours' worth.
const BAND: f64 = 0.005;
/// More than any terabyte costs. A number, since what a decision rests on is recorded in JSON, which has no infinity.
pub const UNWANTED: f64 = 1e12;
/// Bits in a terabyte.
pub(crate) const TERABYTE: f64 = 8e12;

/// What a pathway has delivered in a month.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// When its month began.
    pub month: DateTime<Utc>,
    /// Terabytes (10¹² bytes) since then.
    pub terabytes: f64,
    /// On which side of its lines it was.
    pub pace: Pace,
}

/// How a volume stands to what was committed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Neither too little nor too much, or nothing was committed to.
    #[default]
    OnLine,
    /// Too little so far: more is already paid for.
    Behind,
    /// Too much so far.
    Ahead,
}

/// The prices of a policy's pathways, and the volumes that they rest on: those of before where they are known. Neither for a
/// pathway that declares no cost.
pub fn prices(
    policy: &Policy,
    before: &[Option<Volume>],
    now: DateTime<Utc>,
) -> (Vec<Option<Volume>>, Vec<Option<f64>>) {
    let each = policy.pathways.iter().enumerate().map(|(i, pathway)| {
        let Some(cost) = &pathway.cost else { return (None, None) };
        let mut volume = before.get(i).copied().flatten().unwrap_or_else(|| Volume::start(Some(cost), now));
        let price = volume.price(cost, now);
        (Some(volume), Some(price))
    });
    each.unzip()
}

impl Volume {
    /// Of a pathway of which nothing is known: on its line so far.
    pub fn start(cost: Option<&Cost>, now: DateTime<Utc>) -> Self {
        let committed = cost.and_then(|cost| cost.commit_min).unwrap_or(0.0);
        Self { month: month(now), terabytes: committed * elapsed(now), pace: Pace::OnLine }
    }

    /// So many bits more; a new month begins with nothing.
    pub fn add(&mut self, bits: f64, now: DateTime<Utc>) {
        if month(now) > self.month {
            (self.month, self.terabytes, self.pace) = (month(now), 0.0, Pace::OnLine);
        }
        self.terabytes += bits / TERABYTE;
    }

    /// What the next terabyte costs, per terabyte; and notes on which side of the lines that is.
    pub fn price(&mut self, cost: &Cost, now: DateTime<Utc>) -> f64 {
        let gone = elapsed(now);
        self.pace = pace(cost, self.terabytes, gone, self.pace);
        match self.pace {
            Pace::Behind => 0.0,
            Pace::Ahead => UNWANTED,
            Pace::OnLine => self.tier(cost),
        }
    }

    /// The price of the tier that it stands in.
    pub(crate) fn tier(&self, cost: &Cost) -> f64 {
        let tier = cost.tiers.iter().rev().find(|tier| tier.above <= self.terabytes);
        tier.or(cost.tiers.first()).map_or(0.0, |tier| tier.per_tb)
    }
}

fn pace(cost: &Cost, terabytes: f64, gone: f64, was: Pace) -> Pace {
    // Of which side it was, it is until it reaches the line again.
    let band = |side: Pace| if was == side { 0.0 } else { BAND };
    let behind = cost.commit_min.is_some_and(|least| terabytes < least * (gone - band(Pace::Behind)));
    let ahead = cost.commit_max.is_some_and(|most| terabytes > most * (gone + band(Pace::Ahead)).min(1.0));
    match (ahead, behind) {
        (true, _) => Pace::Ahead,
        (false, true) => Pace::Behind,
        (false, false) => Pace::OnLine,
    }
}

/// When the calendar month of `now` began.
fn month(now: DateTime<Utc>) -> DateTime<Utc> {
    let first = now.date_naive().with_day(1).unwrap_or(now.date_naive());
    first.and_time(NaiveTime::MIN).and_utc()
}

/// The share of its calendar month that is gone, 0…1.
fn elapsed(now: DateTime<Utc>) -> f64 {
    let begun = month(now);
    let ends = begun.checked_add_months(Months::new(1)).unwrap_or(begun + TimeDelta::days(31));
    (now - begun).num_seconds() as f64 / (ends - begun).num_seconds().max(1) as f64
}

#[cfg(test)]
mod tests {
    use fairway_policies::CostTier;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn cost(commit_min: Option<f64>, commit_max: Option<f64>) -> Cost {
        let tiers = [(0.0, 30.0), (100.0, 20.0)].map(|(above, per_tb)| CostTier { above, per_tb });
        Cost { tiers: tiers.to_vec(), commit_min, commit_max }
    }

    fn volume(terabytes: f64) -> Volume {
        Volume { month: at("2026-11-01T00:00:00Z"), terabytes, pace: Pace::OnLine }
    }

    /// Half the month is gone.
    const MIDDLE: &str = "2026-11-16T00:00:00Z";

    #[test]
    fn the_next_terabyte_has_the_price_of_its_tier() {
        let free = cost(None, None);
        for (terabytes, price) in [(0.0, 30.0), (99.9, 30.0), (100.0, 20.0), (5_000.0, 20.0)] {
            assert_eq!(volume(terabytes).price(&free, at(MIDDLE)), price, "{terabytes} TB");
        }
    }

    #[test]
    fn a_commitment_is_paced_over_the_month() {
        let committed = cost(Some(200.0), Some(400.0));
        for (terabytes, price) in [(98.0, 0.0), (100.0, 20.0), (199.0, 20.0), (203.0, UNWANTED)] {
            assert_eq!(volume(terabytes).price(&committed, at(MIDDLE)), price, "{terabytes} TB");
        }
        assert_eq!(volume(399.0).price(&committed, at("2026-11-30T23:59:59Z")), 20.0, "up to the maximum at the end");
        assert_eq!(volume(400.1).price(&committed, at("2026-11-30T23:59:59Z")), UNWANTED, "and not beyond");
    }

    #[test]
    fn near_its_line_a_pathway_changes_sides_seldom() {
        let committed = cost(Some(200.0), None);
        let mut volume = volume(99.5);
        assert_eq!(volume.price(&committed, at(MIDDLE)), 30.0, "a little behind is not behind");
        volume.terabytes = 98.5;
        assert_eq!(volume.price(&committed, at(MIDDLE)), 0.0);
        volume.terabytes = 99.9;
        assert_eq!(volume.price(&committed, at(MIDDLE)), 0.0, "and behind until it has caught up");
        volume.terabytes = 100.1;
        assert_eq!(volume.price(&committed, at(MIDDLE)), 20.0);
    }

    #[test]
    fn a_month_begins_with_nothing_and_an_unknown_one_on_the_line() {
        let committed = cost(Some(200.0), None);
        let mut volume = Volume::start(Some(&committed), at(MIDDLE));
        assert!((volume.terabytes - 100.0).abs() < 1e-9);
        volume.add(8e12, at(MIDDLE));
        assert!((volume.terabytes - 101.0).abs() < 1e-9);
        volume.add(4e12, at("2026-12-01T00:00:01Z"));
        assert_eq!((volume.month, volume.terabytes), (at("2026-12-01T00:00:00Z"), 0.5));
    }
}
