//! The time windows of `when`.

use chrono::Weekday;
use chrono_tz::Tz;

use crate::{
    model::Window,
    reading::{Choice, Code, Fault, Fields, Key, Kind, Table, values},
    words::enumerate,
};

/// The keys of a time window.
pub(crate) const TABLE: Table = Table {
    name: "a time window",
    title: "A time window",
    doc: "Everything given must hold. `to` before `from` goes over midnight: the span belongs to the day on which it began. \
          Clock and calendar are those of `zone`, with its daylight-saving changes.",
    keys: &[
        Key::optional(
            "days",
            Kind::List(&Kind::word::<Weekday>()),
            "every day",
            "[\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]",
            "On these days of the week.",
        ),
        Key::optional("from", Kind::Hour, "all day", "\"18:00\"", "From this time of day on; needs `to`."),
        Key::optional("to", Kind::Hour, "all day", "\"23:00\"", "Up to this time of day; needs `from`."),
        Key::default("zone", Kind::Zone, "\"UTC\"", "Whose clock and calendar, by the name in the IANA database."),
        Key::optional("since", Kind::Instant, "from ever", "2026-11-20T18:00:00Z", "Not before this instant."),
        Key::optional("until", Kind::Instant, "for ever", "2026-11-20T23:30:00+01:00", "Not from this instant on."),
    ],
    choice: Choice::Free,
    examples: &[
        "when.time = [\n  { days = [\"fri\", \"sat\"], from = \"18:00\", to = \"02:00\", zone = \"Europe/Berlin\" },\n  { \
         since = 2026-11-20T18:00:00Z, until = 2026-11-21T00:00:00Z },\n]",
    ],
};

/// Reads the windows at `time`.
pub(super) fn read(when: &Fields<'_, '_>) -> Vec<Window> {
    when.tables("time").iter().filter_map(window).collect()
}

fn window(fields: &Fields<'_, '_>) -> Option<Window> {
    let days = fields.list("days", values::word).unwrap_or_default();
    let (from, to) = (fields.read("from", values::hour), fields.read("to", values::hour));
    for (one, other) in [("from", "to"), ("to", "from")] {
        if fields.has(one) && !fields.has(other) {
            let fault = Fault::new(Code::Alone, format!("a time window with `{one}` needs `{other}`"));
            fields.report(one, fault.help(format!("write {other} = \"…\" too; the day ends at \"00:00\"")));
        }
    }
    let zone = fields.read("zone", values::zone);
    let (since, until) = (fields.read("since", values::instant), fields.read("until", values::instant));
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        let fault = Fault::new(Code::Crossed, "this time window ends before it begins");
        fields.report("until", fault.help("give an `until` after `since`"));
    }
    Some(Window { days, hours: from.zip(to), zone: zone?, since, until })
}

/// `it is Fri or Sat from 18:00 to 02:00 in Europe/Berlin`.
pub(super) fn describe(window: &Window) -> String {
    let mut parts = vec!["it is".to_owned()];
    let days: Vec<String> = window.days.iter().map(Weekday::to_string).collect();
    parts.extend((!days.is_empty()).then(|| enumerate("or", &days)));
    parts.extend(window.hours.map(|(from, to)| format!("from {} to {}", from.format("%H:%M"), to.format("%H:%M"))));
    if parts.len() > 1 && window.zone != Tz::UTC {
        parts.push(format!("in {}", window.zone.name()));
    }
    parts.extend(window.since.map(|since| format!("since {}", since.format("%Y-%m-%dT%H:%M:%SZ"))));
    parts.extend(window.until.map(|until| format!("until {}", until.format("%Y-%m-%dT%H:%M:%SZ"))));
    if parts.len() == 1 { "it is any time".into() } else { parts.join(" ") }
}
