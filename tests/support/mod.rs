//! Tiny worlds: the real binary on ports of its own, spoken to only over the wire.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    task::JoinSet,
};

/// An address in Germany, by the geo data that `make setup` fetches.
pub const GERMAN: Ipv4Addr = Ipv4Addr::new(193, 99, 144, 80);
/// One in Brazil.
pub const BRAZILIAN: Ipv4Addr = Ipv4Addr::new(200, 160, 2, 3);

/// How long anything may take before the test gives up waiting; no test waits for this.
const PATIENCE: Duration = Duration::from_secs(90);

/// `listening.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Listening {
    pub dns: Vec<SocketAddr>,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub pid: u32,
}

/// `store.json`: how to reach the embedded engine.
#[derive(Clone, Debug, Deserialize)]
pub struct StoreAccess {
    pub url: String,
    pub user: String,
    pub password: String,
}

/// A running node (with or without the demo's world around it) in a folder of its own.
pub struct Node {
    pub dir: TempDir,
    pub listening: Listening,
    pub panel: SocketAddr,
    pub http: reqwest::Client,
    pub child: Child,
    /// What its probes find, where they are to find anything.
    cdns: JoinSet<()>,
}

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary under test.
pub fn fairway() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairway"));
    command.current_dir(root()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// A TCP port that nobody has, on loopback or on the demo CDNs' addresses. Below those that the system gives to whoever asks
/// for any, so that nobody gets it before its user binds it; no two tests of a process are given the same one.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let free = |port: &u16| {
        let addresses = ["127.0.0.1", "127.0.1.1", "127.0.1.2", "127.0.1.3"];
        addresses.iter().all(|address| TcpListener::bind((*address, *port)).is_ok())
    };
    // Two test processes at a time begin at different places.
    let begin = (std::process::id() % 1_000) as u16 * 12;
    let mut ports = std::iter::repeat_with(|| 20_000 + (begin + GIVEN.fetch_add(1, Ordering::Relaxed)) % 12_000);
    ports.by_ref().take(12_000).find(free).expect("a free port")
}

/// The demo's CDNs on `port`, as far as a probe can tell: whatever is asked is answered 200. They end with the set.
pub async fn healthy_cdns(port: u16) -> JoinSet<()> {
    let mut cdns = JoinSet::new();
    for address in ["127.0.1.1", "127.0.1.2", "127.0.1.3"] {
        let listener = tokio::net::TcpListener::bind((address, port)).await.unwrap();
        cdns.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                // A probe that has gone meanwhile asks again.
                if stream.read(&mut [0; 1024]).await.is_ok() {
                    stream.write_all(answer).await.ok();
                }
            }
        });
    }
    cdns
}

/// The same without explorers: each client gets what the order says.
pub fn prepare(port: u16) -> TempDir {
    let dir = shipped(port);
    let policy = dir.path().join("policies/live.policy.toml");
    fs::write(&policy, without_explorers(&fs::read_to_string(&policy).unwrap())).unwrap();
    dir
}

/// The policy without its `explore` step: one client in twenty gets another answer than the rest, and others at each half
/// minute, so that what one client gets would say nothing.
fn without_explorers(policy: &str) -> String {
    let at = policy.find("[[step]]\ndo = \"explore\"").expect("the shipped policy explores");
    let next = policy[at + 1..].find("[[step]]").expect("and goes on");
    format!("{}{}", &policy[..at], &policy[at + 1 + next..])
}

/// A folder with the shipped policies, its CDNs on `port`, and a configuration with every listener on port 0.
pub fn shipped(port: u16) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let policies = dir.path().join("policies");
    fs::create_dir(&policies).unwrap();
    for name in ["live.policy.toml", "fairway.test.zone"] {
        let text = fs::read_to_string(root().join("policies").join(name)).unwrap();
        fs::write(policies.join(name), text.replace("8090", &port.to_string())).unwrap();
    }
    let config = format!(
        "data_dir = {:?}\npolicies = {policies:?}\n[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\npublic = \"127.0.0.1:0\"\n\
         admin = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n",
        dir.path().join("data")
    );
    fs::write(dir.path().join("fairway.toml"), config).unwrap();
    dir
}

impl Node {
    /// `fairway run`, with CDNs that are up, so that answers are what the policy says.
    pub async fn run() -> Self {
        let port = free_port();
        let cdns = healthy_cdns(port).await;
        Self { cdns, ..Self::start(prepare(port), &["run"]).await }
    }

    /// `fairway demo` with so many viewers.
    pub async fn demo(viewers: usize) -> Self {
        let panel = format!("127.0.0.1:{}", free_port());
        let media = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("media");
        let (viewers, media) = (viewers.to_string(), media.to_string_lossy().into_owned());
        let args = ["demo", "--viewers", &viewers, "--listen", &panel, "--media", &media];
        let mut node = Self::start(shipped(free_port()), &args).await;
        node.panel = panel.parse().unwrap();
        node
    }

    /// Starts the binary in `dir` and waits until it listens.
    pub async fn start(dir: TempDir, args: &[&str]) -> Self {
        // Appended to, as by those who take over from this one.
        let log = fs::OpenOptions::new().create(true).append(true).open(dir.path().join("log")).unwrap();
        let mut child = fairway()
            .args(args)
            .arg("--config")
            .arg(dir.path().join("fairway.toml"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let file = dir.path().join("data/listening.json");
        let listening = wait_for("listening.json", async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the node ended with {status}:\n{}", fs::read_to_string(dir.path().join("log")).unwrap());
            }
            serde_json::from_str(&fs::read_to_string(&file).ok()?).ok()
        })
        .await;
        // The provider is installed once a process; the other tests of the same file may have been first.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { dir, listening, panel: ([127, 0, 0, 1], 0).into(), http, child, cdns: JoinSet::new() }
    }

