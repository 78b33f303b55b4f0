//! The story of one decision: the very [`decide`] that answers, watched, and put into words.
//!
//! Nothing is worked out again here. Order, tiers, shares, reasons, TTL and scope are the decision's own; this module
//! only looks up the numbers that the reasons rest on, in the same snapshot, and words them. What DNS answers is the
//! decision for this client asking over DNS, however it asked: there, no session is known and the scope may be wider.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use fairway_policies::{
    PathSet, PathwayAnswer, Policy, StepKind, describe,
    explain::{
        DnsAnswer, DnsRecord, Effect, ExplainedClient, ExplainedSnapshot, ExplainedStep, Explanation, HttpAnswer,
        Number, PathwayRow, Share, Tier, Unit, lasting,
    },
};

use crate::{
    client::{Client, Via},
    decide::{Choice, Decision, Reason, StepReport, decide},
    health::{Cause, Verdict},
    snapshot::{Service, Snapshot},
    standing::{Comparison, Known, Standing},
};

/// Seconds after which what a `rank` step rests on is called old: several times the loop's pace and the players'.
const OLD_CELLS: f64 = 60.0;

/// Why `client` gets what it gets from `service`, a service of `snapshot`.
pub fn explain(snapshot: &Snapshot, service: &Service, client: &Client<'_>, now: DateTime<Utc>) -> Explanation {
    let mut reports = Vec::new();
    let decision = decide(snapshot, service, client, now, &mut reports);
    let over_dns = Client { via: Via::Dns, session: None, ..*client };
    let over_dns = decide(snapshot, service, &over_dns, now, &mut ());
    let policy = &*service.policy;
    let mut weighed = PathSet::default();
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let explained = ExplainedSnapshot {
        version: snapshot.version,
        age_seconds: seconds((now - snapshot.made_at).num_milliseconds()).max(0.0),
        cells_age_seconds: service.inputs.cells_at_ms.map(|at| seconds(now.timestamp_millis() - at).max(0.0)),
    };
    Explanation {
        service: policy.service.clone(),
        client: explained_client(client),
        warnings: warnings(service, client, &decision, &explained),
        snapshot: explained,
        start: vec![policy.pathways.iter().map(|p| Share { pathway: p.id.clone(), weight: None }).collect()],
        steps: reports.iter().map(|report| step(service, report, now, &mut weighed)).collect(),
        dns: dns(policy, &over_dns),
        http: HttpAnswer { priority: decision.priority(policy).map(|p| p.id.clone()).collect(), ttl: decision.ttl },
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

fn warnings(service: &Service, client: &Client<'_>, decision: &Decision, snapshot: &ExplainedSnapshot) -> Vec<String> {
    let policy = &service.policy;
    let has = |kind: fn(&StepKind) -> bool| policy.steps.iter().any(|s| kind(&s.kind));
    let mut warnings = Vec::new();
    if decision.panic {
        warnings.push("nothing is healthy, so every pathway that the fences allow is kept (panic)".into());
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
        warnings.push(format!(
            "the TTL is {} s instead of {} s: a pathway in the answer is not up, or its verdict is under a minute old",
            decision.ttl, policy.ttl
        ));
    }
    if has(|kind| matches!(kind, StepKind::Weights(_))) && client.session.is_none() {
        match (client.address, client.via) {
            (None, _) => warnings.push("no address was given: among equals, each address has its own order".into()),
            (Some(_), Via::Dns) => {}
            (Some(_), _) => warnings.push("no session was given: among equals, each session has its own order".into()),
        }
    }
    warnings
}

fn dns(policy: &Policy, decision: &Decision) -> Option<DnsAnswer> {
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
    (!records.is_empty()).then(|| DnsAnswer { pathway, records, ttl: decision.ttl, scope: decision.holds.to_string() })
}

fn address_kind(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "A" } else { "AAAA" }
}

/// `weighed`: those whom a `weights` step has spoken of so far.
fn step(service: &Service, report: &StepReport, now: DateTime<Utc>, weighed: &mut PathSet) -> ExplainedStep {
    let policy = &*service.policy;
    let step = &policy.steps[report.step];
    let applied = !report.reasons.iter().any(|(_, reason)| *reason == Reason::NotForClient);
    let mut rows = Vec::new();
    for (pathway, reason) in report.reasons.iter().filter(|_| applied) {
        if matches!(reason, Reason::Share { .. }) {
            weighed.insert(usize::from(*pathway));
        }
        let (why, numbers) = Words { service, report, now, pathway: *pathway }.of(reason);
        rows.push(PathwayRow { pathway: id(policy, *pathway), effect: effect(report, *pathway, reason), why, numbers });
    }
    let title = describe(policy, step);
    let order = tiers(policy, &report.after, *weighed);
    ExplainedStep { index: report.step + 1, line: step.line, title, applied, rows, order }
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
    match reason {
        Reason::Unfit(_) => Effect::Aside,
        Reason::Outside => Effect::Dropped,
        Reason::Share { .. } => Effect::Weighed,
        Reason::NotForClient => Effect::Untouched,
        Reason::Fit(_) | Reason::Panic(_) | Reason::Inside => Effect::Kept,
        _ => match (place(&report.before), place(&report.after)) {
            (Some(before), Some(after)) if after < before => Effect::MovedUp,
            (Some(before), Some(after)) if after > before => Effect::MovedDown,
            _ => Effect::Kept,
        },
    }
}

/// What is needed to word a reason of one step for one pathway.
struct Words<'a> {
    service: &'a Service,
    report: &'a StepReport,
    now: DateTime<Utc>,
    pathway: u8,
}

