//! The world of `make bench-dns`, and the three servers of it that this test asks.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
};

use ipnet::IpNet;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    flood::reply,
    support::{GERMAN, fairway, root, wait_for},
};

/// What `world.py` says of the world that it has made.
#[derive(Deserialize)]
pub struct World {
    /// The geo database that every server reads.
    pub database: PathBuf,
    #[serde(flatten)]
    pub policy: Policy,
    servers: BTreeMap<String, Server>,
    /// They end with the world.
    #[serde(skip)]
    running: Vec<Child>,
    #[serde(skip)]
    dir: Option<TempDir>,
}

/// Who is answered what. A country goes before its continent.
#[derive(Deserialize)]
pub struct Policy {
    pub default: IpAddr,
    pub continents: BTreeMap<String, IpAddr>,
    pub countries: BTreeMap<String, IpAddr>,
}

#[derive(Deserialize)]
struct Server {
    port: u16,
    command: Vec<String>,
}

impl World {
    /// All three servers, once they answer the German client with an address.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = root().join("bench/dns/world.py");
        let made = Command::new("python3").arg(script).arg(dir.path()).args(["gdnsd", "knot", "fairway"]).output();
        let made = made.await.expect("python3: `make setup-test` installs it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut world: Self = serde_json::from_slice(&made.stdout).unwrap();
        for (name, server) in &world.servers {
            let log = std::fs::File::create(dir.path().join(format!("{name}.log"))).unwrap();
            let mut command = match name.as_str() {
                "fairway" => fairway(),
                _ => Command::new(&server.command[0]),
            };
            command.args(&server.command[1..]).stdin(Stdio::null()).kill_on_drop(true);
            let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn();
            world.running.push(child.unwrap_or_else(|error| panic!("{name}: {error}; `make setup-test` installs it")));
        }
        let german = IpNet::from(IpAddr::V4(GERMAN));
        for (child, name) in world.running.iter_mut().zip(world.servers.keys()) {
            let at = SocketAddr::from((Ipv4Addr::LOCALHOST, world.servers[name].port));
            wait_for(name, async || {
                if let Some(status) = child.try_wait().unwrap() {
                    let log = std::fs::read_to_string(dir.path().join(format!("{name}.log"))).unwrap();
                    panic!("{name} ended with {status}:\n{log}");
                }
                reply(at, german)
            })
            .await;
        }
        world.dir = Some(dir);
        world
    }

    /// Where a server listens.
    pub fn port(&self, server: &str) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.servers[server].port).into()
    }
}
