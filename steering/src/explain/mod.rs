//! The story of one decision: the very [`decide`] that answers, watched, and put into words.
//!
//! Nothing is worked out again here. Order, tiers, shares, reasons, TTL and scope are the decision's own; this module
//! only looks up the numbers that the reasons rest on, in the same snapshot, and words them. What DNS answers is the
//! decision for this client asking over DNS, however it asked: there, no session is known and the scope may be wider.

mod words;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use fairway_policies::{
    PathSet, PathwayAnswer, Policy, StepKind, describe,
    explain::{
        DnsAnswer, DnsRecord, Effect, ExplainedClient, ExplainedSnapshot, ExplainedStep, Explanation, HttpAnswer,
        Likely, PathwayRow, Share, Tier, lasting,
    },
};

use crate::{
    client::{Asker, Client, Via},
    decide::{Choice, Decision, Reason, StepReport, decide, decide_for, shares},
    snapshot::{Service, Snapshot},
};

/// Seconds after which what a `rank` step rests on is called old: several times the loop's pace and the players'.
const OLD_CELLS: f64 = 60.0;

/// Why `client` gets what it gets from `service`, a service of `snapshot`.
pub fn explain(snapshot: &Snapshot, service: &Service, client: &Client<'_>, now: DateTime<Utc>) -> Explanation {
    let resolver = Client { via: Via::Dns, session: None, ..*client };
    let over_dns = decide(snapshot, service, &resolver, now, &mut ());
    let scope = over_dns.holds(snapshot, service, &resolver, now);
    let dns = dns(&service.policy, &over_dns, &scope.to_string());
    let told = explained_client(client);
    story(service, &service.asker(client, now), told, (snapshot.version, snapshot.made_at), dns, now)
}

/// [`explain`], for an asker such as was recorded: of its address no more is known than that it had one, nor therefore for
/// whom the answer held; and DNS and HTTP are told of the one decision, however it was asked for. `made`: number and time of
/// the snapshot that decided.
pub fn explain_asker(service: &Service, asker: &Asker, made: (u64, DateTime<Utc>), now: DateTime<Utc>) -> Explanation {
    let place = asker.place;
    let told = explained_client(&Client::at(place, asker.via, None));
    let decision = decide_for(service, asker, now, &mut ());
    let dns = dns(&service.policy, &decision, "");
    story(service, asker, told, made, dns, now)
}

fn story(
    service: &Service,
    asker: &Asker,
    client: ExplainedClient,
    (version, made_at): (u64, DateTime<Utc>),
    dns: Option<DnsAnswer>,
    now: DateTime<Utc>,
) -> Explanation {
    let mut reports = Vec::new();
    let decision = decide_for(service, asker, now, &mut reports);
    let policy = &*service.policy;
    let mut weighed = PathSet::default();
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let explained = ExplainedSnapshot {
        version,
        age_seconds: seconds((now - made_at).num_milliseconds()).max(0.0),
        cells_age_seconds: service.inputs.cells_at_ms.map(|at| seconds(now.timestamp_millis() - at).max(0.0)),
    };
    let likely = shares(service, asker, now).into_iter().enumerate().filter(|(_, share)| *share > 0.0);
    Explanation {
        service: policy.service.clone(),
        client,
        warnings: warnings(service, asker, &decision, &reports, &explained, now),
        snapshot: explained,
        start: vec![policy.pathways.iter().map(|p| Share { pathway: p.id.clone(), weight: None }).collect()],
        steps: reports.iter().map(|report| step(service, report, now, &mut weighed)).collect(),
        dns,
        http: HttpAnswer { priority: decision.priority(policy).map(|p| p.id.clone()).collect(), ttl: decision.ttl },
        likely: likely.map(|(pathway, share)| Likely { pathway: id(policy, pathway as u8), share }).collect(),
        decision: None,
    }
}

fn explained_client(client: &Client<'_>) -> ExplainedClient {
    let place = &client.located.place;
    ExplainedClient {
        address: client.address.map(|a| a.to_string()),
        country: place.country.map(|c| c.to_string()),
        continent: place.continent.map(|c| c.to_string()),
        asn: place.asn.map(|a| a.0),
        prefix: client.address.map(|_| client.located.prefix.to_string()),
        via: client.via.word().into(),
    }
}

