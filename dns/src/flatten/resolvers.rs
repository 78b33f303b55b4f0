//! Which resolvers to ask where the operator names none: the machine's own, from resolv.conf(5).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The port of DNS.
const PORT: u16 = 53;

/// The name servers that the text of a `resolv.conf` gives, in its order; the machine itself, if it gives none, as the C
/// library takes it. A server that is no plain address is passed over.
pub fn from_resolv_conf(text: &str) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let server = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        server.parse::<IpAddr>().ok()
    });
    let servers: Vec<SocketAddr> = servers.map(|server| SocketAddr::new(server, PORT)).collect();
    if servers.is_empty() { vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT)] } else { servers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_resolvers_are_read() {
        let text = "# made by hand\nsearch example.net\nnameserver 192.0.2.53\n  nameserver\t2001:db8::53 \n\
                    nameserver fe80::1%eth0\n;nameserver 192.0.2.54\noptions edns0\nnameserver\n";
        assert_eq!(from_resolv_conf(text), ["192.0.2.53:53", "[2001:db8::53]:53"].map(|a| a.parse().unwrap()));
        assert_eq!(from_resolv_conf(""), ["127.0.0.1:53".parse().unwrap()]);
    }
}
