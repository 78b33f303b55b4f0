//! What the loop knows, and what each message does to it. No waiting and no clock here: `now` is passed in.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use fairway_geo::GeoTable;
use fairway_policies::{Policy, StepKind};

use super::{
    gather::{Fetched, WINDOW},
    save::Swap,
};
use crate::{
    cells::{self, Cell, CellRow, CellsUnavailable},
    counters::Counters,
    demand::{Crossing, Demand, Triggers, Volume, Webhook},
    estimates::Estimates,
    event::{Event, Signed},
    health::{Count, Outcome, PathKey, Probes, Ramp, Verdict, Verdicts},
    live::{Live, Refusal, Status, StoreState},
    lock::lock,
    overrides::{self, Override, Overrides},
    snapshot::{Inputs, Saved, Service, Snapshot},
    sources::Refused,
    standing::{self, Change, Standings},
};

/// One service, between two snapshots.
pub(super) struct Held {
    pub(super) policy: Arc<Policy>,
    /// By step; of those that rank.
    estimates: Vec<Option<Estimates>>,
    pub(super) standings: Vec<Arc<Standings>>,
    pub(super) ramps: Vec<Ramp>,
    /// Those that concern it.
    pub(super) overrides: Arc<[Override]>,
    pub(super) admits: Vec<f32>,
    pub(super) prices: Vec<Option<f64>>,
    pub(super) volumes: Vec<Option<Volume>>,
    cells_at_ms: Option<i64>,
    pub(super) counters: Arc<Counters>,
}

impl From<Service> for Held {
    fn from(service: Service) -> Self {
        let Service { policy, inputs, counters, .. } = service;
        let Inputs { standings, ramps, admits, prices, volumes, cells_at_ms, .. } = inputs;
        let steps = policy.steps.iter().zip(&standings);
        let estimates = steps.map(|(step, standings)| match &step.kind {
            StepKind::Rank(rank) => Some(standing::recall(standings, rank, policy.pathways.len())),
            _ => None,
        });
        let estimates = estimates.collect();
        let overrides = Arc::default();
        Self { policy, estimates, standings, ramps, overrides, admits, prices, volumes, cells_at_ms, counters }
    }
}

pub(super) struct State {
    pub(super) live: Arc<Live>,
    /// By service id; `services[i].policy` is `policies[i]`.
    policies: Vec<Arc<Policy>>,
    pub(super) services: Vec<Held>,
    pub(super) verdicts: Verdicts,
    /// All that operators force.
    pub(super) overrides: Arc<[Override]>,
    probes: Probes,
    triggers: Triggers,
    pub(super) webhook: Webhook,
    status: Status,
    /// When demand was last measured.
    pub(super) measured_at: Option<DateTime<Utc>>,
    /// When the store came back, while its cells are still of the time before.
    back_at: Option<DateTime<Utc>>,
    /// What changed since the last swap; policies are told apart because hosts follow them.
    changed: Option<Swap>,
    policies_changed: bool,
    /// Whether all cells of the last fetch were heard, by all services that there are.
    heard_all: bool,
}

impl State {
    /// The first state and the first snapshot: these policies, with what was saved under them.
    pub(super) fn start(
        policies: Vec<Policy>,
        saved: Option<Saved>,
        overrides: Overrides,
        geo: Arc<GeoTable>,
        mut probes: Probes,
        now: DateTime<Utc>,
    ) -> (Self, Arc<Live>) {
        let policies: Vec<Arc<Policy>> = policies.into_iter().map(Arc::new).collect();
        let version = saved.as_ref().map_or(1, |saved| saved.version + 1);
        let service = |policy: &Arc<Policy>| match &saved {
            Some(saved) => saved.service(policy.clone(), Arc::default(), now),
            None => Service::fresh(policy.clone(), now),
        };
        let verdict = |service: &str, pathway: &str| -> Option<(Verdict, Ramp)> {
            let saved = saved.as_ref()?.services.get(service)?;
            Some((saved.verdicts.get(pathway)?.clone(), saved.ramps.get(pathway).copied().unwrap_or_default()))
        };
        let mut verdicts = Verdicts::default();
        verdicts.follow(&policies, verdict, now);
        probes.follow(&policies);
        let list = overrides.list();
        let mut services: Vec<Held> = policies.iter().map(|policy| service(policy).into()).collect();
        services.iter_mut().for_each(|held| held.overrides = overrides::concerning(&list, &held.policy));
        let compiled = Snapshot::compile(version, now, geo, gathered(&services, &verdicts, now));
        let live = Arc::new(Live::new(compiled, now).with(overrides));
        let state = Self {
            live: live.clone(),
            policies,
            services,
            verdicts,
            overrides: list,
            probes,
            triggers: Triggers::default(),
            webhook: Webhook::default(),
            status: Status::default(),
            measured_at: None,
            back_at: None,
            changed: None,
            policies_changed: false,
            heard_all: false,
        };
        (state, live)
    }

