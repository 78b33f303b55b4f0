//! One query, answered and told of: counted, recorded, logged.

use std::{net::IpAddr, sync::Arc, time::Instant};

use arc_swap::{ArcSwap, Guard};
use arrayvec::ArrayVec;
use chrono::{DateTime, Utc};
use fairway_steering::{Live, Place, Via, record::Answered};

use crate::{
    cookie,
    metrics::{Block, Cookie, Counted, Dropped, Metrics},
    querylog::{Line, QueryLog},
    reply::{Outcome, Silence, answer, lookup::Decided},
    server::udp,
    transfer::{Request, Ruling, axfr},
    transport::{Answers, Transfer, Transport},
    view::View,
    wire::{
        name::Key,
        query::{HEADER, Query},
    },
};

/// Answers for every transport.
pub(crate) struct Serving {
    pub(crate) view: ArcSwap<View>,
    pub(super) live: Arc<Live>,
    pub(super) metrics: Arc<Metrics>,
    log: Option<QueryLog>,
}

impl Serving {
    pub(crate) fn new(view: View, live: Arc<Live>, metrics: Arc<Metrics>, log: Option<QueryLog>) -> Self {
        Self { view: ArcSwap::from_pointee(view), live, metrics, log }
    }

    /// Answers one query from `view`, and tells of it.
    #[expect(clippy::too_many_arguments, reason = "a query has so many circumstances")]
    fn reply(
        &self,
        view: &View,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        now: DateTime<Utc>,
        block: &Block,
        chance: impl FnOnce() -> u32,
        out: &mut [u8],
    ) -> Option<usize> {
        let outcome = match answer(view, query, source, transport, now, out) {
            Ok(outcome) => outcome,
            Err(silence) => {
                block.dropped(
                    match silence {
                        Silence::Short => Dropped::Malformed,
                        Silence::Response => Dropped::Response,
                        Silence::Limited => Dropped::RateLimited,
                        Silence::Unsigned => Dropped::TooLarge,
                    },
                    1,
                );
                return None;
            }
        };
        let decided = &outcome.substance.decided;
        block.answered(&Counted {
            transport,
            rtype: outcome.rtype,
            code: outcome.code,
            subnet: outcome.subnet,
            truncated: outcome.truncated,
            cookie: match outcome.cookie {
                None => Cookie::None,
                Some(cookie::State::ClientOnly) => Cookie::Client,
                Some(cookie::State::Good { .. }) => Cookie::Good,
                Some(cookie::State::Bad) => Cookie::Bad,
            },
            place: decided.first().map(|decided| Place { continent: decided.continent, ..Place::default() }),
        });
        let snapshot = &*view.snapshot;
        for decided in decided {
            if let Some(service) = snapshot.services.get(decided.service as usize) {
                let Decided { chosen, failed, address, .. } = *decided;
                let asker = || service.asker(&snapshot.client(address, Via::Dns, None), now);
                self.live.recorder.answered(
                    snapshot,
                    service,
                    &Answered { via: Via::Dns, at: now, chosen, failed },
                    asker,
                );
            }
        }
        if let Some(log) = &self.log {
            log.sample(chance, || line(view, query, source, transport, now, &outcome, out));
        }
        Some(outcome.length)
    }
}

/// The line of the query log for this query and its reply.
fn line(
    view: &View,
    query: &[u8],
    source: IpAddr,
    transport: Transport,
    now: DateTime<Utc>,
    outcome: &Outcome,
    out: &[u8],
) -> Line {
    let decided = outcome.substance.decided.first();
    let name = query.get(HEADER..).and_then(Key::read).map_or(&[][..], |(_, length)| &query[HEADER..HEADER + length]);
    Line {
        time: now,
        transport,
        client: decided.map_or(source, |decided| decided.address),
        name: name.iter().copied().collect::<ArrayVec<u8, 255>>(),
        rtype: outcome.rtype,
        code: outcome.code,
        decided: decided.map(|decided| (view.snapshot.clone(), decided.service as usize, decided.chosen)),
        scope: outcome.substance.scope,
        size: outcome.length as u16,
        flags: out.get(2..4).map_or(0, |flags| u16::from_be_bytes([flags[0], flags[1]])),
    }
}

impl Answers for Serving {
    fn answer(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        now: DateTime<Utc>,
        out: &mut [u8],
    ) -> Option<usize> {
        let (block, begun) = (self.metrics.shared(), Instant::now());
        let length = self.reply(&self.view.load(), query, source, transport, now, block, || fastrand::u32(..), out)?;
        block.took(transport, begun.elapsed(), 1);
        Some(length)
    }

    fn transfer(&self, bytes: &[u8], source: IpAddr, transport: Transport, now: DateTime<Utc>) -> Option<Transfer> {
        let query = Query::read(bytes).filter(|query| query.is_sound_question())?;
        let request = Request::read(&query, bytes)?;
        let view = self.view.load_full();
        let zone = view.names.zone(&request.zone)?;
        let signer = match query.signed {
            true => match view.transfers.keys().verify(bytes, now).ok()? {
                crate::tsig::Verified::Good(signer) => Some(signer),
                crate::tsig::Verified::Bad(_) => return None,
            },
            false => None,
        };
        let key = signer.as_ref().map(|signer| signer.name());
        match view.transfers.rule(&request, zone.data.serial, source, transport, key) {
            Ruling::Whole => Some(axfr::whole(request, zone.soa.clone(), zone.handed_over(), signer, Utc::now)),
            Ruling::Current => Some(axfr::current(request, &zone.soa, signer, Utc::now)),
            Ruling::Formerr | Ruling::Refused(_) => None,
        }
    }
}

/// What one UDP thread answers with.
pub(crate) struct Thread {
    serving: Arc<Serving>,
    block: Arc<Block>,
    chance: fastrand::Rng,
}

impl Thread {
    /// And the counters that it alone writes to.
    pub(crate) fn new(serving: Arc<Serving>) -> (Self, Arc<Block>) {
        let block = serving.metrics.block();
        (Self { serving, block: block.clone(), chance: fastrand::Rng::new() }, block)
    }
}

impl udp::Responder for Thread {
    fn begin(&mut self, now: DateTime<Utc>) -> impl udp::Batch {
        Batch { view: self.serving.view.load(), thread: self, now }
    }
}

/// All of it is answered from one view, as of one moment.
struct Batch<'t> {
    view: Guard<Arc<View>>,
    thread: &'t mut Thread,
    now: DateTime<Utc>,
}

impl udp::Batch for Batch<'_> {
    fn answer(&mut self, query: &[u8], source: IpAddr, out: &mut [u8]) -> Option<usize> {
        let Thread { serving, block, chance } = &mut *self.thread;
        serving.reply(&self.view, query, source, Transport::Udp, self.now, block, || chance.u32(..), out)
    }
}
