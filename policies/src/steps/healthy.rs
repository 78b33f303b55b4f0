//! `healthy`: sets aside what does not work.
//!
//! Why these defaults: under 90 % over five minutes is where NS1 and Openmix call a pathway unavailable. Three minutes of
//! ramp are half a minute of trial and five doublings of half a minute each, which is as long as the evidence for each takes.
//! In simulation a cache that is cold at first is overrun on a ramp of one minute (its load comes to 128 %), brought just to
//! its limit on one of two (98 %), and left room on one of three (82 %).

use std::time::Duration;

use super::{Definition, percent};
use crate::{
    model::{Availability, Healthy, StepKind},
    reading::{Bounds, Choice, Fields, Key, Kind, Table, pathways::Ids, values},
};

const HOUR: Duration = Duration::from_secs(3600);

pub(super) const DEFINITION: Definition = Definition {
    name: "healthy",
    table: Table {
        name: "a `healthy` step",
        title: "`do = \"healthy\"`",
        doc: "Sets aside what is down or drained. Such a pathway comes last in a steering list, and DNS answers it only \
              where no other has an address. If too few would be left, everything stays (*panic*): a wrong verdict on all \
              must not be an outage. A pathway that was down does not get its crowd back at once: a few sessions that can \
              afford it try it first, then the share of clients for whom it counts as fit grows over `ramp`. One whose \
              probes pass while viewers' requests fail loses half of its clients with every ten seconds that speak against \
              it, and not all at once: if it is only overloaded, it keeps what it can carry. A verdict is of a \
              pathway and not of a client: where several steps are `healthy`, the first says `availability`, `over` and `ramp`.",
        keys: &[
            Key::default(
                "panic",
                Kind::Number(Bounds::SHARE),
                "0",
                "When less than this share of the pathways would be left, all are kept; 0: when none would be.",
            ),
            Key::default(
                "availability",
                Kind::Number(Bounds::NOT_ALL),
                "0.9",
                "Of viewers' requests, the share that must succeed: under it the pathway counts as down. 0 leaves it to \
                 the probes.",
            ),
            Key::default(
                "over",
                Kind::Duration(Duration::from_secs(30), HOUR),
                "\"5m\"",
                "Over how long `availability` is looked at.",
            ),
            Key::default(
                "ramp",
                Kind::Duration(Duration::ZERO, HOUR),
                "\"3m\"",
                "How long a pathway that was down takes until everyone may use it again, and one that lost a part of its \
                 clients at the same pace; `\"0s\"`: both go and come back at once.",
            ),
        ],
        choice: Choice::Free,
        examples: &["[[step]]\ndo = \"healthy\"", "[[step]]\ndo = \"healthy\"\npanic = 0.3\nramp = \"2m\""],
    },
    needs: None,
    read,
};

fn read(fields: &Fields<'_, '_>, _: &Ids) -> Option<StepKind> {
    let panic = fields.read("panic", values::number);
    let least = fields.read("availability", values::number);
    let over = fields.read("over", values::duration);
    let ramp = fields.read("ramp", values::duration);
    let least = least.filter(|least| *least > 0.0);
    let availability = least.zip(over).map(|(least, over)| Availability { least, over });
    Some(StepKind::Healthy(Healthy { panic: panic?, availability, ramp: ramp? }))
}

pub(super) fn describe(healthy: &Healthy) -> String {
    let mut text = String::from("set aside what is down or drained");
    if healthy.panic > 0.0 {
        text += &format!(", while {} at least are left", percent(healthy.panic));
    }
    text
}
