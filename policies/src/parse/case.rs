//! `[[test]]`: client, circumstances, and what is expected.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fairway_geo::Place;

use super::pathway;
use crate::{
    explain::Unit,
    model::{Case, CaseCell, CaseClient, Device, Expect, Given, Metric, PathSet, Protocol, Stream},
    reading::{
        Bounds, Choice, Code, Fault, Fields, Key, Kind, Reader, Table, Value,
        pathways::{self, Ids, pathway as named},
        places, values,
    },
};

/// A test.
pub(crate) const TABLE: Table = Table {
    name: "a test",
    title: "`[[test]]`",
    doc: "What the author expects of the policy: `fairway test` decides for the client, in the circumstances given, by the same \
          code that answers. Tests know no geo data: a client is where the test says.",
    keys: &[
        Key::needed("name", Kind::Text, "\"Germany gets cdn-a\"", "What it shows. No two tests have the same."),
        Key::optional("client", Kind::Table(&CLIENT), "of an unknown place", "{ country = \"DE\" }", "Who asks."),
        Key::optional(
            "given",
            Kind::Table(&GIVEN),
            "all up, nothing measured",
            "{ down = [\"cdn-a\"] }",
            "In what circumstances.",
        ),
        Key::needed("expect", Kind::Table(&EXPECT), "{ first = \"cdn-a\" }", "What must come of it."),
    ],
    choice: Choice::Free,
    examples: &[
        "[[test]]\nname = \"Germany leaves a cdn-a that stalls\"\nclient = { country = \"DE\", asn = 3320 }\ngiven.cells = [\n  \
         { pathway = \"cdn-a\", country = \"DE\", sessions = 400, stall_ratio = 0.04 },\n  { pathway = \"cdn-b\", country = \
         \"DE\", sessions = 400, stall_ratio = 0.004 },\n]\nexpect = { first = \"cdn-b\" }",
    ],
};

pub(super) const CLIENT: Table = Table {
    name: "a test's client",
    title: "`client`",
    doc: "What is not said is not known. A subdivision tells the country, and a country the continent.",
    keys: &[
        Key::optional("continent", Kind::Continent, "its country's", "\"EU\"", "On which continent it is."),
        Key::optional("country", Kind::Country, "its subdivision's", "\"DE\"", "In which country."),
        Key::optional("subdivision", Kind::Subdivision, "not known", "\"US-CA\"", "In which state or province."),
        Key::optional("asn", Kind::Asn, "not known", "3320", "In which network."),
        Key::optional(
            "location",
            Kind::Table(&pathway::LOCATION),
            "not known",
            "{ lat = 52.5, lon = 13.4 }",
            "Its coordinates, for `nearest`.",
        ),
        Key::optional("address", Kind::Address, "not known", "\"192.0.2.7\"", "For `cidr`, and to be hashed by."),
        Key::optional("protocol", Kind::word::<Protocol>(), "`hls`", "\"dns\"", "How it asks."),
        Key::optional("device", Kind::word::<Device>(), "not known", "\"tv\"", "On what it plays."),
        Key::optional("content", Kind::Text, "not known", "\"sports/final\"", "What it watches."),
        Key::optional("stream", Kind::word::<Stream>(), "not known", "\"live\"", "Live, or on demand."),
        Key::optional("session", Kind::Text, "not known", "\"s-1\"", "Its session, to be hashed by."),
    ],
    choice: Choice::Free,
    examples: &[],
};

const PATHWAYS: Kind = Kind::List(&Kind::Pathway);

pub(super) const GIVEN: Table = Table {
    name: "a test's `given`",
    title: "`given`",
    doc: "What is not said is as on a good day: every pathway is up and back from any ramp, nothing is measured, and nothing \
          carried.",
    keys: &[
        Key::default("time", Kind::Instant, Given::NOON, "When."),
        Key::optional("down", PATHWAYS, "none", "[\"cdn-a\"]", "These do not work."),
        Key::optional("drained", PATHWAYS, "none", "[\"cdn-a\"]", "These are drained by an operator."),
        Key::optional("degraded", PATHWAYS, "none", "[\"cdn-a\"]", "These work badly."),
        Key::optional(
            "cells",
            Kind::List(&Kind::Table(&CELL)),
            "none",
            "[{ pathway = \"cdn-a\", country = \"DE\", stall_ratio = 0.04 }]",
            "What viewers saw, for `rank`.",
        ),
        Key::optional(
            "load",
            Kind::ByPathway(&Kind::BitRate),
            "none",
            "{ cdn-a = \"70 Mbit/s\" }",
            "What pathways carry now, for `capacity`.",
        ),
        Key::optional(
            "volume_tb",
            Kind::ByPathway(&Kind::Number(Bounds::from(0.0))),
            "none",
            "{ cdn-a = 480 }",
            "Terabytes delivered this month, for `cheapest`.",
        ),
    ],
    choice: Choice::Free,
    examples: &[],
};

