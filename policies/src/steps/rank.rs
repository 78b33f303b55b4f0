//! `rank`: by what viewers saw.
//!
//! Why these defaults: 25 sessions are the smallest cohort that Conviva lets speak; a third is what Openmix asks of a
//! challenger, and inside a twentieth it calls a tie. Failing to start comes before all else, because a viewer who sees
//! nothing stalls nowhere; then what fails later, what stops, what is slow.

use super::{Definition, Ids};
use crate::{
    model::{Metric, Rank, StepKind},
    reading::{Absent, Fault, Fields, Key, values},
};

pub(super) const DEFINITION: Definition = Definition {
    name: "rank",
    keys: &[
        Key {
            name: "by",
            absent: Absent::Means("[\"start_failures\", \"request_errors\", \"stall_ratio\", \"startup_time\"]"),
            takes: "a list of metrics, the most important first, such as [\"stall_ratio\", \"startup_time\"]",
        },
        Key {
            name: "min_sessions",
            absent: Absent::Means("25"),
            takes: "how many sessions a cell needs to speak, 1 at least",
        },
        Key {
            name: "margin",
            absent: Absent::Means("0.33"),
            takes: "by what share a challenger must be better to pass, above 0 and below 1, such as 0.33",
        },
        Key {
            name: "tie",
            absent: Absent::Means("0.05"),
            takes: "by what share it must stay better to remain ahead, from 0 up to the margin, such as 0.05",
        },
    ],
    read,
};

fn read(fields: &Fields<'_, '_>, _: &Ids) -> Option<StepKind> {
    let by = fields.list("by", |v| values::word(v, "metric", &Metric::ALL));
    let by = by
        .unwrap_or_else(|| vec![Metric::StartFailures, Metric::RequestErrors, Metric::StallRatio, Metric::StartupTime]);
    let min_sessions = fields.read("min_sessions", |v| values::integer(v, 1..=1_000_000)).unwrap_or(25);
    let margin = fields.read("margin", |v| values::number(v, "above 0 and below 1", |n| n > 0.0 && n < 1.0));
    let tie = fields.read("tie", |v| values::number(v, "from 0 up to, not including, 1", |n| (0.0..1.0).contains(&n)));
    let (margin, tie) = (margin.unwrap_or(0.33), tie.unwrap_or(0.05));
    if tie > margin
        && let Some(place) = fields.table.get("tie").or(fields.table.get("margin"))
    {
        let fault = Fault::new(format!("the tie band ({tie}) is wider than the margin ({margin})"));
        let help = "a challenger that passes would fall back at once: give a `tie` of at most the `margin`";
        fields.reader.report(place.span(), fault.help(help));
    }
    let (half_life, settle) = (std::time::Duration::from_secs(30), std::time::Duration::from_secs(30));
    let by = crate::model::Compare::InOrder(by);
    Some(StepKind::Rank(Rank { by, min_sessions, half_life, margin, tie, pace: 0.25, settle }))
}

pub(super) fn describe(rank: &Rank) -> String {
    let by: Vec<&str> = rank.by.metrics().map(Metric::text).collect();
    let margin = (rank.margin * 100.0).round();
    let sessions = match rank.min_sessions {
        1 => "1 session".into(),
        n => format!("{n} sessions"),
    };
    format!("rank by {}: {margin} % better passes, from {sessions} on", by.join(", then "))
}
