//! Whose address is it? From a connection's peer and its forwarding headers to the client.
//!
//! Anyone can write `X-Forwarded-For`, so an entry is worth what its writer is worth. Each proxy appends, on the right, the
//! address that it was spoken to from; so we walk from the right, and go on only while the address that we stand on is a
//! proxy that the operator configured as trusted. What we stand on when the walk ends is the client:
//! - no trusted proxies configured, or the peer is none of them: the peer, whatever the headers say;
//! - an entry that is no address (`unknown`, `_hidden`, rubbish): the last address that could be believed, so the proxy that wrote it;
//! - every entry is a trusted proxy: the leftmost.
//!
//! A proxy maintains one of the two headers, and most let the other through as the client sent it. We cannot know which
//! one that is. So where both are there they must agree; if not, neither is believed, and the client passes for its proxy.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// The client's address, after trusted proxies: what every later step takes for the address of the client. IPv4-mapped
/// IPv6 addresses are given as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// The proxies whose forwarding headers are believed. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts every address in `proxies`.
    pub fn new(proxies: Vec<IpNet>) -> Self {
        Self(proxies)
    }

    /// The client behind `peer`. `forwarded` and `x_forwarded_for` are the values of the `Forwarded` (RFC 7239) and
    /// `X-Forwarded-For` header lines in the order in which they came. Hand in a line that is not text as `""`: it is
    /// malformed, and to leave it out would move the others.
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
        x_forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
    ) -> ClientAddress {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return ClientAddress(peer);
        }
        let mut forwarded =
            forwarded.rev().flat_map(|line| split(line, ',').into_iter().rev().map(forwarded_for)).peekable();
        let mut x_forwarded = x_forwarded_for.rev().flat_map(|line| line.rsplit(',').map(node)).peekable();
        let client = match (forwarded.peek().is_some(), x_forwarded.peek().is_some()) {
            (false, _) => self.walk(peer, x_forwarded),
            (true, false) => self.walk(peer, forwarded),
            (true, true) => {
                let client = self.walk(peer, forwarded);
                if client == self.walk(peer, x_forwarded) { client } else { peer }
            }
        };
        ClientAddress(client)
    }

    /// `entries` from the nearest hop to the farthest; `None` is one that names no address.
    fn walk(&self, peer: IpAddr, entries: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut at = peer;
        for entry in entries {
            match entry {
                Some(address) if self.trusts(at) => at = address,
                _ => break,
            }
        }
        at
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }
}

/// `text` cut at each `separator` that is not inside a quoted string.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .collect()
}

/// The address of the `for` parameter of a `Forwarded` element. One that is not well formed to the last parameter names
/// none: a quote that a client left open would else swallow what its proxy appended.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut address = None;
    for pair in split(element, ';') {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim();
        let value = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
        if value.contains(['"', '\\']) {
            return None;
        }
        if name.trim().eq_ignore_ascii_case("for") && address.replace(node(value)?).is_some() {
            return None;
        }
    }
    address
}

/// An address with or without a port, IPv6 with or without brackets.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let address = text.parse().ok().or_else(bracketed).or_else(|| text.parse().ok().map(|s: SocketAddr| s.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXIES: &[&str] = &["10.0.0.0/8", "2001:db8:1::/48"];

    fn client(peer: &str, forwarded: &[&str], x_forwarded_for: &[&str]) -> String {
        let proxies = TrustedProxies::new(PROXIES.iter().map(|net| net.parse().unwrap()).collect());
        let peer = peer.parse().unwrap();
        proxies.client(peer, forwarded.iter().copied(), x_forwarded_for.iter().copied()).0.to_string()
    }

    #[test]
    fn a_peer_that_is_not_trusted_is_the_client_whatever_it_says() {
        assert_eq!(client("192.0.2.1", &["for=198.51.100.1"], &["198.51.100.1"]), "192.0.2.1");
        let none = TrustedProxies::default();
        let peer = "10.0.0.1".parse().unwrap();
        assert_eq!(none.client(peer, std::iter::empty(), ["198.51.100.1"].into_iter()), ClientAddress(peer));
    }

    #[test]
    fn a_trusted_peer_without_headers_is_the_client() {
        assert_eq!(client("10.0.0.1", &[], &[]), "10.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1", &[], &[]), "10.0.0.1");
    }

    #[test]
    fn the_walk_goes_from_the_right_and_stops_at_the_first_untrusted_address() {
        assert_eq!(client("10.0.0.1", &[], &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &[], &["203.0.113.9, 198.51.100.1"]), "198.51.100.1", "the left one is hearsay");
        assert_eq!(client("10.0.0.1", &[], &["203.0.113.9, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", &[], &["203.0.113.9", "198.51.100.1", "10.0.0.2"]),
            "198.51.100.1",
            "lines are one list"
        );
        assert_eq!(client("10.0.0.1", &[], &["10.0.0.3,10.0.0.2"]), "10.0.0.3", "all trusted: the leftmost");
        assert_eq!(
            client("2001:db8:1::5", &["for=203.0.113.9;proto=http, For=\"[2001:db8:9::1]:4711\""], &[]),
            "2001:db8:9::1"
        );
    }

    #[test]
    fn a_malformed_entry_ends_the_walk_at_the_last_believable_address() {
        for entry in ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "[2001:db8::1", "198.51.100.1 203.0.113.9"] {
            assert_eq!(
                client("10.0.0.1", &[], &[&format!("198.51.100.1, {entry}, 10.0.0.2")]),
                "10.0.0.2",
                "{entry:?}"
            );
        }
        for element in
            ["for=unknown", "by=198.51.100.1", "198.51.100.1", "for=\"198.51.100.1", "for=1.1.1.1;for=2.2.2.2", ""]
        {
            let line = format!("for=198.51.100.1, {element}");
            assert_eq!(client("10.0.0.1", &[&line], &[]), "10.0.0.1", "{element:?}");
        }
    }

    #[test]
    fn quoting_cannot_smuggle_an_address_in() {
        // What a client sent, and what its proxy appended to it.
        for sent in ["for=6.6.6.6, for=\"", "for=\"6.6.6.6", "for=6.6.6.6;x=\"", "for=\"6.6.6.6\\\""] {
            for appended in ["for=198.51.100.1", "for=\"[2001:db8:9::1]\""] {
                assert_ne!(client("10.0.0.1", &[&format!("{sent}, {appended}")], &[]), "6.6.6.6", "{sent} {appended}");
            }
        }
        assert_eq!(client("10.0.0.1", &["for=6.6.6.6, for=198.51.100.1;host=\"a,for=7.7.7.7\""], &[]), "198.51.100.1");
    }

    #[test]
    fn two_headers_must_agree() {
        assert_eq!(client("10.0.0.1", &["for=198.51.100.1"], &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["for=6.6.6.6"], &["198.51.100.1"]), "10.0.0.1");
    }

    #[test]
    fn addresses_come_with_ports_and_brackets() {
        for (text, address) in [
            ("198.51.100.1:8080", "198.51.100.1"),
            ("[2001:db8:9::1]", "2001:db8:9::1"),
            ("[2001:db8:9::1]:443", "2001:db8:9::1"),
            ("2001:db8:9::1", "2001:db8:9::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[], &[text]), address);
        }
    }
}
