//! What every connection has to hand: who answers, the limits, the places taken, and when to stop.

use std::{
    cell::RefCell,
    net::IpAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use chrono::Utc;
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connections::{Connections, Place},
    limits::{Closed, Counters, Limits},
};
use crate::transport::{Answers, Transport};

/// The longest message on a stream, octets: what its two octets of length can tell.
pub(super) const LONGEST: usize = 65_535;

/// Messages of a transfer made ahead of the one being written. One would do to overlap the two; the second covers a
/// message that takes longer to make than to send.
const AHEAD: usize = 2;

thread_local! {
    /// Where replies are written. The answer function wants room for the longest there could be, and nearly all are
    /// short: one such room for each thread, and copies of what was written, instead of 64 KiB for each connection. It is
    /// never held over an await.
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; LONGEST].into());
}

/// See the page above.
pub(super) struct Desk {
    pub(super) answers: Arc<dyn Answers>,
    pub(super) limits: Limits,
    pub(super) counters: Arc<Counters>,
    pub(super) connections: Arc<Connections>,
    /// Accept nothing more; reply to what was read, and close.
    pub(super) stop: CancellationToken,
    /// Close now.
    pub(super) cut: CancellationToken,
    /// Every connection's task.
    pub(super) tasks: TaskTracker,
    transfers: Semaphore,
}

impl Desk {
    pub(super) fn new(
        answers: Arc<dyn Answers>,
        limits: Limits,
        counters: Arc<Counters>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            answers,
            connections: Arc::new(Connections::new(&limits, counters.clone())),
            transfers: Semaphore::new(limits.transfers),
            limits,
            counters,
            stop,
            cut: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Hands the reply to `query` to `take`; `None` where nothing is said.
    pub(super) fn answer<T>(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Option<T> {
        ROOM.with_borrow_mut(|room| {
            let length = self.answers.answer(query, source, transport, Utc::now(), room)?;
            room.get(..length).map(take)
        })
    }

    /// The zone that `query` asks for, if it may be had. It is made on a thread that may block, as far ahead as
    /// [`AHEAD`], and no further when what is received here is dropped. [`Crowded`]: too many others for too long.
    pub(super) async fn transfer(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
    ) -> Result<Option<Messages<'_>>, Crowded> {
        let Some(transfer) = self.answers.transfer(query, source, transport, Utc::now()) else { return Ok(None) };
        let turn = timeout(self.limits.idle, self.transfers.acquire()).await;
        let Ok(Ok(turn)) = turn else { return Err(Crowded) };
        self.counters.transfers.fetch_add(1, Relaxed);
        let (into, made) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            for message in transfer {
                if into.blocking_send(message).is_err() {
                    return; // the client has gone
                }
            }
        });
        Ok(Some(Messages { made, _turn: turn }))
    }
}

/// A handshake, to its end in time. One under way is idle: another connection may take its place.
pub(super) async fn greet<T, E>(
    handshake: impl Future<Output = Result<T, E>>,
    place: &Place,
    desk: &Desk,
) -> Result<T, Closed> {
    tokio::select! {
        done = timeout(desk.limits.handshake, handshake) => match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(Closed::Handshake),
        },
        () = place.displaced() => Err(Closed::Displaced),
    }
}

/// When a connection ends from this side, though nothing is wrong with it.
pub(super) async fn ending(desk: &Desk, place: &Place) -> Closed {
    tokio::select! {
        () = desk.stop.cancelled() => Closed::Stopped,
        () = place.displaced() => Closed::Displaced,
    }
}

/// A transfer's turn did not come.
#[derive(Debug)]
pub(super) struct Crowded;

/// A transfer's messages, and its turn, kept until this is dropped.
pub(super) struct Messages<'a> {
    made: mpsc::Receiver<Vec<u8>>,
    _turn: SemaphorePermit<'a>,
}

impl Messages<'_> {
    /// The next, or `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        self.made.recv().await
    }
}
