//! From a query to its reply, in one pure function.
//!
//! # The order of checks
//! The first that fails is the reply's code; it then carries the question (and an OPT if the query had one), nothing else.
//! 1. opcode other than QUERY: NOTIMP (RFC 8906 §3.1.1 and §8.1);
//! 2. not exactly one question: FORMERR (RFC 9619);
//! 3. EDNS version other than 0: BADVERS (RFC 6891 §6.1.3). Before what follows, which a later version may mean otherwise;
//! 4. a malformed client-subnet option: FORMERR (RFC 7871 §7.1.2), or a question for OPT, which is no question;
//! 5. class other than IN, a zone transfer, a name in none of our zones: REFUSED. Not NOTIMP: that is for what a server
//!    can do with no name at all, and resolvers give up on one that says so.
//!
//! Then [`Lookup`] answers from the snapshot and the zones, and the reply is cut to what the client can take. A message
//! that is itself a response is the transport's to drop: replying to it would let two servers talk for ever.
//!
//! # Who is asking
//! The network in the client-subnet option where there is one, else the resolver. The option comes back only to those
//! who sent it, with the prefix length for which the answer holds: that of the decision, 0 where nothing was decided.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use chrono::{DateTime, Utc};
use fairway_steering::{Client, Service, Snapshot, Via, record::Answered};
use hickory_proto::{
    op::{Edns, LowerQuery, Message, MessageType, Metadata, OpCode, ResponseCode},
    rr::{DNSClass, RecordType},
};

use crate::{
    lookup::{Lookup, MAX_CHAIN},
    subnet::Subnet,
    zones::Zones,
};

/// The largest UDP reply, and what our OPT offers to take: what crosses any sane path without fragments (DNS flag day
/// 2020; RFC 9715).
pub const UDP_SIZE: u16 = 1232;
/// The largest UDP reply to those who say nothing of themselves (RFC 1035 §4.2.1), and the least that an OPT can say.
const PLAIN_UDP_SIZE: u16 = 512;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each way, of bounded size.
    Udp,
    /// A stream: 65,535 octets.
    Tcp,
}

/// A query as its transport took it apart.
#[derive(Clone, Copy, Debug)]
pub struct Query<'q> {
    /// All of it.
    pub bytes: &'q [u8],
    /// Of its header.
    pub metadata: &'q Metadata,
    /// The question section.
    pub questions: &'q [LowerQuery],
    /// The OPT record.
    pub edns: Option<&'q Edns>,
    /// Who sent it: a resolver, most often.
    pub source: IpAddr,
    /// How it came.
    pub transport: Transport,
}

/// What to send, and what to count.
#[derive(Debug)]
pub struct Reply<'s> {
    /// The reply; it fits the transport.
    pub message: Message,
    /// What steered names were answered with.
    pub decided: ArrayVec<(&'s Service, Answered), MAX_CHAIN>,
    /// For whom; `None` where nobody was looked for.
    pub client: Option<Client<'static>>,
    /// Whether the query told of a client subnet.
    pub subnet: bool,
}

/// Answers. The same snapshot, zones, query and time give the same reply.
pub fn answer<'s>(snapshot: &'s Snapshot, zones: &Zones, query: &Query<'_>, now: DateTime<Utc>) -> Reply<'s> {
    let mut reply = Reply { message: blank(query), decided: ArrayVec::new(), client: None, subnet: false };
    match check(query) {
        Err(code) => reply.message.metadata.response_code = code,
        Ok((question, subnet)) => {
            let address = subnet.and_then(Subnet::client).unwrap_or(query.source);
            let client = snapshot.client(address, Via::Dns, None);
            let lookup = Lookup::run(snapshot, zones, question, &client, now);
            reply.message.metadata.response_code = lookup.code;
            reply.message.metadata.authoritative = lookup.authoritative;
            reply.message.answers = lookup.answers;
            reply.message.authorities = lookup.authorities;
            reply.message.additionals = lookup.additionals;
            reply.decided = lookup.decided;
            reply.client = Some(client);
            reply.subnet = subnet.is_some();
            if let (Some(subnet), Some(edns)) = (subnet, &mut reply.message.edns) {
                edns.options_mut().insert(subnet.echo(lookup.scope));
            }
        }
    }
    reply.fit(query)
}

/// The reply before there is anything in it: id, opcode, RD and CD of the query, its question in its own letters
/// (resolvers mix case as a defence and want it back), and an OPT if it had one, with its DO bit (RFC 3225 §3).
fn blank(query: &Query<'_>) -> Message {
    let mut message = Message::new(query.metadata.id, MessageType::Response, query.metadata.op_code);
    message.metadata = Metadata::response_from_request(query.metadata);
    message.queries = query.questions.iter().map(|q| q.original().clone()).collect();
    message.edns = query.edns.map(|asked| {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_SIZE).set_dnssec_ok(asked.flags().dnssec_ok);
        edns
    });
    message
}

/// The checks of the page above, in its order.
fn check<'q>(query: &Query<'q>) -> Result<(&'q LowerQuery, Option<Subnet>), ResponseCode> {
    if query.metadata.op_code != OpCode::Query {
        return Err(ResponseCode::NotImp);
    }
    let [question] = query.questions else { return Err(ResponseCode::FormErr) };
    if query.edns.is_some_and(|edns| edns.version() != 0) {
        return Err(ResponseCode::BADVERS);
    }
    let subnet = match query.edns {
        Some(_) => Subnet::of(query.bytes).map_err(|_| ResponseCode::FormErr)?,
        None => None,
    };
    match (question.query_class(), question.query_type()) {
        (_, RecordType::OPT) => Err(ResponseCode::FormErr),
        (DNSClass::IN, RecordType::AXFR | RecordType::IXFR) => Err(ResponseCode::Refused),
        (DNSClass::IN, _) => Ok((question, subnet)),
        _ => Err(ResponseCode::Refused),
    }
}

impl Reply<'_> {
    /// Cuts a reply that is too large for the datagram down to its question, which sends the client to TCP (RFC 2181 §9:
    /// a part of an answer is worth nothing).
    fn fit(mut self, query: &Query<'_>) -> Self {
        let limit = match (query.transport, query.edns) {
            (Transport::Tcp, _) => return self,
            (Transport::Udp, None) => PLAIN_UDP_SIZE,
            (Transport::Udp, Some(edns)) => edns.max_payload().clamp(PLAIN_UDP_SIZE, UDP_SIZE),
        };
        // hickory-server writes the first owner name out, where this encoding points to the question.
        let unpointed = query.questions.first().map_or(0, |q| q.name().len());
        let fits = self.message.to_vec().is_ok_and(|bytes| bytes.len() + unpointed <= usize::from(limit));
        if !fits {
            self.message.metadata.truncation = true;
            self.message.answers.clear();
            self.message.authorities.clear();
            self.message.additionals.clear();
            self.decided.clear();
        }
        self
    }
}
