//! Whole replies.

use std::{hint::black_box, net::IpAddr};

use hickory_proto::{
    op::{Message, Query, ResponseCode},
    rr::{
        Name, Record,
        RecordType::{self, A, NSEC, RRSIG},
        rdata::opt::{ClientSubnet, EdnsOption},
    },
};
use ipnet::IpNet;

use super::{Cost, Costs, ZONES};
use crate::{
    fuzzing::world::now,
    reply::answer,
    transport::{Transport, UDP_SIZE},
    view::View,
};

/// What a resolver says that asks by UDP (DNS Flag Day 2020).
const SIZE: u16 = 1232;

/// A query, and where it comes from.
type Asked = (Vec<u8>, IpAddr);

impl Costs {
    /// Replies by UDP, of each kind.
    pub fn replies(&self) -> Vec<Cost<'_>> {
        let [plain, signed] = ZONES;
        let nobody = IpAddr::from([127, 0, 0, 1]);
        // All over the table.
        let host = |n: usize| n.wrapping_mul(0x9e37_79b9) % self.hosts;
        let of = |zone, prefix: &str, dnssec| -> Vec<_> {
            (0..Self::CLIENTS).map(|n| (query(&format!("{prefix}{}.{zone}.", host(n)), dnssec, None), nobody)).collect()
        };
        let live = |ask: &dyn Fn(IpAddr) -> Asked| self.clients.iter().map(|client| ask(*client)).collect();
        let steered = |subnet| query(&format!("live.{plain}."), false, subnet);
        let code = |reply: &Message, code| reply.metadata.response_code == code;
        let has = |records: &[Record], rtype: RecordType| records.iter().any(|record| record.record_type() == rtype);
        vec![
            self.reply("a static address", of(plain, "h", false), |reply| has(&reply.answers, A)),
            self.reply("NXDOMAIN", of(plain, "x", false), |reply| code(reply, ResponseCode::NXDomain)),
            self.reply("steered, by the resolver's address", live(&|client| (steered(None), client)), |reply| {
                has(&reply.answers, A)
            }),
            self.reply("steered, by the client's subnet", live(&|client| (steered(Some(client)), nobody)), |reply| {
                has(&reply.answers, A) && reply.edns.as_ref().is_some_and(|edns| edns.options().as_ref().len() == 1)
            }),
            self.reply("a static address, signed ahead", of(signed, "h", true), |reply| has(&reply.answers, RRSIG)),
            self.reply("a name denied and signed at once, ECDSA P-256", of(signed, "x", true), |reply| {
                code(reply, ResponseCode::NoError) && has(&reply.authorities, NSEC) && has(&reply.authorities, RRSIG)
            }),
        ]
    }

    /// Replies to these queries, each from an address, after it was seen that all are as they should be.
    fn reply(&self, what: &str, queries: Vec<Asked>, fits: impl Fn(&Message) -> bool) -> Cost<'_> {
        let (view, mut out) = (self.serving.view.load_full(), vec![0; UDP_SIZE.into()]);
        for asked in &queries {
            let reply = Message::from_vec(ask(&view, asked, &mut out)).expect("a message");
            assert!(fits(&reply), "{what}: {reply}");
        }
        let round = move || {
            for asked in &queries {
                black_box(ask(&view, black_box(asked), &mut out));
            }
        };
        Cost { what: what.into(), times: Self::CLIENTS, round: Box::new(round) }
    }
}

fn ask<'o>(view: &View, (query, source): &Asked, out: &'o mut [u8]) -> &'o [u8] {
    let outcome = answer(view, query, *source, Transport::Udp, now(), out).expect("a reply");
    &out[..outcome.length]
}

/// A query with EDNS, as resolvers send it; with DO, or for a client's /24 or /56.
fn query(name: &str, dnssec: bool, client: Option<IpAddr>) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(name).expect("a name"), A));
    let edns = message.edns.get_or_insert_default();
    edns.set_max_payload(SIZE).set_dnssec_ok(dnssec);
    if let Some(client) = client {
        let length = if client.is_ipv4() { 24 } else { 56 };
        let subnet = IpNet::new(client, length).expect("a length").trunc().addr();
        edns.options_mut().insert(EdnsOption::Subnet(ClientSubnet::new(subnet, length, 0)));
    }
    message.to_vec().expect("a query")
}
