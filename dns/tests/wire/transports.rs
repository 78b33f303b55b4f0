//! One query, over each transport.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use fairway_dns::{
    Options,
    server::sockets::{Bound, Listen, Listener},
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::world::World;

/// A reply that has not come by then does not come.
pub const PATIENCE: Duration = Duration::from_secs(5);

const HOST: &str = "ns1.fairway.test";

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Udp,
    Tcp,
    Tls,
    Https,
    Quic,
}

impl Over {
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Https, Self::Quic];

    pub fn named(name: &str) -> Self {
        let named = |over: &Self| format!("{over:?}").eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(named).unwrap_or_else(|| panic!("{name} is no transport"))
    }

    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Https | Self::Quic)
    }
}

/// Has a server listen for all of them, with a certificate of its own.
pub fn on_every_transport(options: &mut Options) {
    let local: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let services = [Listener::Tls, Listener::Https, Listener::Quic];
    options.listen.extend(services.map(|service| Listen { service, address: local }));
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let (chain, key) = (options.zones.join("cert.pem"), options.zones.join("key.pem"));
    fs::write(&chain, cert.pem()).unwrap();
    fs::write(&key, signing_key.serialize_pem()).unwrap();
    options.certificate = Some((chain, key));
}

/// A client of a world on every transport.
pub struct Client {
    bound: Vec<Bound>,
    roots: RootCertStore,
    quic: quinn::Endpoint,
}

impl Client {
    pub fn of(world: &World) -> Self {
        let mut roots = RootCertStore::empty();
        let chain = CertificateDer::from_pem_file(world.folder.path().join("cert.pem")).unwrap();
        roots.add(chain).unwrap();
        let quic = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        Self { bound: world.bound.clone(), roots, quic }
    }

    /// The reply; `None` where there is none in time, or the connection ends.
    pub async fn ask(&self, over: Over, query: &[u8]) -> Option<Vec<u8>> {
        let asked = async {
            match over {
                Over::Udp => self.udp(query).await,
                Over::Tcp => stream(TcpStream::connect(self.to(Listener::Plain)).await.ok()?, query).await,
                Over::Tls => stream(self.tls(Listener::Tls, b"dot").await?, query).await,
                Over::Https => self.https(query).await,
                Over::Quic => self.quic(query).await,
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("no reply over {over:?}"))
    }

    fn to(&self, service: Listener) -> SocketAddr {
        self.bound.iter().find(|bound| bound.service == service).expect("the world listens for it").address
    }

    /// The reply to a query that has none is the one to another query, sent after it.
    async fn udp(&self, query: &[u8]) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.to(Listener::Plain)).await.unwrap();
        socket.send(query).await.unwrap();
        let mut another = crate::ask::ask(". TYPE0 -rd").bytes;
        another[..2].copy_from_slice(b"no");
        socket.send(&another).await.unwrap();
        let mut reply = vec![0; 65_535];
        let length = socket.recv(&mut reply).await.unwrap();
        reply.truncate(length);
        (!reply.starts_with(b"no")).then_some(reply)
    }

    fn trust(&self, protocol: &[u8]) -> Arc<ClientConfig> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        config.into()
    }

    async fn tls(&self, service: Listener, protocol: &[u8]) -> Option<impl AsyncRead + AsyncWrite + Unpin + use<>> {
        let tcp = TcpStream::connect(self.to(service)).await.ok()?;
        let name = ServerName::try_from(HOST).unwrap();
        TlsConnector::from(self.trust(protocol)).connect(name, tcp).await.ok()
    }

    async fn https(&self, query: &[u8]) -> Option<Vec<u8>> {
        let mut tls = self.tls(Listener::Https, b"http/1.1").await?;
        let head = format!(
            "POST /dns-query HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\ncontent-type: application/dns-message\r\n\
             content-length: {}\r\n\r\n",
            query.len()
        );
        tls.write_all(&[head.as_bytes(), query].concat()).await.ok()?;
        let mut response = Vec::new();
        // Some close without a farewell of TLS; the length tells whether all is there.
        tls.read_to_end(&mut response).await.ok();
        let end = response.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&response[..end]).to_ascii_lowercase();
        let (_, length) = head.split_once("content-length: ")?;
        let length: usize = length.split("\r\n").next()?.parse().ok()?;
        let body = response.get(end..end + length)?.to_vec();
        head.starts_with("http/1.1 200").then_some(body)
    }

    async fn quic(&self, query: &[u8]) -> Option<Vec<u8>> {
        let tls = quinn::crypto::rustls::QuicClientConfig::try_from(Arc::unwrap_or_clone(self.trust(b"doq"))).unwrap();
        let config = quinn::ClientConfig::new(Arc::new(tls));
        let connection = self.quic.connect_with(config, self.to(Listener::Quic), HOST).unwrap().await.ok()?;
        let (mut send, mut read) = connection.open_bi().await.ok()?;
        send.write_all(&[&(query.len() as u16).to_be_bytes(), query].concat()).await.ok()?;
        send.finish().ok()?;
        let whole = read.read_to_end(65_537).await.ok()?;
        let (length, reply) = whole.split_at_checked(2)?;
        assert_eq!(usize::from(u16::from_be_bytes([length[0], length[1]])), reply.len());
        Some(reply.to_vec())
    }
}

/// Asks on a stream, and reads one message.
async fn stream(mut stream: impl AsyncRead + AsyncWrite + Unpin, query: &[u8]) -> Option<Vec<u8>> {
    stream.write_all(&[&(query.len() as u16).to_be_bytes(), query].concat()).await.ok()?;
    stream.flush().await.ok()?;
    let length = stream.read_u16().await.ok()?;
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await.ok()?;
    Some(reply)
}