    pub(super) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// A probe ended.
    pub(super) fn probed(&mut self, pathway: &PathKey, outcome: &Outcome, now: DateTime<Utc>) {
        let Some(watch) = self.verdicts.watch_mut(pathway) else { return };
        if let Some(from) = watch.probe(outcome, now) {
            let to = watch.verdict().clone();
            self.turned(pathway, from, to, now);
        }
    }

    /// A fetch of cells ended.
    pub(super) fn fetched(&mut self, cells: Result<Fetched, CellsUnavailable>, now: DateTime<Utc>) {
        match cells {
            Ok(fetched) => {
                self.store(StoreState::Up, now);
                self.hear_viewers(fetched.world(), now);
                let heard_the_last = std::mem::replace(&mut self.heard_all, false);
                if self.caught_up(&fetched.rows, now) {
                    if heard_the_last {
                        self.rank(fetched.news(), now);
                    } else {
                        self.rank(fetched.rows.iter(), now);
                    }
                    self.heard_all = true;
                    self.measure(&cells::summed(fetched.world()), &fetched.rows, now);
                    self.status.cells = fetched.rows;
                    self.status.cells_at = Some(now);
                }
            }
            Err(CellsUnavailable(detail)) => {
                self.store(StoreState::Down { detail }, now);
                self.hear_viewers(std::iter::empty(), now);
            }
        }
        self.show();
    }

    /// Whether cells are whole again after the store was away. Beacons that waited come in in order: once there is one from
    /// after its return, those before it are there too. And if none comes within a window, silence is what there is.
    fn caught_up(&mut self, rows: &[CellRow], now: DateTime<Utc>) -> bool {
        self.back_at = self.back_at.filter(|back| {
            let newest = rows.iter().map(|row| row.cell.newest_ms).max();
            let waited = (now - *back).num_milliseconds();
            newest.is_none_or(|newest| newest < back.timestamp_millis())
                && (0..WINDOW.as_millis() as i64).contains(&waited)
        });
        self.back_at.is_none()
    }

    /// The policy folder was read.
    pub(super) fn read(
        &mut self,
        policies: Result<Vec<Policy>, Refused>,
        revision: Option<Signed>,
        now: DateTime<Utc>,
    ) {
        match policies {
            Ok(policies) => self.adopt(policies, revision, now),
            Err(refused) => {
                let problems = refused.to_string();
                tracing::warn!("policies not reloaded, the old ones stay:\n{problems}");
                self.live.feed.tell(Event::ReloadRefused { at: now, problems: problems.clone() });
                self.status.refusal = Some(Arc::new(Refusal { at: now, problems }));
            }
        }
        self.show();
    }

    /// Time went on.
    pub(super) fn tick(&mut self, now: DateTime<Utc>) {
        self.expire(now);
        self.recover(None, now);
        lock(&self.live.history).sample(&self.live.snapshot.load(), now);
        self.status.probes = Arc::new(self.verdicts.tallies(&self.policies));
        self.show();
    }

    /// Swaps a new snapshot in, if anything in it changed.
    pub(super) fn publish(&mut self, now: DateTime<Utc>) -> Option<Swap> {
        let swap = self.changed.take()?;
        let snapshot = self.live.snapshot.load().next(now, gathered(&self.services, &self.verdicts, now));
        self.live.publish(snapshot, std::mem::take(&mut self.policies_changed));
        self.live.overrides.brought_into_force(self.overrides.clone());
        Some(swap)
    }

