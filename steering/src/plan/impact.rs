//! The two decisions for each asker, and what their difference adds up to. The page in [`super`] argues how.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use fairway_geo::{Continent, Country, Place};
use fairway_policies::{Policy, When, lint};
use serde::{Deserialize, Serialize};
use similar::TextDiff;

use super::{AudiencePlan, Fate, Guard, PathwayPlan, Plan, Projection, ServicePlan};
use crate::{
    cells::{Audience, CellRow, summed},
    client::{Asker, Client, Via},
    decide::decide_for,
    demand::{Demand, TERABYTE, UNWANTED, Volume},
    live::Live,
    revisions::Files,
    snapshot::{Saved, Service, Snapshot},
};

/// So many sessions are made up for a place of which no decision is recorded: enough for shares within some percent.
const MADE_UP: u32 = 200;
/// Lines of unchanged text around each change in a diff.
const CONTEXT: usize = 3;

/// An asker, and how many it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighed {
    /// Who.
    pub asker: Asker,
    /// So many.
    pub weight: f64,
}

/// On what a plan's numbers rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// So many recorded decisions.
    Recorded(usize),
    /// No decision is recorded: on the countries of so many viewers.
    Viewers(u64),
    /// Nothing is known: on made-up sessions in no place at all.
    Nothing,
}

/// `by 4,000 recorded decisions of the last hour`.
impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded(decisions) => write!(f, "by {decisions} recorded decisions of the last hour"),
            Self::Viewers(sessions) => write!(f, "no decision is recorded; by the countries of {sessions} viewers"),
            Self::Nothing => {
                f.write_str("nothing is known of its viewers; by as many sessions in each place that the policies name")
            }
        }
    }
}

/// What becomes of each service between these files, without id, base and guard rails.
pub(super) fn plan(
    live: &Live,
    before: &Files,
    after: &Files,
    policies: Vec<Policy>,
    askers: &BTreeMap<String, Vec<Weighed>>,
    now: DateTime<Utc>,
) -> Plan {
    let (snapshot, status) = (live.snapshot(), live.status());
    let known = Saved::of(&snapshot);
    let mut services = Vec::new();
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let texts = [before.get(name), after.get(name)].map(|text| text.map_or("", |text| &**text));
        if texts[0] == texts[1] {
            continue;
        }
        let id = name.strip_suffix(fairway_policies::FILE_ENDING).unwrap_or(name);
        let old = snapshot.service(id);
        let new = policies.iter().find(|policy| policy.service == id);
        let warnings = new.map_or_else(Vec::new, |policy| lint(name, policy, Some(now)));
        let warnings = warnings.iter().map(fairway_policies::Problem::render).collect();
        let new = new.map(|policy| known.service(Arc::new(policy.clone()), Arc::default(), now));
        let (askers, basis) = match askers.get(id).filter(|askers| !askers.is_empty()) {
            Some(askers) => (askers.clone(), Basis::Recorded(askers.len())),
            None => made_up(&snapshot, id, &status.cells, new.as_ref().map(|service| &*service.policy), now),
        };
        let traffic = traffic(&status.demand, id);
        let sides = Sides { old, new: new.as_ref(), askers: &askers, traffic, now };
        let (moved, audiences) = sides.audiences();
        services.push(ServicePlan {
            service: id.to_owned(),
            fate: match (before.contains_key(name), after.contains_key(name)) {
                (false, _) => Fate::Added,
                (true, true) => Fate::Changed,
                (true, false) => Fate::Removed,
            },
            diff: diff(name, texts),
            warnings,
            basis,
            moved,
            audiences,
            pathways: sides.pathways(),
        });
    }
    Plan { id: String::new(), at: now, base: 0, services, breaches: Vec::new() }
}

impl ServicePlan {
    /// The guard rails that it breaks, a sentence each.
    pub(super) fn breaches(&self, guard: &Guard) -> Vec<String> {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let service = &self.service;
        let moves = (self.moved > guard.moved && self.fate != Fate::Added).then(|| {
            format!(
                "{service}: {} of its decisions move; the guard rail is {}",
                percent(self.moved),
                percent(guard.moved)
            )
        });
        let fills = self.pathways.iter().filter_map(|pathway| {
            let full = |side: Option<Projection>| side.and_then(|side| side.of_capacity);
            let (was, would) = (full(pathway.before).unwrap_or(0.0), full(pathway.after)?);
            (would > guard.load && would > was).then(|| {
                let (id, would, guard) = (&pathway.pathway, percent(would), percent(guard.load));
                format!("{service}: {id} would be filled to {would} of its capacity; the guard rail is {guard}")
            })
        });
        moves.into_iter().chain(fills).collect()
    }
}

