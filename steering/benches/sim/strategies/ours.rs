//! Fairway itself: its own verdicts, ramps, estimates, standings, admissions, snapshots and decisions, joined in the order in
//! which the control loop joins them. No rule is written again here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairway_geo::{Country, GeoTable, Place};
use fairway_policies::{Policy, StepKind, parse};
use fairway_steering::{
    Audience, Cell, CellRow, Client, Service, Snapshot, Via,
    cells::sorted,
    decide,
    decide::admitted,
    estimates::Estimates,
    health::{BUCKET, Count, PathKey, ProbeError, Verdicts},
    snapshot::Inputs,
    standing,
};

use super::{Answer, Asks, News, Strategy, TTL};
use crate::sim::{SERVICE, Second, World, chance::Chance, time, world::Pathway};

/// Times to live are spread by so much, up and down, as the HTTP service does.
const SPREAD: f64 = 0.1;
/// Seconds from one reckoning of what each pathway can carry to the next.
const ADMITS_EVERY: Second = 10;

pub struct Ours {
    name: &'static str,
    policy: Arc<Policy>,
    verdicts: Verdicts,
    /// By step; of those that rank.
    estimates: Vec<Option<Estimates>>,
    inputs: Inputs,
    snapshot: Snapshot,
}

/// The policy of these steps is not one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadPolicy(String);

impl Ours {
    /// Under a policy of these `[[step]]`s; the pathways' capacities are in it if `declared`.
    pub fn new(name: &'static str, world: &World, declared: bool, steps: &str) -> Result<Self, BadPolicy> {
        let pathway = |Pathway { id, capacity, .. }: &Pathway| {
            let capacity = if declared { format!("capacity = \"{capacity:.0} bit/s\"\n") } else { String::new() };
            let url = format!("http://{id}.fairway.test/");
            format!("[[pathway]]\nid = \"{id}\"\nurl = \"{url}\"\nprobe = {{ url = \"{url}\" }}\n{capacity}")
        };
        let pathways: String = world.pathways.iter().map(pathway).collect();
        let text = format!("ttl = \"{TTL}s\"\n{pathways}{steps}");
        let problems = |problems: Vec<_>| BadPolicy(problems.iter().map(|p| format!("{p}\n")).collect());
        let policy = Arc::new(parse(&format!("{SERVICE}.policy.toml"), &text).map_err(problems)?);
        let mut verdicts = Verdicts::default();
        verdicts.follow(std::slice::from_ref(&policy), |_, _| None, time(0));
        let estimates = policy.steps.iter().map(|step| match &step.kind {
            StepKind::Rank(rank) => Some(Estimates::new(rank, policy.pathways.len())),
            _ => None,
        });
        let estimates = estimates.collect();
        let service = Service::fresh(policy.clone(), time(0));
        let inputs = service.inputs.clone();
        let snapshot = Snapshot::compile(1, time(0), Arc::new(GeoTable::empty()), vec![service]);
        Ok(Self { name, policy, verdicts, estimates, inputs, snapshot })
    }

    fn hear_probes(&mut self, news: &News<'_>) {
        for (pathway, passes) in self.policy.pathways.iter().zip(news.probes) {
            let outcome = if *passes { Ok(()) } else { Err(ProbeError::Status(503)) };
            if let Some(watch) = self.verdicts.watch_mut(&PathKey::new(SERVICE, &pathway.id)) {
                watch.probe(&outcome, time(news.now));
            }
        }
    }

    fn hear_viewers(&mut self, rows: &[(usize, &CellRow)], now: Second) {
        for (index, pathway) in self.policy.pathways.iter().enumerate() {
            let world = rows.iter().filter(|(p, row)| *p == index && row.audience == Audience::World);
            let count = |(_, row): &(usize, &CellRow)| {
                let Cell { request_errors: errors, requests, .. } = row.cell;
                Count { bucket: row.bucket, errors, requests }
            };
            let counts: Vec<Count> = world.map(count).collect();
            if let Some(watch) = self.verdicts.watch_mut(&PathKey::new(SERVICE, &pathway.id)) {
                watch.requests(&counts, time(now));
            }
        }
    }

    fn rank(&mut self, rows: &[(usize, &CellRow)], now: Second) {
        let steps = self.policy.steps.iter().zip(&mut self.estimates).zip(&mut self.inputs.standings);
        for ((step, estimates), standings) in steps {
            let (StepKind::Rank(rank), Some(estimates)) = (&step.kind, estimates) else { continue };
            estimates.hear(rows.iter().copied(), time(now));
            *standings = standing::next(standings, rank, estimates, time(now)).0;
        }
    }

    /// What the pathways can carry of the traffic that there is in each network.
    fn admit(&mut self, rows: &[(usize, &CellRow)], now: Second) {
        // The bucket that still fills is left out.
        let full: Vec<&CellRow> =
            rows.iter().map(|(_, row)| *row).filter(|row| row.bucket + BUCKET <= time(now).timestamp()).collect();
        let seconds = BUCKET * full.iter().map(|row| row.bucket).collect::<BTreeSet<_>>().len() as i64;
        let mut traffic = BTreeMap::<_, f64>::new();
        for row in full {
            if let Audience::CountryAsn(country, asn) = row.audience {
                *traffic.entry((country, asn)).or_default() += row.cell.bits as f64 / seconds as f64;
            }
        }
        let place = |country: Country, asn| Place {
            country: Some(country),
            continent: country.continent(),
            asn: Some(asn),
            ..Place::default()
        };
        let traffic: Vec<(Place, f64)> = traffic.into_iter().map(|((c, asn), bits)| (place(c, asn), bits)).collect();
        let service = Service::new(self.policy.clone(), self.inputs.clone(), Arc::default());
        self.inputs.admits = admitted(service, &self.inputs.admits, &traffic, time(now));
    }
}

impl Strategy for Ours {
    fn name(&self) -> &'static str {
        self.name
    }

    fn learn(&mut self, news: &News<'_>) {
        let now = time(news.now);
        let rows = sorted(std::slice::from_ref(&self.policy), news.cells).pop().unwrap_or_default();
        self.hear_probes(news);
        self.hear_viewers(&rows, news.now);
        self.inputs.verdicts = self.verdicts.of(&self.policy, now);
        self.inputs.ramps = self.verdicts.ramps(&self.policy, now);
        self.rank(&rows, news.now);
        if news.now.is_multiple_of(ADMITS_EVERY) {
            self.admit(&rows, news.now);
        }
        let service = Service::new(self.policy.clone(), self.inputs.clone(), Arc::default());
        self.snapshot = self.snapshot.next(now, vec![service]);
    }

    fn steer(&mut self, asks: &Asks<'_>, now: Second, chance: &mut Chance) -> Answer {
        let client =
            Client { buffer_ms: Some(asks.buffer_ms), ..Client::at(*asks.place, Via::Hls, Some(asks.session)) };
        let decision = decide(&self.snapshot, &self.snapshot.services[0], &client, time(now), &mut ());
        let ttl = f64::from(decision.ttl) * chance.between(1.0 - SPREAD, 1.0 + SPREAD);
        Answer { pathway: usize::from(decision.first(&self.policy, Via::Hls).unwrap_or(0)), ttl }
    }
}
