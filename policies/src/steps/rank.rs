//! `rank`: by what viewers saw.
//!
//! Why these defaults: 25 sessions are the smallest cohort that Conviva lets speak; a third is what Openmix asks of a
//! challenger, and inside a twentieth it calls a tie. Failing to start comes before all else, because a viewer who sees
//! nothing stalls nowhere; then what fails later, what stops, what is slow. Half a minute of memory sees each player about
//! three times. A quarter of an audience at a time, and half a minute until the next, let the load that moves show what it
//! does before more follows.

use std::time::Duration;

use toml::de::DeValue;

use super::{Definition, percent};
use crate::{
    explain::lasting,
    model::{Compare, Metric, Rank, StepKind},
    reading::{Bounds, Choice, Code, Fault, Fields, Key, Kind, Table, pathways::Ids, values},
    words,
};

const METRIC: Kind = Kind::word::<Metric>();
const WEIGHT: Bounds = Bounds { above: true, ..Bounds::of(0.0, 1000.0) };
const HOUR: Duration = Duration::from_secs(3600);

pub(super) const DEFINITION: Definition = Definition {
    name: "rank",
    table: Table {
        name: "a `rank` step",
        title: "`do = \"rank\"`",
        doc: "Reorders by what viewers saw: a pathway passes the one before it, even one of a better tier, when it is \
              clearly better for this audience. Two equals stay equals unless one of them is.\n\n\
              With a list, metrics are compared in the order of `by`: the first on which one of two pathways is better by \
              the `margin`, and by more than the uncertainty of the two, decides. With a table, all count at once, each \
              with its weight. Once ahead a pathway stays ahead while it is better by `tie`, so that small changes do not \
              send viewers back and forth.\n\n\
              An audience is a network in a country, a country, a continent, or the world. What is known of a narrow one is \
              weighed against what is known of the wider by how many sessions saw it (`min_sessions`) and how unlike its \
              parts are. A pathway of which nothing is known passes nobody and is passed by nobody.",
        keys: &[
            Key {
                example: "[\"stall_ratio\", \"startup_time\"]",
                ..Key::default(
                    "by",
                    Kind::Either(&Kind::List(&METRIC), &Kind::ByWord(&METRIC, &Kind::Number(WEIGHT))),
                    "[\"start_failures\", \"request_errors\", \"stall_ratio\", \"startup_time\"]",
                    "What is compared: the most important first, or each with its weight, as `{ stall_ratio = 3, \
                     startup_time = 1 }`. Of `bitrate` and `throughput` more is better, of the others less.",
                )
            },
            Key::default(
                "min_sessions",
                Kind::Integer(1, 1_000_000),
                "25",
                "How many sessions weigh as much as all that the wider audience says; of `start_failures` and \
                 `startup_time`, how many starts.",
            ),
            Key::default(
                "half_life",
                Kind::Duration(Duration::from_secs(5), HOUR),
                "\"30s\"",
                "After so long what was seen weighs half.",
            ),
            Key::default(
                "margin",
                Kind::Number(Bounds::PART),
                "0.33",
                "By what share a challenger must be better to pass.",
            ),
            Key::default(
                "tie",
                Kind::Number(Bounds::NOT_ALL),
                "0.05",
                "By what share it must stay better to remain ahead; not more than the `margin`.",
            ),
            Key::default("pace", Kind::Number(Bounds::SOME), "0.25", "The share of an audience that moves at a time."),
            Key::default(
                "settle",
                Kind::Duration(Duration::ZERO, HOUR),
                "\"30s\"",
                "From one move of an audience to the next, at least.",
            ),
        ],
        choice: Choice::Free,
        examples: &[
            "[[step]]\ndo = \"rank\"\nby = [\"stall_ratio\", \"ttfb\"]\nmargin = 0.25",
            "[[step]]\ndo = \"rank\"\nby = { stall_ratio = 3, startup_time = 1 }\nhalf_life = \"1m\"\npace = 0.1",
        ],
    },
    needs: None,
    read,
};

fn read(fields: &Fields<'_, '_>, _: &Ids) -> Option<StepKind> {
    let by = by(fields);
    let min_sessions = fields.read("min_sessions", values::integer);
    let half_life = fields.read("half_life", values::duration);
    let (margin, tie) = (fields.read("margin", values::number), fields.read("tie", values::number));
    if let Some((margin, tie)) = margin.zip(tie).filter(|(margin, tie)| tie > margin) {
        let fault = Fault::new(Code::Crossed, format!("the tie band ({tie}) is wider than the margin ({margin})"));
        let help = "a challenger that passes would fall back at once: give a `tie` of at most the `margin`";
        fields.report(if fields.has("tie") { "tie" } else { "margin" }, fault.help(help));
    }
    let (pace, settle) = (fields.read("pace", values::number), fields.read("settle", values::duration));
    Some(StepKind::Rank(Rank {
        by: by?,
        min_sessions: min_sessions?,
        half_life: half_life?,
        margin: margin?,
        tie: tie?,
        pace: pace?,
        settle: settle?,
    }))
}

fn by(fields: &Fields<'_, '_>) -> Option<Compare> {
    let Some(DeValue::Table(table)) = fields.table.get("by").map(|value| value.get_ref()) else {
        return fields.list("by", values::word).map(Compare::InOrder);
    };
    if table.is_empty() {
        fields.report("by", Fault::new(Code::EmptyList, "this table is empty").help("weigh a metric, or leave it out"));
    }
    let kind = fields.kind("by")?.entry();
    let entries = table.iter().map(|(name, value)| {
        let metric = values::word::<Metric>(&DeValue::String(name.get_ref().clone()), METRIC);
        let metric = metric.map_err(|fault| fields.reader.report(name.span(), fault)).ok();
        metric.zip(fields.check("by", value, values::number(value.get_ref(), kind)))
    });
    // All of them are read before the first that is wrong ends it.
    entries.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Compare::Weighted)
}

pub(super) fn describe(rank: &Rank) -> String {
    let by = match &rank.by {
        Compare::InOrder(metrics) => metrics.iter().map(|metric| metric.text()).collect::<Vec<_>>().join(", then "),
        Compare::Weighted(metrics) => {
            let weighed: Vec<String> = metrics.iter().map(|(metric, w)| format!("{} × {w}", metric.text())).collect();
            words::enumerate("and", &weighed)
        }
    };
    let sessions = match rank.min_sessions {
        1 => "1 session".into(),
        n => format!("{n} sessions"),
    };
    let (margin, pace) = (percent(rank.margin), percent(rank.pace));
    let settle = lasting(rank.settle.as_secs_f64());
    format!("rank by {by}: {margin} better passes, from {sessions} on, {pace} at a time every {settle}")
}
