//! The world of a test: what it gives, as the inputs of a decision.
//!
//! Only the edges of the node are played here: a probe that failed, an operator's word, the rows that a store would hold, the
//! traffic and the volume that would have been measured. What follows from them is worked out by the node's own functions.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::{GeoTable, Place};
use fairway_policies::{Case, CaseCell, Given, Metric, Policy, Step, StepKind};

use crate::{
    cells::{Audience, Cell, CellRow, Logs, sorted},
    client::{Client, Via},
    decide::shares,
    demand::{Volume, admissions},
    estimates::Estimates,
    health::{Cause, Health, Verdict},
    overrides::{Force, Override, OverridePlace},
    snapshot::{Inputs, Service, Snapshot},
    standing::{Standings, settled},
};

/// What came to be, did so long ago: nothing is unsettled.
const LONG_AGO: TimeDelta = TimeDelta::hours(1);
/// What each session of a cell watched, as beacons would tell of ten seconds.
const WATCHED: Duration = Duration::from_secs(10);
/// Requests that each session told of in that time: a playlist and segments of two seconds.
const REQUESTS: u64 = 10;
/// The variance of times and rates, in logarithms: as networks have it, a half and double are a standard deviation off.
const SPREAD: f64 = 0.5;

pub(super) struct World {
    /// Of the one service.
    pub snapshot: Snapshot,
}

impl World {
    pub(super) fn of(policy: &Arc<Policy>, case: &Case, geo: &Arc<GeoTable>) -> Self {
        let given = &case.given;
        let inputs = Inputs {
            verdicts: verdicts(policy, given),
            overrides: drained(policy, given).into(),
            standings: standings(policy, given),
            prices: prices(policy, given),
            cells_at_ms: (!given.cells.is_empty()).then(|| given.time.timestamp_millis()),
            ..Inputs::default()
        };
        let admits = admits(policy, case, &inputs);
        let service = Service::new(policy.clone(), Inputs { admits, ..inputs }, Arc::default());
        Self { snapshot: Snapshot::compile(1, given.time, geo.clone(), vec![service]) }
    }

    pub(super) fn service(&self) -> &Service {
        &self.snapshot.services[0]
    }

    pub(super) fn client<'c>(&self, case: &'c Case) -> Client<'c> {
        client(case)
    }
}

fn client(case: &Case) -> Client<'_> {
    let asked = &case.client;
    Client {
        address: asked.address,
        content: asked.content.as_deref(),
        device: asked.device,
        stream: asked.stream,
        ..Client::at(asked.place, asked.protocol.unwrap_or(Via::Hls), asked.session.as_deref())
    }
}

fn verdicts(policy: &Policy, given: &Given) -> Vec<Verdict> {
    let since = given.time - LONG_AGO;
    let verdict = |index: usize| {
        let health = match () {
            () if given.down.contains(index) => Health::Down,
            () if given.degraded.contains(index) => Health::Degraded,
            () => return Verdict::unknown(since),
        };
        let count = policy.pathways[index].probe.as_ref().map_or(2, |probe| probe.fall);
        Verdict { health, cause: Cause::ProbesFailed { count, error: "the test says so".into() }, since }
    };
    (0..policy.pathways.len()).map(verdict).collect()
}

/// Each by an operator's word.
fn drained(policy: &Policy, given: &Given) -> Vec<Override> {
    let word = |index: usize| Override {
        id: index as u64 + 1,
        service: policy.service.clone(),
        pathway: policy.pathways[index].id.clone(),
        place: OverridePlace::default(),
        force: Force::Drained,
        author: "the test".into(),
        reason: "given".into(),
        since: given.time - LONG_AGO,
        expires: None,
    };
    given.drained.iter().map(word).collect()
}

/// What is delivered, and where that stands in the month.
fn prices(policy: &Policy, given: &Given) -> Vec<Option<f64>> {
    let price = |(index, pathway): (usize, &fairway_policies::Pathway)| {
        let cost = pathway.cost.as_ref()?;
        let mut volume = Volume::start(Some(cost), given.time);
        if let Some((_, terabytes)) = given.volume.iter().find(|(of, _)| *of == index) {
            volume.terabytes = *terabytes;
        }
        Some(volume.price(cost, given.time))
    };
    policy.pathways.iter().enumerate().map(price).collect()
}