    pub fn public(&self, path: &str) -> String {
        format!("http://{}{path}", self.listening.public)
    }

    pub fn admin(&self, path: &str) -> String {
        format!("http://{}{path}", self.listening.admin)
    }

    /// What the node printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// The DNS answer for a client, over the wire.
    pub async fn resolve(&self, client: Ipv4Addr) -> Option<IpAddr> {
        let server = self.listening.dns[0];
        fairway_demo::resolver::resolve(server, "live.fairway.test", client, 7).await.ok().map(|(address, _)| address)
    }

    /// The steering list for a client.
    pub async fn steer(&self, client: Ipv4Addr, sid: &str) -> Vec<String> {
        #[derive(Deserialize)]
        struct Manifest {
            #[serde(rename = "PATHWAY-PRIORITY")]
            priority: Vec<String>,
        }
        let url = self.public(&format!("/v1/steer/live?sid={sid}"));
        let response = self.http.get(url).header("x-forwarded-for", client.to_string()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json::<Manifest>().await.unwrap().priority
    }

    /// A JSON document of the admin API.
    pub async fn api(&self, path: &str) -> serde_json::Value {
        let response = self.http.get(self.admin(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// How to reach the store now.
    pub fn store(&self) -> Option<StoreAccess> {
        let text = fs::read_to_string(self.dir.path().join("data/store.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// The lines that the store answers to a query; `None` while it does not answer.
    pub async fn query(&self, sql: &str) -> Option<Vec<String>> {
        let store = self.store()?;
        let request = self.http.post(&store.url).basic_auth(store.user, Some(store.password)).body(sql.to_owned());
        let response = request.send().await.ok()?;
        let (status, text) = (response.status(), response.text().await.ok()?);
        if status != 200 {
            assert!(text.contains("UNKNOWN_TABLE") || text.contains("UNKNOWN_DATABASE"), "{sql}: {text}");
            return None;
        }
        Some(text.lines().map(str::to_owned).collect())
    }

    /// One number from the store; `None` while it does not answer.
    pub async fn count(&self, sql: &str) -> Option<u64> {
        self.query(sql).await?.first()?.trim().parse().ok()
    }

    /// Makes the demo's CDN fail, or heals it.
    pub async fn fault(&self, pathway: &str, kind: Option<&str>, country: Option<&str>) {
        let wish = serde_json::json!({ "pathway": pathway, "kind": kind, "country": country });
        let url = format!("http://{}/demo/fault", self.panel);
        assert_eq!(self.http.post(url).json(&wish).send().await.unwrap().status(), 200);
    }

    /// `fairway run --replace`: gives way to a successor, of whose process `started` is told at once, and waits until that is the
    /// node and this one has ended well. Its log goes behind this one's.
    pub async fn replace(&mut self, started: impl FnOnce(u32)) {
        let log = fs::OpenOptions::new().append(true).open(self.dir.path().join("log")).unwrap();
        let mut command = fairway();
        command.args(["run", "--replace", "--config"]).arg(self.dir.path().join("fairway.toml"));
        let successor = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let pid = successor.id().unwrap();
        started(pid);
        let file = self.dir.path().join("data/listening.json");
        self.listening = wait_for("the successor's listening.json", async || {
            let listening: Listening = serde_json::from_str(&fs::read_to_string(&file).ok()?).ok()?;
            (listening.pid == pid).then_some(listening)
        })
        .await;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        assert!(ended.success(), "{ended}\n{}", self.log());
        self.child = successor;
    }

    /// `kill -9`. The folder is as a crash leaves it, but for the file that would be taken for the next node's.
    pub async fn kill(mut self) -> TempDir {
        self.child.kill().await.unwrap();
        fs::remove_file(self.dir.path().join("data/listening.json")).unwrap();
        self.dir
    }

    /// SIGTERM, and a clean end. The folder can be started from again.
    pub async fn stop(mut self) -> TempDir {
        signal(self.listening.pid, "TERM").await;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it stops").unwrap();
        assert!(status.success(), "{status}:\n{}", self.log());
        assert!(!self.dir.path().join("data/listening.json").exists());
        self.dir
    }
}

/// Datagrams that the kernel has thrown away since a UDP socket at this address (IPv4) had no room for them.
pub fn dropped(address: SocketAddr) -> u64 {
    let SocketAddr::V4(address) = address else { panic!("{address} is not IPv4") };
    let local = format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port());
    let table = fs::read_to_string("/proc/net/udp").unwrap();
    let sockets = table.lines().filter(|line| line.split_whitespace().nth(1) == Some(&local));
    let drops: Vec<u64> = sockets.map(|line| line.split_whitespace().last().unwrap().parse().unwrap()).collect();
    assert!(!drops.is_empty(), "no socket at {address}");
    drops.iter().sum()
}

/// Sends a signal by its name.
pub async fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().await.unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// Asks until the answer is there; fails the test, by name, when it never comes.
pub async fn wait_for<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    wait_longer(what, PATIENCE, ask).await
}

/// The same, for what may take longer than anything else.
pub async fn wait_longer<T>(what: &str, patience: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < patience, "waited {} s in vain: {what}", patience.as_secs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
