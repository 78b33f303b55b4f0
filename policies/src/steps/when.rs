//! `when`: which clients a step is for.

use std::fmt::Display;

use crate::{
    model::{Matcher, When},
    reading::{Absent, Fields, Key, values},
    words::enumerate,
};

/// The kinds of condition. All that are given must hold; within one, any value matches.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "continent",
        absent: Absent::Nothing,
        takes: "a list of continent codes (AF AN AS EU NA OC SA), such as [\"SA\"]",
    },
    Key {
        name: "country",
        absent: Absent::Nothing,
        takes: "a list of two-letter country codes (ISO 3166-1), such as [\"DE\", \"AT\"]",
    },
    Key {
        name: "asn",
        absent: Absent::Nothing,
        takes: "a list of autonomous system numbers, such as [3320, \"AS13335\"]",
    },
    Key {
        name: "cidr",
        absent: Absent::Nothing,
        takes: "a list of address prefixes, such as [\"192.0.2.0/24\", \"2001:db8::/32\"]",
    },
];

/// Reads a step's `when`; without one the step is for everyone.
pub(super) fn read(step: &Fields<'_, '_>) -> When {
    let Some(when) = step.inner("when", "`when`", KEYS) else {
        return When::default();
    };
    When {
        continent: Matcher { any: when.list("continent", values::continent).unwrap_or_default(), not: Vec::new() },
        country: Matcher { any: when.list("country", values::country).unwrap_or_default(), not: Vec::new() },
        asn: Matcher { any: when.list("asn", values::asn).unwrap_or_default(), not: Vec::new() },
        cidr: Matcher { any: when.list("cidr", values::cidr).unwrap_or_default(), not: Vec::new() },
        ..When::default()
    }
}

/// ` when country is DE, AT or CH and network is AS3320`; nothing for a step that is for everyone.
pub(super) fn describe(when: &When) -> String {
    let kinds = [
        condition("continent is", &when.continent.any),
        condition("country is", &when.country.any),
        condition("network is", &when.asn.any),
        condition("address is in", &when.cidr.any),
    ];
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    if kinds.is_empty() { String::new() } else { format!(" when {}", kinds.join(" and ")) }
}

fn condition(is: &str, values: &[impl Display]) -> Option<String> {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    (!values.is_empty()).then(|| format!("{is} {}", enumerate("or", &values)))
}
