//! Data in wire form: addresses, host names, and service bindings (RFC 9460).

use std::net::IpAddr;

use fairway_steering::Pathway;

use crate::flatten::Family;

/// SvcParamKeys, RFC 9460 §14.3.2.
mod key {
    pub(super) const ALPN: u16 = 1;
    pub(super) const PORT: u16 = 3;
    pub(super) const IPV4HINT: u16 = 4;
    pub(super) const IPV6HINT: u16 = 6;
}

/// The address as RDATA, if it is of this family.
pub(super) fn octets(address: IpAddr, family: Family) -> Option<Vec<u8>> {
    match (address, family) {
        (IpAddr::V4(a), Family::V4) => Some(a.octets().into()),
        (IpAddr::V6(a), Family::V6) => Some(a.octets().into()),
        _ => None,
    }
}

/// A host name of a policy, whose labels have been checked, in wire form.
pub(super) fn wire(host: &str) -> Vec<u8> {
    let mut wire = Vec::with_capacity(host.len() + 2);
    for label in host.split('.') {
        wire.push(label.len() as u8); // 63 at most
        wire.extend(label.bytes());
    }
    wire.push(0);
    wire
}

/// `0 host.`: everything is at the host (RFC 9460 §2.4.2).
pub(super) fn alias_mode(host: &str) -> Vec<u8> {
    [&[0, 0][..], &wire(host)].concat()
}

/// `1 . alpn=…`: how the name itself is spoken to (RFC 9460 §2.4.3), parameters in ascending order of their keys (§2.2).
pub(super) fn service_mode(pathway: &Pathway, addresses: &[IpAddr]) -> Vec<u8> {
    let mut data = vec![0, 1, 0];
    let mut put = |key: u16, value: Vec<u8>| {
        if !value.is_empty() {
            data.extend(key.to_be_bytes());
            data.extend((value.len() as u16).to_be_bytes()); // a policy file is not so long
            data.extend(value);
        }
    };
    let hint = |family| addresses.iter().filter_map(|address| octets(*address, family)).flatten().collect();
    let protocols = pathway.alpn.iter().map(|protocol| protocol.word());
    put(key::ALPN, protocols.flat_map(|word| std::iter::once(word.len() as u8).chain(word.bytes())).collect());
    put(key::PORT, pathway.port().map(u16::to_be_bytes).into_iter().flatten().collect());
    put(key::IPV4HINT, hint(Family::V4));
    put(key::IPV6HINT, hint(Family::V6));
    data
}
