//! A server of connections on loopback, and what a test speaks to it with.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use fairway_dns::{
    Answers, Transfer, Transport,
    server::{
        accept::Listeners,
        certificates::Certificates,
        limits::{Closed, Counters, Limits},
    },
};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// After which a condition will not come true any more.
pub const LONG: Duration = Duration::from_secs(20);
/// A limit that a test waits for.
pub const SHORT: Duration = Duration::from_millis(300);

/// Answers every query with itself, as a reply, and one address with a TTL of 42 s; refuses to speak of what is a reply
/// already. A transfer is [`Fake::messages`] messages of [`Fake::size`] octets.
#[derive(Default)]
pub struct Fake {
    pub messages: usize,
    pub size: usize,
    /// Messages of transfers made so far.
    pub made: Arc<AtomicU64>,
}

impl Answers for Fake {
    fn answer(&self, query: &[u8], _: IpAddr, _: Transport, _: DateTime<Utc>, out: &mut [u8]) -> Option<usize> {
        let record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x2a\x00\x04\xc0\x00\x02\x01";
        if query[2] & 0x80 != 0 {
            return None;
        }
        let question = 12 + query[12..].iter().position(|octet| *octet == 0)? + 5;
        out[..question].copy_from_slice(&query[..question]);
        out[2] |= 0x84;
        out[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
        out[question..question + record.len()].copy_from_slice(record);
        Some(question + record.len())
    }

    fn transfer(&self, query: &[u8], _: IpAddr, _: Transport, _: DateTime<Utc>) -> Option<Transfer> {
        let (head, size, made) = (query[..2].to_vec(), self.size, self.made.clone());
        Some(Box::new((0..self.messages).map(move |number| {
            made.fetch_add(1, Relaxed);
            let mut message = head.clone();
            message.resize(size, 0);
            message[2..10].copy_from_slice(&(number as u64).to_be_bytes());
            message
        })))
    }
}

/// A server with every transport, and its certificate.
pub struct World {
    pub tcp: SocketAddr,
    pub tls: SocketAddr,
    pub https: SocketAddr,
    pub quic: SocketAddr,
    pub counters: Arc<Counters>,
    pub certificates: Arc<Certificates>,
    pub stop: CancellationToken,
    pub listeners: Listeners,
    pub folder: tempfile::TempDir,
}

impl World {
    pub fn new(limits: Limits) -> Self {
        Self::answering(limits, Fake::default())
    }

    pub fn answering(limits: Limits, fake: Fake) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_pair(folder.path(), "ns1.example");
        let (certificate, key) = paths(folder.path());
        let certificates = Arc::new(Certificates::load(certificate, key).unwrap());
        let (counters, stop) = (Arc::<Counters>::default(), CancellationToken::new());
        let listeners = Listeners::new(Arc::new(fake), limits, counters.clone(), stop.clone());
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (tcp, tls, https) = (bind(), bind(), bind());
        let quic = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let [on_tcp, on_tls, on_https] = [&tcp, &tls, &https].map(|listener| listener.local_addr().unwrap());
        let on_quic = quic.local_addr().unwrap();
        listeners.tcp(tcp).unwrap();
        listeners.tls(tls, certificates.clone()).unwrap();
        listeners.https(https, certificates.clone(), "/dns-query").unwrap();
        listeners.quic(quic, certificates.clone()).unwrap();
        Self {
            tcp: on_tcp,
            tls: on_tls,
            https: on_https,
            quic: on_quic,
            counters,
            certificates,
            stop,
            listeners,
            folder,
        }
    }

    /// Waits until so many connections of `transport` have ended so.
    pub async fn closed(&self, transport: Transport, why: Closed, times: u64) {
        until(|| self.counters.of(transport).closed(why) == times).await;
    }

    /// A client's TLS that trusts only the certificate that is in the folder now.
    pub fn trust(&self, protocol: &[u8]) -> Arc<ClientConfig> {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(paths(self.folder.path()).0).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        config.into()
    }
}

/// Writes a new certificate for `name`, and its key.
pub fn write_pair(folder: &Path, name: &str) -> KeyPair {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let (certificate, key) = paths(folder);
    std::fs::write(certificate, cert.pem()).unwrap();
    std::fs::write(key, signing_key.serialize_pem()).unwrap();
    signing_key
}

pub fn paths(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("cert.pem"), folder.join("key.pem"))
}

/// Waits for a condition.
pub async fn until(mut holds: impl FnMut() -> bool) {
    timeout(LONG, async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .expect("the condition does not come true");
}

/// A query for `w.example`'s A, or another type, with its length.
pub fn query_of(id: u16, rtype: u8) -> Vec<u8> {
    let mut query =
        b"\x00\x1b\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01w\x07example\x00\x00\x00\x00\x01".to_vec();
    query[2..4].copy_from_slice(&id.to_be_bytes());
    query[26] = rtype;
    query
}

pub fn query(id: u16) -> Vec<u8> {
    query_of(id, 1)
}

/// The next message, or `None` at the end of the stream, which comes in time, or else the test fails.
pub async fn next<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Vec<u8>> {
    let read = async {
        let length = match stream.read_u16().await {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return None,
            Err(error) => panic!("{error}"),
        };
        let mut message = vec![0; length.into()];
        stream.read_exact(&mut message).await.unwrap();
        Some(message)
    };
    timeout(LONG, read).await.expect("nothing comes, and the stream does not end")
}

/// Reads the reply to each of these queries, in any order.
pub async fn replies_to<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, ids: std::ops::Range<u16>) {
    let mut awaited: Vec<u16> = ids.collect();
    while !awaited.is_empty() {
        let reply = next(stream).await.unwrap_or_else(|| panic!("closed before the replies to {awaited:?}"));
        let id = u16::from_be_bytes([reply[0], reply[1]]);
        let at = awaited.iter().position(|other| *other == id).unwrap_or_else(|| panic!("{id} is not awaited"));
        awaited.swap_remove(at);
        assert_eq!((reply[2], reply.len()), (0x84, 43), "{reply:?}");
    }
}

pub async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// From another loopback address: another client.
pub async fn connect_from(last: u8, address: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
    socket.connect(address).await.unwrap()
}

/// Runs a program, and gives what it has written.
pub async fn run(program: &str, args: &[&str]) -> (Output, String) {
    let mut command = Command::new(program);
    command.args(args);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}