fn warnings(
    service: &Service,
    asker: &Asker,
    decision: &Decision,
    reports: &[StepReport],
    snapshot: &ExplainedSnapshot,
    now: DateTime<Utc>,
) -> Vec<String> {
    let policy = &service.policy;
    let has = |kind: fn(&StepKind) -> bool| policy.steps.iter().any(|s| kind(&s.kind));
    let mut warnings = Vec::new();
    if decision.panic {
        let whom = if decision.ranked.len() > 1 {
            "every pathway that the fences allow is kept"
        } else {
            "what is left is kept"
        };
        warnings.push(format!("too few are healthy, so {whom} (panic)"));
    }
    if decision.ranked.is_empty() {
        warnings.push("the fences leave no pathway for this client".into());
    }
    if has(|kind| matches!(kind, StepKind::Rank(_))) {
        match snapshot.cells_age_seconds {
            None if snapshot.version == 0 => {}
            None => warnings.push("no cells yet: `rank` has nothing to compare".into()),
            Some(age) if age > OLD_CELLS => {
                let compares = service.inputs.standings.iter().any(|standings| !standings.is_empty());
                let so = if compares { "goes by what was known then" } else { "has nothing to compare" };
                warnings.push(format!("the newest cells are {} old: `rank` {so}", lasting(age)));
            }
            Some(_) => {}
        }
    }
    if decision.ttl < policy.ttl {
        let why = words::unsettled(service, decision, reports, now).join("; ");
        warnings.push(format!("the TTL is {} s instead of {} s: {why}", decision.ttl, policy.ttl));
    }
    let shared = |kind: &StepKind| matches!(kind, StepKind::Weights(_) | StepKind::Stick(_) | StepKind::Explore(_));
    if has(shared) && asker.session.is_none() {
        match (asker.prefix, asker.via) {
            (None, _) => warnings.push("no address was given: among equals, each address has its own order".into()),
            (Some(_), Via::Dns) => {}
            (Some(_), _) => warnings.push("no session was given: among equals, each session has its own order".into()),
        }
    }
    warnings
}

fn dns(policy: &Policy, decision: &Decision, scope: &str) -> Option<DnsAnswer> {
    let (pathway, answer) = decision.for_dns(policy)?;
    let values: Vec<(&str, String)> = match answer {
        PathwayAnswer::Addresses(addresses) => addresses.iter().map(|a| (address_kind(a), a.to_string())).collect(),
        PathwayAnswer::Cname(name) => vec![("CNAME", name.clone())],
        PathwayAnswer::None => Vec::new(),
    };
    let record = |name: &String, (kind, value): &(&str, String)| DnsRecord {
        name: name.clone(),
        kind: (*kind).into(),
        value: value.clone(),
    };
    let records: Vec<_> = policy.names.iter().flat_map(|name| values.iter().map(move |v| record(name, v))).collect();
    let pathway = id(policy, pathway);
    let ttl = decision.ttl;
    (!records.is_empty()).then(|| DnsAnswer { pathway, records, ttl, scope: scope.to_string() })
}

fn address_kind(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "A" } else { "AAAA" }
}

/// `weighed`: those whom a `weights` step has spoken of so far.
fn step(service: &Service, report: &StepReport, now: DateTime<Utc>, weighed: &mut PathSet) -> ExplainedStep {
    let policy = &*service.policy;
    let applied = !report.reasons.iter().any(|(_, reason)| *reason == Reason::NotForClient);
    let mut rows = Vec::new();
    for (pathway, reason) in report.reasons.iter().filter(|_| applied) {
        if matches!(reason, Reason::Share { .. }) {
            weighed.insert(usize::from(*pathway));
        }
        let (why, numbers) = words::Words { service, report, now, pathway: *pathway }.of(reason);
        rows.push(PathwayRow { pathway: id(policy, *pathway), effect: effect(report, *pathway, reason), why, numbers });
    }
    let order = tiers(policy, &report.after, *weighed);
    let (index, line, title) = match report.step.and_then(|index| Some((index, policy.steps.get(index)?))) {
        Some((index, step)) => (index + 1, step.line, describe(policy, step)),
        None => (0, 0, "what operators say".into()),
    };
    ExplainedStep { index, line, title, applied, rows, order }
}

fn tiers(policy: &Policy, choices: &[Choice], weighed: PathSet) -> Vec<Tier> {
    let share = |c: &Choice| Share {
        pathway: id(policy, c.pathway),
        weight: weighed.contains(usize::from(c.pathway)).then_some(c.weight),
    };
    choices.chunk_by(|a, b| a.tier == b.tier).map(|tier| tier.iter().map(share).collect()).collect()
}

fn effect(report: &StepReport, pathway: u8, reason: &Reason) -> Effect {
    let place = |choices: &[Choice]| choices.iter().position(|c| c.pathway == pathway);
    match (reason, place(&report.before), place(&report.after)) {
        (Reason::Outside | Reason::Beyond, ..) => Effect::Dropped,
        (Reason::NotForClient | Reason::NotForced, ..) => Effect::Untouched,
        (Reason::Share { .. }, ..) => Effect::Weighed,
        (_, _, None) => Effect::Aside,
        // That others left is no move of its own.
        (Reason::Forced { .. } | Reason::Fit { .. } | Reason::ForcedUp { .. } | Reason::ComingBack { .. }, ..) => {
            Effect::Kept
        }
        (Reason::Inside | Reason::Panic { .. } | Reason::Within, ..) => Effect::Kept,
        (_, Some(before), Some(after)) if after < before => Effect::MovedUp,
        (_, Some(before), Some(after)) if after > before => Effect::MovedDown,
        _ => Effect::Kept,
    }
}

fn id(policy: &Policy, pathway: u8) -> String {
    policy.pathways.get(usize::from(pathway)).map_or_else(String::new, |p| p.id.clone())
}
