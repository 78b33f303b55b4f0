//! Whose beacon is it: which service, and which pathway does it speak of?
//!
//! No player says which CDN served it. What a request record says of itself is best: the host in its `url`. A session's
//! other records (a stall, a start) are about what the session is fetching from, so they go by the host of its latest
//! requests, and where it has told none of late, by the pathway it named when it last polled steering.
//!
//! The service is the one that the beacon URL names, or that the session is known for, if only by its steering polls; the
//! host decides where neither does. That order matters to services that share their CDNs.
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
    /// The session told how much media it has in store, milliseconds; we got that at `now_ms`, Unix milliseconds. Who steers
    /// wants to know who can afford a try.
    fn buffered(&self, session: &str, buffer_ms: u32, now_ms: i64);
    /// Whether there is such a service.
    fn is_service(&self, id: &str) -> bool;
    /// The only service of this node, where there is just one.
    fn only_service(&self) -> Option<Arc<str>>;
}

/// The outcome for one record.
#[derive(Debug)]
pub(crate) struct Owner {
    pub service: Arc<str>,
    /// Of the record itself, or else of its session.
    pub pathway: Option<Arc<str>>,
}

/// Attributes one record; `explicit` is the `service` of the beacon URL, known to exist. What is found is noted in the
/// record's session.
pub(crate) fn attribute(
    beacon: &Beacon,
    explicit: Option<&Arc<str>>,
    mut session: Option<&mut Session>,
    known: &dyn Attribution,
    now_ms: i64,
) -> Result<Owner, Cause> {
    let polled = || known.of_session(beacon.session.as_deref()?);
    let told = explicit.or_else(|| session.as_ref().and_then(|s| s.service.as_ref())).cloned();
    // Before the host: services often share their CDNs, and a session polls for one of them.
    let told = told.or_else(|| Some(polled()?.service));
    let ours = |a: &Attributed| told.as_ref().is_none_or(|service| *service == a.service);
    let host = beacon.url.as_deref().and_then(host);
    let by_host = host.as_deref().and_then(|h| known.of_host(told.as_deref(), h)).filter(ours);

    let strangers = host.is_some() && by_host.is_none();
    let mut pathway = by_host.as_ref().and_then(|a| a.pathway.clone());
    if let Some(requested) = &pathway {
        session.iter_mut().for_each(|s| s.requested = Some((requested.clone(), now_ms)));
    } else if !strangers {
        let requested = session.as_ref().and_then(|s| s.requested.clone());
        let fresh =
            requested.as_ref().filter(|(_, at)| now_ms - at <= REQUESTS_SPEAK_MS).map(|(pathway, _)| pathway.clone());
        pathway = fresh.or_else(|| polled().filter(ours)?.pathway).or_else(|| requested.map(|(pathway, _)| pathway));
    }
    let service = (by_host.map(|a| a.service))
        .or_else(|| told.clone())
        .or_else(|| known.only_service())
        .ok_or(Cause::NoService)?;
    session.iter_mut().for_each(|s| s.service = Some(service.clone()));
    Ok(Owner { service, pathway })
}

