//! Any octets as a query, over every transport.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

use chrono::TimeDelta;

use super::{
    reply::{self, Asked},
    world::{World, now},
};
use crate::transport::{Answers, Transport};

/// Who may ask: some are known to be somewhere, of one the open server tells subnets from no other.
pub(super) const SOURCES: [IpAddr; 4] = {
    use std::net::{Ipv4Addr, Ipv6Addr};
    [
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 10, 0, 0, 0, 0, 1)),
        IpAddr::V6(Ipv4Addr::new(192, 0, 2, 200).to_ipv6_mapped()),
    ]
};

/// Time goes on, or nobody would be within their rate; and begins again, or a signature in a seed would be too old.
const SECONDS: i64 = 60;

/// One octet says how it comes (bits 0–2: transport; 3: to which server; 4–5: from whom); the rest is the message.
pub fn message(world: &World, data: &[u8]) {
    static SECOND: AtomicI64 = AtomicI64::new(0);
    let Some((how, query)) = data.split_first() else { return };
    let transport = Transport::ALL[usize::from(how & 7) % Transport::ALL.len()];
    let (serving, source) = (&world.servers[usize::from(how >> 3 & 1)], SOURCES[usize::from(how >> 4 & 3)]);
    let now = now() + TimeDelta::seconds(SECOND.fetch_add(1, Relaxed) % SECONDS);
    let view = serving.view.load();
    let asked = Asked { query, source, transport, view: &view };
    // Twice: the second time the client may be over its rate.
    for _ in 0..2 {
        let mut out = vec![0xaa; asked.buffer()];
        let length = serving.answer(query, source, transport, now, &mut out);
        reply::check(&asked, length.map(|length| &out[..length]));
    }
    if matches!(transport, Transport::Tcp | Transport::Tls | Transport::Quic)
        && let Some(messages) = serving.transfer(query, source, transport, now)
    {
        reply::check_transfer(query, messages);
    }
}