/// A service before and after.
struct Sides<'a> {
    old: Option<&'a Service>,
    new: Option<&'a Service>,
    askers: &'a [Weighed],
    /// Bit/s; `None` where nothing is measured.
    traffic: Option<f64>,
    now: DateTime<Utc>,
}

impl Sides<'_> {
    /// The first pathways of an asker, then and now, by id.
    fn firsts(&self, asker: &Asker) -> [Option<&str>; 2] {
        let old = self.old.and_then(|service| first(service, asker, self.now));
        let new = self.new.and_then(|service| {
            let asker = self.old.map_or(*asker, |old| under(asker, &old.policy, &service.policy, self.now));
            first(service, &asker, self.now)
        });
        [old, new]
    }

    /// The share of all decisions that move, and countries with theirs.
    fn audiences(&self) -> (f64, Vec<AudiencePlan>) {
        let all: f64 = self.askers.iter().map(|weighed| weighed.weight).sum();
        let mut countries: BTreeMap<String, AudiencePlan> = BTreeMap::new();
        for Weighed { asker, weight } in self.askers {
            let country = asker.place.country.map_or_else(String::new, |country| country.to_string());
            let plan = countries.entry(country.clone()).or_insert_with(|| AudiencePlan {
                country,
                share: 0.0,
                moved: 0.0,
                before: BTreeMap::new(),
                after: BTreeMap::new(),
            });
            let [old, new] = self.firsts(asker);
            plan.share += weight;
            plan.moved += if old == new { 0.0 } else { *weight };
            for (side, first) in [(&mut plan.before, old), (&mut plan.after, new)] {
                *side.entry(first.unwrap_or("nothing").to_owned()).or_default() += weight;
            }
        }
        let moved: f64 = countries.values().map(|plan| plan.moved).sum();
        let mut audiences: Vec<AudiencePlan> = countries.into_values().collect();
        audiences.sort_by(|a, b| b.moved.total_cmp(&a.moved));
        for plan in &mut audiences {
            let of = plan.share.max(f64::MIN_POSITIVE);
            plan.before.values_mut().chain(plan.after.values_mut()).for_each(|share| *share /= of);
            plan.moved /= of;
            plan.share = part(plan.share, all);
        }
        (part(moved, all), audiences)
    }

    fn pathways(&self) -> Vec<PathwayPlan> {
        let ids = |service: Option<&Service>| -> Vec<String> {
            service.map_or_else(Vec::new, |service| service.policy.pathways.iter().map(|p| p.id.clone()).collect())
        };
        let (old, new) = (ids(self.old), ids(self.new));
        let mut shares: [HashMap<&str, f64>; 2] = Default::default();
        for Weighed { asker, weight } in self.askers {
            for (side, first) in shares.iter_mut().zip(self.firsts(asker)) {
                if let Some(first) = first {
                    *side.entry(first).or_default() += weight;
                }
            }
        }
        let all: f64 = self.askers.iter().map(|weighed| weighed.weight).sum();
        let [before, after] = shares;
        let all_ids = old.iter().chain(new.iter().filter(|id| !old.contains(id)));
        let plan = |id: &String| PathwayPlan {
            pathway: id.clone(),
            before: self.old.and_then(|s| self.projection(s, id, part(before.get(&**id).copied().unwrap_or(0.0), all))),
            after: self.new.and_then(|s| self.projection(s, id, part(after.get(&**id).copied().unwrap_or(0.0), all))),
        };
        all_ids.map(plan).collect()
    }

    fn projection(&self, service: &Service, id: &str, share: f64) -> Option<Projection> {
        let index = service.policy.pathway(id)?;
        let pathway = &service.policy.pathways[index];
        let bits_per_second = self.traffic.map(|traffic| traffic * share);
        let of_capacity = bits_per_second.zip(pathway.capacity).map(|(bits, capacity)| bits / capacity as f64);
        let price = service.inputs.prices.get(index).copied().flatten().filter(|price| *price < UNWANTED);
        let tier = || Some(Volume::start(pathway.cost.as_ref(), self.now).tier(pathway.cost.as_ref()?));
        let price = price.or_else(tier);
        let cost_per_hour = bits_per_second.zip(price).map(|(bits, price)| bits * 3600.0 / TERABYTE * price);
        Some(Projection { share, bits_per_second, of_capacity, cost_per_hour })
    }
}

