//! EDNS options alone, without a message around them.

use std::net::IpAddr;

use chrono::TimeDelta;
use hickory_proto::rr::rdata::opt::ClientSubnet;

use super::{message::SOURCES, world::now};
use crate::{
    cookie::{Cookies, State},
    reply::subnet::Subnet,
};

/// A client-subnet option: what we take hickory takes too, as the same, and writes again octet by octet.
pub fn subnet(option: &[u8]) {
    let Some(ours) = Subnet::read(option) else { return };
    let theirs = ClientSubnet::try_from(option).expect("hickory reads it too");
    let whole = if option[1] == 1 { 32 } else { 128 };
    assert_eq!((option[2], theirs.scope_prefix()), (theirs.source_prefix(), 0));
    assert_eq!(ours.client().unwrap_or(theirs.addr()), theirs.addr());
    assert_eq!(Vec::<u8>::try_from(&theirs).expect("hickory writes it"), option);
    // For an IPv4 address that is written as IPv6 it is decided as for the IPv4 address, and for so many bits of that.
    let decided = if theirs.addr().to_canonical().is_ipv4() { 32 } else { 128 };
    for scope in 0..=decided {
        let told = ours.scope(scope);
        assert!(told <= whole && (option[2] > 0 || told == 0) && (told == 0) == (scope == 0 || option[2] == 0));
    }
}

/// A cookie of any octets: its length is judged, and what we make of it is good, for its owner and nobody else.
/// The first two octets are the seconds that pass before it is shown again.
pub fn cookie(data: &[u8]) {
    let Some((seconds, option)) = data.split_first_chunk() else { return };
    let age = i64::from(u16::from_be_bytes(*seconds));
    let later = now() + TimeDelta::seconds(age);
    let (ours, others) = (Cookies::new([7; 16], vec![[8; 16]]), Cookies::new([9; 16], vec![]));
    let [source, stranger, ..] = SOURCES;
    let Ok(cookie) = ours.judge(option, source, now()) else {
        return assert!(option.len() != 8 && !(16..=40).contains(&option.len()));
    };
    assert_eq!(cookie.state == State::ClientOnly, option.len() == 8);
    let made = ours.reply(&cookie, source, now());
    assert_eq!(made[..8], option[..8], "the client's own part comes back");
    assert_eq!(
        cookie.state == (State::Good { renew: false }),
        made[..] == *option,
        "sent back as it came if it is fresh"
    );
    let judged = |by: &Cookies, source: IpAddr, at| by.judge(&made, source, at).expect("of the right length");
    assert!(judged(&ours, source, now()).is_good() && judged(&ours.rotated([10; 16]), source, now()).is_good());
    assert!(judged(&ours, stranger, now()).is_refused() && judged(&others, source, now()).is_refused());
    let born = i64::from(u32::from_be_bytes([made[12], made[13], made[14], made[15]]));
    let age = later.timestamp() - born;
    assert_eq!(judged(&ours, source, later).is_good(), age <= 3600, "good for an hour: {age}");
}