    fn show(&self) {
        self.live.status.store(Arc::new(self.status.clone()));
    }

    pub(super) fn change(&mut self, swap: Swap) {
        self.changed = Some(if self.changed == Some(Swap::Answers) { Swap::Answers } else { swap });
    }

    /// A verdict changed. Told where its health did: a new cause for the same health is in the snapshot for who asks.
    fn turned(&mut self, pathway: &PathKey, from: Verdict, to: Verdict, now: DateTime<Utc>) {
        if from.health == to.health {
            self.change(Swap::Numbers);
        } else {
            self.change(Swap::Answers);
            let PathKey { service, pathway } = pathway;
            tracing::info!(%service, %pathway, from = from.health.word(), to = to.health.word(), cause = %to.cause, "verdict");
            let (name, pathway) = (service.to_string(), pathway.to_string());
            self.live.feed.tell(Event::Verdict { at: now, service: name, pathway, from, to });
            // In the same snapshot: until the next tick everyone would be sent there.
            self.recover(Some(service), now);
        }
    }

    /// What viewers' requests say of each pathway: those it has no cell of are silent.
    fn hear_viewers<'a>(&mut self, world: impl Iterator<Item = &'a CellRow>, now: DateTime<Utc>) {
        let mut told: HashMap<_, Vec<Count>> = HashMap::new();
        for row in world {
            let Cell { request_errors: errors, requests, .. } = row.cell;
            let counts = told.entry((row.service.as_str(), row.pathway.as_str())).or_default();
            counts.push(Count { bucket: row.bucket, errors, requests });
        }
        let mut turns = Vec::new();
        for policy in &self.policies {
            for pathway in &policy.pathways {
                let key = PathKey::new(&policy.service, &pathway.id);
                let counts = told.get(&(&*policy.service, &*pathway.id)).map_or(&[][..], Vec::as_slice);
                let Some(watch) = self.verdicts.watch_mut(&key) else { continue };
                if let Some(from) = watch.requests(counts, now) {
                    turns.push((key, from, watch.verdict().clone()));
                }
            }
        }
        turns.into_iter().for_each(|(key, from, to)| self.turned(&key, from, to, now));
    }

    /// Who beats whom, by these cells beside those that were heard.
    fn rank<'a>(&mut self, rows: impl Iterator<Item = &'a CellRow>, now: DateTime<Utc>) {
        let sorted = cells::sorted(&self.policies, rows);
        let mut swap = None;
        for (held, rows) in self.services.iter_mut().zip(sorted) {
            let newest = held.cells_at_ms.max(rows.iter().map(|(_, row)| row.cell.newest_ms).max());
            if std::mem::replace(&mut held.cells_at_ms, newest) != newest {
                swap = swap.or(Some(Swap::Numbers));
            }
            let steps = held.policy.steps.iter().zip(&mut held.estimates).zip(&mut held.standings);
            for ((step, estimates), standings) in steps {
                let (StepKind::Rank(rank), Some(estimates)) = (&step.kind, estimates) else { continue };
                estimates.hear(rows.iter().copied(), now);
                let (next, changes) = standing::next(standings, rank, estimates, now);
                if !standing::same_leads(standings, &next) {
                    swap = Some(Swap::Answers);
                } else if !Arc::ptr_eq(standings, &next) {
                    swap = swap.or(Some(Swap::Numbers));
                }
                *standings = next;
                worth_telling(&changes).for_each(|change| self.live.feed.tell(change.event(&held.policy, now)));
            }
        }
        if let Some(swap) = swap {
            self.change(swap);
        }
    }

    /// Load by the cells of everyone, summed over the window, and whose trigger it crossed; and what all `rows` mean for it.
    fn measure(&mut self, world: &[CellRow], rows: &[CellRow], now: DateTime<Utc>) {
        let (demand, crossed) = self.triggers.measure(&self.policies, world, WINDOW);
        for demand in crossed.into_iter().map(|index| &demand[index]) {
            let Demand { service, pathway, bits_per_second, capacity, over, .. } = demand.clone();
            let capacity = capacity.unwrap_or(0);
            self.live.feed.tell(Event::Scaling { at: now, service, pathway, over, bits_per_second, capacity });
            self.webhook.tell(Crossing { at: now, demand: demand.clone() });
        }
        self.carry(rows, &demand, now);
        self.status.demand = Arc::new(demand);
    }

    fn store(&mut self, state: StoreState, now: DateTime<Utc>) {
        let (up, was) = (state == StoreState::Up, std::mem::replace(&mut self.status.store, state));
        let detail = match &self.status.store {
            StoreState::Down { detail } => detail.clone(),
            StoreState::Up | StoreState::Unknown => String::new(),
        };
        // At the start a store that is up is no news, and one that is not yet is.
        let news = match was {
            StoreState::Unknown => !up,
            StoreState::Up => !up,
            StoreState::Down { .. } => up,
        };
        if news {
            // At the start there is nothing yet that silence could undo.
            self.back_at = (up && self.status.cells_at.is_some()).then_some(now);
        }
        if news {
            self.live.feed.tell(Event::Store { at: now, up, detail });
        }
    }

    /// New policies: what stays the same keeps everything, what changed keeps what is known of its pathways.
    fn adopt(&mut self, policies: Vec<Policy>, revision: Option<Signed>, now: DateTime<Utc>) {
        let before = self.live.snapshot.load_full();
        lock(&self.live.history).sample(&before, now);
        let known = Saved::of(&before);
        let mut held: HashMap<String, Held> =
            self.services.drain(..).map(|held| (held.policy.service.clone(), held)).collect();
        self.services = policies
            .into_iter()
            .map(|policy| match held.remove(&policy.service) {
                Some(held) if *held.policy == policy => held,
                Some(held) => {
                    let counters = Arc::new(carry(&held, &policy));
                    known.service(Arc::new(policy), counters, now).into()
                }
                None => Service::fresh(Arc::new(policy), now).into(),
            })
            .collect();
        self.policies = self.services.iter().map(|held| held.policy.clone()).collect();
        self.verdicts.follow(&self.policies, |_, _| None, now);
        self.probes.follow(&self.policies);
        self.status.refusal = None;
        self.policies_changed = true;
        self.heard_all = false;
        self.recover(None, now);
        self.take_orders();
        tracing::info!(services = self.policies.len(), "policies reloaded");
        self.live.feed.tell(Event::Reloaded { at: now, services: self.policies.len(), revision });
    }
}

