//! `fairway override …`.

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, Utc};
use clap::{Args, Subcommand};
use fairway_dashboard::{format::parse_span, model};
use fairway_geo::{Asn, Continent, Country};

use crate::admin::DEFAULT_URL;

/// What to do about overrides.
#[derive(Debug, Subcommand)]
pub enum Override {
    /// Force pathways up, down, drained or to a share of clients
    #[command(after_help = SET_HELP)]
    Set(SetOverride),
    /// List what is forced
    List(ListOverrides),
    /// Take an override back
    Clear(ClearOverride),
}

const SET_HELP: &str = "\
A later override goes before an earlier one, pathway by pathway and client by client; clearing it brings the earlier back.
Examples:
  fairway override set --service live --pathway cdn-a --country DE drained --reason 'ticket 4711' --for 2h
  fairway override set --service '*' --pathway 'cdn-a*' down --reason 'wrong certificate'
  fairway override set --service live --pathway cdn-b 20% --reason 'slow start' --until 18:00";

/// The override.
#[derive(Debug, Args)]
pub struct SetOverride {
    /// Of this service: its id, or a pattern (`*` any characters, `?` one)
    #[arg(long, value_name = "ID")]
    pub service: String,
    /// This pathway: its id, or a pattern
    #[arg(long, value_name = "ID")]
    pub pathway: String,
    /// For clients in this continent only
    #[arg(long, value_name = "CODE")]
    pub continent: Option<Continent>,
    /// For clients in this country only
    #[arg(long, value_name = "CC")]
    pub country: Option<Country>,
    /// For clients in this network only
    #[arg(long, value_name = "NUMBER", value_parser = super::asn)]
    pub asn: Option<Asn>,
    /// `up` (whatever is found), `down` (it does not work), `drained` (on purpose), or fit for a share such as `20%`
    #[arg(value_name = "STATE", value_parser = state)]
    pub state: State,
    /// Why, for whoever sees it later
    #[arg(long)]
    pub reason: String,
    /// For so long: `90s`, `30m`, `2h`, `1d`; else until it is cleared
    #[arg(long = "for", value_name = "SPAN", value_parser = span, conflicts_with = "until")]
    pub lasts: Option<u32>,
    /// Until then (UTC): `18:00`, `2026-03-01 18:00`, or with a zone as in RFC 3339
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub until: Option<Until>,
    /// Who you are
    #[arg(long, env = "USER")]
    pub author: String,
    /// The live node's admin URL
    #[arg(long, value_name = "ADMIN_URL", default_value = DEFAULT_URL)]
    pub at: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Of which node.
#[derive(Debug, Args)]
pub struct ListOverrides {
    /// The live node's admin URL
    #[arg(long, value_name = "ADMIN_URL", default_value = DEFAULT_URL)]
    pub at: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which.
#[derive(Debug, Args)]
pub struct ClearOverride {
    /// Its number, as `list` shows it
    #[arg(value_name = "ID")]
    pub id: u64,
    /// Who you are
    #[arg(long, env = "USER")]
    pub author: String,
    /// The live node's admin URL
    #[arg(long, value_name = "ADMIN_URL", default_value = DEFAULT_URL)]
    pub at: String,
}

/// What is forced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// What.
    pub force: model::Force,
    /// And which share.
    pub share: Option<f32>,
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Until {
    /// Then.
    At(DateTime<Utc>),
    /// The next time that it is so late in the day, UTC.
    Clock(NaiveTime),
}

impl Until {
    /// When that is.
    pub fn after(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(time) => time,
            Self::Clock(time) => {
                let today = now.date_naive().and_time(time).and_utc();
                if today > now { today } else { today + Days::new(1) }
            }
        }
    }
}

fn state(text: &str) -> Result<State, String> {
    let plain = |force| Ok(State { force, share: None });
    match text {
        "up" => plain(model::Force::Up),
        "down" => plain(model::Force::Down),
        "drained" => plain(model::Force::Drained),
        _ => {
            let per_cent = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<f32>().ok());
            let share = per_cent.map(|number| number / 100.0).filter(|share| (0.0..=1.0).contains(share));
            let help = || "write `up`, `down`, `drained`, or a share from `0%` to `100%`".to_owned();
            Ok(State { force: model::Force::Share, share: Some(share.ok_or_else(help)?) })
        }
    }
}

fn span(text: &str) -> Result<u32, String> {
    parse_span(text).ok_or_else(|| "write a number and `s`, `m`, `h` or `d`, as in `90s`, `2h` or `1h30m`".into())
}

fn until(text: &str) -> Result<Until, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Until::At(time.to_utc()));
    }
    if let Ok(time) = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M") {
        return Ok(Until::At(time.and_utc()));
    }
    let clock = NaiveTime::parse_from_str(text, "%H:%M").map(Until::Clock);
    clock.map_err(|_| "write `18:00`, `2026-03-01 18:00` (UTC) or `2026-03-01T18:00:00+01:00`".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        assert_eq!(state("drained"), Ok(State { force: model::Force::Drained, share: None }));
        assert_eq!(state("12.5%"), Ok(State { force: model::Force::Share, share: Some(0.125) }));
        for wrong in ["drain", "101%", "20", "-1%", "NaN%", ""] {
            assert!(state(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn ends() {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let told = |text| until(text).unwrap().after(now).to_rfc3339();
        assert_eq!(told("18:00"), "2026-03-01T18:00:00+00:00");
        assert_eq!(told("12:00"), "2026-03-02T12:00:00+00:00", "tomorrow");
        assert_eq!(told("2026-03-05 08:30"), "2026-03-05T08:30:00+00:00");
        assert_eq!(told("2026-03-05T08:30:00+01:00"), "2026-03-05T07:30:00+00:00");
        assert!(until("6pm").is_err());
    }
}
