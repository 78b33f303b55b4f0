//! The room in one value: what the command opens, drains and closes, and what `routes` hands each request to.

use std::{
    collections::hash_map::DefaultHasher,
    future::Future,
    hash::{Hash, Hasher},
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use fairway_geo::GeoTable;
use fairway_store::Source;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::{
    attribution::{Attribution, attribute},
    drain::{self, Sink},
    error::{Cause, RequestError},
    generations::Generations,
    intake::{Intake, Mode},
    metrics::{Metrics, Outcome},
    record::Beacon,
    row::row,
    session::Session,
    spool::{Limits, OpenError, Spool, SpoolError},
};

/// A session is forgotten when it has been silent for this long, milliseconds: ten default report intervals.
const SESSION_IDLE_MS: i64 = 300_000;
/// A repeated beacon is recognised for at least as long: players repeat within seconds of a failure.
const REPEATS_MS: i64 = 120_000;

/// What the collector is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The spool's folder, `<data_dir>/spool`. Made if there is none.
    pub dir: PathBuf,
    /// How big the spool may get.
    pub limits: Limits,
    /// Sessions remembered at least; up to twice as many are held (some 300 bytes each).
    pub max_sessions: usize,
    /// Beacon numbers remembered against repetition at least; up to twice as many are held (some 20 bytes each).
    pub max_repeats: usize,
}

impl Config {
    /// The defaults, with the spool in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), limits: Limits::default(), max_sessions: 200_000, max_repeats: 500_000 }
    }
}

/// The collector; clones are handles to the same.
#[derive(Clone)]
pub struct Collector(Arc<Inner>);

struct Inner {
    spool: Spool,
    geo: Arc<GeoTable>,
    attribution: Arc<dyn Attribution>,
    memory: Mutex<Memory>,
    metrics: Metrics,
}

/// What is remembered of beacons that came before.
struct Memory {
    sessions: Generations<String, Session>,
    /// Beacons by [`repetition_key`], and whether they are on disk.
    repeats: Generations<u64, bool>,
}

/// What became of a request's records.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Receipt {
    pub accepted: usize,
    pub duplicates: usize,
    /// The numbers of those refused, and why.
    pub refused: Vec<(usize, Cause)>,
}

/// Rows on their way to disk, and what to take back if they do not get there.
#[derive(Default)]
struct Batch {
    rows: Vec<u8>,
    /// As they were before.
    sessions: Vec<(String, Session)>,
    repeats: Vec<u64>,
}

impl Collector {
    /// Opens the spool, and registers the metrics. Blocks for the disk, not for the store.
    pub fn open(
        config: Config,
        geo: Arc<GeoTable>,
        attribution: Arc<dyn Attribution>,
        registry: &mut Registry,
    ) -> Result<Self, OpenError> {
        let metrics = Metrics::register(registry);
        let spool = Spool::open(&config.dir, config.limits, metrics.clone())?;
        let memory = Mutex::new(Memory {
            sessions: Generations::new(config.max_sessions, SESSION_IDLE_MS),
            repeats: Generations::new(config.max_repeats, REPEATS_MS),
        });
        Ok(Self(Arc::new(Inner { spool, geo, attribution, memory, metrics })))
    }

    /// Carries what is in the spool to the store, until `shutdown`.
    pub fn drain<S: Sink>(&self, sink: S, shutdown: CancellationToken) -> impl Future<Output = ()> + Send + use<S> {
        drain::run(self.0.spool.clone(), sink, self.0.metrics.clone(), shutdown)
    }