/// What is known of each service.
fn gathered(services: &[Held], verdicts: &Verdicts, now: DateTime<Utc>) -> Vec<Service> {
    let service = |held: &Held| {
        let inputs = Inputs {
            verdicts: verdicts.of(&held.policy, now),
            ramps: held.ramps.clone(),
            standings: held.standings.clone(),
            admits: held.admits.clone(),
            prices: held.prices.clone(),
            volumes: held.volumes.clone(),
            overrides: held.overrides.clone(),
            cells_at_ms: held.cells_at_ms,
        };
        Service::new(held.policy.clone(), inputs, held.counters.clone())
    };
    services.iter().map(service).collect()
}

/// Counters go by index; these go on under the new indexes of their pathways.
fn carry(held: &Held, policy: &Policy) -> Counters {
    let counters = Counters::default();
    for (index, pathway) in policy.pathways.iter().enumerate() {
        if let Some(before) = held.policy.pathways.iter().position(|p| p.id == pathway.id) {
            counters.set(index, held.counters.read(before));
        }
    }
    counters
}

/// Changes without those that a wider audience tells as well: a pathway that fails everywhere is one event and not hundreds.
fn worth_telling(changes: &[Change]) -> impl Iterator<Item = &Change> {
    let told = move |change: &&Change| {
        let mut wider = changes.iter().filter(|other| other.audience != change.audience && other.is_like(change));
        !wider.any(|other| change.audience.lineage().any(|level| level == other.audience))
    };
    changes.iter().filter(told)
}
