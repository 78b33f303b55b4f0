//! Any text as a master file.

use std::sync::Arc;

use fairway_steering::Snapshot;
use hickory_proto::op::{Message, Query};

use super::{
    message::SOURCES,
    reply::{self, Asked},
    world::{World, names, now, signer, unlimited, view},
};
use crate::{
    reply::answer,
    settings::Settings,
    transfer::Request,
    transfer::axfr,
    transport::Transport,
    wire::{self, name::Key},
    zones::Zone,
};

/// A text that is taken can be served, signed or not (by whether its length is odd), and handed over; one that is not is told
/// of in words. No file is read.
pub fn zone(world: &World, text: &[u8]) {
    let zone = match Zone::of_text("fairway.test", text) {
        Ok(zone) => Arc::new(zone),
        Err(mistake) => return assert!(!mistake.to_string().is_empty()),
    };
    zone.warnings.iter().for_each(|warning| assert!(!warning.to_string().is_empty()));
    let origin = Key::new(&zone.origin);
    let signer = Some(&origin).filter(|_| text.len() % 2 == 1).and_then(signer);
    let snapshot = || Snapshot::compile(1, now(), world.geo.clone(), vec![]);
    let names = names(&[(zone.clone(), signer)], &snapshot());
    let view = view(names, snapshot(), Settings::default(), unlimited());
    // All of a small zone, the beginning of a large one.
    for set in zone.sets.iter().take(64) {
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut message = Message::query();
            message.add_query(Query::query(set.name.clone(), set.rtype));
            message.edns.get_or_insert_default().set_dnssec_ok(true);
            let query = message.to_vec().expect("a query");
            let asked = Asked { query: &query, source: SOURCES[0], transport, view: &view };
            let mut out = vec![0; asked.buffer()];
            let outcome = answer(&view, &query, asked.source, transport, now(), &mut out).expect("a reply");
            reply::check(&asked, Some(&out[..outcome.length]));
            assert!(
                matches!(outcome.code, 0 | 3) || set.rtype == hickory_proto::rr::RecordType::OPT,
                "{set:?}: {}",
                outcome.code
            );
        }
    }
    let mut message = Message::query();
    message.add_query(Query::query(zone.origin.clone(), hickory_proto::rr::RecordType::AXFR));
    let query = message.to_vec().expect("a query");
    let read = wire::query::Query::read(&query).expect("a query");
    let request = Request::read(&read, &query).expect("a transfer");
    let served = view.names.zone(&origin).expect("the zone");
    reply::check_transfer(&query, axfr::whole(request, served.soa.clone(), served.handed_over(), None, now));
}
