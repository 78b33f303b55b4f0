//! `[[pathway]]`, its location and its probe.

use std::time::Duration;

use fairway_geo::Coordinates;

use super::cost;
use crate::{
    model::{Alpn, Pathway, PathwayAnswer, Probe, ProbeTarget},
    reading::{Bounds, Choice, Code, Fault, Fields, Key, Kind, Reader, Table, Value, places, values},
};

/// A pathway.
pub(crate) const TABLE: Table = Table {
    name: "a pathway",
    title: "`[[pathway]]`",
    doc: "File order is the order of preference where no step says otherwise. There are 32 at most. A pathway with neither \
          `addresses` nor `cname` is steered over HTTP only; when the policy has `names`, one pathway at least must say what \
          DNS should answer.",
    keys: &[
        Key::needed(
            "id",
            Kind::Id,
            "\"cdn-a\"",
            "Its id, the same that manifests give as `PATHWAY-ID` (HLS) or `serviceLocation` (DASH).",
        ),
        Key::needed(
            "url",
            Kind::Url,
            "\"https://cdn-a.example.net/live/\"",
            "Under which its content is, without a query; a missing `/` at the end is added. Viewers' reports are told apart \
             by its host, so each pathway needs a host of its own.",
        ),
        Key::optional(
            "addresses",
            Kind::List(&Kind::Address),
            "none",
            "[\"192.0.2.1\", \"2001:db8::1\"]",
            "What DNS answers.",
        ),
        Key::optional(
            "cname",
            Kind::HostName,
            "none",
            "\"cdn-a.example.net\"",
            "Instead of `addresses`: what DNS answers as CNAME, beside which it knows no other record. At the apex of a zone, \
             where none can be, it is resolved, and DNS answers its addresses.",
        ),
        Key::optional(
            "alpn",
            Kind::List(&Kind::word::<Alpn>()),
            "no HTTPS record",
            "[\"h3\", \"h2\"]",
            "What it speaks, for HTTPS and SVCB records (RFC 9460), which tell the URL's port and the `addresses` too. Clients \
             take HTTP/1.1 for granted. A `cname`'s host has such records of its own.",
        ),
        Key::optional(
            "location",
            Kind::Table(&LOCATION),
            "not known",
            "{ lat = 52.5, lon = 13.4 }",
            "Where it is, for `nearest`.",
        ),
        Key::optional(
            "capacity",
            Kind::BitRate,
            "not known",
            "\"40 Gbit/s\"",
            "What it can carry, for `capacity` and for the scaling trigger.",
        ),
        Key::default(
            "scale_at",
            Kind::Number(Bounds::SOME),
            "0.8",
            "The share of `capacity` at which the scaling trigger fires.",
        ),
        Key::optional(
            "cost",
            Kind::Table(&cost::TABLE),
            "not known",
            "{ per_tb = 20 }",
            "What its traffic costs, for `cheapest`.",
        ),
        Key::optional(
            "probe",
            Kind::Table(&PROBE),
            "not probed",
            "{ url = \"https://cdn-a.example.net/healthz\", interval = \"2s\" }",
            "How the node finds out by itself whether it works.",
        ),
    ],
    choice: Choice::AtMost(&["addresses", "cname"]),
    examples: &["[[pathway]]\nid = \"cdn-a\"\nurl = \"https://cdn-a.example.net/live/\"\naddresses = [\"192.0.2.1\", \
         \"2001:db8::1\"]\nalpn = [\"h3\", \"h2\"]\nlocation = { lat = 52.5, lon = 13.4 }\ncapacity = \"40 Gbit/s\"\nscale_at = 0.7\ncost = { per_tb \
         = 20 }\nprobe = { tcp = \"cdn-a.example.net:443\", interval = \"5s\", rise = 3 }"],
};

/// Where something is.
pub(crate) const LOCATION: Table = Table {
    name: "a location",
    title: "`location`",
    doc: "Degrees (WGS 84).",
    keys: &[
        Key::needed("lat", Kind::Number(Bounds::of(-90.0, 90.0)), "52.5", "Latitude, north positive."),
        Key::needed("lon", Kind::Number(Bounds::of(-180.0, 180.0)), "13.4", "Longitude, east positive."),
    ],
    choice: Choice::Free,
    examples: &[],
};

const HOUR: Duration = Duration::from_secs(3600);