const RATIO: Kind = Kind::Number(Bounds::SHARE);
const TIME: Kind = Kind::Duration(Duration::from_millis(1), Duration::from_secs(3600));

pub(super) const CELL: Table = Table {
    name: "a cell",
    title: "A cell",
    doc: "For whom: an `asn` of a `country`, a `country`, a `continent`, or without any of them the world. It holds for those \
          that are part of it as far as they have no cell of their own that says more.",
    keys: &[
        Key::needed("pathway", Kind::Pathway, "\"cdn-a\"", "Of which pathway."),
        Key::optional("continent", Kind::Continent, "its country's", "\"EU\"", "For this continent."),
        Key::optional("country", Kind::Country, "the wider", "\"DE\"", "For this country."),
        Key::optional("asn", Kind::Asn, "the wider", "3320", "For this network in the `country`."),
        Key::default("sessions", Kind::Integer(1, u32::MAX), "100", "How many sessions saw it."),
        Key::optional("stall_ratio", RATIO, "not seen", "0.01", "Time stalled over time watched."),
        Key::optional("start_failures", RATIO, "not seen", "0.02", "Playbacks that failed before the first picture."),
        Key::optional("request_errors", RATIO, "not seen", "0.001", "Requests that failed."),
        Key::optional("startup_time", TIME, "not seen", "\"850ms\"", "Typical time to the first picture."),
        Key::optional("ttfb", TIME, "not seen", "\"40ms\"", "Typical time to first byte."),
        Key::optional("bitrate", Kind::BitRate, "not seen", "\"4 Mbit/s\"", "Delivered."),
        Key::optional("throughput", Kind::BitRate, "not seen", "\"20 Mbit/s\"", "That players measured, typically."),
    ],
    choice: Choice::Free,
    examples: &[],
};

pub(super) const EXPECT: Table = Table {
    name: "a test's `expect`",
    title: "`expect`",
    doc: "What is not said is not looked at; something must be said.",
    keys: &[
        Key::optional("first", Kind::Pathway, "anything", "\"cdn-a\"", "First in the list."),
        Key::optional("order", PATHWAYS, "anything", "[\"cdn-a\", \"cdn-b\"]", "All that are not set aside, in order."),
        Key::optional("never", PATHWAYS, "anything", "[\"cdn-c\"]", "These are not answered at all."),
        Key::optional("aside", PATHWAYS, "anything", "[\"cdn-c\"]", "These are set aside: the last resort."),
        Key::optional(
            "share",
            Kind::ByPathway(&RATIO),
            "anything",
            "{ cdn-a = 0.6, cdn-b = 0.4 }",
            "Of ten thousand clients like this one, the share that gets each pathway first, within 0.02.",
        ),
        Key::optional(
            "reason",
            Kind::Text,
            "anything",
            "\"stall ratio\"",
            "Words of what `fairway explain` says of the first pathway.",
        ),
        Key::optional("ttl", Kind::Seconds(5, 3600), "anything", "\"10s\"", "How long the answer is kept."),
        Key::optional("panic", Kind::Truth, "anything", "true", "Whether all are kept since too little is healthy."),
    ],
    choice: Choice::Free,
    examples: &[],
};

/// Reads one `[[test]]` of a file whose pathways are `ids`.
pub(super) fn read(reader: &Reader<'_>, value: &Value<'_>, ids: &Ids) -> Option<Case> {
    let fields = Fields::table(reader, value, &TABLE, &[])?;
    let name = fields.read("name", values::text);
    let client = fields.inner("client").map(|fields| client(&fields)).unwrap_or_default();
    let given = match fields.inner("given") {
        Some(fields) => given(&fields, ids),
        None => Some(Given::default()),
    };
    let expect = fields.inner("expect").map(|fields| expect(&fields, ids));
    Some(Case { name: name?, line: reader.line(value.span()), client, given: given?, expect: expect? })
}

fn client(fields: &Fields<'_, '_>) -> CaseClient {
    CaseClient {
        address: fields.read("address", places::address),
        place: place(fields),
        protocol: fields.read("protocol", values::word),
        device: fields.read("device", values::word),
        content: fields.read("content", values::text),
        stream: fields.read("stream", values::word),
        session: fields.read("session", values::text),
    }
}

