//! For which addresses a decision holds.
//!
//! A resolver that is told a scope gives one answer to everyone in it, so the scope must never be too wide; one that is
//! too narrow costs cache space and queries. Each thing that a step asks about the client cuts the address space into blocks
//! over which its answer is constant, and the decision holds over the narrowest of the blocks asked about:
//!
//! - nothing asked: everyone, /0;
//! - the place (a condition on country, continent or ASN; a standing that differs by audience): the prefix that the
//!   geo table gives with the place;
//! - inside a CIDR: that CIDR, or the widest of the condition's CIDRs that the address is inside of;
//! - inside none of them: the widest block around the address that touches none;
//! - spread by prefix: the /24 or /48 that was hashed. For DNS, which answers one pathway, only where the tier of that
//!   one was spread.
//!
//! A condition with places and CIDRs fails as soon as one of the two does; where both fail the wider block suffices.
//!
//! Each of these blocks belongs to a partition of the address space (every address in a block finds the same block), and
//! addresses that answer alike are asked the same things next; so every address inside `holds` not only gets the same
//! decision (over DNS: the same answer) but the same `holds`. The scopes of one name thus never overlap differently, which RFC 7871 §7.3.1 asks for.

use std::net::IpAddr;

use fairway_policies::When;
use ipnet::IpNet;

use crate::client::Client;

/// IPv4 clients are spread by /24, IPv6 clients by /48: what resolvers tell of them (RFC 7871 §11.1 and common practice),
/// so that one client is hashed alike whoever resolves for it.
const SPREAD_V4: u8 = 24;
const SPREAD_V6: u8 = 48;

/// The narrowest block asked about so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope {
    bits: u8,
}

impl Scope {
    /// Whether the condition holds for the client; remembers over what that is so.
    pub(super) fn matches(&mut self, when: &When, client: &Client<'_>) -> bool {
        if when.is_always() {
            return true;
        }
        let place = when.asks_place().then(|| (in_place(when, client), client.located.prefix.prefix_len()));
        let cidr = (!when.cidr.is_empty()).then(|| in_cidrs(&when.cidr.any, client.address));
        let failed = [place, cidr].into_iter().flatten().filter(|(holds, _)| !holds).map(|(_, bits)| bits).min();
        let asked = [place, cidr].into_iter().flatten().map(|(_, bits)| bits).max().unwrap_or(0);
        self.narrow(failed.unwrap_or(asked));
        failed.is_none()
    }

    /// A step asked where the client is.
    pub(super) fn place_asked(&mut self, client: &Client<'_>) {
        self.narrow(client.located.prefix.prefix_len());
    }

    /// A step asked for the prefix by which the client is spread.
    pub(super) fn prefix_asked(&mut self, client: &Client<'_>) {
        self.narrow(client.address.map_or(0, spread_bits));
    }

    fn narrow(&mut self, bits: u8) {
        self.bits = self.bits.max(bits);
    }

    /// The block around the client's address.
    pub(super) fn holds(self, client: &Client<'_>) -> IpNet {
        let block = client.address.and_then(|address| IpNet::new(address, self.bits).ok());
        block.map_or(client.located.prefix, |block| block.trunc())
    }
}

/// The length of the prefix by which the client at `address` is spread.
pub(super) fn spread_bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { SPREAD_V4 } else { SPREAD_V6 }
}

fn in_place(when: &When, client: &Client<'_>) -> bool {
    let place = &client.located.place;
    when.continent.holds_for(place.continent) && when.country.holds_for(place.country) && when.asn.holds_for(place.asn)
}

/// Whether the address is in one of the CIDRs, and the length of the block around it over which that is so.
fn in_cidrs(cidrs: &[IpNet], address: Option<IpAddr>) -> (bool, u8) {
    let Some(address) = address else { return (false, 0) };
    let (mut inside, mut clear) = (None::<u8>, 0);
    for cidr in cidrs {
        // The bits that the address shares with the CIDR; the other family's are no neighbours.
        let shared = match (address, cidr) {
            (IpAddr::V4(a), IpNet::V4(n)) => (a.to_bits() ^ n.network().to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpNet::V6(n)) => (a.to_bits() ^ n.network().to_bits()).leading_zeros(),
            _ => continue,
        } as u8;
        let len = cidr.prefix_len();
        if shared >= len {
            inside = Some(inside.map_or(len, |widest| widest.min(len)));
        } else {
            clear = clear.max(shared + 1);
        }
    }
    inside.map_or((false, clear), |widest| (true, widest))
}