impl Words<'_> {
    fn of(&self, reason: &Reason) -> (String, Vec<Number>) {
        let plain = |text: &str| (text.to_owned(), Vec::new());
        match reason {
            Reason::Fit(verdict) | Reason::Unfit(verdict) => self.verdict("", verdict),
            Reason::Panic(verdict) => self.verdict("nothing better is left; ", verdict),
            Reason::Inside => plain("allowed here"),
            Reason::Outside => plain("not allowed here"),
            Reason::Preferred { tier } => (format!("preferred, choice {}", tier + 1), Vec::new()),
            Reason::NotPreferred => plain("not among the preferred"),
            Reason::Holds { known: None } => (self.unknown(), Vec::new()),
            Reason::Holds { known: Some(known) } => {
                (format!("stays; measured for {}", known.level), self.numbers(known))
            }
            Reason::Passed { over, known } => self.leads(over, known.as_ref(), |other| (self.pathway, other, "passed")),
            Reason::PassedBy { by, known } => {
                self.leads(by, known.as_ref(), |other| (other, self.pathway, "was passed by"))
            }
            Reason::Share { weight: 0 } => plain("has no share: after those that have"),
            Reason::Share { weight } => (format!("share {weight}"), Vec::new()),
            Reason::NotForClient => plain("not for this client"),
        }
    }

    fn verdict(&self, before: &str, verdict: &Verdict) -> (String, Vec<Number>) {
        let why = format!("{before}{}: {}", verdict.health.word(), verdict.cause);
        // A pathway that was never judged is not so since any time.
        let since = (verdict.cause != Cause::Unprobed).then(|| number("for", self.age(verdict.since), Unit::Seconds));
        (why, since.into_iter().collect())
    }

    /// Seconds.
    fn age(&self, since: DateTime<Utc>) -> f64 {
        (self.now - since).num_milliseconds().max(0) as f64 / 1000.0
    }

    /// The values compared, how many they rest on and, where that is no longer usual, how old they are.
    fn numbers(&self, known: &Known) -> Vec<Number> {
        let values = known.values.iter().map(|(metric, value)| number(metric.text(), f64::from(*value), metric.unit()));
        let sessions = number("sessions", known.sessions as f64, Unit::Count);
        let age = Some(self.age(known.at)).filter(|age| *age > OLD_CELLS);
        values.chain([sessions]).chain(age.map(|age| number("age", age, Unit::Seconds))).collect()
    }

    fn unknown(&self) -> String {
        match &self.service.policy.steps[self.report.step].kind {
            StepKind::Rank(rank) => {
                format!("not compared: fewer than {} sessions in every audience", rank.min_sessions)
            }
            _ => String::new(),
        }
    }

    /// `passed cdn-a: stall ratio 0.4 % (continent EU, 310 sessions) against 6.1 % (country DE, 41 sessions)`.
    fn leads(
        &self,
        others: &[u8],
        known: Option<&Known>,
        pair: impl Fn(u8) -> (u8, u8, &'static str),
    ) -> (String, Vec<Number>) {
        let standing = self.report.audience.and_then(|a| self.service.inputs.standings[self.report.step].get(&a));
        let clause = |other: &u8| {
            let (ahead, behind, verb) = pair(*other);
            let numbers = standing.and_then(|s| comparison(s, ahead, behind)).map(|c| format!(": {c}"));
            format!("{verb} {}{}", id(&self.service.policy, *other), numbers.unwrap_or_default())
        };
        (
            others.iter().map(clause).collect::<Vec<_>>().join("; "),
            known.map(|known| self.numbers(known)).unwrap_or_default(),
        )
    }
}

fn comparison(standing: &Standing, ahead: u8, behind: u8) -> Option<Comparison> {
    Comparison::of(standing, ahead, behind, standing.lead(ahead, behind)?.by)
}

fn number(name: &str, value: f64, unit: Unit) -> Number {
    Number { name: name.into(), value, unit }
}

fn id(policy: &Policy, pathway: u8) -> String {
    policy.pathways.get(usize::from(pathway)).map_or_else(String::new, |p| p.id.clone())
}