/// What these keys tell of a place, with what they imply. One that contradicts another is reported.
fn place(fields: &Fields<'_, '_>) -> Place {
    let mut place = Place {
        continent: fields.read("continent", places::continent),
        country: fields.read("country", places::country),
        asn: fields.read("asn", places::asn),
        ..Place::default()
    };
    if fields.kind("subdivision").is_some()
        && let Some(region) = fields.read("subdivision", places::region)
    {
        place.subdivision = Some(region.subdivision);
        if *place.country.get_or_insert(region.country) != region.country {
            let fault = Fault::new(Code::Contradiction, format!("{region} is not in this country"));
            fields.report("country", fault.help("leave the country out: the subdivision tells it"));
        }
    }
    if let Some((country, continent)) = place.country.and_then(|country| Some((country, country.continent()?)))
        && *place.continent.get_or_insert(continent) != continent
    {
        let fault = Fault::new(Code::Contradiction, format!("{country} is not on this continent"));
        fields.report("continent", fault.help("leave the continent out: the country tells it"));
    }
    if fields.kind("location").is_some() {
        place.coordinates = fields.inner("location").and_then(|fields| pathway::location(&fields));
    }
    place
}

fn given(fields: &Fields<'_, '_>, ids: &Ids) -> Option<Given> {
    let set = |key| pathways::set(fields, key, ids).unwrap_or_default();
    let cells = fields.tables("cells");
    let time = fields.read("time", values::instant);
    let given = Given {
        time: time.unwrap_or_default(),
        down: set("down"),
        drained: set("drained"),
        degraded: set("degraded"),
        load: pathways::by_pathway(fields, "load", ids, values::bit_rate).unwrap_or_default(),
        volume: pathways::by_pathway(fields, "volume_tb", ids, values::number).unwrap_or_default(),
        cells: cells.iter().filter_map(|fields| cell(fields, ids)).collect(),
    };
    time.map(|_| given)
}

fn cell(fields: &Fields<'_, '_>, ids: &Ids) -> Option<CaseCell> {
    let pathway = fields.read("pathway", |v, _| named(v, ids));
    let place = place(fields);
    if fields.has("asn") && !fields.has("country") {
        let fault = Fault::new(Code::Alone, "a cell of a network is of one country");
        fields.report("asn", fault.help("say of which: country = \"DE\""));
    }
    let sessions = fields.read("sessions", values::integer);
    let value = |name: &str, metric: Metric| match metric.unit() {
        Unit::Milliseconds => fields.read(name, values::duration).map(|time| time.as_secs_f64() * 1000.0),
        Unit::BitsPerSecond => fields.read(name, values::bit_rate).map(|rate| rate as f64),
        _ => fields.read(name, values::number),
    };
    let seen = Metric::ALL.iter().filter_map(|(name, metric)| Some((*metric, value(name, *metric)?))).collect();
    Some(CaseCell { pathway: pathway?, place, sessions: sessions?, values: seen })
}

fn expect(fields: &Fields<'_, '_>, ids: &Ids) -> Expect {
    let set = |key| pathways::set(fields, key, ids).unwrap_or_default();
    let expect = Expect {
        first: fields.read("first", |v, _| named(v, ids)),
        order: pathways::pathways(fields, "order", ids),
        never: set("never"),
        aside: set("aside"),
        share: pathways::by_pathway(fields, "share", ids, values::number).unwrap_or_default(),
        reason: fields.read("reason", values::text),
        ttl: fields.read("ttl", values::seconds),
        panic: fields.read("panic", values::truth),
    };
    if fields.table.is_empty() {
        let fault = Fault::new(Code::NothingExpected, "this test expects nothing: it cannot fail");
        fields.reader.report(fields.span.clone(), fault.help("say what must come of it, as in { first = \"cdn-a\" }"));
    }
    consistent(fields, &expect);
    expect
}

/// What is expected must be possible.
fn consistent(fields: &Fields<'_, '_>, expect: &Expect) {
    let listed: PathSet = expect.order.iter().flatten().chain(&expect.first).copied().collect();
    let contradiction = |key: &str, message: &str, help: &str| {
        fields.report(key, Fault::new(Code::Contradiction, message).help(help));
    };
    if expect.order.as_ref().zip(expect.first).is_some_and(|(order, first)| order.first() != Some(&first)) {
        contradiction("first", "this is not the first of the `order`", "leave `first` out: the order tells it");
    }
    if !listed.and(expect.never).is_empty() {
        contradiction("never", "what is never answered cannot be in the list", "take it out of one of the two");
    }
    if !expect.order.iter().flatten().copied().collect::<PathSet>().and(expect.aside).is_empty() {
        contradiction("aside", "what is set aside is not in the `order`", "take it out of one of the two");
    }
    let whole: f64 = expect.share.iter().map(|(_, share)| share).sum();
    if whole > 1.0 + 1e-9 {
        let fault =
            Fault::new(Code::OverWhole, format!("these shares add up to {}", (whole * 1000.0).round() / 1000.0));
        fields.report("share", fault.help("of all clients, 1 at most"));
    }
}

impl Default for Given {
    fn default() -> Self {
        let time = DateTime::parse_from_rfc3339(Given::NOON).map(|time| time.with_timezone(&Utc)).unwrap_or_default();
        let none = PathSet::default();
        Self { time, down: none, drained: none, degraded: none, cells: vec![], load: vec![], volume: vec![] }
    }
}
