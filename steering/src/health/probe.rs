//! Probes: one task each, sending its outcomes to the control loop.

use std::{
    collections::HashMap,
    error::Error,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use fairway_policies::{Pathway, Policy, Probe, ProbeTarget, model::PathwayAnswer};
use tokio::{net::TcpStream, sync::mpsc, time::Instant};
use tokio_util::task::AbortOnDropHandle;
use url::Url;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::PathKey;

/// How a probe went.
pub type Outcome = Result<(), ProbeError>;

/// Why a probe failed. All of these are the pathway's, as far as the node can see; the next probe is the retry.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProbeError {
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// It answered, with neither 2xx nor 3xx.
    #[error("HTTP status {0}")]
    Status(u16),
    /// No connection, or no answer over it: the innermost cause.
    #[error("{0}")]
    Connection(String),
}

/// The running probes of all pathways; dropped, they stop.
#[derive(Debug)]
pub(crate) struct Probes {
    outcomes: mpsc::Sender<(PathKey, Outcome)>,
    /// Where the jitter starts, so that the nodes of a fleet do not probe in step.
    seed: u64,
    running: HashMap<PathKey, Running>,
}

#[derive(Debug)]
struct Running {
    probe: Probe,
    address: Option<IpAddr>,
    _task: AbortOnDropHandle<()>,
}

impl Probes {
    /// None yet; they will send their outcomes here.
    pub(crate) fn new(outcomes: mpsc::Sender<(PathKey, Outcome)>, seed: u64) -> Self {
        Self { outcomes, seed, running: HashMap::new() }
    }

    /// Runs exactly the probes of these policies: those that stay the same go on undisturbed.
    pub(crate) fn follow(&mut self, policies: &[Arc<Policy>]) {
        let mut before = std::mem::take(&mut self.running);
        for policy in policies {
            for pathway in &policy.pathways {
                let Some(probe) = &pathway.probe else { continue };
                let key = PathKey::new(&policy.service, &pathway.id);
                let address = first_address(pathway);
                let same = before.remove(&key).filter(|r| r.probe == *probe && r.address == address);
                let running = match same {
                    Some(running) => running,
                    None => match self.spawn(&key, probe, address) {
                        Ok(task) => Running { probe: probe.clone(), address, _task: task },
                        Err(error) => {
                            tracing::error!(service = %key.service, pathway = %key.pathway, %error, "cannot probe");
                            continue;
                        }
                    },
                };
                self.running.insert(key, running);
            }
        }
    }

    fn spawn(&self, key: &PathKey, probe: &Probe, address: Option<IpAddr>) -> reqwest::Result<AbortOnDropHandle<()>> {
        let asker = Asker::new(probe, address)?;
        let (key, probe, outcomes, seed) = (key.clone(), probe.clone(), self.outcomes.clone(), self.seed);
        Ok(AbortOnDropHandle::new(tokio::spawn(async move {
            let (mut run, mut passing, mut count) = (0, false, 0);
            loop {
                let began = Instant::now();
                let outcome = asker.ask(probe.timeout).await;
                run = if outcome.is_ok() == passing { run + 1 } else { 1u32 };
                passing = outcome.is_ok();
                count += 1;
                let pause = pause(&probe, run, passing, jitter(&key, count, seed));
                if outcomes.send((key.clone(), outcome)).await.is_err() {
                    return;
                }
                tokio::time::sleep_until(began + pause).await;
            }
        })))
    }
}

/// From a probe's start to the next: half the interval while the run is too short to speak; ±10 % by `jitter` (0…1), so
/// that many probes of one host spread out.
fn pause(probe: &Probe, run: u32, passing: bool, jitter: f64) -> Duration {
    let needed = if passing { probe.rise } else { probe.fall };
    let interval = if run < needed { probe.interval / 2 } else { probe.interval };
    interval.mul_f64(0.9 + 0.2 * jitter)
}

/// 0…1, by hash.
fn jitter(key: &PathKey, count: u64, seed: u64) -> f64 {
    xxh3_64_with_seed(key.pathway.as_bytes(), seed ^ count) as f64 / u64::MAX as f64
}

fn first_address(pathway: &Pathway) -> Option<IpAddr> {
    match &pathway.answer {
        PathwayAnswer::Addresses(addresses) => addresses.first().copied(),
        PathwayAnswer::Cname(_) | PathwayAnswer::None => None,
    }
}

/// What asks one pathway.
enum Asker {
    Http {
        client: reqwest::Client,
        url: String,
    },
    /// A `host:port`, or the address that stands for it.
    Tcp(String),
}

impl Asker {
    fn new(probe: &Probe, address: Option<IpAddr>) -> reqwest::Result<Self> {
        match &probe.target {
            ProbeTarget::Http(url) => {
                // A probe asks as a new viewer would: a fresh connection, no proxy, and a redirect is an answer.
                let mut client =
                    http_client(url).no_proxy().pool_max_idle_per_host(0).redirect(reqwest::redirect::Policy::none());
                if let Some((host, address)) = host(url).zip(address) {
                    client = client.resolve(&host, SocketAddr::new(address, 0));
                }
                Ok(Self::Http { client: client.build()?, url: url.clone() })
            }
            ProbeTarget::Tcp(target) => {
                Ok(Self::Tcp(address.map_or(target.clone(), |address| at_address(target, address))))
            }
        }
    }

    async fn ask(&self, timeout: Duration) -> Outcome {
        let answer = async {
            match self {
                Self::Http { client, url } => match client.get(url).send().await {
                    Ok(answer) if answer.status().is_success() || answer.status().is_redirection() => Ok(()),
                    Ok(answer) => Err(ProbeError::Status(answer.status().as_u16())),
                    Err(error) => Err(ProbeError::Connection(innermost(&error))),
                },
                Self::Tcp(target) => match TcpStream::connect(target).await {
                    Ok(_) => Ok(()),
                    Err(error) => Err(ProbeError::Connection(error.to_string())),
                },
            }
        };
        tokio::time::timeout(timeout, answer).await.unwrap_or(Err(ProbeError::Timeout(timeout)))
    }
}

/// A client for this URL. The system's root certificates are read only for one that needs them, so that plain HTTP works
/// on a machine that has none.
pub(crate) fn http_client(url: &str) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder().user_agent(concat!("fairway/", env!("CARGO_PKG_VERSION")));
    if url.starts_with("http://") { builder.tls_certs_only([]) } else { builder }
}

fn host(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// `host:port` with the address in the host's place, unless the host is an address itself.
fn at_address(target: &str, address: IpAddr) -> String {
    match target.rsplit_once(':') {
        Some((host, port)) if host.trim_matches(['[', ']']).parse::<IpAddr>().is_err() => {
            port.parse().map_or_else(|_| target.to_owned(), |port| SocketAddr::new(address, port).to_string())
        }
        _ => target.to_owned(),
    }
}

/// The cause at the end of the chain: `Connection refused (os error 111)` and not `error sending request`.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