    /// Seals the spool, and takes no more beacons. What it holds is delivered by the next run.
    pub async fn close(&self) {
        self.0.spool.close().await;
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Takes a request's records in. Those accepted are on disk when it returns.
    pub(crate) async fn accept(
        &self,
        intake: Intake,
        client: Option<IpAddr>,
        now_ms: i64,
    ) -> Result<Receipt, RequestError> {
        // In a task of its own, to its end: a client that hangs up would else leave records behind that are remembered
        // and not kept, and its repetition would be thanked for and dropped.
        let collector = self.clone();
        let taken = tokio::spawn(async move { collector.take_in(intake, client, now_ms).await });
        taken.await.unwrap_or(Err(RequestError::Unavailable(SpoolError::Closed)))
    }

    async fn take_in(&self, intake: Intake, client: Option<IpAddr>, now_ms: i64) -> Result<Receipt, RequestError> {
        let known = &*self.0.attribution;
        if let Some(unknown) = intake.service.as_ref().filter(|id| !known.is_service(id)) {
            return Err(RequestError::UnknownService(unknown.clone()));
        }
        // Before the records are taken into account, since they will come again.
        self.0.spool.check()?;
        let (Batch { rows, sessions, repeats }, receipt) = self.assemble(intake, client, now_ms)?;
        if receipt.accepted > 0 {
            let written = self.0.spool.append(receipt.accepted as u32, rows).await;
            self.memory().settle(sessions, &repeats, written.is_ok());
            written?;
        }
        let count = |outcome, n: usize| self.0.metrics.records.get_or_create(&Outcome { outcome }).inc_by(n as u64);
        count("accepted", receipt.accepted);
        count("duplicate", receipt.duplicates);
        receipt.refused.iter().for_each(|(_, cause)| {
            count(cause.name(), 1);
        });
        Ok(receipt)
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records to rows, in one go, so that a session's records are taken in their order.
    fn assemble(&self, intake: Intake, client: Option<IpAddr>, now_ms: i64) -> Result<(Batch, Receipt), RequestError> {
        let place = client.map(|address| self.0.geo.locate(address).place).unwrap_or_default();
        let explicit: Option<Arc<str>> = intake.service.map(Into::into);
        let known = &*self.0.attribution;
        let (mut batch, mut receipt) = (Batch::default(), Receipt::default());
        let mut guard = self.memory();
        let memory = &mut *guard;
        for (number, record) in intake.records {
            let beacon = match record {
                Ok(beacon) => beacon,
                Err(cause) => {
                    receipt.refused.push((number, cause));
                    continue;
                }
            };
            let key = repetition_key(&beacon, intake.mode);
            match key.and_then(|key| memory.repeats.get_mut(&key).map(|on_disk| (key, *on_disk))) {
                None => {}
                Some((key, on_disk)) if on_disk || batch.repeats.contains(&key) => {
                    receipt.duplicates += 1;
                    continue;
                }
                // Another request's, and not on disk yet: to thank for it now might be to lose it.
                Some(_) => {
                    memory.settle(batch.sessions, &batch.repeats, false);
                    return Err(RequestError::UnderWay);
                }
            }
            let mut session = beacon.session.clone().map(|sid| {
                let session = memory.sessions.touch(sid.clone(), now_ms, Session::default);
                if batch.sessions.last().is_none_or(|(last, _)| *last != sid) {
                    batch.sessions.push((sid, session.clone()));
                }
                session
            });
            let owner = match attribute(&beacon, explicit.as_ref(), session.as_deref_mut(), known, now_ms) {
                Ok(owner) => owner,
                Err(cause) => {
                    receipt.refused.push((number, cause));
                    continue;
                }
            };
            if let (Some(sid), Some(buffer_ms)) = (&beacon.session, beacon.buffer_ms) {
                known.buffered(sid, buffer_ms, now_ms);
            }
            if let Some(key) = key {
                memory.repeats.touch(key, now_ms, || false);
                batch.repeats.push(key);
            }
            let account = session.map(|s| s.account(&beacon, owner.pathway.as_ref(), now_ms)).unwrap_or_default();
            let source = if intake.mode == Mode::Json { Source::Json } else { beacon.cmcd() };
            row(beacon, &owner, account, &place, source, now_ms).encode(&mut batch.rows);
            receipt.accepted += 1;
        }
        self.0.metrics.sessions.set(memory.sessions.len() as i64);
        Ok((batch, receipt))
    }
}

impl Memory {
    /// Records have got to disk, or they have not: then they will come again, and must be new.
    fn settle(&mut self, sessions: Vec<(String, Session)>, repeats: &[u64], on_disk: bool) {
        for key in repeats {
            match self.repeats.get_mut(key) {
                Some(known) if on_disk => *known = true,
                _ => self.repeats.remove(key),
            }
        }
        // The last is the first that was noted of a session, and so the one that stays.
        for (sid, before) in sessions.into_iter().rev().filter(|_| !on_disk) {
            if let Some(session) = self.sessions.get_mut(&sid) {
                *session = before.interrupted();
            }
        }
    }
}

/// What tells a beacon from all others, so that it is known when a player repeats a batch whose answer it lost. A player
/// with two targets numbers each by itself, so the number alone is not enough: the moment and the event belong to it.
/// 0 and none are not numbers to go by: some players never count.
fn repetition_key(beacon: &Beacon, mode: Mode) -> Option<u64> {
    let (session, number) = (beacon.session.as_ref()?, beacon.number.filter(|n| *n > 0)?);
    let mut hasher = DefaultHasher::new();
    (session, number, mode.name(), beacon.time_ms, &beacon.event).hash(&mut hasher);
    Some(hasher.finish())
}
