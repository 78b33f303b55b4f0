//! `[[pathway]]` and its probe.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    model::{Pathway, PathwayAnswer, Probe, ProbeTarget},
    reading::{Absent, Fault, Fields, Key, Reader, Value, values},
};

/// The keys of a pathway.
pub(crate) const KEYS: &[Key] = &[
    Key { name: "id", absent: Absent::Refused, takes: "an id of letters, digits, `.`, `_` and `-`, such as \"cdn-a\"" },
    Key {
        name: "url",
        absent: Absent::Refused,
        takes: "the http or https URL under which the content is, such as \"https://cdn-a.example.net/live/\"",
    },
    Key {
        name: "addresses",
        absent: Absent::Nothing,
        takes: "a list of addresses, such as [\"192.0.2.1\", \"2001:db8::1\"]",
    },
    Key { name: "cname", absent: Absent::Nothing, takes: "a host name, such as \"cdn-a.example.net\"" },
    Key { name: "capacity", absent: Absent::Nothing, takes: "a bit rate, such as \"400 Mbit/s\" or \"40 Gbit/s\"" },
    Key {
        name: "scale_at",
        absent: Absent::Means("0.8"),
        takes: "a share of the capacity above 0, up to 1, such as 0.8",
    },
    Key {
        name: "probe",
        absent: Absent::Nothing,
        takes: "a table, such as { url = \"https://cdn-a.example.net/healthz\", interval = \"2s\" }",
    },
];

/// The keys of a pathway's `probe`.
pub(crate) const PROBE: &[Key] = &[
    Key {
        name: "url",
        absent: Absent::Nothing,
        takes: "an http or https URL, such as \"https://cdn-a.example.net/healthz\"",
    },
    Key { name: "tcp", absent: Absent::Nothing, takes: "a host and port, such as \"cdn-a.example.net:443\"" },
    Key { name: "interval", absent: Absent::Means("\"2s\""), takes: "a duration from 100ms to 1h, such as \"2s\"" },
    Key {
        name: "timeout",
        absent: Absent::Means("\"1s\""),
        takes: "a duration no longer than the interval, such as \"1s\"",
    },
    Key { name: "rise", absent: Absent::Means("2"), takes: "how many successes in a row make it up, 1 at least" },
    Key { name: "fall", absent: Absent::Means("2"), takes: "how many failures in a row make it down, 1 at least" },
];

const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
const TIMES: RangeInclusive<u32> = 1..=1000;

/// Reads one `[[pathway]]`; `None` when something that it cannot be without is missing or wrong.
pub(crate) fn read(reader: &Reader<'_>, value: &Value<'_>) -> Option<Pathway> {
    let fields = Fields::open(reader, value, "a pathway", KEYS)?;
    let id = fields.read("id", values::id);
    let url = fields.read("url", |v| {
        let mut url = values::http_url(v)?;
        if url.query().is_some() {
            return Err(Fault::new("a pathway's URL is a folder: it has no query"));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(String::from(url))
    });
    let answer = answer(&fields);
    let probe = fields.inner("probe", "a probe", PROBE).and_then(|fields| self::probe(&fields));
    let capacity = fields.read("capacity", values::bit_rate);
    let scale_at = fields.read("scale_at", |v| values::number(v, "above 0, and 1 at most", |n| n > 0.0 && n <= 1.0));
    if let (Some(value), None) = (fields.table.get("scale_at"), fields.table.get("capacity")) {
        let fault = Fault::new("`scale_at` is a share of a capacity, and there is none");
        reader.report(value.span(), fault.help("say how much it can carry, as in capacity = \"400 Mbit/s\""));
    }
    let scale_at = scale_at.unwrap_or(0.8);
    Some(Pathway { id: id?, url: url?, answer, probe, capacity, scale_at, location: None, cost: None })
}

fn answer(fields: &Fields<'_, '_>) -> PathwayAnswer {
    let addresses = fields.list("addresses", values::address);
    let cname = fields.read("cname", values::host_name);
    if let (Some(_), Some(cname)) = (fields.table.get("addresses"), fields.table.get("cname")) {
        let fault = Fault::new("a pathway has `addresses` or a `cname`, not both");
        fields
            .reader
            .report(cname.span(), fault.help("DNS does not allow other records beside a CNAME: keep one of the two"));
    }
    match (addresses, cname) {
        (Some(addresses), _) => PathwayAnswer::Addresses(addresses),
        (None, Some(cname)) => PathwayAnswer::Cname(cname),
        (None, None) => PathwayAnswer::None,
    }
}

fn probe(fields: &Fields<'_, '_>) -> Option<Probe> {
    let reader = fields.reader;
    let url = fields.read("url", values::http_url).map(|url| ProbeTarget::Http(url.into()));
    let tcp = fields.read("tcp", values::host_port).map(ProbeTarget::Tcp);
    match (fields.table.get("url"), fields.table.get("tcp")) {
        (Some(_), Some(tcp)) => {
            reader.report(tcp.span(), Fault::new("a probe asks a `url` or opens a `tcp` port, not both"))
        }
        (None, None) => {
            let fault = Fault::new("a probe needs something to ask");
            reader.report(
                fields.span.clone(),
                fault.help("give it a `url` to GET, or a `tcp` host and port to connect to"),
            );
        }
        _ => {}
    }
    let interval = fields.read("interval", |v| values::duration(v, INTERVAL)).unwrap_or(Duration::from_secs(2));
    let timeout = fields.read("timeout", |v| values::duration(v, Duration::from_millis(1)..=*INTERVAL.end()));
    let timeout = timeout.unwrap_or(Duration::from_secs(1));
    if timeout > interval {
        let place = fields.table.get("timeout").or(fields.table.get("interval"));
        let place = place.map_or(fields.span.clone(), Value::span);
        let fault = Fault::new("this probe's timeout is longer than its interval");
        reader.report(place, fault.help("a probe must be over before the next begins; the timeout is 1s unless given"));
    }
    let rise = fields.read("rise", |v| values::integer(v, TIMES)).unwrap_or(2);
    let fall = fields.read("fall", |v| values::integer(v, TIMES)).unwrap_or(2);
    Some(Probe { target: url.or(tcp)?, interval, timeout, rise, fall })
}
