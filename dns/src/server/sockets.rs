//! The sockets that a server listens on: bound here, or taken over from the server that runs already.
//!
//! # Many sockets, one address
//! For UDP there is one socket a thread, all bound to one address (SO_REUSEPORT, socket(7)): the kernel spreads clients over
//! them by a hash of both addresses and ports, and no thread waits for another. Any process of the same user could join such a
//! group, a second server by mistake among them, which would take a share of the queries. So the first socket of a group
//! is bound alone, which fails where there is another, and only then opened to those that follow.
//!
//! TCP needs one listener an address: connections are few, and tokio spreads their work. It is bound before UDP, so that a
//! mistake is found before any datagram goes astray. On port 0 the kernel chooses, for TCP; where UDP's port of that number is
//! taken, another is tried.
//!
//! # Buffers
//! What arrives while a thread is at work, or the process waits for a core, waits in the socket: [`RECEIVE_BUFFER`] holds some
//! 10,000 queries (the kernel counts 768 octets and more for each), or a pause of 40 ms at the most that one core answers.
//! More would only make answers that are late anyway: resolvers ask again after some 400 ms. The kernel may grant less
//! (net.core.rmem_max). [`SEND_BUFFER`] holds several batches of the largest replies, so that sending never has to wait.
//!
//! # Addresses
//! A wildcard address is bound for its own family only (IPV6_V6ONLY), so that `[::]` and `0.0.0.0` can stand beside each other, and
//! its UDP sockets are told the address that each datagram was sent to: the reply must come from there.
//!
//! # Handing over
//! Sockets can be sent to another process over a Unix socket. Both then have the very same sockets, with whatever waits in
//! them: each datagram is read by one of the two, and when the first closes its own, nothing is lost. A successor takes
//! those whose address it was asked to listen on too, binds what is missing, and closes the others. More UDP sockets than it
//! wants are kept, since closing one loses what is in it.
//!
//! First a line tells how many sockets follow, then one line for each, with its file beside it: transport, address as asked
//! for. All are [`LINE`] octets, padded with spaces, so that a reader knows what to wait for.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use super::sys;
use crate::transport::Transport;

/// Octets that wait in a socket to be read. See the page above.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Octets that wait in a socket to be sent.
const SEND_BUFFER: usize = 1 << 20;
/// How often a thread looks up from its socket, which is how long it takes to stop. Only a thread without queries pays,
/// with ten wake-ups a second.
const LOOK_UP: Duration = Duration::from_millis(100);
/// Connections that wait to be accepted. The kernel grants net.core.somaxconn at most, by default 4,096.
const BACKLOG: i32 = 4096;
/// How often another port is tried where UDP's, chosen by the kernel, is taken.
const PORT_TRIES: usize = 16;
/// Octets of a line when sockets are handed over: the longest address, with its scope, takes 62.
const LINE: usize = 80;
/// Sockets that are handed over at most: a thousand cores on sixteen addresses.
const MOST: usize = 16_384;

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// For what.
    pub service: Listener,
    /// Port 0: one that is free.
    pub address: SocketAddr,
}

/// What is listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// UDP and TCP, on the same port.
    Plain,
    /// DNS over TLS.
    Tls,
    /// DNS over HTTPS.
    Https,
    /// DNS over QUIC.
    Quic,
}

impl Listener {
    fn of(transport: Transport) -> Self {
        match transport {
            Transport::Udp | Transport::Tcp => Self::Plain,
            Transport::Tls => Self::Tls,
            Transport::Https => Self::Https,
            Transport::Quic => Self::Quic,
        }
    }
}

