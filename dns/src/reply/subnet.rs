//! Who the client is: the EDNS client-subnet option (RFC 7871), or the resolver itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A client-subnet option of a query. Valid: `source` fits the address, and the address has no bit set beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    address: IpAddr,
    source: u8,
}

impl Subnet {
    /// The option's own rules (RFC 7871 §6 and §7.1.2); `None` if it breaks one.
    pub(crate) fn read(option: &[u8]) -> Option<Self> {
        let [0, family, source, scope, address @ ..] = option else { return None };
        let whole = match family {
            1 => 32,
            2 => 128,
            _ => return None,
        };
        if *scope != 0 || *source > whole || address.len() != usize::from(source.div_ceil(8)) {
            return None;
        }
        let mut octets = [0; 16];
        octets[..address.len()].copy_from_slice(address);
        let beyond = u128::from_be_bytes(octets).checked_shl(u32::from(*source)).unwrap_or(0);
        if beyond != 0 {
            return None;
        }
        let [a, b, c, d, ..] = octets;
        let address = if *family == 1 { Ipv4Addr::new(a, b, c, d).into() } else { Ipv6Addr::from(octets).into() };
        Some(Self { address, source: *source })
    }

    /// The client's address, where it tells one: SOURCE 0 asks us not to look (RFC 7871 §7.1.2).
    pub(crate) fn client(self) -> Option<IpAddr> {
        (self.source > 0).then_some(self.address)
    }

    /// What the reply's option tells: the prefix length for which the answer holds; 0 for SOURCE 0. An IPv4-mapped address was
    /// decided for as the IPv4 address it is, whose prefix begins 96 bits in.
    pub(crate) fn scope(self, scope: u8) -> u8 {
        let mapped = self.address.is_ipv6() && self.address.to_canonical().is_ipv4();
        match (self.source, scope) {
            (0, _) | (_, 0) => 0,
            (_, scope) => scope + if mapped { 96 } else { 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_options_are_read() {
        for (option, address, source) in [
            (&[0, 1, 24, 0, 192, 0, 2][..], "192.0.2.0", 24),
            (&[0, 1, 32, 0, 192, 0, 2, 1], "192.0.2.1", 32),
            (&[0, 1, 17, 0, 192, 0, 128], "192.0.128.0", 17),
            (&[0, 1, 0, 0], "0.0.0.0", 0),
            (&[0, 2, 32, 0, 0x20, 1, 0x0d, 0xb8], "2001:db8::", 32),
            (&[0, 2, 0, 0], "::", 0),
        ] {
            assert_eq!(Subnet::read(option), Some(Subnet { address: address.parse().unwrap(), source }), "{option:?}");
        }
        let whole = [&[0, 2, 128, 0][..], &[0xff; 16]].concat();
        assert_eq!(Subnet::read(&whole).and_then(Subnet::client), Some(Ipv6Addr::from([0xff; 16]).into()));
        assert_eq!(Subnet::read(&[0, 1, 0, 0]).and_then(Subnet::client), None);
    }

    #[test]
    fn a_scope_is_told_in_the_family_asked_in() {
        let scope = |option: &[u8], scope| Subnet::read(option).unwrap().scope(scope);
        let mapped = [&[0, 2, 120, 0][..], &[0; 10], &[0xff, 0xff, 192, 0, 2]].concat();
        assert_eq!((scope(&mapped, 20), scope(&mapped, 0)), (116, 0));
        assert_eq!((scope(&[0, 1, 24, 0, 192, 0, 2], 20), scope(&[0, 1, 0, 0], 20)), (20, 0));
    }

    #[test]
    fn bad_options_are_not() {
        for option in [
            &[][..],
            &[0, 1, 24],
            &[0, 0, 0, 0],
            &[0, 3, 24, 0, 192, 0, 2],
            &[1, 1, 24, 0, 192, 0, 2],
            &[0, 1, 24, 24, 192, 0, 2],
            &[0, 1, 24, 0, 192, 0],
            &[0, 1, 24, 0, 192, 0, 2, 0],
            &[0, 1, 0, 0, 0],
            &[0, 1, 23, 0, 192, 0, 3],
            &[0, 1, 33, 0, 192, 0, 2, 1, 0],
            &[0, 2, 129, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(Subnet::read(option), None, "{option:?}");
        }
    }
}
