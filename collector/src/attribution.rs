//! Whose beacon is it: which service, and which pathway does it speak of?
//!
//! No player says which CDN served it. What a request record says of itself is best: the host in its `url`. A session's
//! other records (a stall, a start) are about what the session is fetching from, so they go by the host of its latest
//! requests, and where it has told none of late, by the pathway it named when it last polled steering.
//!
//! A request to a host that is nobody's (a licence server, an advertisement) keeps no pathway: its failure says nothing
//! about any of ours. A record whose *service* cannot be told is refused, since it would land in nobody's statistics and
//! nobody would notice.

use std::{net::IpAddr, sync::Arc};

use url::{Host, Url};

use crate::{error::Cause, record::Beacon, session::Session};

/// For how long a session's own requests speak louder than its steering polls, milliseconds. Players fetch a segment every
/// few seconds while they play, so a minute of silence means that requests are not being reported (any more).
const REQUESTS_SPEAK_MS: i64 = 60_000;

/// Who a host or a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributed {
    /// Service id.
    pub service: Arc<str>,
    /// Pathway id; `None` for a name that stands for the service as a whole, as one steered by DNS does.
    pub pathway: Option<Arc<str>>,
}

/// What the node knows of hosts and sessions. The command implements it over steering.
pub trait Attribution: Send + Sync + 'static {
    /// Who serves under `host` (lower case; an address without brackets; no port). `service` narrows the search where
    /// several services share a host: an answer for another service is taken for none.
    fn of_host(&self, service: Option<&str>, host: &str) -> Option<Attributed>;
    /// What the session last told steering.
    fn of_session(&self, session: &str) -> Option<Attributed>;
    /// Whether there is such a service.
    fn is_service(&self, id: &str) -> bool;
    /// The only service of this node, where there is just one.
    fn only_service(&self) -> Option<Arc<str>>;
}

/// The outcome for one record.
pub(crate) struct Owner {
    pub service: Arc<str>,
    /// Of the record itself, or else of its session.
    pub pathway: Option<Arc<str>>,
}

/// Attributes one record; `explicit` is the `service` of the beacon URL, known to exist. What the record's own `url` says
/// is noted in the session.
pub(crate) fn attribute(
    beacon: &Beacon,
    explicit: Option<&Arc<str>>,
    session: Option<&mut Session>,
    known: &dyn Attribution,
    now_ms: i64,
) -> Result<Owner, Cause> {
    let service = explicit.or_else(|| session.as_ref().and_then(|s| s.service.as_ref())).cloned();
    let ours = |a: &Attributed| service.as_ref().is_none_or(|s| *s == a.service);
    let host = beacon.url.as_deref().and_then(host);
    let of_host = host.as_deref().and_then(|h| known.of_host(service.as_deref(), h)).filter(ours);
    let of_session = || beacon.session.as_deref().and_then(|sid| known.of_session(sid)).filter(ours);

    let strangers = host.is_some() && of_host.is_none();
    let (mut owner, mut pathway) = of_host.map_or((None, None), |a| (Some(a.service), a.pathway));
    if let Some(session) = session {
        if let Some(requested) = &pathway {
            session.requested = Some((requested.clone(), now_ms));
        } else if !strangers {
            let (requested, at) = session.requested.clone().map_or((None, 0), |(p, at)| (Some(p), at));
            let fresh = requested.clone().filter(|_| now_ms - at <= REQUESTS_SPEAK_MS);
            pathway = fresh.or_else(|| of_session().and_then(|a| a.pathway)).or(requested);
        }
        owner = owner
            .or_else(|| service.clone())
            .or_else(|| of_session().map(|a| a.service))
            .or_else(|| known.only_service());
        session.service.clone_from(&owner);
    } else {
        owner = owner.or(service).or_else(|| known.only_service());
    }
    owner.map(|service| Owner { service, pathway }).ok_or(Cause::NoService)
}

/// The host of an absolute URL, as [`Attribution::of_host`] wants it.
fn host(url: &str) -> Option<String> {
    match Url::parse(url).ok()?.host()? {
        Host::Domain(name) => Some(name.to_ascii_lowercase()),
        Host::Ipv4(address) => Some(IpAddr::from(address).to_string()),
        Host::Ipv6(address) => Some(IpAddr::from(address).to_string()),
    }
}
