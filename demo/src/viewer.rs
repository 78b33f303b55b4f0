//! The life of one viewer: a player reduced to what matters here, with a real clock, real requests and a real buffer.
//!
//! It begins three segments behind the live edge, fetches one segment after another, plays from two seconds on, stalls when
//! its buffer is empty, and goes to the next pathway of its list when a request fails. Half of the viewers follow the
//! steering service, as HLS players do; the others follow DNS, as everything else does. Its beacons tell what it suffered.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use fastrand::Rng;
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    media::{SEGMENT_MS, VARIANTS},
    playlist,
    population::Person,
    report::{Moment, Report, Request, State},
    resolver,
    surroundings::{Surroundings, unix_ms},
};

/// Full enough to rest.
const FULL_MS: u64 = 8000;
/// Playing begins, and goes on after a stall, with so much.
const ENOUGH_MS: u64 = SEGMENT_MS;
/// Between two posts, unless something happened.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// A request that takes longer has failed: a player's usual patience for a two-second segment.
const PATIENCE: Duration = Duration::from_secs(8);
/// Failures in a row before the first picture that make a viewer give up.
const GIVES_UP_AFTER: u32 = 4;
/// Farther behind the live edge than the playlist reaches, a player jumps forward.
const LOST_BEHIND: u64 = 7;
/// The content id of its beacons.
const CONTENT: &str = "demo";

/// One who watches, one session after another.
#[derive(Debug)]
pub struct Viewer {
    /// Who.
    pub person: Person,
    /// Whether it asks DNS rather than the steering service.
    pub follows_dns: bool,
    /// Its chances.
    pub rng: Rng,
    /// The world.
    pub world: Arc<Surroundings>,
}

/// The steering manifest, as far as a player reads it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
struct Manifest {
    #[serde(rename = "TTL")]
    ttl: u64,
    reload_uri: Option<String>,
    pathway_priority: Vec<String>,
}

/// One playback.
struct Session<'v> {
    viewer: &'v mut Viewer,
    id: String,
    report: Report,
    begun: Instant,
    state: State,
    /// What is buffered, as of `clock`.
    buffer_ms: u64,
    clock: Instant,
    stalled_since: Option<Instant>,
    variant: usize,
    next_segment: u64,
    /// Pathway indexes, best first.
    order: Vec<usize>,
    current: usize,
    steering: String,
    next_poll: Instant,
    next_report: Instant,
    throughput: u64,
    failures: u32,
}

impl Viewer {
    /// Watches until `shutdown`.
    pub async fn live(mut self, shutdown: CancellationToken) {
        // Nobody comes at the same moment.
        let arrival = Duration::from_millis(self.rng.u64(..6000));
        let watching = async {
            tokio::time::sleep(arrival).await;
            loop {
                let mut session = Session::new(&mut self);
                session.watch().await;
                let last = session.current;
                self.world.tally.went(last);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = watching => {}
        }
    }
}

impl<'v> Session<'v> {
    fn new(viewer: &'v mut Viewer) -> Self {
        // With the time in it, because the same seed draws the same numbers at the next start, and sessions are counted by id.
        let id = format!("{:x}{:08x}", unix_ms(), viewer.rng.u32(..));
        let now = Instant::now();
        let variant = [0, 1, 1, 1, 2][viewer.rng.usize(..5)];
        let steering = format!("{}/v1/steer/{}?sid={id}", viewer.world.public, viewer.world.service);
        let first = viewer.rng.usize(..viewer.world.pathways.len());
        viewer.world.tally.came(first);
        Self {
            report: Report::new(id.clone(), CONTENT),
            id,
            begun: now,
            state: State::Starting,
            buffer_ms: 0,
            clock: now,
            stalled_since: None,
            variant,
            next_segment: playlist::edge(unix_ms()).saturating_sub(2),
            order: (0..viewer.world.pathways.len()).collect(),
            current: first,
            steering,
            next_poll: now,
            next_report: now + REPORT_EVERY,
            throughput: 0,
            failures: 0,
            viewer,
        }
    }