/// A pathway's probe.
pub(super) const PROBE: Table = Table {
    name: "a probe",
    title: "`probe`",
    doc: "",
    keys: &[
        Key::optional(
            "url",
            Kind::Url,
            "see `tcp`",
            "\"https://cdn-a.example.net/healthz\"",
            "GET this; 2xx and 3xx are successes. The connection goes to the pathway's first address, if it has one.",
        ),
        Key::optional("tcp", Kind::HostPort, "see `url`", "\"cdn-a.example.net:443\"", "Open a connection to it."),
        Key::default(
            "interval",
            Kind::Duration(Duration::from_millis(100), HOUR),
            "\"2s\"",
            "From one probe's start to the next. ±10 %, and half of it while `rise` or `fall` is not reached yet.",
        ),
        Key::default(
            "timeout",
            Kind::Duration(Duration::from_millis(1), HOUR),
            "\"1s\"",
            "After which a probe has failed; not longer than the interval.",
        ),
        Key::default("rise", Kind::Integer(1, 1000), "2", "Successes in a row that make the pathway up."),
        Key::default("fall", Kind::Integer(1, 1000), "2", "Failures in a row that make it down."),
    ],
    choice: Choice::One(&["url", "tcp"]),
    examples: &[],
};

/// Reads one `[[pathway]]`; `None` when something that it cannot be without is missing or wrong.
pub(super) fn read(reader: &Reader<'_>, value: &Value<'_>) -> Option<Pathway> {
    let fields = Fields::table(reader, value, &TABLE, &[])?;
    let id = fields.read("id", values::id);
    let url = fields.read("url", |v, kind| {
        let mut url = values::http_url(v, kind)?;
        if url.query().is_some() {
            return Err(Fault::new(Code::Malformed, "a pathway's URL is a folder: it has no query"));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(String::from(url))
    });
    let answer = answer(&fields);
    let alpn = alpn(&fields, url.as_deref());
    let location = fields.inner("location").and_then(|fields| self::location(&fields));
    let probe = fields.inner("probe").and_then(|fields| self::probe(&fields));
    let cost = fields.inner("cost").and_then(|fields| cost::read(&fields));
    let capacity = fields.read("capacity", values::bit_rate);
    let scale_at = fields.read("scale_at", values::number);
    if fields.has("scale_at") && !fields.has("capacity") {
        let fault = Fault::new(Code::Alone, "`scale_at` is a share of a capacity, and there is none");
        fields.report("scale_at", fault.help("say how much it can carry, as in capacity = \"400 Mbit/s\""));
    }
    Some(Pathway { id: id?, url: url?, answer, alpn, probe, capacity, scale_at: scale_at?, location, cost })
}

fn answer(fields: &Fields<'_, '_>) -> PathwayAnswer {
    let addresses = fields.list("addresses", places::address);
    let cname = fields.read("cname", values::host_name);
    match (addresses, cname) {
        (Some(addresses), _) => PathwayAnswer::Addresses(addresses),
        (None, Some(cname)) => PathwayAnswer::Cname(cname),
        (None, None) => PathwayAnswer::None,
    }
}

/// An HTTPS record is for those addresses, and makes clients come over TLS (RFC 9460 §9.5).
fn alpn(fields: &Fields<'_, '_>, url: Option<&str>) -> Vec<Alpn> {
    let alpn = fields.list("alpn", values::word::<Alpn>);
    if alpn.is_some() && !fields.has("addresses") {
        let fault = Fault::new(Code::Alone, "`alpn` says what these `addresses` speak, and there are none");
        fields.report("alpn", fault.help("leave it out: the host of a `cname` has HTTPS records of its own"));
    } else if alpn.is_some() && url.is_some_and(|url| url.starts_with("http:")) {
        let fault =
            Fault::new(Code::Contradiction, "an HTTPS record makes clients come over TLS, and this `url` does not");
        fields.report("alpn", fault.help("begin the `url` with https://, or leave `alpn` out"));
    }
    alpn.unwrap_or_default()
}

/// Reads a table of [`LOCATION`].
pub(super) fn location(fields: &Fields<'_, '_>) -> Option<Coordinates> {
    let (latitude, longitude) = (fields.read("lat", values::number), fields.read("lon", values::number));
    Some(Coordinates { latitude: latitude? as f32, longitude: longitude? as f32 })
}

fn probe(fields: &Fields<'_, '_>) -> Option<Probe> {
    let url = fields.read("url", values::http_url).map(|url| ProbeTarget::Http(url.into()));
    let tcp = fields.read("tcp", values::host_port).map(ProbeTarget::Tcp);
    let (interval, timeout) = (fields.read("interval", values::duration), fields.read("timeout", values::duration));
    if interval.zip(timeout).is_some_and(|(interval, timeout)| timeout > interval) {
        let place = if fields.has("timeout") { "timeout" } else { "interval" };
        let fault = Fault::new(Code::Crossed, "this probe's timeout is longer than its interval");
        fields.report(place, fault.help("a probe must be over before the next begins; the timeout is 1s unless given"));
    }
    let (rise, fall) = (fields.read("rise", values::integer), fields.read("fall", values::integer));
    Some(Probe { target: url.or(tcp)?, interval: interval?, timeout: timeout?, rise: rise?, fall: fall? })
}