fn part(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn first<'s>(service: &'s Service, asker: &Asker, now: DateTime<Utc>) -> Option<&'s str> {
    let decision = decide_for(service, asker, now, &mut ());
    let first = decision.ranked.first()?.pathway;
    service.policy.pathways.get(usize::from(first)).map(|pathway| pathway.id.as_str())
}

/// The asker as the new policy's conditions see it: what stood the same in the old one holds as it did, and the rest as far as
/// an asker tells.
fn under(asker: &Asker, old: &Policy, new: &Policy, now: DateTime<Utc>) -> Asker {
    let holds = |when: &When| {
        let alike = |other: &When| (&other.cidr, &other.content) == (&when.cidr, &when.content);
        // Of CIDRs and content an asker knows only what came of them, and only alone.
        let only = |other: &When| alike(other) && other.protocol == when.protocol && other.device == when.device;
        let same = old
            .steps
            .iter()
            .position(|step| only(&step.when) && step.when.stream == when.stream && step.when.time == when.time);
        match same {
            Some(step) => asker.holds >> step & 1 == 1,
            None => {
                when.protocol.holds_for(Some(asker.via))
                    && when.device.holds_for(asker.device)
                    && when.stream.is_none_or(|stream| asker.stream == Some(stream))
                    && when.cidr.holds(|_| false)
                    && when.content.holds(|_| false)
                    && (when.time.is_empty() || when.time.iter().any(|window| window.holds(now)))
            }
        }
    };
    let bits = new.steps.iter().enumerate().filter(|(_, step)| holds(&step.when));
    Asker { holds: bits.fold(0, |bits, (index, _)| bits | 1 << index), ..*asker }
}

/// Sessions in the countries in which the service has viewers; where it has none, as many in each place that the policy of
/// before or that of after names, and in none.
fn made_up(
    snapshot: &Snapshot,
    id: &str,
    cells: &[CellRow],
    new: Option<&Policy>,
    now: DateTime<Utc>,
) -> (Vec<Weighed>, Basis) {
    let Some(service) = snapshot.service(id) else { return (Vec::new(), Basis::Nothing) };
    let askers = askers_of_cells(service, cells, now);
    let viewers: f64 = askers.iter().map(|weighed| weighed.weight).sum();
    if !askers.is_empty() {
        return (askers, Basis::Viewers(viewers.round() as u64));
    }
    let steps = service.policy.steps.iter().chain(new.into_iter().flat_map(|policy| &policy.steps));
    let mut countries: BTreeSet<Country> = BTreeSet::new();
    let mut continents: BTreeSet<Continent> = BTreeSet::new();
    for When { country, continent, .. } in steps.map(|step| &step.when) {
        countries.extend(country.any.iter().chain(&country.not));
        continents.extend(continent.any.iter().chain(&continent.not));
    }
    let countries = countries.into_iter().map(|country| (Some(country), country.continent()));
    let places = [(None, None)].into_iter().chain(continents.into_iter().map(|c| (None, Some(c)))).chain(countries);
    let place = |(country, continent)| Place { country, continent, ..Place::default() };
    (places.flat_map(|named| sessions(service, place(named), 1.0, now)).collect(), Basis::Nothing)
}

/// Made-up sessions of HLS players in the countries that these cells have viewers of the service in, as many as these.
pub fn askers_of_cells(service: &Service, cells: &[CellRow], now: DateTime<Utc>) -> Vec<Weighed> {
    let mut countries: BTreeMap<_, u64> = BTreeMap::new();
    for row in summed(cells.iter().filter(|row| row.service == service.policy.service)) {
        if let Audience::Country(country) = row.audience {
            *countries.entry(country).or_default() += row.cell.sessions;
        }
    }
    let of = |(country, viewers): (Country, u64)| {
        let place = Place { country: Some(country), continent: country.continent(), ..Place::default() };
        sessions(service, place, viewers as f64, now)
    };
    countries.into_iter().filter(|(_, viewers)| *viewers > 0).flat_map(of).collect()
}

fn sessions(service: &Service, place: Place, viewers: f64, now: DateTime<Utc>) -> impl Iterator<Item = Weighed> {
    (0..MADE_UP).map(move |n| {
        let session = format!("{n}");
        let asker = service.asker(&Client::at(place, Via::Hls, Some(&session)), now);
        Weighed { asker, weight: viewers / f64::from(MADE_UP) }
    })
}

fn traffic(demand: &[Demand], service: &str) -> Option<f64> {
    let of = demand.iter().filter(|demand| demand.service == service);
    let bits: u64 = of.map(|demand| demand.bits_per_second).sum();
    (bits > 0).then_some(bits as f64)
}

fn diff(name: &str, [before, after]: [&str; 2]) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(CONTEXT).header(name, name).to_string()
}
