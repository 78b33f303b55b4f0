//! `when`: which clients a step is for, and when.

use std::fmt::Display;

use toml::de::DeValue;

use super::window;
use crate::{
    model::{Device, Matcher, Protocol, Stream, When},
    reading::{Choice, Code, Fault, Fields, Key, Kind, Table, places, values},
    words::enumerate,
};

/// The two keys of each kind of condition: what it takes, and what it takes none of.
macro_rules! conditions {
    ($($name:literal, $kind:expr, $example:literal, $doc:literal;)* and $($other:expr),*) => {
        &[
            $(Key::optional($name, Kind::List(&$kind), "any", $example, $doc),
            Key::optional(concat!($name, "_not"), Kind::List(&$kind), "none", $example,
                concat!("As `", $name, "`, but none of these.")),)*
            $($other,)*
        ]
    };
}

/// The kinds of condition.
pub(crate) const TABLE: Table = Table {
    name: "`when`",
    title: "`when`",
    doc: "All kinds of condition that are given must hold; within one, any value matches, and none of its `_not` may. What \
          is not known of a client is no value at all: a client of an unknown country fails `country` and passes \
          `country_not`. Over DNS neither device, content nor stream is known. Over HTTP players tell them by \
          `device`, `cid` and `st` in the query, or by CMCD; what does not tell its device is known by its user agent.",
    keys: conditions! {
        "continent", Kind::Continent, "[\"SA\"]", "On which continent.";
        "country", Kind::Country, "[\"DE\", \"AT\"]", "In which country.";
        "subdivision", Kind::Subdivision, "[\"US-CA\"]", "In which state or province.";
        "asn", Kind::Asn, "[3320, \"AS13335\"]", "In which network.";
        "cidr", Kind::Prefix, "[\"192.0.2.0/24\", \"2001:db8::/32\"]", "At which addresses.";
        "protocol", Kind::word::<Protocol>(), "[\"dns\"]",
            "How it asks: by DNS, by content steering of HLS or DASH, or `http` for redirects, manifests and decisions.";
        "device", Kind::word::<Device>(), "[\"tv\"]", "On what it plays.";
        "content", Kind::Text, "[\"sports/\"]", "What it watches: beginnings of the content's id.";
        and
        Key::optional("stream", Kind::word::<Stream>(), "both", "\"live\"", "Live, or on demand."),
        Key::optional("time", Kind::List(&Kind::Table(&window::TABLE)), "always",
            "[{ from = \"18:00\", to = \"23:00\" }]", "In any of these time windows.")
    },
    choice: Choice::Free,
    examples: &[
        "when = { country = [\"DE\", \"AT\"], asn = [3320, \"AS8447\"] } # in Germany or Austria, and in one of these networks",
        "when = { continent = [\"NA\"], subdivision_not = [\"US-AK\", \"US-HI\"], device = [\"tv\", \"console\"] }",
        "when = { stream = \"live\", content = [\"sports/\"], protocol_not = [\"dns\"] }",
    ],
};

/// Reads a step's `when`; without one the step is for everyone.
pub(super) fn read(step: &Fields<'_, '_>) -> When {
    let Some(when) = step.inner("when") else {
        return When::default();
    };
    When {
        continent: matcher(&when, "continent", places::continent),
        country: matcher(&when, "country", places::country),
        subdivision: matcher(&when, "subdivision", places::region),
        asn: matcher(&when, "asn", places::asn),
        cidr: matcher(&when, "cidr", places::cidr),
        protocol: matcher(&when, "protocol", values::word),
        device: matcher(&when, "device", values::word),
        content: matcher(&when, "content", values::text),
        stream: when.read("stream", values::word),
        time: window::read(&when),
    }
}

fn matcher<T: PartialEq>(
    when: &Fields<'_, '_>,
    name: &str,
    read: impl Fn(&DeValue<'_>, Kind) -> Result<T, Fault>,
) -> Matcher<T> {
    let not_name = format!("{name}_not");
    let any = when.list(name, &read).unwrap_or_default();
    let not = when.list(&not_name, read).unwrap_or_default();
    if any.iter().any(|value| not.contains(value)) {
        let message = format!("what `{not_name}` keeps out, `{name}` asks for");
        let help = format!("take it out of `{name}`, or out of `{not_name}`");
        when.report(&not_name, Fault::new(Code::Contradiction, message).help(help));
    }
    Matcher { any, not }
}

/// ` when country is DE, AT or CH and network is AS3320`; nothing for a step that is for everyone.
pub(super) fn describe(when: &When) -> String {
    let conditions = [
        said("continent is", "continent is not", &when.continent, |c| c.code()),
        said("country is", "country is not", &when.country, |c| c),
        said("subdivision is", "subdivision is not", &when.subdivision, |r| r),
        said("network is", "network is not", &when.asn, |a| a),
        said("address is in", "address is not in", &when.cidr, |c| c),
        said("protocol is", "protocol is not", &when.protocol, |p| p.word()),
        said("device is", "device is not", &when.device, |d| d.word()),
        said("content begins with", "content does not begin with", &when.content, |c| c),
    ];
    let mut all: Vec<String> = conditions.into_iter().flatten().flatten().collect();
    all.extend(when.stream.map(|stream| format!("stream is {}", stream.word())));
    let times: Vec<String> = when.time.iter().map(window::describe).collect();
    all.extend((!times.is_empty()).then(|| enumerate("or", &times)));
    if all.is_empty() { String::new() } else { format!(" when {}", all.join(" and ")) }
}

/// Both sides of a condition, as far as it has them.
fn said<'m, T, D: Display>(
    is: &str,
    is_not: &str,
    matcher: &'m Matcher<T>,
    text: impl Fn(&'m T) -> D,
) -> [Option<String>; 2] {
    let side = |verb: &str, values: &'m [T]| {
        let values: Vec<String> = values.iter().map(|value| text(value).to_string()).collect();
        (!values.is_empty()).then(|| format!("{verb} {}", enumerate("or", &values)))
    };
    [side(is, &matcher.any), side(is_not, &matcher.not)]
}
