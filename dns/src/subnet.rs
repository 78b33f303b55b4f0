//! Who the client is: the EDNS client-subnet option (RFC 7871), or the resolver itself.
//!
//! The option is read from the query's own bytes and not from hickory's form of it, which forgets an ADDRESS longer than
//! it should be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::{
    op::{Header, Query},
    rr::{
        Name, RecordType,
        rdata::opt::{ClientSubnet, EdnsCode, EdnsOption},
    },
    serialize::binary::{BinDecodable, BinDecoder, DecodeError},
};

/// A client-subnet option of a query. Valid: `source` fits the address, and the address has no bit set beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    address: IpAddr,
    source: u8,
}

/// The option breaks RFC 7871; answered by FORMERR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<DecodeError> for Malformed {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

impl Subnet {
    /// The option of a whole query message; `None` if it has none.
    pub(crate) fn of(message: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut decoder = BinDecoder::new(message);
        let counts = Header::read(&mut decoder)?.counts;
        for _ in 0..counts.queries {
            Query::read(&mut decoder)?;
        }
        let mut found = None;
        let records = [counts.answers, counts.authorities, counts.additionals].map(usize::from).iter().sum();
        for _ in 0..records {
            Name::read(&mut decoder)?;
            let rtype = RecordType::read(&mut decoder)?;
            decoder.read_slice(6)?; // class and TTL: the UDP size, version and flags of an OPT
            let mut data = BinDecoder::new(block(&mut decoder)?);
            while rtype == RecordType::OPT && !data.is_empty() {
                let code = EdnsCode::from(data.read_u16()?.unverified(/* any is good */));
                let option = block(&mut data)?;
                if code == EdnsCode::Subnet && found.replace(Self::read(option).ok_or(Malformed)?).is_some() {
                    return Err(Malformed); // two of them: neither can be echoed exactly
                }
            }
        }
        Ok(found)
    }

    /// The option's own rules (RFC 7871 §6 and §7.1.2); `None` if it breaks one.
    fn read(option: &[u8]) -> Option<Self> {
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

    /// The option of the reply: the same, with the prefix length for which the answer holds; 0 for SOURCE 0. An IPv4-mapped
    /// address was decided for as the IPv4 address it is, whose prefix begins 96 bits in.
    pub(crate) fn echo(self, scope: u8) -> EdnsOption {
        let mapped = self.address.is_ipv6() && self.address.to_canonical().is_ipv4();
        let scope = match (self.source, scope) {
            (0, _) | (_, 0) => 0,
            (_, scope) => scope + if mapped { 96 } else { 0 },
        };
        EdnsOption::Subnet(ClientSubnet::new(self.address, self.source, scope))
    }
}

/// The bytes that a two-octet length announces.
fn block<'m>(decoder: &mut BinDecoder<'m>) -> Result<&'m [u8], DecodeError> {
    let length = decoder.read_u16()?.map(usize::from).unverified(/* read_slice checks it */);
    Ok(decoder.read_slice(length)?.unverified(/* any is good */))
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
        let scope = |option: &[u8], scope| match Subnet::read(option).unwrap().echo(scope) {
            EdnsOption::Subnet(echo) => echo.scope_prefix(),
            other => panic!("{other:?}"),
        };
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
