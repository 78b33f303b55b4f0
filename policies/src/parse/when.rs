//! `when`: which clients a step is for.

use super::{
    reader::{Absent, Fields, Key},
    values,
};
use crate::model::When;

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
pub(crate) fn read(step: &Fields<'_, '_>) -> When {
    let Some(when) = step.inner("when", "`when`", KEYS) else {
        return When::default();
    };
    When {
        continent: when.list("continent", values::continent).unwrap_or_default(),
        country: when.list("country", values::country).unwrap_or_default(),
        asn: when.list("asn", values::asn).unwrap_or_default(),
        cidr: when.list("cidr", values::cidr).unwrap_or_default(),
    }
}
