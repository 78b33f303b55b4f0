//! DNS over QUIC (RFC 9250): one stream for each query, as one TCP connection of one query would carry it.
//!
//! Over quinn itself. hickory's server waits for each handshake before it accepts the next connection, answers the
//! queries of one connection one after the other, and takes message IDs other than 0.
//!
//! - **A stream** is read up to its end, which §4.2 demands after the query, and lets a server wait for. What is not
//!   exactly one message, or has an ID other than 0, or the option edns-tcp-keepalive, ends the connection with
//!   `DOQ_PROTOCOL_ERROR` (§4.3.3). What a client resets or stops reading is its own affair.
//! - **No early data**: it can be replayed, and would save one round trip of a resolver's first query (§4.5).
//! - **Addresses** can be forged up to the end of the handshake, so until then a client must not cost another its
//!   place: where its connection would displace one, or half of all places are taken, it is asked to prove its address
//!   first, by a Retry (RFC 9000 §8.1.2), which keeps nothing here.
//! - **Migration** is off. Who asks an authoritative server does not roam, and a place is counted to one client.
//! - **Idle** is a connection without queries, though it may send PINGs; QUIC's own timeout is for who went without a word.
//!
//! A reply is at work until the client has acknowledged it, as closing a QUIC connection drops what is on its way.

use std::{io, net::IpAddr, net::UdpSocket, pin::pin, sync::Arc};

use quinn::{
    Connection, ConnectionError, Endpoint, EndpointConfig, Incoming, ReadError, ReadToEndError, RecvStream, SendStream,
    ServerConfig, StoppedError, TokioRuntime, TransportConfig, VarInt, WriteError,
    crypto::rustls::{NoInitialCipherSuite, QuicServerConfig},
};
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until, timeout},
};

use super::{
    certificates::{Certificates, tls},
    connections::{Activity, Place},
    desk::{Crowded, Desk, LONGEST, ending, greet},
    limits::{Closed, Limits},
    message::{HEADER, asks_for_transfer, has_keepalive},
    stream::{LAST_WORDS, LENGTH, frame},
};
use crate::transport::Transport;

/// RFC 9250 §4.3: what a connection is closed with.
const NO_ERROR: VarInt = VarInt::from_u32(0);
const INTERNAL_ERROR: VarInt = VarInt::from_u32(1);
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
const EXCESSIVE_LOAD: VarInt = VarInt::from_u32(4);

/// What a client may send before it is read, octets: four of the longest queries. Four times that may be on its way to a
/// client: 10 MB/s of a zone, a tenth of a second away.
const WINDOW: u32 = 256 * 1024;

/// Why there is no QUIC.
#[derive(Debug, thiserror::Error)]
pub enum QuicError {
    /// The runtime does not take the socket.
    #[error("a socket cannot be used for QUIC: {0}")]
    Socket(#[from] io::Error),
    /// The library's, which would be our mistake.
    #[error("TLS cannot be set up for QUIC: {0}")]
    Tls(#[from] rustls::Error),
    /// As above.
    #[error("TLS cannot be set up for QUIC: {0}")]
    Suite(#[from] NoInitialCipherSuite),
}

/// QUIC on a socket that does not block.
pub(super) fn endpoint(
    socket: UdpSocket,
    certificates: Arc<Certificates>,
    limits: &Limits,
) -> Result<Endpoint, QuicError> {
    let tls = tls(certificates, &[&rustls::version::TLS13], &[b"doq"])?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(limits.streams.into())
        .max_concurrent_uni_streams(0u8.into())
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32((LENGTH + LONGEST) as u32))
        .receive_window(WINDOW.into())
        .send_window(u64::from(4 * WINDOW))
        .max_idle_timeout(limits.idle.try_into().ok());
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport)).migration(false);
    Ok(Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))?)
}

/// Lets connections in until the server stops, and then ends with the last of them.
pub(super) async fn accept(desk: Arc<Desk>, endpoint: Endpoint) {
    while let Some(Some(incoming)) = desk.stop.run_until_cancelled(endpoint.accept()).await {
        let source = incoming.remote_address().ip();
        let (taken, most) = desk.connections.taken();
        if !incoming.remote_address_validated() && (taken >= most / 2 || !desk.connections.has_room(source)) {
            if let Err(error) = incoming.retry() {
                error.into_incoming().refuse(); // it has answered one already, of another server
            }
            continue;
        }
        match desk.connections.open(source, Transport::Quic) {
            Some(place) => drop(desk.tasks.spawn(serve(desk.clone(), incoming, place))),
            None => incoming.refuse(),
        }
    }
    endpoint.set_server_config(None);
    desk.cut.run_until_cancelled(endpoint.wait_idle()).await;
}

async fn serve(desk: Arc<Desk>, incoming: Incoming, place: Place) {
    let conversation = async {
        let source = incoming.remote_address().ip().to_canonical();
        let Ok(connecting) = incoming.accept() else { return Closed::Handshake };
        let connection = match greet(connecting, &place, &desk).await {
            Ok(connection) => connection,
            Err(why) => return why,
        };
        let why = converse(&connection, source, &place, &desk).await;
        connection.close(
            match why {
                Closed::Malformed => PROTOCOL_ERROR,
                Closed::Unread | Closed::Crowded | Closed::Displaced => EXCESSIVE_LOAD,
                Closed::Failed => INTERNAL_ERROR,
                _ => NO_ERROR,
            },
            b"",
        );
        why
    };
    let why = desk.cut.run_until_cancelled(conversation).await.unwrap_or(Closed::Stopped);
    place.end(why);
}

