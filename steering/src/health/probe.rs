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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn probe(target: ProbeTarget) -> Probe {
        Probe { target, interval: Duration::from_secs(2), timeout: Duration::from_secs(1), rise: 3, fall: 2 }
    }

    /// Asks once, at 127.0.0.1 whatever the name.
    async fn ask(target: ProbeTarget, timeout: Duration) -> Outcome {
        // A second test finds it installed already.
        rustls::crypto::ring::default_provider().install_default().ok();
        Asker::new(&probe(target), Some(IpAddr::from([127, 0, 0, 1]))).unwrap().ask(timeout).await
    }

    /// Says this to everyone who asks, and keeps the connection.
    async fn server(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if !answer.is_empty() {
                    assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
                open.push(stream);
            }
        });
        port
    }

    #[tokio::test]
    async fn an_answer_is_judged_by_its_status() {
        for (answer, outcome) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", Ok(())),
            ("HTTP/1.1 302 Found\r\nLocation: http://nowhere.invalid/\r\nContent-Length: 0\r\n\r\n", Ok(())),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Err(ProbeError::Status(404))),
            ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9999\r\n\r\n", Err(ProbeError::Status(503))),
        ] {
            let url = format!("http://cdn.invalid:{}/healthz", server(answer).await);
            assert_eq!(ask(ProbeTarget::Http(url), Duration::from_secs(5)).await, outcome, "{answer}");
        }
    }

    #[tokio::test]
    async fn silence_and_refusal_are_told_apart() {
        let (silent, brief) = (server("").await, Duration::from_millis(50));
        let http = |port| ProbeTarget::Http(format!("http://cdn.invalid:{port}/"));
        let tcp = |port| ProbeTarget::Tcp(format!("cdn.invalid:{port}"));
        assert_eq!(ask(http(silent), brief).await, Err(ProbeError::Timeout(brief)));
        assert_eq!(ask(tcp(silent), Duration::from_secs(5)).await, Ok(()), "a connection is all that TCP asks for");

        let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        for target in [http(unused), tcp(unused)] {
            let error = ask(target, Duration::from_secs(5)).await.unwrap_err().to_string();
            assert!(error.starts_with("Connection refused"), "{error}");
        }
    }

    #[test]
    fn the_address_stands_for_a_name_and_not_for_an_address() {
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(at_address("cdn.test:443", v6), "[2001:db8::1]:443");
        assert_eq!(at_address("192.0.2.7:443", v6), "192.0.2.7:443");
        assert_eq!(at_address("[::1]:443", v6), "[::1]:443");
    }

    #[test]
    fn a_run_too_short_to_speak_is_asked_again_sooner() {
        let probe = probe(ProbeTarget::Tcp(String::new()));
        let seconds = |run, passing, jitter| pause(&probe, run, passing, jitter).as_secs_f64();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        near(seconds(1, false, 0.5), 1.0);
        near(seconds(2, false, 0.5), 2.0);
        near(seconds(2, true, 0.5), 1.0);
        near(seconds(3, true, 0.0), 1.8);
        near(seconds(9, true, 1.0), 2.2);
        let key = PathKey::new("live", "a");
        assert!((0..100).map(|n| jitter(&key, n, 7)).all(|j| (0.0..=1.0).contains(&j)));
    }
}
