//! NSD as a real secondary: it takes a zone, signed, and takes it again when it is told that it changed.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    path::Path,
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use hickory_proto::rr::RecordType;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    names::set::Set,
    transfer::{
        axfr,
        notify::{Changed, Counts, FIRST_WAIT, Notifier},
    },
    tsig::Verified,
};

const LONG: Duration = Duration::from_secs(60);

fn soa(serial: u32) -> Set {
    let data = [key("ns.z.test.").as_wire(), key("z.test.").as_wire(), &serial.to_be_bytes()].concat();
    let times = [3600_u32, 600, 86400, 60].map(u32::to_be_bytes).concat();
    Set::new(RecordType::SOA, 300, &[[data, times].concat()], &key("z.test."))
}

/// The zone's other sets, in several messages.
fn sets() -> impl Iterator<Item = (Key, Set)> + Send {
    let set = |rtype, data: &[u8]| Set::new(rtype, 300, &[data.to_vec()], &key("z.test."));
    let ns = (key("z.test."), set(RecordType::NS, key("ns.z.test.").as_wire()));
    let hosts = (0..5_000_u32)
        .map(move |n| (key(&format!("host-{n}.z.test.")), set(RecordType::A, &(0x0a00_0000 + n).to_be_bytes())));
    std::iter::once(ns).chain(hosts)
}

/// The primary: hands the zone over by TCP to who has the key.
fn serve(listener: TcpListener, transfers: Transfers, serial: Arc<AtomicU32>) {
    let connection = move |mut stream: TcpStream| {
        let mut length = [0; 2];
        while stream.read_exact(&mut length).is_ok() {
            let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut bytes).unwrap();
            let Ok(Verified::Good(signer)) = transfers.keys().verify(&bytes, Utc::now()) else { panic!("it signs") };
            let request = Request::read(&Query::read(&bytes).unwrap(), &bytes).expect("it asks for the zone");
            let serial = serial.load(SeqCst);
            let source = stream.peer_addr().unwrap().ip();
            let messages = match transfers.rule(&request, serial, source, Transport::Tcp, Some(signer.name())) {
                Ruling::Whole => axfr::whole(request, soa(serial), sets(), Some(signer), Utc::now),
                Ruling::Current => axfr::current(request, &soa(serial), Some(signer), Utc::now),
                other => panic!("{other:?}"),
            };
            for message in messages {
                stream.write_all(&[&(message.len() as u16).to_be_bytes(), &message[..]].concat()).unwrap();
            }
        }
    };
    std::thread::spawn(move || listener.incoming().for_each(|stream| connection(stream.unwrap())));
}

/// NSD in a folder of its own; stopped when dropped.
struct Nsd(Child);

impl Nsd {
    fn start(folder: &Path, port: u16, primary: SocketAddr) -> Self {
        let (at, ip, from) = (folder.display(), primary.ip(), primary.port());
        let server = format!(
            "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n zonesdir: {at}\n database: \"\"\n \
             pidfile: {at}/pid\n xfrdfile: {at}/xfrd\n xfrdir: {at}\n logfile: {at}/log\n zonelistfile: {at}/list\n \
             server-count: 1\nremote-control:\n control-enable: no\n"
        );
        let zone = format!(
            "key:\n name: k\n algorithm: hmac-sha256\n secret: \"c2VjcmV0IHNlY3JldCBzZWNyZXQ=\"\nzone:\n name: z.test\n \
             zonefile: z.test\n request-xfr: {ip}@{from} k\n allow-notify: 127.0.0.1 k\n"
        );
        std::fs::write(folder.join("conf"), server + &zone).unwrap();
        let nsd = Command::new("/usr/sbin/nsd").arg("-d").arg("-c").arg(folder.join("conf")).spawn();
        Self(nsd.expect("NSD is installed"))
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        // It stops its own children when it is asked to end, and cannot when it is killed.
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        let ended = self.0.wait();
        assert!(std::thread::panicking() || (asked.is_ok() && ended.is_ok()));
    }
}

/// Asks the secondary until the reply ends in these octets.
fn until(port: u16, question: &[u8], end: &[u8], log: &Path) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (begin, mut reply) = (Instant::now(), [0; 512]);
    let query = [&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], question].concat();
    loop {
        assert!(begin.elapsed() < LONG, "{:?}", std::fs::read_to_string(log));
        // Before it listens, both fail at once.
        let length = socket.send(&query).and_then(|_| socket.recv(&mut reply)).unwrap_or(0);
        if length > 12 && reply[..length].windows(end.len()).any(|window| window == end) {
            return;
        }
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nsd_takes_a_zone_and_takes_it_again_when_it_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let primary = listener.local_addr().unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let to = format!("127.0.0.1:{port}");
    let transfers = Transfers::new(&[secondary("z.test", &[&to], &["127.0.0.0/8"], Some("k"))], keys()).unwrap();
    let serial = Arc::new(AtomicU32::new(7));
    serve(listener, transfers.clone(), serial.clone());
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let _nsd = Nsd::start(folder.path(), port, primary);

    let question = b"\x01z\x04test\0\0\x06\0\x01";
    until(port, question, &[&7_u32.to_be_bytes()[..], &3600_u32.to_be_bytes()].concat(), &log);
    let last = 0x0a00_0000_u32 + 4_999;
    until(port, b"\x09host-4999\x01z\x04test\0\0\x01\0\x01", &last.to_be_bytes(), &log);

    serial.store(8, SeqCst);
    let (counts, stop) = (Arc::<Counts>::default(), CancellationToken::new());
    let notifier = Notifier::start(transfers, FIRST_WAIT, 1, Utc::now, counts.clone(), stop);
    notifier.changed(&[Changed { zone: key("z.test."), soa: soa(8) }]);
    until(port, question, &[&8_u32.to_be_bytes()[..], &3600_u32.to_be_bytes()].concat(), &log);
    let acknowledged = async {
        while counts.acknowledged.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, acknowledged).await.expect("NSD acknowledges");
}
