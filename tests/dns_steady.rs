//! Snapshots are swapped ten times a second, zones and policies reloaded, and the node itself replaced by another: those who ask
//! meanwhile notice nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "this is a test")]

mod support;

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use support::{Node, dropped, signal};
use tokio::time::{MissedTickBehavior, interval};

/// Ports that are asked from: together their buffers (some 270 replies each) hold what comes in while this thread waits for a core.
const PORTS: usize = 32;
/// Queries sent before replies are looked for again.
const AT_ONCE: usize = 32;
/// A reply that has not come by then is lost. It comes in a fraction of a millisecond, but a machine may stand still.
const PATIENCE: Duration = Duration::from_secs(3);
/// Swaps a second.
const SWAPS: u64 = 10;

/// What was asked, and what became of it.
struct Asked {
    queries: usize,
    lost: usize,
    /// Replies that this side's sockets had no room for: no fault of the node's, and among the lost.
    dropped: u64,
    /// Microseconds until the reply, ascending.
    waited: Vec<u32>,
}

impl Asked {
    fn waited(&self, share: f64) -> u32 {
        self.waited[((self.waited.len() - 1) as f64 * share) as usize]
    }
}

/// Queries that have an answer at all times: static and steered, for clients here and there.
fn questions() -> Vec<Vec<u8>> {
    let head = |additional| [&[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0][..], &[additional]].concat();
    let question = |label: &[u8]| [&[label.len() as u8], label, b"\x07fairway\x04test\0\0\x01\0\x01"].concat();
    let subnet = |a: u8, b: u8| vec![0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, a, b, 144];
    let steered = [(193, 99), (200, 160), (8, 8), (1, 1), (133, 11)];
    let steered = steered.map(|(a, b)| [head(1), question(b"live"), subnet(a, b)].concat());
    let fixed = [&b"www"[..], b"cdn-a", b"docs"].map(|label| [head(0), question(label)].concat());
    steered.into_iter().chain(fixed).collect()
}

