//! Tells an autoscaler of a crossing: CloudEvents 1.0, JSON format, structured mode.
//!
//! In its own task, so that a receiver that hangs delays nobody; one at a time and in order, so that "over" never arrives
//! after the "under" that followed it. Refused for what it says (4xx): not tried again. Not reached, 5xx, 408 or 429:
//! tried again after 1, 2, 4 … 60 s, [`TRIES`] times, which outlasts a receiver's restart.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::{StatusCode, header};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Demand;
use crate::health::{http_client, innermost};

/// Some five minutes in all.
const TRIES: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A receiver that has said nothing for so long is not there.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Crossings that wait; there are a few per pathway and hour.
const WAITING: usize = 256;

/// A trigger fired or cleared.
#[derive(Clone, Debug)]
pub struct Crossing {
    /// When.
    pub at: DateTime<Utc>,
    /// The load at that moment; `over` tells which way.
    pub demand: Demand,
}

impl Crossing {
    /// As a CloudEvent: `type` is `dev.fairway.scaling.over` or `…under`; `data` has the load, bits per second and 0…1.
    pub fn cloud_event(&self) -> serde_json::Value {
        let Demand { service, pathway, sessions, bits_per_second, capacity, scale_at, over } = &self.demand;
        let share = capacity.filter(|c| *c > 0).map(|capacity| *bits_per_second as f64 / capacity as f64);
        let direction = if *over { "over" } else { "under" };
        json!({
            "specversion": "1.0",
            "id": format!("{}-{direction}", self.at.timestamp_micros()),
            "source": format!("/fairway/services/{service}/pathways/{pathway}"),
            "type": format!("dev.fairway.scaling.{direction}"),
            "subject": format!("{service}/{pathway}"),
            "time": self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "datacontenttype": "application/json",
            "data": {
                "service": service,
                "pathway": pathway,
                "sessions": sessions,
                "bits_per_second": bits_per_second,
                "capacity": capacity,
                "share": share,
                "scale_at": scale_at,
            },
        })
    }
}

/// Crossings told to the webhook.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// Taken by the receiver.
    pub delivered: AtomicU64,
    /// Given up.
    pub failed: AtomicU64,
}

/// Where to tell crossings; without a URL, nowhere.
#[derive(Debug, Default)]
pub(crate) struct Webhook {
    waiting: Option<mpsc::Sender<Crossing>>,
    deliveries: Arc<Deliveries>,
}

impl Webhook {
    /// Starts the task that tells them.
    pub(crate) fn start(
        url: Option<Url>,
        deliveries: Arc<Deliveries>,
        shutdown: CancellationToken,
    ) -> reqwest::Result<Self> {
        let Some(url) = url else { return Ok(Self { waiting: None, deliveries }) };
        let client = http_client(url.as_str()).timeout(TIMEOUT).build()?;
        let (sender, mut waiting) = mpsc::channel::<Crossing>(WAITING);
        let counts = deliveries.clone();
        tokio::spawn(shutdown.run_until_cancelled_owned(async move {
            while let Some(crossing) = waiting.recv().await {
                let counted = match deliver(&client, &url, &crossing).await {
                    Ok(()) => &counts.delivered,
                    Err(why) => {
                        tracing::warn!(host = url.host_str(), why, "a scaling event was not delivered");
                        &counts.failed
                    }
                };
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }));
        Ok(Self { waiting: Some(sender), deliveries })
    }

    /// Tells a crossing, in a while.
    pub(crate) fn tell(&self, crossing: Crossing) {
        if let Some(waiting) = &self.waiting
            && waiting.try_send(crossing).is_err()
        {
            tracing::warn!("the webhook is too far behind: a scaling event was dropped");
            self.deliveries.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn deliver(client: &reqwest::Client, url: &Url, crossing: &Crossing) -> Result<(), String> {
    let body = crossing.cloud_event().to_string();
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        let request = client.post(url.clone()).header(header::CONTENT_TYPE, "application/cloudevents+json");
        let (why, again) = match request.body(body.clone()).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => (format!("HTTP status {}", answer.status().as_u16()), worth_a_retry(answer.status())),
            Err(error) => (innermost(&error), true),
        };
        if !again || attempt == TRIES {
            return Err(format!("{why}, at try {attempt}"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}

/// Whether the same words may be welcome later.
fn worth_a_retry(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}
