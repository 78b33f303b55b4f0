//! Sockets around [`answer`]: hickory-server's loops for UDP and TCP.
//!
//! Those loops read a message, and answer by themselves what they cannot parse (FORMERR without question or OPT) or drop
//! it (under twelve octets, or itself a response). All others come here, and are answered by [`answer`].

pub mod accept;
pub mod certificates;
mod connections;
mod desk;
mod https;
pub mod limits;
mod message;
mod quic;
pub mod sockets;
mod stream;
mod sys;
#[cfg(test)]
mod tests;
pub(crate) mod udp;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use chrono::Utc;
use fairway_steering::Live;
use hickory_proto::{
    op::{Header, HeaderCounts, Message},
    rr::Record,
};
use hickory_server::{
    Server,
    net::{NetError, runtime::Time, xfer::Protocol},
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo},
    zone_handler::MessageResponseBuilder,
};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    answer::{Query, Transport, answer},
    metrics::{Cookie, Counted, Metrics, Truncated},
    transport,
    zones::Zones,
};

/// After which a TCP connection without a query is closed: long enough for a resolver's next one, short enough that idle
/// ones do not pile up (RFC 7766 §6.2.3: a few seconds).
const TCP_IDLE: Duration = Duration::from_secs(10);
/// Replies that may wait on one TCP connection. hickory answers them one by one, so that more than one is rare.
const TCP_PIPELINE: usize = 32;
/// How often another port is tried where UDP's, chosen by the kernel, is taken for TCP.
const PORT_TRIES: usize = 16;

/// A server that runs.
#[derive(Debug)]
pub struct Bound {
    /// Where it listens, over UDP and TCP alike, in the order asked for; ports 0 resolved.
    pub addresses: Vec<SocketAddr>,
    /// What it answers from; see [`Zones::reload`].
    pub zones: Arc<ArcSwap<Zones>>,
    /// Ends after `shutdown`, and before it only with an error.
    pub task: JoinHandle<Result<(), DnsError>>,
}

/// Why there is no DNS service.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// An address cannot be had. The operator's to mend.
    #[error("cannot listen for DNS on {address}: {source}")]
    Bind {
        /// As asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A listener failed; the others of this server have been closed too.
    #[error("a DNS listener failed: {0}")]
    Listener(#[from] NetError),
}

/// Listens on each address over UDP and TCP, and answers from `live` and `zones` until `shutdown`. All are bound when
/// this returns.
pub async fn serve(
    listen: &[SocketAddr],
    live: Arc<Live>,
    zones: Zones,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
) -> Result<Bound, DnsError> {
    let zones = Arc::new(ArcSwap::from_pointee(zones));
    let mut server = Server::new(Handler { live, zones: zones.clone(), metrics });
    let mut addresses = Vec::with_capacity(listen.len());
    for address in listen {
        let bind_error = |source| DnsError::Bind { address: *address, source };
        let (udp, tcp) = bind(*address).await.map_err(bind_error)?;
        addresses.push(udp.local_addr().map_err(bind_error)?);
        server.register_socket(udp);
        server.register_listener(tcp, TCP_IDLE, TCP_PIPELINE);
    }
    let task = tokio::spawn(async move {
        tokio::select! {
            ended = server.block_until_done() => return Ok(ended?),
            () = shutdown.cancelled() => {}
        }
        Ok(server.shutdown_gracefully().await?)
    });
    Ok(Bound { addresses, zones, task })
}

/// Both sockets of one address: for port 0, on one port that is free for both.
async fn bind(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let udp = UdpSocket::bind(address).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            tcp => return Ok((udp, tcp?)),
        }
    }
}

struct Handler {
    live: Arc<Live>,
    zones: Arc<ArcSwap<Zones>>,
    metrics: Arc<Metrics>,
}

impl Handler {
    fn reply(&self, request: &Request) -> Message {
        let query = Query {
            bytes: request.as_slice(),
            metadata: &request.metadata,
            questions: request.queries.queries(),
            edns: request.edns.as_ref(),
            source: request.src().ip(),
            transport: if request.protocol() == Protocol::Udp { Transport::Udp } else { Transport::Tcp },
        };
        let (snapshot, zones) = (self.live.snapshot.load(), self.zones.load());
        let reply = answer(&snapshot, &zones, &query, Utc::now());
        self.metrics.shared().answered(&Counted {
            transport: match query.transport {
                Transport::Udp => transport::Transport::Udp,
                Transport::Tcp => transport::Transport::Tcp,
            },
            rtype: query.questions.first().map(|q| q.query_type().into()),
            code: reply.message.metadata.response_code.into(),
            subnet: reply.subnet,
            truncated: reply.message.metadata.truncation.then_some(Truncated::Size),
            cookie: Cookie::None,
            place: reply.client.as_ref().filter(|_| !reply.decided.is_empty()).map(|client| client.located.place),
        });
        if let Some(client) = &reply.client {
            for (service, answer) in &reply.decided {
                self.live.recorder.answered(&snapshot, service, answer, || service.asker(client, answer.at));
            }
        }
        reply.message
    }
}

#[async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut to: R) -> ResponseInfo {
        let Message { metadata, answers, authorities, additionals, edns, .. } = self.reply(request);
        let no_soa: [&Record; 0] = []; // hickory keeps it apart from the other authorities; we do not
        let builder = MessageResponseBuilder::new(&request.queries, edns.as_ref());
        let response = builder.build(metadata, &answers, &authorities, no_soa, &additionals);
        to.send_response(response).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "a DNS reply could not be sent");
            Header { metadata, counts: HeaderCounts::default() }.into()
        })
    }
}
