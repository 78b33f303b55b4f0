//! DNS over one stream: TCP (RFC 7766) or TLS (RFC 7858), a message after its length in two octets.
//!
//! One loop, and one task for each connection. What one read brings is answered together and written with one write, in
//! order: RFC 7766 §7 allows any order, but each answer here takes microseconds, so that none waits for another. A
//! transfer is the exception, and may take its time: what was asked before it is written before it, what comes after it waits
//! in the kernel's buffer, where TCP tells the client to stop.
//!
//! **Buffers.** Reading begins with room for some ten queries, and a read that fills the room doubles it, up to one whole
//! message: memory follows what was sent, never what a length announces. Replies gather up to 64 KiB before they are
//! written. What grew is given back once the connection has been quiet for a second.
//!
//! **Time.** There is one timer, and it is moved only to an earlier time; that a later one is meant is seen when it fires.
//! So a busy connection touches no timer at all, and an idle one wakes up twice at most.
//!
//! **The end.** A length under twelve, a header's, is no DNS: what follows it cannot be trusted to be where it should,
//! so that the connection is closed, after the replies to what came before. A client that closes its half has all its
//! replies first. When the server stops, each connection has [`LAST_WORDS`] more: what has been read, or is on its way,
//! is replied to.

use std::{net::IpAddr, pin::pin, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep_until, timeout},
};

use super::{
    connections::Place,
    desk::{Crowded, Desk, LONGEST, ending},
    limits::{Closed, IDLE_BUFFER},
    message::{HEADER, asks_for_transfer},
};
use crate::transport::Transport;

/// Octets of the length before each message.
pub(super) const LENGTH: usize = 2;
/// The most that is read before something is answered: one whole message.
const MOST_READ: usize = LENGTH + LONGEST;
/// Replies that gather before they are written, octets. One more reply may come on top.
const BATCH: usize = 65_536;
/// After which buffers that grew are given back.
const QUIET: Duration = Duration::from_secs(1);

/// How long a connection is still read from when the server stops: some round trips of who is near, one of who is far.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(200);

/// Answers what comes on `stream`, from `source`, until one of the ends above. The caller closes it.
pub(super) async fn converse<S>(
    stream: &mut S,
    source: IpAddr,
    transport: Transport,
    place: &Place,
    desk: &Desk,
) -> Closed
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffers = Buffers { input: Vec::with_capacity(IDLE_BUFFER), output: Vec::new() };
    let mut deadline = (Instant::now() + desk.limits.idle, Closed::Idle);
    let mut alarm = pin!(sleep_until(deadline.0));
    let mut ending = pin!(ending(desk, place));
    let mut stops = false;
    loop {
        let begun = !buffers.input.is_empty();
        tokio::select! {
            biased; // what waits in the kernel before the end; tokio's budget sees to it that the end has its turn
            read = stream.read_buf(&mut buffers.input) => match read {
                Ok(0) => return Closed::ByClient,
                Ok(_) => {}
                Err(_) => return Closed::Failed,
            },
            why = &mut ending, if !stops => {
                if why != Closed::Stopped {
                    return why;
                }
                stops = true;
                deadline = (Instant::now() + LAST_WORDS, why);
                alarm.as_mut().reset(deadline.0);
                continue;
            }
            () = &mut alarm => {
                if Instant::now() >= deadline.0 {
                    return deadline.1;
                }
                buffers.give_back();
                alarm.as_mut().reset(deadline.0);
                continue;
            }
        }
        let full = buffers.input.len() == buffers.input.capacity();
        let answered = match (Batch { stream, source, transport, place, desk }).answer(&mut buffers).await {
            Ok(answered) => answered,
            Err(why) => return why,
        };
        if full {
            buffers.grow();
        }
        if stops {
            continue;
        }
        let now = Instant::now();
        if buffers.input.is_empty() {
            deadline = (now + desk.limits.idle, Closed::Idle);
        } else if answered || !begun {
            deadline = (now + desk.limits.message, Closed::Slow);
        }
        let wake = if buffers.are_large() { deadline.0.min(now + QUIET) } else { deadline.0 };
        if wake < alarm.deadline() {
            alarm.as_mut().reset(wake);
        }
    }
}

/// Writes all of `octets` in time.
pub(super) async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    octets: &[u8],
    within: Duration,
) -> Result<(), Closed> {
    let written = timeout(within, async {
        stream.write_all(octets).await?;
        stream.flush().await // TLS keeps what the socket does not take at once
    });
    match written.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Closed::Failed),
        Err(_) => Err(Closed::Unread),
    }
}

/// A message as it goes over a stream. Longer than a length can tell: not at all.
pub(super) fn frame(message: &[u8], into: &mut Vec<u8>) -> Result<(), Closed> {
    let length = u16::try_from(message.len()).map_err(|_| Closed::Failed)?;
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(message);
    Ok(())
}

struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Buffers {
    fn grow(&mut self) {
        let capacity = (self.input.capacity() * 2).min(MOST_READ);
        self.input.reserve_exact(capacity - self.input.len());
    }

    fn are_large(&self) -> bool {
        self.input.capacity() > IDLE_BUFFER || self.output.capacity() > 0
    }

    fn give_back(&mut self) {
        self.output = Vec::new();
        if self.input.is_empty() {
            self.input = Vec::with_capacity(IDLE_BUFFER);
        }
    }
}

/// What one read has brought.
struct Batch<'a, S> {
    stream: &'a mut S,
    source: IpAddr,
    transport: Transport,
    place: &'a Place,
    desk: &'a Desk,
}

impl<S: AsyncWrite + Unpin> Batch<'_, S> {
    /// Replies to each whole message, and leaves what follows. Whether there was one.
    async fn answer(&mut self, buffers: &mut Buffers) -> Result<bool, Closed> {
        let Buffers { input, output } = buffers;
        let mut at = 0;
        let mut work = None;
        let ended = loop {
            let Some((length, rest)) = input[at..].split_first_chunk::<LENGTH>() else { break Ok(()) };
            let length = usize::from(u16::from_be_bytes(*length));
            if length < HEADER {
                break Err(Closed::Malformed);
            }
            let Some(query) = rest.get(..length) else { break Ok(()) };
            work.get_or_insert_with(|| self.place.activity().work());
            at += LENGTH + length;
            if !asks_for_transfer(query) || !self.transfer(query, output).await? {
                self.desk.answer(query, self.source, self.transport, |reply| frame(reply, output)).unwrap_or(Ok(()))?;
            }
            if output.len() >= BATCH {
                self.flush(output).await?;
            }
        };
        self.flush(output).await?;
        input.drain(..at);
        ended.map(|()| at > 0)
    }

    /// Sends the zone that `query` asks for, after the replies to what came before it. `false`: it may not be had.
    async fn transfer(&mut self, query: &[u8], output: &mut Vec<u8>) -> Result<bool, Closed> {
        let transfer = self.desk.transfer(query, self.source, self.transport).await;
        let Some(mut messages) = transfer.map_err(|Crowded| Closed::Crowded)? else { return Ok(false) };
        while let Some(message) = messages.next().await {
            frame(&message, output)?;
            self.flush(output).await?;
        }
        Ok(true)
    }

    async fn flush(&mut self, output: &mut Vec<u8>) -> Result<(), Closed> {
        if output.is_empty() {
            return Ok(());
        }
        write(self.stream, output, self.desk.limits.write).await?;
        output.clear();
        Ok(())
    }
}
