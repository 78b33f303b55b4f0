//! The sockets that a node listens on: bound here, or taken over from the node before.
//!
//! They are held beside whoever reads them, so that a socket outlives its reader: what arrives while nobody reads waits in it.

use std::{
    net::{SocketAddr, TcpListener as StdListener},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use fairway_dns::server::sockets::{SocketError, Sockets, receive_one, send_one};
use tokio::net::{TcpListener, TcpSocket};

use crate::{config::Config, exit::Failure};

/// Connections that wait to be accepted: while a node hands over, all that come do. The kernel grants net.core.somaxconn at most.
const BACKLOG: u32 = 4096;

/// All of them.
#[derive(Debug, Default)]
pub struct Bound {
    /// For DNS.
    pub dns: Sockets,
    /// By configuration key, with the address as configured.
    http: Vec<(String, SocketAddr, StdListener)>,
}

impl Bound {
    /// Binds where the configuration says; takes those of `given` that are bound there already. The rest of these is closed.
    pub fn bind(config: &Config, given: Self) -> Result<Self, Failure> {
        let dns = Sockets::bind_others(&config.dns.listen, config.dns.threads(), given.dns);
        let (dns, mut given) = (dns.map_err(Failure::unavailable)?, given.http);
        let mut http = Vec::new();
        for (key, address) in [("http.public", config.public), ("http.admin", config.admin)] {
            let had = given.iter().position(|(had, asked, _)| had == key && *asked == address);
            let listener = match had {
                Some(at) => given.swap_remove(at).2,
                None => listen(address)
                    .map_err(|error| Failure::unavailable(format!("cannot listen on {address} (`{key}`): {error}")))?,
            };
            http.push((key.to_owned(), address, listener));
        }
        Ok(Self { dns, http })
    }

    /// Other files of the same sockets.
    pub fn try_clone(&self) -> std::io::Result<Self> {
        let http = self.http.iter().map(|(key, asked, listener)| Ok((key.clone(), *asked, listener.try_clone()?)));
        Ok(Self { dns: self.dns.try_clone()?, http: http.collect::<std::io::Result<_>>()? })
    }

    /// The one of this key, for its server.
    pub fn http(&self, key: &str) -> std::io::Result<TcpListener> {
        let of_key = self.http.iter().find(|(had, ..)| had == key);
        let (_, _, listener) = of_key.ok_or(std::io::ErrorKind::NotFound)?;
        TcpListener::from_std(listener.try_clone()?)
    }

    /// Sends all to the process at the other end. They stay open here too.
    pub fn send(&self, to: &UnixStream) -> Result<(), SocketError> {
        self.dns.send(to)?;
        self.http
            .iter()
            .try_for_each(|(key, asked, listener)| send_one(to, &format!("{key} {asked}"), listener.as_fd()))
    }

    /// Takes what the process at the other end [`Bound::send`]s.
    pub fn receive(from: &UnixStream) -> Result<Self, SocketError> {
        let mut bound = Self { dns: Sockets::receive(from)?, http: Vec::new() };
        for _ in 0..2 {
            let (called, file): (String, OwnedFd) = receive_one(from)?;
            let foreign = || SocketError::Foreign(called.clone());
            let (key, asked) = called.split_once(' ').ok_or_else(foreign)?;
            bound.http.push((key.to_owned(), asked.parse().map_err(|_| foreign())?, file.into()));
        }
        Ok(bound)
    }
}

fn listen(address: SocketAddr) -> std::io::Result<StdListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?; // connections of the last server that the kernel still remembers do not matter
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
