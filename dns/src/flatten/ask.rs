//! One question to recursive resolvers: over UDP, and over TCP where the answer was cut short.
//!
//! hickory-net asks: each question from a port of its own and under an id of its own, both by chance (RFC 5452), and what comes
//! back for another question is passed over. Over TCP nobody looks at the question that comes back, so it is done here.
//!
//! The resolvers are asked in turn until one knows: an answer with addresses, or a denial. Whatever else comes of one (no
//! answer in [`PATIENCE`], SERVFAIL, REFUSED, a message that makes no sense) is that one's failure, and the next is asked.
//! Chains of CNAMEs are the resolver's to follow: of its answer the addresses count, whatever name they stand under, and the
//! shortest lifetime of all records on the way.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_proto::{
    op::{DnsRequest, DnsRequestOptions, DnsResponse, Query, ResponseCode},
    rr::{
        Name, RData, RecordType,
        rdata::opt::{ClientSubnet, EdnsOption},
    },
};
use hickory_server::net::{
    NetError,
    runtime::TokioRuntimeProvider,
    tcp::TcpClientStream,
    udp::UdpClientStream,
    xfer::{DnsHandle, DnsRequestSender, FirstAnswer},
};
use ipnet::IpNet;

use super::known::Outcome;

/// How long a resolver may take, over each transport. One that has nothing cached asks several servers for it; who takes
/// longer is down.
const PATIENCE: Duration = Duration::from_secs(3);

/// After which a datagram is sent once more, should the first be lost.
const REPEAT_AFTER: Duration = Duration::from_secs(1);

/// Datagrams a question.
const DATAGRAMS: u8 = 2;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The type of its records.
    pub(crate) fn rtype(self) -> RecordType {
        match self {
            Self::V4 => RecordType::A,
            Self::V6 => RecordType::AAAA,
        }
    }
}

/// Asks the resolvers, beginning with that of number `turn`, for the addresses of `host` as told to clients in `subnet`.
pub(crate) async fn ask(
    resolvers: &[SocketAddr],
    turn: usize,
    host: &str,
    family: Family,
    subnet: Option<IpNet>,
) -> Outcome {
    let Some(query) = query(host, family) else { return Outcome::Failed };
    let (later, first) = resolvers.split_at(turn % resolvers.len().max(1));
    for resolver in first.iter().chain(later) {
        match exchange(*resolver, &query, subnet).await {
            Ok(response) => match outcome(&response, family) {
                Outcome::Failed => {
                    tracing::debug!(%resolver, host, ?family, code = %response.response_code, "a CDN's host is not resolved");
                }
                told => return told,
            },
            Err(error) => tracing::debug!(%resolver, host, ?family, %error, "a CDN's host is not resolved"),
        }
    }
    Outcome::Failed
}

/// `None` for what is no host name; policies have none such.
fn query(host: &str, family: Family) -> Option<Query> {
    let mut name = Name::from_ascii(host).ok()?;
    name.set_fqdn(true);
    Some(Query::query(name, family.rtype()))
}

async fn exchange(resolver: SocketAddr, query: &Query, subnet: Option<IpNet>) -> Result<DnsResponse, NetError> {
    let mut options = DnsRequestOptions::default();
    options.retry_interval = REPEAT_AFTER;
    let mut request = DnsRequest::from_query(query.clone(), options);
    if let (Some(subnet), Some(edns)) = (subnet, request.edns.as_mut()) {
        let option = ClientSubnet::new(subnet.network(), subnet.prefix_len(), 0);
        edns.options_mut().insert(EdnsOption::Subnet(option));
    }
    let provider = TokioRuntimeProvider::new();
    let udp = UdpClientStream::builder(resolver, provider.clone());
    let mut udp = udp.with_timeout(Some(PATIENCE)).with_max_retries(DATAGRAMS).build();
    let response = udp.send_message(request.clone()).first_answer().await?;
    if !response.truncation {
        return Ok(response);
    }
    let tcp = TcpClientStream::exchange(resolver, None, PATIENCE, None, provider).await?;
    let response = tcp.send(request).first_answer().await?;
    if response.queries != [query.clone()] {
        return Err(NetError::from("the answer is to another question"));
    }
    Ok(response)
}

/// What the response says.
fn outcome(response: &DnsResponse, family: Family) -> Outcome {
    if response.truncation || !matches!(response.response_code, ResponseCode::NoError | ResponseCode::NXDomain) {
        return Outcome::Failed;
    }
    let on_the_way = response.answers.iter().filter(|r| [RecordType::CNAME, family.rtype()].contains(&r.record_type()));
    let shortest = on_the_way.map(|record| record.ttl).min();
    let addresses = response.answers.iter().filter_map(|record| match (&record.data, family) {
        (RData::A(a), Family::V4) => Some(IpAddr::V4(a.0)),
        (RData::AAAA(aaaa), Family::V6) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    });
    let addresses: Vec<IpAddr> = addresses.filter(is_a_host).collect();
    if !addresses.is_empty() {
        return Outcome::Found { addresses, ttl: shortest.unwrap_or(0) };
    }
    if !response.recursion_available {
        return Outcome::Failed; // it has nothing, and did not ask those who may
    }
    // RFC 2308 §5: the SOA record's own lifetime, or the one in it, if that is shorter.
    let soa = response.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    });
    Outcome::Denied { ttl: soa.into_iter().chain(shortest).min().unwrap_or(0) }
}

/// Whether it can be a host's address at all: filtering resolvers say 0.0.0.0 or :: for what they do not want to resolve.
fn is_a_host(address: &IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast()
}