async fn converse(connection: &Connection, source: IpAddr, place: &Place, desk: &Arc<Desk>) -> Closed {
    let mut queries = JoinSet::new();
    let mut ending = pin!(ending(desk, place));
    let mut alarm = pin!(sleep_until(Instant::now() + desk.limits.idle));
    let mut stops = false;
    let why = loop {
        tokio::select! {
            stream = connection.accept_bi() => match stream {
                Ok((send, read)) => {
                    let query = Query { send, source, activity: place.activity().clone(), desk: desk.clone() };
                    queries.spawn(query.serve(read));
                }
                Err(error) => return reason(&error),
            },
            Some(ended) = queries.join_next() => if let Err(why) = outcome(ended) {
                return why;
            },
            why = &mut ending, if !stops => {
                if why != Closed::Stopped {
                    return why; // its place is taken already
                }
                stops = true;
                alarm.as_mut().reset(Instant::now() + LAST_WORDS);
            }
            () = &mut alarm => {
                if stops {
                    break Closed::Stopped;
                }
                let until = place.activity().idle_since().unwrap_or_else(Instant::now) + desk.limits.idle;
                if until <= Instant::now() {
                    break Closed::Idle;
                }
                alarm.as_mut().reset(until);
            }
        }
    };
    while let Some(ended) = queries.join_next().await {
        if let Err(why) = outcome(ended) {
            return why;
        }
    }
    why
}

fn outcome(ended: Result<Result<(), Closed>, JoinError>) -> Result<(), Closed> {
    ended.unwrap_or(Err(Closed::Failed))
}

fn reason(error: &ConnectionError) -> Closed {
    match error {
        ConnectionError::ApplicationClosed(_) | ConnectionError::ConnectionClosed(_) => Closed::ByClient,
        ConnectionError::TimedOut => Closed::Idle,
        ConnectionError::TransportError(_) => Closed::Malformed,
        _ => Closed::Failed,
    }
}

/// One stream. Its errors are the connection's.
struct Query {
    send: SendStream,
    source: IpAddr,
    activity: Activity,
    desk: Arc<Desk>,
}

impl Query {
    async fn serve(mut self, mut read: RecvStream) -> Result<(), Closed> {
        let octets = match timeout(self.desk.limits.message, read.read_to_end(LENGTH + LONGEST)).await {
            Ok(Ok(octets)) => octets,
            Ok(Err(ReadToEndError::TooLong)) => return Err(Closed::Malformed),
            Ok(Err(ReadToEndError::Read(ReadError::Reset(_) | ReadError::ConnectionLost(_)))) => return Ok(()),
            Ok(Err(ReadToEndError::Read(_))) => return Err(Closed::Failed),
            Err(_) => return Err(Closed::Slow),
        };
        let _work = self.activity.work();
        let query = only_message(&octets).ok_or(Closed::Malformed)?;
        if asks_for_transfer(query) && self.transfer(query).await? {
            return Ok(());
        }
        let mut reply = Vec::new();
        let framed = self.desk.answer(query, self.source, Transport::Quic, |message| frame(message, &mut reply));
        framed.unwrap_or(Ok(()))?;
        if self.write(&reply).await? { self.finish().await } else { Ok(()) }
    }

    /// Sends the zone that is asked for. `false`: it may not be had.
    async fn transfer(&mut self, query: &[u8]) -> Result<bool, Closed> {
        let desk = self.desk.clone();
        let transfer = desk.transfer(query, self.source, Transport::Quic).await;
        let Some(mut messages) = transfer.map_err(|Crowded| Closed::Crowded)? else { return Ok(false) };
        let mut framed = Vec::new();
        while let Some(message) = messages.next().await {
            framed.clear();
            frame(&message, &mut framed)?;
            if !self.write(&framed).await? {
                return Ok(true);
            }
        }
        self.finish().await?;
        Ok(true)
    }

    /// Writes in time. `false`: the client does not want it any more.
    async fn write(&mut self, octets: &[u8]) -> Result<bool, Closed> {
        match timeout(self.desk.limits.write, self.send.write_all(octets)).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(WriteError::Stopped(_) | WriteError::ConnectionLost(_))) => Ok(false),
            Ok(Err(_)) => Err(Closed::Failed),
            Err(_) => Err(Closed::Unread),
        }
    }

    /// Ends the stream, and waits until the client has all of it.
    async fn finish(&mut self) -> Result<(), Closed> {
        if self.send.finish().is_err() {
            return Ok(()); // the client has stopped it
        }
        match timeout(self.desk.limits.write, self.send.stopped()).await {
            Ok(Ok(_) | Err(StoppedError::ConnectionLost(_))) => Ok(()),
            Ok(Err(_)) => Err(Closed::Failed),
            Err(_) => Err(Closed::Unread),
        }
    }
}

/// The one message of a stream, if that is what there is, and it is one that may be sent over QUIC.
fn only_message(octets: &[u8]) -> Option<&[u8]> {
    let (length, message) = octets.split_first_chunk::<LENGTH>()?;
    let is_whole = usize::from(u16::from_be_bytes(*length)) == message.len() && message.len() >= HEADER;
    (is_whole && message.starts_with(&[0, 0]) && !has_keepalive(message)).then_some(message)
}