/// What pathways can carry of the traffic, all of which is of clients like the one that asks.
fn admits(policy: &Arc<Policy>, case: &Case, inputs: &Inputs) -> Vec<f32> {
    let traffic: f64 = case.given.load.iter().map(|(_, load)| *load as f64).sum();
    let fill = policy.steps.iter().find_map(|step| match &step.kind {
        StepKind::Capacity(capacity) => Some(capacity.fill),
        _ => None,
    });
    let Some(fill) = fill.filter(|_| traffic > 0.0) else { return Vec::new() };
    let (client, now) = (client(case), case.given.time);
    let loads = |admits: &[f32]| {
        let inputs = Inputs { admits: admits.to_vec(), ..inputs.clone() };
        let service = Service::new(policy.clone(), inputs, Arc::default());
        let shares = shares(&service, &service.asker(&client, now), now);
        shares.into_iter().map(|share| share * traffic).collect()
    };
    admissions(policy, fill, &[], loads)
}

/// Where what viewers saw leads in the end, step by step.
fn standings(policy: &Arc<Policy>, given: &Given) -> Vec<Arc<Standings>> {
    let rows = rows(policy, given);
    let heard = sorted(std::slice::from_ref(policy), &rows).pop().unwrap_or_default();
    let standings = |step: &Step| match &step.kind {
        StepKind::Rank(rank) => {
            let mut estimates = Estimates::new(rank, policy.pathways.len());
            estimates.hear(heard.iter().copied(), given.time);
            Arc::new(settled(rank, &estimates, given.time))
        }
        _ => Arc::default(),
    };
    policy.steps.iter().map(standings).collect()
}

/// What viewers saw, as the store would tell it.
fn rows(policy: &Policy, given: &Given) -> Vec<CellRow> {
    let bucket = given.time.timestamp().div_euclid(10) * 10;
    let audience = |cell: &CaseCell| narrowest(&cell.place);
    let said = |pathway: usize, at: Audience| given.cells.iter().any(|c| c.pathway == pathway && audience(c) == at);
    let mut rows: Vec<CellRow> = Vec::new();
    for told in &given.cells {
        let own = audience(told);
        // A session is in the cell of each audience that it is part of, where the test does not say what that saw.
        for level in own.lineage().filter(|level| *level == own || !said(told.pathway, *level)) {
            let pathway = &policy.pathways[told.pathway].id;
            let cell = cell(told, given.time);
            match rows.iter_mut().find(|row| row.pathway == *pathway && row.audience == level) {
                Some(row) => row.cell.add(&cell),
                None => rows.push(CellRow {
                    service: policy.service.clone(),
                    pathway: pathway.clone(),
                    audience: level,
                    bucket,
                    cell,
                }),
            }
        }
    }
    rows
}

/// The audience that a cell is of.
fn narrowest(place: &Place) -> Audience {
    Audience::of(place).next().unwrap_or(Audience::World)
}

/// Sums that come to these values.
fn cell(told: &CaseCell, now: DateTime<Utc>) -> Cell {
    let sessions = u64::from(told.sessions);
    let share = |whole: u64, share: f64| (whole as f64 * share).round() as u64;
    let logs = |typical: f64| {
        let (count, ln) = (told.sessions.into(), typical.ln());
        Logs { count, sum: count * ln, squares: count * (ln * ln + SPREAD) }
    };
    let watched_ms = sessions * WATCHED.as_millis() as u64;
    let mut cell = Cell { sessions, newest_ms: now.timestamp_millis(), ..Cell::default() };
    for (metric, value) in &told.values {
        match metric {
            Metric::StallRatio => (cell.watched_ms, cell.stalled_ms) = (watched_ms, share(watched_ms, *value)),
            Metric::StartFailures => (cell.starts, cell.start_failures) = (sessions, share(sessions, *value)),
            Metric::RequestErrors => {
                cell.requests = sessions * REQUESTS;
                cell.request_errors = share(cell.requests, *value);
                cell.failed_sessions = share(sessions, 1.0 - (1.0 - value).powf(REQUESTS as f64));
            }
            Metric::StartupTime => (cell.starts, cell.startup) = (sessions, logs(*value)),
            Metric::Ttfb => cell.ttfb = logs(*value),
            Metric::Throughput => cell.throughput = logs(*value),
            Metric::Bitrate => cell.watched_ms = watched_ms,
        }
    }
    if let Some((_, bitrate)) = told.values.iter().find(|(metric, _)| *metric == Metric::Bitrate) {
        let played_ms = cell.watched_ms.saturating_sub(cell.stalled_ms);
        cell.bits = (bitrate * played_ms as f64 / 1000.0).round() as u64;
    }
    cell
}
