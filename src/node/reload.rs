//! SIGHUP: zones, keys and policies are read again, changed or not.
//!
//! Zones and keys first, both or neither: what is broken is told, with its place, in the log and in the feed, and then nothing
//! is taken up, not the policies either, since whoever sent the signal meant all of it. Certificates are not waited for: they
//! are looked at every few seconds, whoever asks. Nothing that is answered meanwhile waits for any of this.

use std::sync::Arc;

use chrono::Utc;
use fairway_dns::Reload;
use fairway_steering::{Event, Live};
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

/// Until the shutdown.
pub async fn on_hangup(mut hangup: Signal, live: Arc<Live>, dns: Reload, shutdown: CancellationToken) {
    while let Some(Some(())) = shutdown.run_until_cancelled(hangup.recv()).await {
        match dns.reload().await {
            Ok(warnings) => {
                tracing::info!("zones and keys reloaded");
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                live.reload();
            }
            Err(error) => {
                tracing::error!(%error, "nothing reloaded: the old zones, keys and policies stay");
                live.feed.tell(Event::ReloadRefused { at: Utc::now(), problems: error.to_string() });
            }
        }
    }
}