/// Why there are no sockets.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// An address cannot be had. The operator's to mend.
    #[error("cannot listen for DNS on {address}: {source}")]
    Bind {
        /// As asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The other process, or the way there, failed in the middle of it.
    #[error("the sockets were not handed over: {0}")]
    HandOver(#[from] io::Error),
    /// The other process sent something else. Another version of this program, most likely.
    #[error("the sockets were not handed over: {0:?} is no socket of ours")]
    Foreign(String),
}

/// One socket.
#[derive(Debug)]
struct Held {
    transport: Transport,
    asked: SocketAddr,
    /// With the port that it has.
    address: SocketAddr,
    file: OwnedFd,
}

/// The sockets of a server. Cloning one for use (the methods below do) gives another file of the same socket: it stays
/// open until these are dropped too.
#[derive(Debug, Default)]
pub struct Sockets {
    held: Vec<Held>,
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// For what.
    pub service: Listener,
    /// As asked for.
    pub asked: SocketAddr,
    /// As it is: port 0 resolved.
    pub address: SocketAddr,
}

impl Sockets {
    /// Listens on each address; with `threads` UDP sockets on those for plain DNS.
    pub fn bind(asked: &[Listen], threads: usize) -> Result<Self, SocketError> {
        Self::bind_others(asked, threads, Self::default())
    }

    /// The same, with those of `given` that are on addresses asked for. What is left of them is closed.
    pub fn bind_others(asked: &[Listen], threads: usize, given: Self) -> Result<Self, SocketError> {
        let (mut held, mut given) = (Vec::new(), given.held);
        for listen in asked {
            let is_asked = |held: &Held| Listener::of(held.transport) == listen.service && held.asked == listen.address;
            // Where one port 0 is asked for twice, those that have one port belong together.
            let address = given.iter().find(|held| is_asked(held)).map(|held| held.address);
            let mut group: Vec<Held> =
                given.extract_if(.., |held| is_asked(held) && Some(held.address) == address).collect();
            complete(&mut group, *listen, threads)
                .map_err(|source| SocketError::Bind { address: listen.address, source })?;
            held.extend(group);
        }
        Ok(Self { held })
    }

    /// Where these listen, in the order asked for.
    pub fn bound(&self) -> Vec<Bound> {
        let of =
            |held: &Held| Bound { service: Listener::of(held.transport), asked: held.asked, address: held.address };
        let mut bound: Vec<Bound> = self.held.iter().map(of).collect();
        bound.dedup();
        bound
    }

    /// Those for UDP threads, one each, in blocking mode.
    pub(crate) fn udp(&self) -> io::Result<Vec<UdpSocket>> {
        self.of(Transport::Udp).map(|file| Ok(UdpSocket::from(file?))).collect()
    }

    /// Those for QUIC, in non-blocking mode.
    pub(crate) fn quic(&self) -> io::Result<Vec<UdpSocket>> {
        self.of(Transport::Quic).map(|file| Ok(UdpSocket::from(file?))).collect()
    }

    /// Those for this transport over TCP, in non-blocking mode.
    pub(crate) fn listeners(&self, transport: Transport) -> io::Result<Vec<TcpListener>> {
        self.of(transport).map(|file| Ok(TcpListener::from(file?))).collect()
    }

    fn of(&self, transport: Transport) -> impl Iterator<Item = io::Result<OwnedFd>> {
        self.held.iter().filter(move |held| held.transport == transport).map(|held| held.file.try_clone())
    }

    /// Other files of the same sockets.
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = |held: &Held| {
            let &Held { transport, asked, address, ref file } = held;
            io::Result::Ok(Held { transport, asked, address, file: file.try_clone()? })
        };
        Ok(Self { held: self.held.iter().map(clone).collect::<Result<_, _>>()? })
    }

    /// Sends all of them to the process at the other end, which [`Sockets::receive`]s them. They stay open here too.
    pub fn send(&self, mut to: &UnixStream) -> Result<(), SocketError> {
        to.write_all(&line(&self.held.len().to_string()))?;
        for held in &self.held {
            send_one(to, &format!("{} {}", held.transport.name(), held.asked), held.file.as_fd())?;
        }
        Ok(())
    }

    /// Takes what the process at the other end [`Sockets::send`]s.
    pub fn receive(mut from: &UnixStream) -> Result<Self, SocketError> {
        let mut bytes = [0; LINE];
        from.read_exact(&mut bytes)?;
        let text = text(&bytes);
        let count: usize = text.parse().map_err(|_| SocketError::Foreign(text.to_owned()))?;
        let mut held = Vec::new();
        for _ in 0..count.min(MOST) {
            let (text, file) = receive_one(from)?;
            let foreign = || SocketError::Foreign(text.clone());
            let (transport, asked) = text.split_once(' ').ok_or_else(foreign)?;
            let transport = Transport::ALL.into_iter().find(|known| known.name() == transport).ok_or_else(foreign)?;
            let asked = asked.parse().map_err(|_| foreign())?;
            let socket = Socket::from(file);
            let address = socket.local_addr()?.as_socket().ok_or_else(foreign)?;
            held.push(Held { transport, asked, address, file: socket.into() });
        }
        Ok(Self { held })
    }
}