    async fn watch(&mut self) {
        let until = self.begun + Duration::from_secs(self.viewer.rng.u64(120..300));
        self.tell_state(None, None);
        while Instant::now() < until {
            if Instant::now() >= self.next_poll {
                self.ask_the_way().await;
            }
            self.advance();
            if self.next_segment <= playlist::edge(unix_ms()) && self.buffer_ms < FULL_MS {
                self.fetch().await;
            } else {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            self.advance();
            if self.state == State::Starting && self.failures >= GIVES_UP_AFTER {
                self.state = State::Failed;
                let now = self.moment();
                self.report.error(now, "no-segment");
                self.post().await;
                return;
            }
            if Instant::now() >= self.next_report {
                let now = self.moment();
                self.report.interval(now);
                self.post().await;
            }
        }
        self.post().await;
    }

    /// Lets the time since the last look pass for the buffer.
    fn advance(&mut self) {
        let now = Instant::now();
        let passed = (now - self.clock).as_millis() as u64;
        if self.state == State::Playing {
            if passed >= self.buffer_ms {
                let dry = self.clock + Duration::from_millis(self.buffer_ms);
                self.buffer_ms = 0;
                self.state = State::Rebuffering;
                self.stalled_since = Some(dry);
                self.viewer.world.tally.stalls.fetch_add(1, Ordering::Relaxed);
                self.tell_state(None, None);
                self.next_report = now;
            } else {
                self.buffer_ms -= passed;
            }
        }
        self.clock = now;
    }

    /// A segment has arrived.
    fn buffered(&mut self) {
        self.advance();
        self.buffer_ms += SEGMENT_MS;
        if self.buffer_ms < ENOUGH_MS {
            return;
        }
        match self.state {
            State::Starting => {
                self.state = State::Playing;
                self.tell_state(Some(self.begun.elapsed().as_millis() as u64), None);
            }
            State::Rebuffering => {
                self.state = State::Playing;
                let stalled = self.stalled_since.take().map(|since| since.elapsed().as_millis() as u64);
                self.tell_state(None, stalled);
            }
            State::Playing | State::Failed => {}
        }
    }

    async fn fetch(&mut self) {
        let edge = playlist::edge(unix_ms());
        if self.next_segment + LOST_BEHIND < edge {
            self.next_segment = edge - 2;
        }
        let world = self.viewer.world.clone();
        let pathway = &world.pathways[self.current];
        let variant = VARIANTS[self.variant].name;
        let url = format!("{}live/{variant}/{}.m4s", pathway.url, self.next_segment);
        let asked = Instant::now();
        let (status, ttfb) = match tokio::time::timeout(PATIENCE, self.download(&url)).await {
            Ok(Ok((status, ttfb, bytes))) => {
                self.throughput = bytes * 8000 / (asked.elapsed().as_millis() as u64).max(1);
                (status, ttfb)
            }
            // No answer, or a broken one: CTA-5004-B has `rc=0` for it.
            Ok(Err(_)) | Err(_) => (0, asked.elapsed()),
        };
        let took = asked.elapsed();
        self.advance();
        let now = self.moment();
        let (ttfb_ms, ttlb_ms) = (ttfb.as_millis() as u64, took.as_millis() as u64);
        self.report.request(now, &Request { url: &url, status, ttfb_ms, ttlb_ms });
        if status == 200 {
            self.failures = 0;
            self.next_segment += 1;
            self.buffered();
        } else {
            self.failures += 1;
            self.next_report = Instant::now();
            world.tally.failures.fetch_add(1, Ordering::Relaxed);
            self.fall_over();
            // A player that is refused waits a little before it asks elsewhere.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn download(&self, url: &str) -> Result<(u16, Duration, u64), reqwest::Error> {
        let asked = Instant::now();
        let mut response = self.get(url).send().await?;
        let (status, ttfb) = (response.status().as_u16(), asked.elapsed());
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await? {
            bytes += chunk.len() as u64;
        }
        Ok((status, ttfb, bytes))
    }

    fn get(&self, url: &str) -> reqwest::RequestBuilder {
        self.viewer.world.http.get(url).header("x-forwarded-for", self.viewer.person.address.to_string())
    }

    /// The next pathway of the list, as a player does when one fails; the next answer says where to go for good.
    fn fall_over(&mut self) {
        let position = self.order.iter().position(|p| *p == self.current).unwrap_or(0);
        self.move_to(self.order[(position + 1) % self.order.len()]);
    }

    fn move_to(&mut self, pathway: usize) {
        self.viewer.world.tally.moved(self.current, pathway, self.state != State::Starting);
        self.current = pathway;
    }

    async fn ask_the_way(&mut self) {
        let asked = if self.viewer.follows_dns { self.ask_dns().await } else { self.ask_steering().await };
        match asked {
            Ok(ttl) => self.next_poll = Instant::now() + ttl,
            Err(error) => {
                tracing::debug!(%error, "a viewer got no answer");
                self.viewer.world.tally.unanswered.fetch_add(1, Ordering::Relaxed);
                self.next_poll = Instant::now() + Duration::from_secs(2);
            }
        }
    }

    async fn ask_dns(&mut self) -> Result<Duration, Box<dyn std::error::Error + Send + Sync>> {
        let world = self.viewer.world.clone();
        let id = self.viewer.rng.u16(..);
        let (address, ttl) = resolver::resolve(world.dns, &world.name, self.viewer.person.address, id).await?;
        if let Some(pathway) = world.pathways.iter().position(|p| p.address.ip() == address) {
            self.order.retain(|p| *p != pathway);
            self.order.insert(0, pathway);
            self.move_to(pathway);
        }
        // A session that follows DNS asks the steering service nothing, so its beacons are attributed by host alone.
        Ok(ttl)
    }

    async fn ask_steering(&mut self) -> Result<Duration, Box<dyn std::error::Error + Send + Sync>> {
        let world = self.viewer.world.clone();
        let url = format!(
            "{}&_HLS_pathway={}&_HLS_throughput={}",
            self.steering, world.pathways[self.current].id, self.throughput
        );
        let manifest: Manifest = self.get(&url).timeout(PATIENCE).send().await?.error_for_status()?.json().await?;
        let order: Vec<usize> =
            manifest.pathway_priority.iter().filter_map(|id| world.pathways.iter().position(|p| p.id == *id)).collect();
        if let Some(first) = order.first().copied() {
            self.order = order;
            self.move_to(first);
        }
        if let Some(reload) = manifest.reload_uri {
            let joint = if reload.contains('?') { "" } else { "?" };
            self.steering = format!("{reload}{joint}");
        }
        Ok(Duration::from_secs(manifest.ttl))
    }

    fn moment(&self) -> Moment {
        Moment {
            at_ms: unix_ms(),
            state: self.state,
            buffer_ms: self.buffer_ms,
            bitrate_kbps: VARIANTS[self.variant].bandwidth / 1000,
        }
    }

    fn tell_state(&mut self, startup_ms: Option<u64>, stalled_ms: Option<u64>) {
        let now = self.moment();
        self.report.state(now, startup_ms, stalled_ms);
    }

    async fn post(&mut self) {
        self.next_report = Instant::now() + REPORT_EVERY;
        let Some(body) = self.report.take() else { return };
        let world = &self.viewer.world;
        let posted = world
            .http
            .post(format!("{}/v1/beacons?service={}", world.public, world.service))
            .header("content-type", "application/cmcd")
            .header("x-forwarded-for", self.viewer.person.address.to_string())
            .timeout(PATIENCE)
            .body(body)
            .send()
            .await;
        match posted {
            Ok(response) if response.status() == 204 => {}
            Ok(response) => {
                let status = response.status();
                let said = response.text().await.unwrap_or_default();
                tracing::warn!(session = self.id, %status, said, "beacons were not taken");
            }
            // A real player's beacons are lost likewise when nobody answers.
            Err(error) => tracing::debug!(%error, "nobody takes beacons"),
        }
    }
}
