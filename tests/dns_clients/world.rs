//! A node with every kind of listener, a signed zone, a secondary's key, and two networks that it tells apart.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::process::{Child, Command};

use crate::support::{Node, fairway, free_port, signal, wait_for};

/// What the key `k` is, as dig and kdig want it.
pub const KEY: &str = "hmac-sha256:k:c2VjcmV0IHNlY3JldCBzZWNyZXQ=";

/// 192.0.2.0/25 is one network, 192.0.2.128/25 another.
const NETWORKS: &str = "192.0.2.0,192.0.2.127,64496,East\n192.0.2.128,192.0.2.255,64497,West\n";

const POLICY: &str = r#"
names = ["live.fairway.test", "fairway.test"]
ttl = "20s"
[[pathway]]
id = "east"
url = "https://east.fairway.test/"
addresses = ["192.0.2.10", "2001:db8::10"]
alpn = ["h2"]
[[pathway]]
id = "west"
url = "https://west.fairway.test/"
addresses = ["192.0.2.20"]
[[step]]
do = "prefer"
tiers = [["east"]]
[[step]]
do = "prefer"
tiers = [["west"]]
when = { asn = [64497] }
"#;

/// Beside which there is a set of 1,700 octets.
const ZONE: &str = r#"
$TTL 300
@         SOA   ns1 admin ( 7 3600 900 604800 60 )
          NS    ns1
ns1       A     127.0.0.1
mx        A     192.0.2.55
www       CNAME live
gone      CNAME nothing
*.wild    TXT   "wild"
deep.down TXT   "x"
sub       NS    ns.sub
ns.sub    A     192.0.2.54
"#;

pub struct World {
    pub node: Node,
    /// The zone's DS record, as `fairway dnssec ds` prints it.
    pub ds: String,
    pub tls: SocketAddr,
    pub https: SocketAddr,
    /// Where the secondary is to be.
    pub secondary: SocketAddr,
}

impl World {
    /// With these lines more in `[dns]`.
    pub async fn start(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("policies")).unwrap();
        fs::write(at("policies/live.policy.toml"), POLICY).unwrap();
        fs::write(at("policies/fairway.test.zone"), format!("{ZONE}big TXT{}\n", " \"0123456789abcdef\"".repeat(100)))
            .unwrap();
        fs::write(at("networks.csv"), NETWORKS).unwrap();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["ns1.fairway.test".to_owned()]).unwrap();
        fs::write(at("cert.pem"), cert.pem()).unwrap();
        fs::write(at("key.pem"), signing_key.serialize_pem()).unwrap();
        let secondary = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = format!(
            r#"
data_dir = {data:?}
policies = {policies:?}
[geo]
databases = [{networks:?}]
[dns]
listen = ["127.0.0.1:0"]
tls = ["127.0.0.1:0"]
https = ["127.0.0.1:0"]
certificate = {cert:?}
key = {key:?}
identity = "ns-a"
{more}
tsig = [{{ name = "k", secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=" }}]
secondary = [{{ zones = "fairway.test", notify = ["{secondary}"], key = "k" }}]
[http]
public = "127.0.0.1:0"
admin = "127.0.0.1:0"
"#,
            data = at("data"),
            policies = at("policies"),
            networks = at("networks.csv"),
            cert = at("cert.pem"),
            key = at("key.pem"),
        );
        fs::write(at("fairway.toml"), config).unwrap();
        dnssec(dir.path(), "init").await;
        let ds = dnssec(dir.path(), "ds").await;
        let node = Node::start(dir, &["run"]).await;
        let listening = fs::read_to_string(node.dir.path().join("data/listening.json")).unwrap();
        let listening: serde_json::Value = serde_json::from_str(&listening).unwrap();
        let first =
            |key: &str| listening[key][0].as_str().unwrap_or_else(|| panic!("{key}: {listening}")).parse().unwrap();
        Self { tls: first("dns_tls"), https: first("dns_https"), node, ds, secondary }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.node.dir.path().join(name)
    }

    /// What a program says to the node.
    pub async fn run(&self, program: &str, args: &[&str]) -> String {
        self.run_at(program, self.node.listening.dns[0], args).await
    }

    /// What a program says to another listener of the node, or to another server.
    pub async fn run_at(&self, program: &str, server: SocketAddr, args: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(["@127.0.0.1", "-p", &server.port().to_string()]).args(args);
        said(&mut command).await.1
    }

    /// Another zone, and a hangup, upon which the node reads it.
    pub async fn change_zone(&self, change: impl FnOnce(String) -> String) {
        let file = self.file("policies/fairway.test.zone");
        fs::write(&file, change(fs::read_to_string(&file).unwrap())).unwrap();
        signal(self.node.listening.pid, "HUP").await;
    }
}

/// Whether a program succeeded, and all that it said.
pub async fn said(command: &mut Command) -> (bool, String) {
    let output = command.output().await.unwrap_or_else(|e| panic!("{command:?}: {e}; xtask/setup.sh test installs it"));
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// `fairway dnssec …` for the zone; what it prints.
async fn dnssec(dir: &Path, what: &str) -> String {
    let mut command = fairway();
    command.env("FAIRWAY_DATA_DIR", dir.join("data")).args(["dnssec", what, "fairway.test"]);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// NSD as a secondary of the zone, with the key; ended when dropped.
pub struct Nsd {
    child: Child,
    at: SocketAddr,
}

impl Nsd {
    pub fn start(world: &World) -> Self {
        let folder = world.file("nsd");
        fs::create_dir(&folder).unwrap();
        let (at, port, primary) = (folder.display(), world.secondary.port(), world.node.listening.dns[0]);
        let conf = format!(
            "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n zonesdir: {at}\n database: \"\"\n \
             pidfile: {at}/pid\n xfrdfile: {at}/xfrd\n xfrdir: {at}\n logfile: {at}/log\n zonelistfile: {at}/list\n \
             server-count: 1\nremote-control:\n control-enable: no\nkey:\n name: k\n algorithm: hmac-sha256\n \
             secret: \"c2VjcmV0IHNlY3JldCBzZWNyZXQ=\"\nzone:\n name: fairway.test\n zonefile: zone\n \
             request-xfr: {}@{} k\n allow-notify: 127.0.0.1 k\n",
            primary.ip(),
            primary.port(),
        );
        fs::write(folder.join("conf"), conf).unwrap();
        let mut command = Command::new("/usr/sbin/nsd");
        command.arg("-d").arg("-c").arg(folder.join("conf")).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("NSD is installed: xtask/setup.sh test");
        Self { child, at: world.secondary }
    }

    /// Asks it until it says this.
    pub async fn says(&self, world: &World, name: &str, rtype: &str, wanted: &str) {
        wait_for(&format!("NSD says {wanted} of {name}"), async || {
            let said = world.run_at("dig", self.at, &["+norec", "+dnssec", name, rtype]).await;
            said.contains(wanted).then_some(())
        })
        .await;
    }

    /// It stops its own children when it is asked to end, and cannot when it is killed.
    pub async fn stop(mut self) {
        signal(self.child.id().unwrap(), "TERM").await;
        self.child.wait().await.unwrap();
    }
}
