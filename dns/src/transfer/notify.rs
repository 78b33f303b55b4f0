//! Secondaries are told that a zone changed (NOTIFY, RFC 1996), so that they need not wait for the SOA's refresh time.
//!
//! One task for each address that is told. It has a socket of its own, connected, so that the kernel lets nobody else
//! reply; a notice is repeated until it is acknowledged, or five times (§3.6). What it says of a zone is always the
//! latest: a change that comes while one is under way takes its place, and is told from the beginning.
//!
//! # Waiting
//! RFC 1996 §3.6 proposes 60 s between repetitions. The first ones are shorter here: one second is longer than any
//! round trip, what is lost is most often one datagram, and a minute is far above the few seconds in which changes are
//! meant to arrive. Each wait is four times the one before, up to a minute, so that a secondary that is down is asked
//! five times in two and a half minutes. After that it is on its own: it asks for the SOA when it starts, and at each
//! refresh.
//!
//! # How many at once
//! [`UNDER_WAY`] zones: a reload may change thousands, and as many datagrams at once would be lost in the secondary's
//! socket buffer; each acknowledged one makes room for the next. A dead secondary gets through its list slowly, which
//! hurts nobody.
//!
//! # What counts as acknowledged
//! A reply of NOERROR with our ID and question, signed with the key if there is one. Another code ends it too, as
//! *refused*: the secondary has heard it, does not want it, and its operator has to know. Unsigned, malformed and late
//! replies are passed over.
//!
//! # Notices that come here
//! We are primary for all our zones and have nothing to fetch. A NOTIFY for one of them is answered REFUSED, any other
//! NOTAUTH; not NOTIMP, which would say that the opcode is unknown to us.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hickory_proto::rr::RecordType;
use tokio::{net::UdpSocket, sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Clock, Transfers};
use crate::{
    names::set::Set,
    tsig::Signer,
    wire::{
        name::Key,
        query::{HEADER, Query, flag},
        writer::{Owner, Section, Writer},
    },
};

/// Opcode 4, where the header has it.
const NOTIFY: u16 = 4 << 11;
/// How often a zone is told at most (RFC 1996 §3.6).
const TRIES: u32 = 5;
/// The first wait for an acknowledgement.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How many times that the longest is.
const LONGEST_WAIT: u32 = 60;
/// Zones told to one secondary at once.
const UNDER_WAY: usize = 64;
/// Octets of the largest notice: two names, a SOA, a TSIG, and none of them compressed.
const LARGEST: usize = 2048;

/// What became of notices.
#[derive(Debug, Default)]
pub struct Counts {
    /// Datagrams sent.
    pub sent: AtomicU64,
    /// Zones acknowledged.
    pub acknowledged: AtomicU64,
    /// Zones that a secondary did not want to hear of.
    pub refused: AtomicU64,
    /// Zones given up after the last repetition.
    pub unanswered: AtomicU64,
}

/// A zone that changed.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) zone: Key,
    /// As it is now.
    pub(crate) soa: Set,
}

/// What the tasks share.
#[derive(Clone, Debug)]
struct World {
    transfers: Transfers,
    first_wait: Duration,
    clock: Clock,
    counts: Arc<Counts>,
    stop: CancellationToken,
}

/// Tells secondaries. When it is dropped, what is under way is still told; the token stops it at once.
#[derive(Debug)]
pub(crate) struct Notifier {
    transfers: Transfers,
    tasks: BTreeMap<Place, mpsc::UnboundedSender<Notice>>,
}

/// Where a secondary is told, and from where.
type Place = (SocketAddr, Option<IpAddr>);

/// What one secondary is told.
#[derive(Debug)]
struct Notice {
    changed: Changed,
    key: Option<Key>,
}

/// A notice under way.
struct Sent {
    notice: Notice,
    id: u16,
    signer: Option<Signer>,
    tries: u32,
    /// When it is repeated, or given up.
    due: Instant,
}

impl Notifier {
    /// Starts the tasks, on tokio's runtime. `first_wait` is [`FIRST_WAIT`] outside tests; `seed` is for the messages'
    /// IDs.
    pub(crate) fn start(
        transfers: Transfers,
        first_wait: Duration,
        seed: u64,
        clock: Clock,
        counts: Arc<Counts>,
        stop: CancellationToken,
    ) -> Self {
        let world = World { transfers: transfers.clone(), first_wait, clock, counts, stop };
        let mut random = fastrand::Rng::with_seed(seed);
        let mut tasks = BTreeMap::new();
        for secondary in &transfers.secondaries {
            for to in &secondary.notify {
                tasks.entry((*to, secondary.source)).or_insert_with_key(|place| {
                    let (sender, receiver) = mpsc::unbounded_channel();
                    let task =
                        Task { world: world.clone(), place: *place, random: random.fork(), under_way: Vec::new() };
                    tokio::spawn(task.run(receiver));
                    sender
                });
            }
        }
        Self { transfers, tasks }
    }

    /// Tells all secondaries of these zones.
    pub(crate) fn changed(&self, zones: &[Changed]) {
        for changed in zones {
            for secondary in self.transfers.secondaries.iter().filter(|s| s.zones.holds(&changed.zone)) {
                for to in &secondary.notify {
                    let notice = Notice { changed: changed.clone(), key: secondary.key.clone() };
                    // A task that ended was stopped, and so are we.
                    let told = self.tasks.get(&(*to, secondary.source)).is_some_and(|task| task.send(notice).is_ok());
                    tracing::debug!(zone = ?changed.zone, %to, told, "notify");
                }
            }
        }
    }
}

