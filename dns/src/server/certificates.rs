//! A certificate and its key, from files, and again when the files change.
//!
//! Certificates are renewed by tools that know nothing of who uses them: certbot moves a symbolic link, Kubernetes swaps the
//! folder that one leads through, a script copies over. What all have in common is what `stat` tells of the file that
//! the path leads to *now*; so that is looked at every few seconds, two calls each time, rather than a watch
//! kept on an inode that may not be the one next time. Looked at are device, inode, size and time of status change: the last
//! alone cannot be set by a program that keeps the old modification time.
//!
//! The two files change one after the other, and may be seen in between. So a new pair is taken only whole: both parse, and
//! the key is the certificate's own. Until then, and if it stays wrong, the pair before it stays in use, and the error
//! names the file. What is looked at is noted *before* reading, so that a file written on meanwhile is read again.
//!
//! Connections keep the certificate that they began with; a new one is used from the next handshake on. Sessions that
//! are resumed see none at all.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::ring::{Ticketer, default_provider},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at: often enough that nobody waits for it after a renewal.
pub const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// Why a certificate cannot be used. Each is the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Read {
        /// Of the certificate or the key.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM (RFC 7468), or holds nothing of the kind.
    #[error("{path}: {what}: {source}", path = path.display())]
    Pem {
        /// Of the certificate or the key.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Why it was not found.
        source: pem::Error,
    },
    /// The key is of a kind that is not known, or not the certificate's.
    #[error("{key} does not go with {certificate}: {source}", key = key.display(), certificate = certificate.display())]
    Pair {
        /// The certificate's path.
        certificate: PathBuf,
        /// The key's path.
        key: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
}

/// A certificate with its chain, and its key, as they are in their files.
#[derive(Debug)]
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    seen: Mutex<[Option<Stamp>; 2]>,
}

/// What tells one state of a file from another: device, inode, size, and the time of status change, s and ns. None where
/// there is no file to be seen.
type Stamp = (u64, u64, u64, i64, i64);

impl Certificates {
    /// Reads both: the server's certificate first, then those between it and a root (RFC 8446 §4.4.2); and the first key,
    /// PKCS #8, PKCS #1 or SEC 1.
    pub fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, CertificateError> {
        let seen = [stamp(&certificate), stamp(&key)];
        let current = read(&certificate, &key)?.into();
        Ok(Self { certificate, key, current: ArcSwap::new(current), seen: Mutex::new(seen) })
    }

    /// Reads them again if either has changed, and whether so. An error leaves the pair in use, and is told once: the
    /// next call is without one unless the files have changed again.
    pub fn reload(&self) -> Result<bool, CertificateError> {
        let now = [stamp(&self.certificate), stamp(&self.key)];
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(false);
        }
        *seen = now;
        self.current.store(read(&self.certificate, &self.key)?.into());
        Ok(true)
    }

    /// Calls [`Certificates::reload`] every `interval`, until `stop`, and logs what came of it.
    pub async fn watch(self: Arc<Self>, interval: Duration, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.reload()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => {
                    tracing::info!(certificate = %self.certificate.display(), "a new certificate is in use")
                }
                Ok(Err(error)) => tracing::error!(%error, "the certificate before it stays in use"),
                Err(error) => tracing::error!(%error, "a certificate could not be looked at"),
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// TLS for clients that need not say who they are. Sessions are resumed from tickets, which are kept by the client and cost
/// nothing here; one a handshake, as resolvers open one connection after another, not two at once. No early data: it can
/// be replayed (RFC 8446 §8).
pub(super) fn tls(
    certificates: Arc<Certificates>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.ticketer = Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(config)
}

/// What keeps it from being seen is told when it is read.
fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.size(), file.ctime(), file.ctime_nsec()))
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let text = |path: &Path| fs::read(path).map_err(|source| CertificateError::Read { path: path.into(), source });
    let pem = |path: &Path, what| {
        let path = path.into();
        move |source| CertificateError::Pem { path, what, source }
    };
    let what = "no certificate in it";
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text(certificate)?)
        .collect::<Result<_, _>>()
        .and_then(|chain: Vec<_>| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(pem(certificate, what))?;
    let private = PrivateKeyDer::from_pem_slice(&text(key)?).map_err(pem(key, "no key in it"))?;
    CertifiedKey::from_der(chain, private, &default_provider()).map_err(|source| CertificateError::Pair {
        certificate: certificate.into(),
        key: key.into(),
        source,
    })
}
