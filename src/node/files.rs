//! Files of the data folder that the node itself keeps: where it listens, where the store is, what makes its cookies.

use std::{fs, io, path::Path};

use fairway_dns::{cookie::Cookies, server::secret};
use fairway_store::EngineState;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, dns::CookieSecrets},
    exit::Failure,
};

/// What makes cookies: as configured, else the node's own secrets, which outlast it: a client that has a cookie is to be known
/// again after a restart. `cookie_secrets` has one a line, the first makes cookies and all are believed, so that an operator
/// can replace it in two steps: write a new one above it, and an hour later take the old one away.
pub fn cookies(config: &Config) -> Result<Cookies, Failure> {
    if let Some((first, others)) = config.dns.cookie_secrets.0.split_first() {
        return Ok(Cookies::new(*first, others.to_vec()));
    }
    let file = config.data_dir.join("cookie_secrets");
    let told = |error: io::Error| Failure::unavailable(format!("{}: {error}", file.display()));
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let octets = secret().map_err(Failure::unavailable)?;
            let text = format!("{:032x}\n", u128::from_be_bytes(octets));
            write_whole(&file, text.as_bytes(), 0o600).map_err(told)?;
            text
        }
        Err(error) => return Err(told(error)),
    };
    match CookieSecrets::parse(text.split_whitespace()).as_ref().and_then(|secrets| secrets.0.split_first()) {
        Some((first, others)) => Ok(Cookies::new(*first, others.to_vec())),
        None => Err(Failure::bad_input(format!("{}: a line must be 32 hex digits", file.display()))),
    }
}

/// Keeps `store.json` true, so that anyone who may read the data folder can ask the embedded engine with any client. Where
/// it cannot be written (a full disk), that is said, and it is tried again when the engine changes its state.
pub async fn tell_store(
    mut state: tokio::sync::watch::Receiver<EngineState>,
    password: &str,
    file: &Path,
    shutdown: &CancellationToken,
) {
    while !shutdown.is_cancelled() {
        let up = match &*state.borrow_and_update() {
            EngineState::Up { url } => Some(url.clone()),
            EngineState::Starting | EngineState::Down { .. } => None,
        };
        let written = match up {
            Some(url) => {
                let access = serde_json::json!({ "url": url, "user": "default", "password": password });
                write_whole(file, access.to_string().as_bytes(), 0o600)
            }
            None => remove_if_there(file),
        };
        told(file, written);
        tokio::select! {
            changed = state.changed() => if changed.is_err() { shutdown.cancelled().await },
            () = shutdown.cancelled() => {}
        }
    }
    told(file, remove_if_there(file));
}

fn told(file: &Path, written: io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!(file = %file.display(), %error, "does not tell where the store is");
    }
}

/// Writes beside the file and renames, so that no reader sees half of it.
pub fn write_whole(file: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let draft = file.with_extension("draft");
    remove_if_there(&draft)?;
    let mut handle = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
    handle.write_all(content)?;
    fs::rename(&draft, file)
}

/// Removes it; that it was not there is as good.
pub fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