/// Tells one secondary.
struct Task {
    world: World,
    place: Place,
    random: fastrand::Rng,
    under_way: Vec<Sent>,
}

impl Task {
    async fn run(mut self, mut receiver: mpsc::UnboundedReceiver<Notice>) {
        let stop = self.world.stop.clone();
        let mut waiting: BTreeMap<Box<[u8]>, Notice> = BTreeMap::new();
        let (mut socket, mut open, mut reply) = (None, true, [0; LARGEST]);
        while open || !waiting.is_empty() || !self.under_way.is_empty() {
            while self.under_way.len() < UNDER_WAY
                && let Some((_, notice)) = waiting.pop_first()
            {
                self.begin(notice);
            }
            let due = self.under_way.iter().map(|sent| sent.due).min();
            tokio::select! {
                () = stop.cancelled() => return,
                notice = receiver.recv(), if open => match notice {
                    Some(notice) => {
                        let zone = &notice.changed.zone;
                        self.under_way.retain(|sent| sent.notice.changed.zone != *zone);
                        waiting.insert(zone.as_wire().into(), notice);
                    }
                    None => open = false,
                },
                length = receive(socket.as_ref(), &mut reply) => self.hear(&reply[..length]),
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if socket.is_none() {
                        socket = connect(self.place).await.inspect_err(|error| self.complain(error)).ok();
                    }
                    self.tell(socket.as_ref()).await;
                }
            }
        }
    }

    fn complain(&self, error: &io::Error) {
        tracing::warn!(to = %self.place.0, %error, "a secondary cannot be told of changes; tried again");
    }

    fn begin(&mut self, notice: Notice) {
        let id = loop {
            let id = self.random.u16(..);
            if self.under_way.iter().all(|sent| sent.id != id) {
                break id;
            }
        };
        self.under_way.push(Sent { notice, id, signer: None, tries: 0, due: Instant::now() });
    }

    /// Sends what is due, and gives up what was sent often enough.
    async fn tell(&mut self, socket: Option<&UdpSocket>) {
        let World { transfers, first_wait, clock, counts, .. } = &self.world;
        let (now, to) = (Instant::now(), self.place.0);
        self.under_way.retain(|sent| {
            let over = sent.due <= now && sent.tries >= TRIES;
            if over {
                counts.unanswered.fetch_add(1, Relaxed);
                tracing::warn!(zone = ?sent.notice.changed.zone, %to, "a secondary does not answer; it asks at its refresh");
            }
            !over
        });
        for sent in self.under_way.iter_mut().filter(|sent| sent.due <= now) {
            sent.due = now + *first_wait * 4_u32.pow(sent.tries).min(LONGEST_WAIT);
            sent.tries += 1;
            let Some(mut message) = message(sent.id, &sent.notice.changed) else { continue };
            if let Some(key) = &sent.notice.key {
                // The keys were looked at when the secondaries were: it is there.
                sent.signer = transfers.keys().sign(key, &mut message, clock());
            }
            counts.sent.fetch_add(1, Relaxed);
            if let Some(socket) = socket
                && let Err(error) = socket.send(&message).await
            {
                tracing::debug!(%to, %error, "notify"); // a refusal of the one before, or no route: it is repeated
            }
        }
    }

    /// Takes up a reply.
    fn hear(&mut self, reply: &[u8]) {
        let Some(query) = Query::read(reply).filter(|reply| !reply.malformed && reply.flags & flag::QR != 0) else {
            return;
        };
        let Some(at) = self.under_way.iter().position(|sent| {
            let asked = query.question.as_ref().is_some_and(|q| q.name == sent.notice.changed.zone);
            let signed = sent.notice.key.is_none()
                || sent.signer.as_ref().is_some_and(|signer| signer.verifies(reply, (self.world.clock)()));
            query.id == sent.id && query.flags & flag::OPCODE == NOTIFY && asked && signed
        }) else {
            return;
        };
        let sent = self.under_way.swap_remove(at);
        match query.flags & 0xf {
            0 => drop(self.world.counts.acknowledged.fetch_add(1, Relaxed)),
            code => {
                self.world.counts.refused.fetch_add(1, Relaxed);
                tracing::warn!(zone = ?sent.notice.changed.zone, to = %self.place.0, code, "a secondary refuses a notice");
            }
        }
    }
}

/// The octets of the next reply.
async fn receive(socket: Option<&UdpSocket>, reply: &mut [u8]) -> usize {
    let Some(socket) = socket else { return std::future::pending().await };
    loop {
        // What fails is what was sent before: it is repeated when it is due.
        if let Ok(length) = socket.recv(reply).await {
            return length;
        }
    }
}

async fn connect((to, source): Place) -> io::Result<UdpSocket> {
    let any = if to.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((source.unwrap_or(any), 0)).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// A notice: the zone as the question, its SOA as the answer (RFC 1996 §3.7).
fn message(id: u16, Changed { zone, soa }: &Changed) -> Option<Vec<u8>> {
    let question = [zone.as_wire(), &u16::from(RecordType::SOA).to_be_bytes(), &1_u16.to_be_bytes()].concat();
    let mut out = vec![0; LARGEST];
    let mut writer = Writer::new(&mut out, LARGEST, &question)?;
    let origin = HEADER as u16;
    writer.set(Section::Answer, Owner::at(origin), soa, soa.ttl, origin, false).ok()?;
    let (length, _) = writer.finish(id, NOTIFY | flag::AA, 0, None);
    out.truncate(length);
    out[2] &= 0x7f; // a query, where the writer writes replies
    Some(out)
}

#[cfg(test)]
mod tests;
