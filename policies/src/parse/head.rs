//! The head of a file: what stands above the first `[[pathway]]`.

use super::{FILE_ENDING, case, pathway};
use crate::reading::{Choice, Code, Fault, Fields, Key, Kind, Table, values};

/// The file as a whole.
pub(crate) const TABLE: Table = Table {
    name: "the head of a policy",
    title: "The head",
    doc: "These keys stand above the first `[[pathway]]`.",
    keys: &[
        Key::optional(
            "service",
            Kind::Id,
            "the file's name",
            "\"live\"",
            "The service's id. It may only repeat the file's name, without `.policy.toml`.",
        ),
        Key::optional(
            "names",
            Kind::List(&Kind::HostName),
            "none: HTTP only",
            "[\"live.example.net\"]",
            "DNS answers queries of types A, AAAA, CNAME, HTTPS and SVCB for them by this policy.",
        ),
        Key::default(
            "client_subnet",
            Kind::Truth,
            "true",
            "Whether DNS decides for the client that a resolver tells of (EDNS Client Subnet, RFC 7871). If not, or where it \
             tells none, for the resolver's own address; resolvers are then told scope 0: that the answer is for all their \
             clients.",
        ),
        Key::default(
            "ttl",
            Kind::Seconds(5, 3600),
            "\"20s\"",
            "How long an answer is kept, over DNS and HTTP, while nothing in it is unsettled. Steering over HTTP spreads it \
             by ±10 % per client.",
        ),
        Key::optional(
            "ttl_min",
            Kind::Seconds(5, 3600),
            "half of `ttl`, 5s at least",
            "\"10s\"",
            "How long it is kept while something is: a pathway in it is not up or has just changed its verdict, or an \
             override is fresh. Not longer than `ttl`.",
        ),
        Key::needed("pathway", Kind::Tables(&pathway::TABLE), "", "The ways to fetch the content: one to 32."),
        Key::optional(
            "step",
            Kind::Steps,
            "no steps",
            "",
            "The chain. Without any step, pathways are tried in file order.",
        ),
        Key::optional("test", Kind::Tables(&case::TABLE), "no tests", "", "What `fairway test` looks at."),
    ],
    choice: Choice::Free,
    examples: &["names = [\"live.example.net\", \"www.live.example.net\"]\nttl = \"30s\"\nttl_min = \"10s\""],
};

/// The service's id, from the file's name; `service` may only repeat it.
pub(super) fn service(head: &Fields<'_, '_>, file: &str) -> Option<String> {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let Some(stem) = name.strip_suffix(FILE_ENDING).filter(|stem| values::is_id(stem)) else {
        let fault = Fault::new(Code::FileName, format!("{name:?} is not the name of a policy file"));
        let help = format!("name it <service>{FILE_ENDING}; {}", values::ID_HELP);
        head.reader.report(0..0, fault.help(help));
        return None;
    };
    head.read("service", |v, kind| match values::id(v, kind)? {
        same if same == stem => Ok(same),
        other => {
            let message = format!("the service is `{other}` here, but `{stem}` by the file's name");
            let help = format!("write service = \"{stem}\", or name the file {other}{FILE_ENDING}");
            Err(Fault::new(Code::OtherService, message).help(help))
        }
    });
    Some(stem.into())
}

/// How long answers are kept, in seconds: settled, and unsettled.
pub(super) fn ttls(head: &Fields<'_, '_>) -> Option<(u32, u32)> {
    let (ttl, least) = (head.read("ttl", values::seconds), head.read("ttl_min", values::seconds));
    let ttl = ttl?;
    if least.is_some_and(|least| least > ttl) {
        let fault = Fault::new(Code::Crossed, format!("`ttl_min` is longer than the `ttl`, {ttl}s"));
        head.report("ttl_min", fault.help("an unsettled answer is kept for less long, not for longer"));
    }
    Some((ttl, least.unwrap_or((ttl / 2).max(5))))
}
