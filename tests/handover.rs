//! A node that hands over to its successor, as players and operators see it: nothing is lost, and nothing forgotten.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod support;

use std::{
    collections::HashSet,
    fs,
    net::{SocketAddr, UdpSocket},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use support::{GERMAN, Listening, Node, fairway, signal, wait_for};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::{Child, Command},
};

/// Queries that one client has under way at once.
const WINDOW: u16 = 32;
/// Octets of a line that tells of one socket.
const LINE: usize = 80;

/// Clients that ask all the time, each from a port of its own.
struct Asking {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<(usize, usize)>>,
}

impl Asking {
    fn of(server: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let ask = |_| {
            let stop = stop.clone();
            std::thread::spawn(move || ask(server, &stop))
        };
        Self { clients: (0..4).map(ask).collect(), stop }
    }

    /// How many were asked; fails if any was not answered.
    fn all_answered(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let (asked, lost) =
            self.clients.into_iter().map(|c| c.join().unwrap()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        assert_eq!(lost, 0, "of {asked} queries");
        asked
    }
}

/// Asks in windows, each query under an ID of its own; gives how many were asked, and how many of them in vain.
fn ask(server: SocketAddr, stop: &AtomicBool) -> (usize, usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let question = b"\x01\0\0\x01\0\0\0\0\0\0\x04live\x07fairway\x04test\0\0\x01\0\x01";
    let (mut id, mut asked, mut lost) = (0u16, 0, 0);
    while !stop.load(Ordering::Relaxed) {
        let mut waiting = HashSet::new();
        for _ in 0..WINDOW {
            id = id.wrapping_add(1);
            socket.send(&[&id.to_be_bytes()[..], question].concat()).unwrap();
            waiting.insert(id);
        }
        asked += waiting.len();
        let mut reply = [0; 1500];
        while !waiting.is_empty() {
            match socket.recv(&mut reply) {
                // NOERROR, one answer at least.
                Ok(length) if length > 12 && reply[3] & 15 == 0 && reply[7] > 0 => {
                    waiting.remove(&u16::from_be_bytes([reply[0], reply[1]]));
                }
                Ok(_) => panic!("{:?}", &reply[..12]),
                Err(_) => break,
            }
        }
        lost += waiting.len();
    }
    (asked, lost)
}

/// `fairway run --replace`, as the node was started; its log goes behind that of the node.
fn replace(node: &Node, config: &str) -> Child {
    let log = fs::OpenOptions::new().append(true).open(node.dir.path().join("log")).unwrap();
    let mut command = fairway();
    command.args(["run", "--replace", "--config"]).arg(node.dir.path().join(config));
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// Waits until that process is the node, and the one before has ended well.
async fn replaced(node: &mut Node, by: Child) {
    let file = node.dir.path().join("data/listening.json");
    let pid = by.id().unwrap();
    let listening = wait_for("the successor's listening.json", async || {
        let listening: Listening = serde_json::from_str(&fs::read_to_string(&file).ok()?).ok()?;
        (listening.pid == pid).then_some(listening)
    })
    .await;
    assert_eq!(listening.dns, node.listening.dns, "the same sockets, on ports that the first one was given");
    assert_eq!((listening.public, listening.admin), (node.listening.public, node.listening.admin));
    let ended = tokio::time::timeout(Duration::from_secs(30), node.child.wait()).await.expect("it ends").unwrap();
    assert!(ended.success(), "{ended}\n{}", node.log());
    (node.child, node.listening) = (by, listening);
}

/// The server cookie that a client with this cookie is sent.
async fn cookie(node: &Node, has: &str) -> String {
    let server = node.listening.dns[0];
    let dig = Command::new("dig")
        .args(["-p", &server.port().to_string(), &format!("@{}", server.ip()), "+tries=1", "live.fairway.test"])
        .arg(format!("+cookie={has}"))
        .output();
    let said = String::from_utf8(dig.await.unwrap().stdout).unwrap();
    let told = said.split("COOKIE: ").nth(1).unwrap_or_else(|| panic!("{said}"));
    told.split_whitespace().next().unwrap().to_owned()
}

async fn drain_cdn_a(node: &Node) {
    let set = ["override", "set", "--service", "live", "--pathway", "cdn-a", "drained", "--reason", "test", "--at"];
    let set = fairway().args(set).arg(node.admin("")).env("USER", "ana").output().await.unwrap();
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    wait_for("the override", async || (node.steer(GERMAN, "s").await[0] != "cdn-a").then_some(())).await;
}

/// Polls as players do that keep no connection, until told to stop; gives how often. None may fail.
fn polling(node: &Node, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<usize> {
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let url = node.public("/v1/steer/live");
    tokio::spawn(async move {
        let mut polls = 0;
        while !stop.load(Ordering::Relaxed) {
            let response = client.get(&url).header("connection", "close").send().await;
            assert_eq!(response.map(|r| r.status().as_u16()).map_err(|e| format!("{e:?}")), Ok(200), "poll {polls}");
            polls += 1;
        }
        polls
    })
}

#[tokio::test]
async fn a_successor_takes_over_and_nothing_is_lost_or_forgotten() {
    let mut node = Node::run().await;
    drain_cdn_a(&node).await;
    let has = cookie(&node, "0102030405060708").await;
    let asking = Asking::of(node.listening.dns[0]);
    let polling: Vec<_> = (0..4).map(|_| polling(&node, asking.stop.clone())).collect();
    for _ in 0..2 {
        let by = replace(&node, "fairway.toml");
        replaced(&mut node, by).await;
        assert_ne!(node.steer(GERMAN, "s").await[0], "cdn-a", "what was forced is still");
        assert_ne!(node.resolve(GERMAN).await.unwrap().to_string(), "127.0.1.1", "over DNS too");
        assert_eq!(cookie(&node, &has).await, has, "the secret is the same, so the cookie is good");
    }
    let asked = asking.all_answered();
    assert!(asked > 10_000, "{asked}: the test is of a node that is asked all the time");
    for polls in polling {
        assert!(polls.await.unwrap() > 10);
    }
    let body = "e=ps,sid=\"after\",sn=1,sta=p,ts=1764752430000,v=2\n";
    let beacon = node.http.post(node.public("/v1/beacons?service=live")).header("content-type", "application/cmcd");
    assert_eq!(beacon.body(body).send().await.unwrap().status(), 204, "the spool is the successor's");
    let dir = node.stop().await;
    assert!(!dir.path().join("data/handover.sock").exists());
}

#[tokio::test]
async fn where_no_node_runs_a_replacing_one_is_the_first() {
    let dir = support::prepare(support::free_port());
    let node = Node::start(dir, &["run", "--replace"]).await;
    assert!(node.log().contains("nothing to take over"), "{}", node.log());
    // So it is after one that was killed, whose socket's file is still there.
    let dir = node.kill().await;
    Node::start(dir, &["run", "--replace"]).await.stop().await;
}

#[tokio::test]
async fn a_successor_that_cannot_start_leaves_the_node_as_it_was() {
    let node = Node::run().await;
    let file = |name: &str| node.dir.path().join(name);
    let config = fs::read_to_string(file("fairway.toml")).unwrap();
    let asking = Asking::of(node.listening.dns[0]);
    // A mistake, and an address that no interface has.
    fs::write(file("mistake.toml"), config.replace("listen", "lisen")).unwrap();
    fs::write(file("elsewhere.toml"), config.replace("[\"127.0.0.1:0\"]", "[\"127.0.0.1:0\", \"192.0.2.1:0\"]"))
        .unwrap();
    for (config, code) in [("mistake.toml", 65), ("elsewhere.toml", 69)] {
        let status = replace(&node, config).wait().await.unwrap();
        assert_eq!(status.code(), Some(code), "{}", node.log());
        assert_eq!(node.steer(GERMAN, "s").await[0], "cdn-a");
    }
    assert!(node.log().contains("cannot listen for DNS on 192.0.2.1:0"), "{}", node.log());
    // A policy that is broken on disk: the node has the one before, and would not start with this one either.
    let policy = file("policies/live.policy.toml");
    let good = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, good.replacen("do = \"prefer\"", "do = \"prefre\"", 1)).unwrap();
    assert_eq!(replace(&node, "fairway.toml").wait().await.unwrap().code(), Some(65), "{}", node.log());
    assert_eq!(node.steer(GERMAN, "s").await[0], "cdn-a");
    asking.all_answered();
    assert!(!node.log().contains("taken up again"), "nothing was stopped: {}", node.log());
    node.stop().await;
}

/// A successor as far as the moment at which the data folder is its.
async fn one_that_has_been_given_all(node: &Node) -> UnixStream {
    let mut stream = UnixStream::connect(node.dir.path().join("data/handover.sock")).await.unwrap();
    stream.write_all(b"fairway hand-over 1\n").await.unwrap();
    let mut line = [0; LINE];
    stream.read_exact(&mut line).await.unwrap();
    let sockets: usize = std::str::from_utf8(&line).unwrap().trim().parse().unwrap();
    for _ in 0..sockets + 2 {
        stream.read_exact(&mut line).await.unwrap();
    }
    stream.write_all(b"ready\n").await.unwrap();
    let mut word = [0; 6];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"yours\n");
    stream
}

#[tokio::test]
async fn when_a_successor_dies_half_way_everything_is_taken_up_again() {
    let mut node = Node::run().await;
    drain_cdn_a(&node).await;
    let asking = Asking::of(node.listening.dns[0]);
    let successor = one_that_has_been_given_all(&node).await;
    // It had begun to change things, and these are not as they should be.
    let (revisions, aside) = (node.dir.path().join("data/revisions"), node.dir.path().join("data/aside"));
    fs::rename(&revisions, &aside).unwrap();
    fs::write(&revisions, "not a folder").unwrap();
    drop(successor);
    wait_for("the first try", async || node.log().contains("not everything can be taken up").then_some(())).await;
    fs::remove_file(&revisions).unwrap();
    fs::rename(&aside, &revisions).unwrap();
    assert_ne!(node.steer(GERMAN, "s").await[0], "cdn-a", "what was forced is still; the request has waited");
    asking.all_answered();
    assert!(node.child.try_wait().unwrap().is_none(), "it is the same process");
    // And the next one may come.
    let by = replace(&node, "fairway.toml");
    replaced(&mut node, by).await;
    node.stop().await;
}

#[tokio::test]
async fn a_node_that_is_told_to_stop_meanwhile_stops() {
    let mut node = Node::run().await;
    let _successor = one_that_has_been_given_all(&node).await;
    signal(node.listening.pid, "TERM").await;
    let ended = tokio::time::timeout(Duration::from_secs(30), node.child.wait()).await.expect("it stops").unwrap();
    assert!(ended.success(), "{}", node.log());
}

#[tokio::test]
async fn only_its_own_user_may_come_in() {
    use std::os::unix::fs::PermissionsExt;
    let node = Node::run().await;
    let mode = |name: &str| fs::metadata(node.dir.path().join("data").join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("handover.sock"), mode("cookie_secrets")), (0o600, 0o600));
    node.stop().await;
}
