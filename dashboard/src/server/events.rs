//! `GET /api/v1/events`: server-sent events. Each of the node's events under its own number, so that a reader who comes back
//! misses none; and `overview`, the whole model of Overview, every [`EVERY`] and right after something happened.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;

use super::{Console, refusal::Refusal, view};
use crate::model::Question;

/// Between two overviews while nothing happens.
const EVERY: Duration = Duration::from_secs(2);
/// After something happened, so that what happens together is sent together.
const SOON: Duration = Duration::from_millis(150);
/// Events that wait for a slow reader.
const WAITING: usize = 16;

/// The stream for the service asked for.
pub async fn serve(
    State(console): State<Console>,
    Query(asked): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    // An unknown service is refused here, not in the middle of a stream.
    view::service(&console.live.snapshot(), &asked.service)?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (sender, receiver) = mpsc::channel(WAITING);
    let shutdown = console.shutdown.clone();
    tokio::spawn(shutdown.run_until_cancelled_owned(async move {
        let mut reader = Reader { console, service: asked.service, sender, last: last.unwrap_or_default() };
        if last.is_none() {
            reader.skip_the_past();
        }
        // It ends when the reader has gone: sending fails.
        reader.run().await.unwrap_or_default();
    }));
    let stream = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default());
    Ok(stream.into_response())
}

/// The other end has gone.
#[derive(Debug)]
struct Gone;

struct Reader {
    console: Console,
    service: String,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    /// The number of the last event sent.
    last: u64,
}

impl Reader {
    fn skip_the_past(&mut self) {
        self.last = *self.console.live.feed.watch().borrow();
    }

    async fn run(&mut self) -> Result<(), Gone> {
        let mut feed = self.console.live.feed.watch();
        let mut next = Instant::now();
        loop {
            self.send_events().await?;
            tokio::select! {
                changed = feed.changed() => {
                    changed.map_err(|_| Gone)?;
                    next = next.min(Instant::now() + SOON);
                }
                () = tokio::time::sleep_until(next) => {
                    self.send_overview().await?;
                    next = Instant::now() + EVERY;
                }
                () = self.sender.closed() => return Err(Gone),
            }
        }
    }

    async fn send_events(&mut self) -> Result<(), Gone> {
        for entry in self.console.live.feed.since(self.last) {
            self.last = entry.id;
            let event = Event::default().event("event").id(entry.id.to_string()).json_data(&*entry);
            self.send(event).await?;
        }
        Ok(())
    }

    async fn send_overview(&self) -> Result<(), Gone> {
        // The service may have been taken out since: the page keeps what it has.
        let Ok(overview) = view::overview(&self.console, &self.service).await else { return Ok(()) };
        self.send(Event::default().event("overview").json_data(overview)).await
    }

    async fn send(&self, event: Result<Event, axum::Error>) -> Result<(), Gone> {
        match event {
            Ok(event) => self.sender.send(Ok(event)).await.map_err(|_| Gone),
            Err(error) => {
                tracing::error!(%error, "an event cannot be written");
                Ok(())
            }
        }
    }
}