/// Asks at this rate until told to stop. Each query has an ID of its own among those under way from its port.
fn ask(server: SocketAddr, rate: usize, core: Option<usize>, stop: &AtomicBool) -> Asked {
    if let Some(core) = core {
        let this = std::fs::read_link("/proc/thread-self").unwrap();
        pin(core, &["-p"], this.file_name().unwrap().to_str().unwrap());
    }
    let bind = |_| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_nonblocking(true).unwrap();
        (socket, vec![None::<Instant>; 1 << 16])
    };
    let mut ports: Vec<_> = (0..PORTS).map(bind).collect();
    let mut questions = questions();
    let (begun, mut queries, mut lost, mut waited) = (Instant::now(), 0, 0, Vec::new());
    let (mut buffer, mut last) = ([0; 1232], Instant::now());
    loop {
        let stopped = stop.load(Ordering::Relaxed);
        let due = if stopped { queries } else { (begun.elapsed().as_secs_f64() * rate as f64) as usize };
        let until = due.min(queries + AT_ONCE);
        while queries < until {
            let (socket, under_way) = &mut ports[queries % PORTS];
            let id = (queries / PORTS) as u16;
            let kind = queries % questions.len();
            let question = &mut questions[kind];
            question[..2].copy_from_slice(&id.to_be_bytes());
            socket.send(question).unwrap();
            lost += usize::from(under_way[usize::from(id)].replace(Instant::now()).is_some());
            queries += 1;
        }
        let before = waited.len();
        for (socket, under_way) in &mut ports {
            loop {
                match socket.recv(&mut buffer) {
                    Ok(length) => {
                        let reply = &buffer[..length];
                        assert!(reply[2] & 0x80 != 0 && reply[3] & 15 == 0 && reply[7] > 0, "no answer: {reply:?}");
                        let id = usize::from(u16::from_be_bytes([reply[0], reply[1]]));
                        let asked = under_way[id].take().expect("one reply to one query");
                        waited.push(asked.elapsed().as_micros() as u32);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        if waited.len() > before {
            last = Instant::now();
        } else if stopped && (waited.len() + lost == queries || last.elapsed() > PATIENCE) {
            break;
        } else if due <= queries {
            std::thread::park_timeout(Duration::from_micros(100));
        }
    }
    waited.sort_unstable();
    let dropped = ports.iter().map(|(socket, _)| dropped(socket.local_addr().unwrap())).sum();
    Asked { queries, lost: queries - waited.len(), dropped, waited }
}

/// Keeps a process or thread on one core.
fn pin(core: usize, how: &[&str], id: &str) {
    let output = Command::new("taskset").arg("-c").args(how).args([&core.to_string(), id]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// How it is run.
struct Form {
    rate: usize,
    seconds: u64,
    /// The node on core 0, the client on core 1.
    pinned: bool,
    /// Seconds from one reload to the next, and from one successor to the next.
    reload: u64,
    replace: u64,
}

/// An override on or off again: each makes the control loop swap the snapshot before it answers.
async fn swap(node: &Node, forced: &mut Option<u64>) -> reqwest::Result<()> {
    let url = node.admin("/api/v1/overrides");
    match forced {
        None => {
            let wish =
                json!({ "service": "live", "pathway": "cdn-b", "force": "drained", "author": "a", "reason": "swap" });
            let said = node.http.post(url).json(&wish).send().await?.error_for_status()?;
            *forced = said.json::<serde_json::Value>().await?["override"]["id"].as_u64();
            assert!(forced.is_some());
        }
        Some(id) => {
            let url = format!("{url}/{id}?author=a");
            let request = node.http.delete(url).header("content-type", "application/json");
            let status = request.send().await?.status();
            // What a node said that has gone meanwhile, its successor may not have heard of.
            assert!(status.is_success() || status == 404, "{status}");
            *forced = None;
        }
    }
    Ok(())
}

async fn steady(form: Form) {
    let mut node = Node::run().await;
    let server = node.listening.dns[0];
    if form.pinned {
        pin(0, &["-a", "-p"], &node.listening.pid.to_string());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let asking = {
        let (stop, core) = (stop.clone(), form.pinned.then_some(1));
        tokio::task::spawn_blocking(move || ask(server, form.rate, core, &stop))
    };

    let (mut swaps, mut failed, mut reloads, mut replaced, mut forced) = (0, 0, 0, 0, None);
    let mut ticks = interval(Duration::from_millis(1000 / SWAPS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks.tick().await;
    for tick in 1..=form.seconds * SWAPS {
        ticks.tick().await;
        match swap(&node, &mut forced).await {
            Ok(()) => swaps += 1,
            Err(_) => failed += 1, // it has just been replaced, and this connection with it
        }
        if tick % (form.reload * SWAPS) == 0 {
            signal(node.listening.pid, "HUP").await;
            reloads += 1;
        }
        if tick % (form.replace * SWAPS) == form.replace * SWAPS / 2 {
            let pinned = form.pinned.then_some(0);
            node.replace(|pid| pinned.into_iter().for_each(|core| pin(core, &["-a", "-p"], &pid.to_string()))).await;
            replaced += 1;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let asked = asking.await.unwrap();
    let node_dropped = dropped(server);
    println!(
        "{} queries at {}/s, lost {} (this side's sockets dropped {}, the node's {node_dropped}); p50 {} us, p99 {} us, \
         longest {} us; {swaps} swaps ({failed} not made), {reloads} reloads, {replaced} successors",
        asked.queries,
        form.rate,
        asked.lost,
        asked.dropped,
        asked.waited(0.5),
        asked.waited(0.99),
        asked.waited(1.0),
    );
    assert_eq!(asked.lost as u64, asked.dropped, "lost, and not by this side");
    assert!(asked.queries as u64 >= form.rate as u64 * form.seconds * 95 / 100, "asked as often as it should be");
    assert!(failed <= 2 * replaced && swaps * 10 >= form.seconds * SWAPS * 9, "swapped as often as it should be");
    assert_eq!(node.log().matches("zones and keys reloaded").count(), reloads);
    assert!(Path::new(&node.dir.path().join("data/listening.json")).exists());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_all_that_is_answered_from_changes() {
    // A minute of the whole machine is for `make steady-dns` to ask for.
    let full = std::env::var_os("STEADY").is_some_and(|form| form == "full");
    steady(match full {
        true => Form { rate: 50_000, seconds: 60, pinned: true, reload: 5, replace: 20 },
        false => Form { rate: 10_000, seconds: 5, pinned: false, reload: 2, replace: 4 },
    })
    .await;
}
