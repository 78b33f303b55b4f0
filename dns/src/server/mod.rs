//! A DNS server: sockets, the threads and tasks at them, and their end.
//!
//! UDP has threads of its own (`udp`, over `sys`); all that is connections runs on tokio (`accept`: who is let in; `stream`:
//! TCP and TLS; `https`; `quic`; with `connections`, `desk`, [`limits`], `message` in common). [`sockets`] are bound here or
//! taken over from the process before. All transports ask the same [`Answers`](crate::Answers).

pub mod accept;
pub mod certificates;
mod connections;
mod desk;
mod https;
pub mod limits;
mod message;
mod quic;
pub mod sockets;
mod stream;
mod sys;
#[cfg(test)]
mod tests;
pub(crate) mod udp;

use std::{io, path::PathBuf, sync::Arc};

use chrono::Utc;
use fairway_steering::Live;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::{
    accept::{ListenError, Listeners},
    certificates::{CertificateError, Certificates, LOOKED_AT_EVERY},
    limits::Limits,
    sockets::{Bound, Listen, SocketError, Sockets},
    udp::{Threads, UdpError},
};
use crate::{
    cookie::Cookies,
    dnssec::budget::Budget,
    flatten::{FlattenSettings, Flattener, SystemClock, Views},
    limit::{self, LimitError, Limiter},
    metrics::Metrics,
    querylog::{self, QueryLog},
    serving::{Begun, Keeper, Keeping, LoadError, Reload, Serving, Thread},
    settings::Settings,
    transfer::{
        Secondary, TransferError, Transfers,
        notify::{self, Notifier},
    },
    transport::Transport,
    tsig::{self, KeySettings},
    view::Guards,
};

/// All that an operator configures of a DNS server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub listen: Vec<Listen>,
    /// UDP threads on each address for plain DNS.
    pub threads: usize,
    /// Certificate chain and private key, PEM; needed for TLS, HTTPS and QUIC.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Where DNS over HTTPS is asked, `/dns-query` by custom.
    pub https_path: String,
    /// What connections may cost.
    pub connections: Limits,
    /// How it answers.
    pub settings: Settings,
    /// What strangers may have.
    pub rates: limit::Limits,
    /// Secrets of cookies.
    pub cookies: Cookies,
    /// Signatures a second that may be made while strangers wait.
    pub signatures: u32,
    /// The folder of zone files.
    pub zones: PathBuf,
    /// The node's data folder, which has the keys.
    pub data_dir: PathBuf,
    /// How a CDN's host names at an apex are resolved.
    pub flatten: FlattenSettings,
    /// Who may have zones.
    pub secondaries: Vec<Secondary>,
    /// Keys that we share with others.
    pub tsig: Vec<KeySettings>,
    /// The query log; `None`: none.
    pub query_log: Option<querylog::Config>,
}

impl Options {
    /// Those of a laptop, for zones in this folder and keys in that data folder: one thread, no certificate, no secondaries, no
    /// resolvers.
    pub fn new(listen: Vec<Listen>, zones: PathBuf, data_dir: PathBuf) -> Result<Self, DnsError> {
        Ok(Self {
            listen,
            threads: 1,
            certificate: None,
            https_path: "/dns-query".into(),
            connections: Limits::default(),
            settings: Settings::default(),
            rates: limit::Limits::default(),
            cookies: Cookies::new(secret()?, Vec::new()),
            signatures: SIGNATURES,
            zones,
            data_dir,
            flatten: FlattenSettings { resolvers: Vec::new(), views: Views::new(&[]).unwrap_or_default() },
            secondaries: Vec::new(),
            tsig: Vec::new(),
            query_log: None,
        })
    }
}

/// Signatures a second for strangers: at some 13 µs each, a twentieth of a core.
const SIGNATURES: u32 = 4_000;

