//! Many questions: from resolvers in many networks, as they would come, so that each asks no more than a server that limits the
//! rate of its replies takes from one network; as many under way as a socket's buffer surely holds, and asked again when lost.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    str::FromStr,
    time::Duration,
};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{
        Name, RData, RecordType,
        rdata::opt::{ClientSubnet, EdnsCode, EdnsOption},
    },
};
use ipnet::IpNet;

/// Questions of one resolver. The limit is some hundreds a second where there is one.
const EACH: usize = 100;
/// Questions under way. A socket's usual buffer holds some 250 small datagrams.
const WINDOW: usize = 64;
/// After so long without any reply, those under way are asked again.
const SILENCE: Duration = Duration::from_millis(500);
/// So often in a row, and no oftener.
const TRIES: usize = 20;

/// What a server said to one client.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// The one address of the answer.
    pub address: IpAddr,
    /// SCOPE PREFIX-LENGTH.
    pub scope: u8,
}

/// Asks for `www.geo.test` for each client, and gives what was said to each.
pub fn ask(server: SocketAddr, clients: &[IpNet]) -> Vec<Said> {
    let resolvers = (1..=u8::MAX).map(|network| Ipv4Addr::new(127, 1, network, 1));
    assert!(clients.len() <= EACH * usize::from(u8::MAX), "too many for as many resolvers");
    resolvers.zip(clients.chunks(EACH)).flat_map(|(resolver, clients)| ask_from(resolver, server, clients)).collect()
}

/// The same, from one resolver.
fn ask_from(resolver: Ipv4Addr, server: SocketAddr, clients: &[IpNet]) -> Vec<Said> {
    let socket = connect(resolver, server, SILENCE);
    let mut said: Vec<Option<Said>> = vec![None; clients.len()];
    let (mut next, mut under_way, mut silent) = (0, Vec::with_capacity(WINDOW), 0);
    let mut buffer = [0; 1232];
    while next < clients.len() || !under_way.is_empty() {
        while next < clients.len() && under_way.len() < WINDOW {
            socket.send(&question(next as u16, clients[next])).unwrap();
            under_way.push(next);
            next += 1;
        }
        match socket.recv(&mut buffer) {
            Ok(length) => {
                silent = 0;
                let (id, heard) = read(&buffer[..length]).unwrap_or_else(|what| panic!("{server}: {what}"));
                let at = usize::from(id);
                said[at] = Some(heard);
                under_way.retain(|index| *index != at);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                silent += 1;
                assert!(silent < TRIES, "{server} says no more; {} under way", under_way.len());
                for index in &under_way {
                    socket.send(&question(*index as u16, clients[*index])).unwrap();
                }
            }
            Err(error) => panic!("{server}: {error}"),
        }
    }
    said.into_iter().map(|said| said.expect("each was answered")).collect()
}

/// One question, once; `None` where there is no good answer yet.
pub fn reply(server: SocketAddr, client: IpNet) -> Option<Said> {
    let socket = connect(Ipv4Addr::LOCALHOST, server, Duration::from_millis(100));
    socket.send(&question(0, client)).ok()?;
    let mut buffer = [0; 1232];
    let length = socket.recv(&mut buffer).ok()?;
    read(&buffer[..length]).ok().map(|(_, said)| said)
}

fn connect(resolver: Ipv4Addr, server: SocketAddr, patience: Duration) -> UdpSocket {
    let socket = UdpSocket::bind((resolver, 0)).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    socket
}

fn question(id: u16, client: IpNet) -> Vec<u8> {
    let mut question = Message::new(id, MessageType::Query, OpCode::Query);
    question.add_query(Query::query(Name::from_str("www.geo.test.").unwrap(), RecordType::A));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    edns.options_mut().insert(EdnsOption::Subnet(ClientSubnet::new(client.addr(), client.prefix_len(), 0)));
    question.edns = Some(edns);
    question.to_vec().unwrap()
}

/// A reply's id, and what it says; or what is wrong with it.
fn read(octets: &[u8]) -> Result<(u16, Said), String> {
    let reply = Message::from_vec(octets).map_err(|error| error.to_string())?;
    let addresses: Vec<IpAddr> = reply
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        })
        .collect();
    let subnet = reply.edns.as_ref().and_then(|edns| edns.option(EdnsCode::Subnet));
    match (reply.metadata.response_code, &addresses[..], subnet) {
        (ResponseCode::NoError, [address], Some(EdnsOption::Subnet(subnet))) => {
            Ok((reply.metadata.id, Said { address: *address, scope: subnet.scope_prefix() }))
        }
        _ => Err(format!("one address and a client subnet were expected: {reply:?}")),
    }
}