/// The host of an absolute URL, as [`Attribution::of_host`] wants it.
fn host(url: &str) -> Option<String> {
    match Url::parse(url).ok()?.host()? {
        Host::Domain(name) => Some(name.to_ascii_lowercase()),
        Host::Ipv4(address) => Some(IpAddr::from(address).to_string()),
        Host::Ipv6(address) => Some(IpAddr::from(address).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two services; `shared.test` serves both, `live.test` is steered by DNS.
    struct Known {
        polled: Option<&'static str>,
    }

    fn attributed(service: &str, pathway: Option<&str>) -> Option<Attributed> {
        Some(Attributed { service: service.into(), pathway: pathway.map(Into::into) })
    }

    impl Attribution for Known {
        fn of_host(&self, service: Option<&str>, host: &str) -> Option<Attributed> {
            match (host, service) {
                ("a.test", _) => attributed("live", Some("a")),
                ("b.test", _) => attributed("live", Some("b")),
                ("::1", _) => attributed("live", Some("six")),
                ("live.test", _) => attributed("live", None),
                ("shared.test", Some("vod")) => attributed("vod", Some("shared")),
                ("both.test", Some("live")) => attributed("live", Some("both")),
                // The first by its id, for whoever does not say which.
                ("both.test", _) => attributed("archive", Some("both")),
                _ => None,
            }
        }
        fn of_session(&self, _: &str) -> Option<Attributed> {
            attributed("live", Some(self.polled?))
        }
        fn buffered(&self, _: &str, _: u32, _: i64) {}
        fn is_service(&self, id: &str) -> bool {
            ["live", "vod"].contains(&id)
        }
        fn only_service(&self) -> Option<Arc<str>> {
            None
        }
    }

    fn beacon(url: &str) -> Beacon {
        let url = Some(url.to_owned()).filter(|u| !u.is_empty());
        Beacon { session: Some("s".into()), url, ..Beacon::default() }
    }

    #[test]
    fn a_session_is_on_the_pathway_of_its_latest_requests_then_of_steering() {
        let known = Known { polled: Some("polled") };
        let mut session = Session::default();
        for (at, url, service, pathway) in [
            (0, "", "live", Some("polled")),
            (1_000, "https://A.test:8090/s1.m4s", "live", Some("a")),
            (2_000, "", "live", Some("a")),
            (3_000, "https://licences.example/key", "live", None),
            (4_000, "", "live", Some("a")),
            (5_000, "https://live.test/s2.m4s", "live", Some("a")),
            (6_000, "http://[::1]:80/s3.m4s", "live", Some("six")),
            (7_000, "https://b.test/s4.m4s", "live", Some("b")),
            (7_000 + REQUESTS_SPEAK_MS, "", "live", Some("b")),
            (7_001 + REQUESTS_SPEAK_MS, "", "live", Some("polled")),
        ] {
            let owner = attribute(&beacon(url), None, Some(&mut session), &known, at).expect("a service");
            assert_eq!((&*owner.service, owner.pathway.as_deref()), (service, pathway), "{url} at {at}");
        }
    }

    #[test]
    fn a_host_of_two_services_serves_the_one_that_the_session_polls_for() {
        let known = Known { polled: Some("a") };
        let owner = attribute(&beacon("https://both.test/1"), None, Some(&mut Session::default()), &known, 0);
        let owner = owner.expect("a service");
        assert_eq!((&*owner.service, owner.pathway.as_deref()), ("live", Some("both")));
    }

    #[test]
    fn old_requests_are_better_than_nothing() {
        let known = Known { polled: None };
        let mut session = Session::default();
        attribute(&beacon("https://a.test/1"), None, Some(&mut session), &known, 0).expect("a service");
        let owner =
            attribute(&beacon(""), None, Some(&mut session), &known, 10 * REQUESTS_SPEAK_MS).expect("a service");
        assert_eq!(owner.pathway.as_deref(), Some("a"));
    }

    #[test]
    fn the_service_is_the_urls_or_the_hosts_or_refused() {
        let known = Known { polled: None };
        let service = |url, explicit: Option<&str>| {
            let explicit = explicit.map(Arc::from);
            attribute(&beacon(url), explicit.as_ref(), None, &known, 0).map(|o| (o.service.to_string(), o.pathway))
        };
        assert_eq!(service("", None), Err(Cause::NoService));
        assert_eq!(service("https://shared.test/1", None), Err(Cause::NoService));
        assert_eq!(service("https://shared.test/1", Some("vod")), Ok(("vod".into(), Some("shared".into()))));
        assert_eq!(service("https://a.test/1", None), Ok(("live".into(), Some("a".into()))));
        assert_eq!(service("https://a.test/1", Some("vod")), Ok(("vod".into(), None)), "another service's host");
    }
}