/// Sends one socket, of whatever kind, and what it is called: 79 octets at most.
pub fn send_one(mut to: &UnixStream, called: &str, file: BorrowedFd<'_>) -> Result<(), SocketError> {
    let line = line(called);
    let taken = sys::send_file(to, &line, file)?;
    Ok(to.write_all(line.get(taken..).unwrap_or_default())?)
}

/// Takes what [`send_one`] sends.
pub fn receive_one(mut from: &UnixStream) -> Result<(String, OwnedFd), SocketError> {
    let mut bytes = [0; LINE];
    let (read, file) = sys::receive_file(from, &mut bytes)?;
    from.read_exact(&mut bytes[read..])?; // at the other end's end, too, this says so
    let called = text(&bytes).to_owned();
    match file {
        Some(file) => Ok((called, file)),
        None => Err(SocketError::Foreign(called)),
    }
}

fn line(text: &str) -> Vec<u8> {
    format!("{text:<width$}\n", width = LINE - 1).into_bytes()
}

fn text(line: &[u8]) -> &str {
    std::str::from_utf8(line).unwrap_or_default().trim_end()
}

/// Binds what a group of sockets is missing.
fn complete(group: &mut Vec<Held>, listen: Listen, threads: usize) -> io::Result<()> {
    let asked = listen.address;
    let mut address = group.first().map_or(asked, |held| held.address);
    let held = |transport, socket: Socket| {
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        io::Result::Ok(Held { transport, asked, address, file: socket.into() })
    };
    let single = match listen.service {
        Listener::Plain => None,
        Listener::Tls => Some(Transport::Tls),
        Listener::Https => Some(Transport::Https),
        Listener::Quic => Some(Transport::Quic),
    };
    if let Some(transport) = single {
        if group.is_empty() {
            let socket = if transport == Transport::Quic { quic(address)? } else { tcp(address)? };
            group.push(held(transport, socket)?);
        }
        return Ok(());
    }
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    while !group.iter().any(|held| held.transport == Transport::Udp) {
        tries -= 1;
        let listener = match group.iter().any(|held| held.transport == Transport::Tcp) {
            true => None,
            false => Some(held(Transport::Tcp, tcp(address)?)?),
        };
        let port_of = listener.as_ref().map_or(address, |listener| listener.address);
        match udp(port_of, true) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            socket => {
                group.push(held(Transport::Udp, socket?)?);
                group.extend(listener);
                address = port_of;
            }
        }
    }
    if !group.iter().any(|held| held.transport == Transport::Tcp) {
        group.push(held(Transport::Tcp, tcp(address)?)?);
    }
    for _ in group.iter().filter(|held| held.transport == Transport::Udp).count()..threads {
        group.push(held(Transport::Udp, udp(address, false)?)?);
    }
    Ok(())
}

fn socket(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

fn tcp(address: SocketAddr) -> io::Result<Socket> {
    let socket = socket(address, Type::STREAM)?;
    socket.set_reuse_address(true)?; // connections of the last server that the kernel still remembers do not matter
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn quic(address: SocketAddr) -> io::Result<Socket> {
    let socket = socket(address, Type::DGRAM)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn udp(address: SocketAddr, first: bool) -> io::Result<Socket> {
    let socket = socket(address, Type::DGRAM)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_read_timeout(Some(LOOK_UP))?;
    sys::ignore_path_mtu(socket.as_fd(), address.is_ipv6())?;
    if is_wildcard(address.ip()) {
        sys::tell_destination(socket.as_fd(), address.is_ipv6())?;
    }
    socket.set_reuse_port(!first)?;
    socket.bind(&address.into())?;
    socket.set_reuse_port(true)?;
    Ok(socket)
}

/// Whether sockets on it are told the address that datagrams were sent to.
pub(crate) fn is_wildcard(address: IpAddr) -> bool {
    address.is_unspecified()
}