/// Why there is no DNS service.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// An address cannot be had, or sockets could not be taken over.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A zone or a key: the operator's to mend.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A setting: the operator's to mend.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A setting: the operator's to mend.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// A setting: the operator's to mend.
    #[error(transparent)]
    Tsig(#[from] tsig::KeyError),
    /// The operator's to mend.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// TLS, HTTPS or QUIC, and no certificate: the operator's to mend.
    #[error("DNS over TLS, HTTPS or QUIC needs a certificate and its key")]
    NoCertificate,
    /// A listener failed.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A UDP thread failed; the others have been ended.
    #[error(transparent)]
    Udp(#[from] UdpError),
    /// The query log cannot be started.
    #[error("the query log cannot be started: {0}")]
    QueryLog(io::Error),
    /// A socket, after it was bound.
    #[error("a DNS socket failed: {0}")]
    Io(#[from] io::Error),
    /// No randomness for secrets: nobody's fault.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where it listens, ports 0 resolved.
    pub bound: Vec<Bound>,
    /// The sockets, for a successor.
    pub sockets: Sockets,
    /// For reading zones and keys again.
    pub reload: Reload,
    /// What zones had better be otherwise.
    pub warnings: Vec<String>,
    /// Ends after `shutdown`, and before it only with an error.
    pub task: JoinHandle<Result<(), DnsError>>,
}

impl Server {
    /// Starts a server that answers from `live` until `shutdown`. Sockets in `given` that listen where this one is to listen are
    /// taken; the others are bound. When this returns, it answers.
    pub async fn start(
        options: Options,
        live: Arc<Live>,
        metrics: Arc<Metrics>,
        given: Sockets,
        shutdown: CancellationToken,
    ) -> Result<Self, DnsError> {
        let secure = options.listen.iter().any(|listen| listen.service != sockets::Listener::Plain);
        let certificates = match (secure, options.certificate) {
            (false, _) => None,
            (true, None) => return Err(DnsError::NoCertificate),
            (true, Some((chain, key))) => Some(Arc::new(Certificates::load(chain, key)?)),
        };
        let transfers = Transfers::new(&options.secondaries, tsig::Keys::new(&options.tsig)?)?;
        let guards = Guards {
            cookies: options.cookies,
            limiter: Limiter::new(options.rates, secret()?)?,
            signatures: Budget::new(options.signatures),
        };
        let keeping =
            Keeping { zones: options.zones, data_dir: options.data_dir, views: options.flatten.views.clone() };
        let (snapshot, settings, of) = (live.snapshot(), options.settings, transfers.clone());
        let begun =
            tokio::task::spawn_blocking(move || Begun::new(keeping, snapshot, settings, guards, of, Utc::now()));
        let begun = begun.await.map_err(|_| LoadError::Gone)??;
        let warnings = begun.warnings.clone();

        let sockets = Sockets::bind_others(&options.listen, options.threads, given)?;
        let log = match options.query_log {
            Some(config) => Some(QueryLog::start(config, metrics.query_log.clone()).map_err(DnsError::QueryLog)?),
            None => None,
        };
        let (log, log_writer) = log.unzip();
        let serving = Arc::new(Serving::new(begun.view.clone(), live, metrics.clone(), log));

        let notices = Notifier::start(
            transfers,
            notify::FIRST_WAIT,
            fastrand::u64(..),
            Utc::now,
            metrics.notices.clone(),
            shutdown.clone(),
        );
        let flattener = Flattener::start(options.flatten, SystemClock, fastrand::f64);
        let (keeper, reload) = Keeper::new(begun, serving.clone(), flattener, notices);

        let threads = Threads::start(sockets.udp()?, || Thread::new(serving.clone()))?;
        let listeners = Listeners::new(serving, options.connections, metrics.connections.clone(), shutdown.clone());
        for listener in sockets.listeners(Transport::Tcp)? {
            listeners.tcp(listener)?;
        }
        if let Some(certificates) = &certificates {
            for listener in sockets.listeners(Transport::Tls)? {
                listeners.tls(listener, certificates.clone())?;
            }
            for listener in sockets.listeners(Transport::Https)? {
                listeners.https(listener, certificates.clone(), &options.https_path)?;
            }
            for socket in sockets.quic()? {
                listeners.quic(socket, certificates.clone())?;
            }
        }
        let bound = sockets.bound();
        let task = tokio::spawn(async move {
            let stop = shutdown.child_token();
            let keeping = tokio::spawn(keeper.run(stop.clone()));
            let watching =
                certificates.map(|certificates| tokio::spawn(certificates.watch(LOOKED_AT_EVERY, stop.clone())));
            let outcome = threads.run(stop.clone()).await;
            // A thread that failed ends the server.
            shutdown.cancel();
            listeners.finish().await;
            for task in [Some(keeping), watching].into_iter().flatten() {
                if task.await.is_err() {
                    tracing::error!("a task of the DNS server panicked");
                }
            }
            if let Some(writer) = log_writer {
                // It ends when the last who could log is gone, which is now.
                tokio::task::spawn_blocking(move || writer.join().is_ok()).await.ok();
            }
            Ok(outcome?)
        });
        Ok(Self { bound, sockets, reload, warnings, task })
    }
}

/// Sixteen random octets, for whatever is to be guessed by nobody.
pub fn secret() -> Result<[u8; 16], DnsError> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut secret = [0; 16];
    SystemRandom::new().fill(&mut secret).map_err(|_| DnsError::NoRandomness)?;
    Ok(secret)
}
