//! Three networks, nine services, one zone; and a client that sends whatever bytes it likes.

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use fairway_dns::{
    DnsError, Metrics, Options, Reload, Server,
    server::sockets::{Bound, Listen, Listener, Sockets},
};
use fairway_geo::GeoTable;
use fairway_steering::{Live, Service, Snapshot};
use hickory_proto::{
    op::{Edns, Message, Query},
    rr::{
        Name, RecordType,
        rdata::opt::{ClientSubnet, EdnsCode, EdnsOption},
    },
};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::policies::POLICIES;

/// A reply that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// 192.0.2.0/25 and 2001:db8:a::/48 are one network, 192.0.2.128/25 another; whoever asks in a test is
/// in the third.
const NETWORKS: &str = "\
127.0.0.0,127.255.255.255,64498,Home
192.0.2.0,192.0.2.127,64496,East
192.0.2.128,192.0.2.255,64497,West
2001:db8:a::,2001:db8:a:ffff:ffff:ffff:ffff:ffff,64496,East
";

pub const ZONE: &str = r#"
$TTL 300
@          SOA   ns1 admin ( 7 3600 900 604800 60 )
           NS    ns1
           NS    ns.example.net.
ns1        A     192.0.2.53
www        CNAME live
alias      CNAME www
far        CNAME cdn.example.net.
circle     CNAME elcric
elcric     CNAME circle
gone       CNAME nothing
live       TXT   "static, beside the decision"
deep.down  TXT   "x"
sub        NS    ns.sub
           NS    ns.example.net.
ns.sub     A     192.0.2.54
intosub    CNAME x.sub
"#;

pub struct World {
    pub address: SocketAddr,
    pub bound: Vec<Bound>,
    pub live: Arc<Live>,
    pub reload: Reload,
    pub registry: Registry,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<Result<(), DnsError>>,
    pub folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        // Texts of 800 and 2,000 octets: one too large for plain DNS, one for any datagram.
        let texts = |count| (0..count).map(|_| format!(" \"{}\"", "x".repeat(199))).collect::<String>();
        let zone = format!("{ZONE}large TXT {}\nhuge TXT {}\n", texts(4), texts(10));
        Self::with(&zone, |options| options.rates.amplification = 0).await
    }

    /// With these options changed.
    pub async fn with(zone: &str, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("fairway.test.zone"), zone).unwrap();
        let live = Arc::new(Live::new(snapshot(folder.path()), Utc::now()));
        let (shutdown, mut registry) = (CancellationToken::new(), Registry::with_prefix("fairway"));
        let metrics = Metrics::register(&mut registry);
        let listen = vec![Listen { service: Listener::Plain, address: "127.0.0.1:0".parse().unwrap() }];
        let mut options = Options::new(listen, folder.path().into(), folder.path().into()).unwrap();
        change(&mut options);
        let Server { bound, reload, task, .. } =
            Server::start(options, live.clone(), metrics, Sockets::default(), shutdown.clone()).await.unwrap();
        Self { address: bound[0].address, bound, live, reload, registry, shutdown, task, folder }
    }

    pub async fn udp(&self, bytes: &[u8]) -> Message {
        self.udp_first(&[bytes]).await
    }

    /// The first reply that comes after all of these datagrams have been sent.
    pub async fn udp_first(&self, datagrams: &[&[u8]]) -> Message {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.address).await.unwrap();
        for datagram in datagrams {
            socket.send(datagram).await.unwrap();
        }
        let mut reply = [0; 65_535];
        let length = timeout(PATIENCE, socket.recv(&mut reply)).await.expect("a reply over UDP").unwrap();
        Message::from_vec(&reply[..length]).unwrap()
    }

    /// The reply to a plain question over UDP, EDNS and all.
    pub async fn ask(&self, name: &str, rtype: RecordType) -> Message {
        self.udp(&query(name, rtype).edns().bytes()).await
    }

    /// The reply to a question with client subnet, and the scope it came with.
    pub async fn ask_for(&self, name: &str, rtype: RecordType, subnet: &str) -> (Message, u8) {
        let reply = self.udp(&query(name, rtype).subnet(subnet).bytes()).await;
        let asked: ClientSubnet = subnet.parse().unwrap();
        let echo = echo(&reply).expect("the option comes back");
        assert_eq!((echo.addr(), echo.source_prefix()), (asked.addr(), asked.source_prefix()));
        let scope = echo.scope_prefix();
        (reply, scope)
    }

    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

pub async fn over_tcp(stream: &mut TcpStream, bytes: &[u8]) -> Message {
    stream.write_all(&(bytes.len() as u16).to_be_bytes()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let length = timeout(PATIENCE, stream.read_u16()).await.expect("a reply over TCP").unwrap();
    let mut reply = vec![0; usize::from(length)];
    timeout(PATIENCE, stream.read_exact(&mut reply)).await.expect("the whole reply").unwrap();
    Message::from_vec(&reply).unwrap()
}

fn snapshot(folder: &Path) -> Snapshot {
    let networks = folder.join("networks.csv");
    fs::write(&networks, NETWORKS).unwrap();
    let geo = GeoTable::load(&[networks], &mut |_| {}).unwrap();
    let service = |(file, text)| {
        let policy = fairway_policies::parse(file, text).unwrap_or_else(|problems| panic!("{problems:?}"));
        Service::fresh(Arc::new(policy), DateTime::UNIX_EPOCH)
    };
    Snapshot::compile(1, Utc::now(), Arc::new(geo), POLICIES.map(service).into())
}

/// A query that grows.
#[derive(Clone)]
pub struct Asking(pub Message);

pub fn query(name: &str, rtype: RecordType) -> Asking {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), rtype));
    Asking(message)
}

impl Asking {
    pub fn edns(self) -> Self {
        self.edns_of(|edns| {
            edns.set_max_payload(4096);
        })
    }

    pub fn edns_of(mut self, set: impl FnOnce(&mut Edns)) -> Self {
        set(self.0.edns.get_or_insert_default());
        self
    }

    pub fn subnet(self, subnet: &str) -> Self {
        let subnet = EdnsOption::Subnet(subnet.parse().unwrap());
        self.edns().edns_of(|edns| edns.options_mut().insert(subnet))
    }

    pub fn of(mut self, set: impl FnOnce(&mut Message)) -> Self {
        set(&mut self.0);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.to_vec().unwrap()
    }
}

pub fn echo(reply: &Message) -> Option<&ClientSubnet> {
    match reply.edns.as_ref()?.option(EdnsCode::Subnet)? {
        EdnsOption::Subnet(subnet) => Some(subnet),
        _ => None,
    }
}

/// The answer section as `owner ttl type data`, one a line, class left out.
pub fn answers(reply: &Message) -> Vec<String> {
    reply.answers.iter().map(|r| format!("{} {} {} {}", r.name, r.ttl, r.record_type(), r.data)).collect()
}

/// Asserts that a reply is a negative one of the zone: no answer, its SOA with this TTL.
#[track_caller]
pub fn assert_negative(reply: &Message, ttl: u32) {
    let soa: Vec<_> = reply.authorities.iter().map(|r| (r.record_type(), r.name.to_ascii(), r.ttl)).collect();
    assert_eq!(soa, [(RecordType::SOA, "fairway.test.".into(), ttl)]);
    assert!(reply.metadata.authoritative);
}
