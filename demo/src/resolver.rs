//! A viewer's resolver: one question over UDP, with the viewer's subnet (RFC 7871).

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query},
    rr::{
        Name, RData, RecordType,
        rdata::opt::{ClientSubnet, EdnsOption},
    },
};
use tokio::net::UdpSocket;

/// Longer than any answer on loopback takes; a lost packet is asked again at the viewer's next turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a resolver could not do.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No answer in time.
    #[error("no answer in {} s", PATIENCE.as_secs())]
    Silence,
    /// The socket failed.
    #[error(transparent)]
    Socket(#[from] std::io::Error),
    /// Not a DNS message.
    #[error("not a DNS answer: {0}")]
    Garbled(String),
    /// No address in it.
    #[error("no address for {0}")]
    Nothing(String),
}

/// The first address of `name`, for a client at `client`, and for how long it holds.
pub async fn resolve(
    server: SocketAddr,
    name: &str,
    client: Ipv4Addr,
    id: u16,
) -> Result<(IpAddr, Duration), ResolveError> {
    let garbled = |error: &dyn std::fmt::Display| ResolveError::Garbled(error.to_string());
    let mut question = Message::new(id, MessageType::Query, OpCode::Query);
    let asked = Name::from_str(&format!("{name}.")).map_err(|e| garbled(&e))?;
    question.add_query(Query::query(asked, RecordType::A));
    let [a, b, c, _] = client.octets();
    let subnet = ClientSubnet::new(Ipv4Addr::new(a, b, c, 0).into(), 24, 0);
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    edns.options_mut().insert(EdnsOption::Subnet(subnet));
    question.edns = Some(edns);

    let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
    socket.connect(server).await?;
    socket.send(&question.to_vec().map_err(|e| garbled(&e))?).await?;
    let mut buffer = [0; 1232];
    let length =
        tokio::time::timeout(PATIENCE, socket.recv(&mut buffer)).await.map_err(|_| ResolveError::Silence)??;
    let answer = Message::from_vec(&buffer[..length]).map_err(|e| garbled(&e))?;
    answer
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::A(address) => Some((IpAddr::V4(address.0), Duration::from_secs(u64::from(record.ttl)))),
            _ => None,
        })
        .ok_or_else(|| ResolveError::Nothing(name.to_owned()))
}
