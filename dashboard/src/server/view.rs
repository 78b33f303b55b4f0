//! The pages' model, filled from what the node knows: a copy of numbers, no decision.

use chrono::{DateTime, Utc};
use fairway_policies::{Policy, explain::Explanation};
use fairway_steering::{
    Asn, Client, Health, Place, Service, Snapshot, Verdict, Via,
    live::{Live, Point, Status, StoreState},
    overrides::{Force, Override, of_pathway},
};
use fairway_store::SeriesPoint;

use super::{
    Console, feed,
    quality::{Known, MINUTES},
    refusal::Refusal,
};
use crate::model::{self, Affected, Demand, Forced, Overview, PathwayView, Question, Refused, Series, Sources};

/// From one point of the decisions chart to the next; steering's own.
const DECISIONS_STEP_MS: i64 = 10_000;
/// Cells without a newer beacon for so long are stale: six of their ten-second buckets.
const STALE_MS: i64 = 60_000;

/// Every service there is.
pub fn services(snapshot: &Snapshot) -> Vec<String> {
    snapshot.services.iter().map(|s| s.policy.service.clone()).collect()
}

/// The service asked for; the first there is when none was named.
pub fn service<'s>(snapshot: &'s Snapshot, asked: &str) -> Result<&'s Service, Refusal> {
    if asked.is_empty() {
        return snapshot.services.first().map(|service| &**service).ok_or(Refusal::NoService);
    }
    snapshot.service(asked).ok_or_else(|| Refusal::UnknownService { asked: asked.into(), known: services(snapshot) })
}

/// Overview's model of the service asked for.
pub async fn overview(console: &Console, asked: &str) -> Result<Overview, Refusal> {
    let (snapshot, now) = (console.live.snapshot(), Utc::now());
    let service = service(&snapshot, asked)?;
    let known = console.quality.of(&service.policy.service, now).await;
    Ok(fill(&console.live, &snapshot, service, &known, now))
}

fn fill(live: &Live, snapshot: &Snapshot, service: &Service, known: &Known, now: DateTime<Utc>) -> Overview {
    let (status, policy) = (live.status(), &service.policy);
    Overview {
        service: policy.service.clone(),
        services: services(snapshot),
        now_ms: now.timestamp_millis(),
        snapshot: snapshot.version,
        snapshot_ms: snapshot.made_at.timestamp_millis(),
        sources: sources(service, &status, known, now),
        pathways: pathways(service, &status),
        decisions: decisions(policy, &live.history(), now),
        stall_ratio: quality(policy, known, now, SeriesPoint::stall_ratio),
        request_errors: quality(policy, known, now, SeriesPoint::request_error_ratio),
        feed: feed::items(live, &policy.service),
        overrides: service.inputs.overrides.iter().rev().map(|forced| told(forced, snapshot)).collect(),
        form: None,
        refused: status
            .refusal
            .as_ref()
            .map(|refusal| Refused { at_ms: refusal.at.timestamp_millis(), problems: refusal.problems.clone() }),
    }
}

fn sources(service: &Service, status: &Status, known: &Known, now: DateTime<Utc>) -> Sources {
    let age = service.inputs.cells_at_ms.map(|newest| (now.timestamp_millis() - newest).max(0));
    let away = match &status.store {
        StoreState::Down { detail } => Some(detail.clone()),
        StoreState::Unknown | StoreState::Up => known.away.clone(),
    };
    Sources {
        cells_age_ms: age,
        cells_stale: age.is_some_and(|age| age > STALE_MS),
        store_away: away,
        qoe_at_ms: known.reported.as_ref().map(|reported| reported.at.timestamp_millis()),
    }
}

/// Each pathway as it stands.
pub fn pathways(service: &Service, status: &Status) -> Vec<PathwayView> {
    let policy = &service.policy;
    let view = |(pathway, verdict): (&fairway_policies::Pathway, &Verdict)| {
        let demand = status.demand.iter().find(|d| d.service == policy.service && d.pathway == pathway.id);
        let demand = demand.filter(|_| status.cells_at.is_some());
        PathwayView {
            id: pathway.id.clone(),
            host: pathway.host().to_owned(),
            health: health(verdict.health),
            cause: verdict.cause.to_string(),
            since_ms: verdict.since.timestamp_millis(),
            demand: demand.map(|d| Demand { sessions: d.sessions, bits_per_second: d.bits_per_second }),
            capacity: pathway.capacity,
            scale_at: pathway.scale_at,
            scaling: demand.is_some_and(|d| d.over),
            forced: of_pathway(&service.inputs.overrides, &pathway.id).map(forced).collect(),
        }
    };
    policy.pathways.iter().zip(&service.inputs.verdicts).map(view).collect()
}

fn forced(forced: &Override) -> Forced {
    let (id, text) = (forced.id, forced.to_string());
    Forced { id, health: forced.force.health().map(health), everywhere: forced.place.is_everywhere(), text }
}

/// An override, as it is told.
pub fn told(forced: &Override, snapshot: &Snapshot) -> model::Override {
    let (force, share) = match forced.force {
        Force::Up => (model::Force::Up, None),
        Force::Down => (model::Force::Down, None),
        Force::Drained => (model::Force::Drained, None),
        Force::Share(share) => (model::Force::Share, Some(share)),
    };
    let concerned = snapshot.services.iter().filter(|service| forced.concerns(&service.policy));
    let affects = concerned.flat_map(|service| {
        let pathways = service.policy.pathways.iter().zip(&service.inputs.verdicts);
        pathways.filter(|(pathway, _)| forced.names(&pathway.id)).map(|(pathway, verdict)| Affected {
            service: service.policy.service.clone(),
            pathway: pathway.id.clone(),
            health: health(verdict.health),
            cause: verdict.cause.to_string(),
        })
    });
    model::Override {
        id: forced.id,
        service: forced.service.clone(),
        pathway: forced.pathway.clone(),
        continent: forced.place.continent.map(|continent| continent.to_string()),
        country: forced.place.country.map(|country| country.to_string()),
        asn: forced.place.asn.map(|asn| asn.0),
        place: forced.place.to_string(),
        force,
        share,
        author: forced.author.clone(),
        reason: forced.reason.clone(),
        since_ms: forced.since.timestamp_millis(),
        expires_ms: forced.expires.map(|at| at.timestamp_millis()),
        affects: affects.collect(),
    }
}

/// A verdict's word.
pub fn health(health: Health) -> model::Health {
    match health {
        Health::Up => model::Health::Up,
        Health::Degraded => model::Health::Degraded,
        Health::Down => model::Health::Down,
        Health::Drained => model::Health::Drained,
    }
}

/// An empty series of the last quarter of an hour, in whole steps.
fn blank(policy: &Policy, step_ms: i64, now: DateTime<Utc>) -> Series {
    let points = i64::from(MINUTES) * 60_000 / step_ms;
    let newest = now.timestamp_millis().div_euclid(step_ms) * step_ms;
    let row = vec![None; usize::try_from(points).unwrap_or(0)];
    let pathways = policy.pathways.len();
    Series {
        from_ms: newest - (points - 1) * step_ms,
        step_ms,
        values: vec![row; pathways],
        whole: vec![None; pathways],
    }
}

impl Series {
    /// Where the point that begins at `ms` is, if it is in the series at all.
    fn index(&self, ms: i64) -> Option<usize> {
        usize::try_from((ms - self.from_ms).div_euclid(self.step_ms)).ok().filter(|at| *at < self.len())
    }
}

/// Decisions per second. The point that is still filling is measured by the time it has had.
fn decisions(policy: &Policy, history: &[Point], now: DateTime<Utc>) -> Series {
    let mut series = blank(policy, DECISIONS_STEP_MS, now);
    for point in history {
        let begun = point.at.timestamp_millis();
        let Some(at) = series.index(begun) else { continue };
        let seconds = (now.timestamp_millis() - begun).clamp(1_000, DECISIONS_STEP_MS) as f64 / 1000.0;
        let ours = point.decided.iter().filter(|d| d.service == policy.service);
        for (row, pathway) in policy.pathways.iter().enumerate() {
            let count: u64 = ours.clone().filter(|d| d.pathway == pathway.id).map(|d| d.dns + d.http).sum();
            series.values[row][at] = Some(rounded(count as f64 / seconds));
            *series.whole[row].get_or_insert_default() += count as f64 / f64::from(MINUTES * 60);
        }
    }
    series
}

fn quality(policy: &Policy, known: &Known, now: DateTime<Utc>, of: fn(&SeriesPoint) -> Option<f64>) -> Series {
    let Some(reported) = &known.reported else { return blank(policy, DECISIONS_STEP_MS, now) };
    let mut series = blank(policy, i64::from(reported.step_seconds.max(1)) * 1000, now);
    for (row, pathway) in policy.pathways.iter().enumerate() {
        let mut whole = SeriesPoint { pathway: pathway.id.clone(), ..SeriesPoint::default() };
        for point in reported.points.iter().filter(|p| p.pathway == pathway.id) {
            if let Some(at) = series.index(point.at * 1000) {
                series.values[row][at] = of(point).map(rounded);
            }
            whole.watched_ms += point.watched_ms;
            whole.stalled_ms += point.stalled_ms;
            whole.requests += point.requests;
            whole.request_errors += point.request_errors;
        }
        series.whole[row] = of(&whole).map(rounded);
    }
    series
}

/// To five decimals: it is sent to every browser that looks on.
fn rounded(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

/// What a form leaves out: the first service, over DNS.
pub fn with_defaults(mut question: Question, services: &[String]) -> Question {
    if question.service.is_empty() {
        question.service = services.first().cloned().unwrap_or_default();
    }
    if question.via.is_empty() {
        question.via = "dns".into();
    }
    question
}

/// The account of the decision asked about, by the one function that decides. It is recorded, so that it can be shown to
/// others later as it was.
pub fn explain(live: &Live, snapshot: &Snapshot, question: &Question) -> Result<Explanation, Refusal> {
    let service = service(snapshot, &question.service)?;
    let via = match question.via.as_str() {
        "dns" => Via::Dns,
        "hls" => Via::Hls,
        "dash" => Via::Dash,
        "http" => Via::Http,
        other => return Err(bad("via", format!("{other:?} is none of dns, hls, dash, http"))),
    };
    let address = question.client.trim();
    let client = if address.is_empty() {
        Client::at(place(question)?, via, None)
    } else {
        if !(question.country.trim().is_empty() && question.asn.trim().is_empty()) {
            return Err(bad(
                "client",
                "an address tells its place: leave country and network empty, or the address".into(),
            ));
        }
        let address = address.parse().map_err(|_| bad("client", format!("{address:?} is no IPv4 or IPv6 address")))?;
        snapshot.client(address, via, None)
    };
    let now = Utc::now();
    let asked = !question.renewed;
    let id = asked.then(|| live.recorder.explained(snapshot, service, service.asker(&client, now), now)).flatten();
    let explanation = fairway_steering::explain(snapshot, service, &client, now);
    Ok(Explanation { decision: id.map(|id| id.to_string()), ..explanation })
}

fn place(question: &Question) -> Result<Place, Refusal> {
    let mut place = Place::default();
    let country = question.country.trim();
    if !country.is_empty() {
        place.country = Some(country.parse().map_err(|e| bad("country", format!("{e}")))?);
        place.continent = place.country.and_then(|country| country.continent());
    }
    place.asn = asn(&question.asn)?;
    Ok(place)
}

/// An autonomous system's number, with or without `AS`; `None` of an empty field.
pub fn asn(text: &str) -> Result<Option<Asn>, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix("AS").or(text.strip_prefix("as")).unwrap_or(text);
    let number = digits.parse().map_err(|_| bad("asn", format!("{text:?} is no AS number, as in AS3320")))?;
    Ok(Some(Asn(number)))
}

fn bad(field: &'static str, why: String) -> Refusal {
    Refusal::BadField { field, why }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fairway_steering::live::Decided;

    use super::*;
    use crate::server::quality::Reported;

    const POLICY: &str = "[[pathway]]\nid = \"a\"\nurl = \"http://a.test/\"\naddresses = [\"192.0.2.1\"]\n\
                          [[pathway]]\nid = \"b\"\nurl = \"http://b.test/\"\naddresses = [\"192.0.2.2\"]\n";

    fn policy() -> Policy {
        fairway_policies::parse("live.policy.toml", POLICY).unwrap()
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn decisions_are_rates_and_the_filling_point_is_measured_by_its_time() {
        let decided = |pathway: &str, dns, http| Decided { service: "live".into(), pathway: pathway.into(), dns, http };
        let history = [
            Point { at: at(9_990), decided: vec![decided("a", 30, 10)] },
            Point { at: at(10_000), decided: vec![decided("a", 2, 0), decided("b", 4, 4)] },
            Point { at: at(100), decided: vec![decided("b", 1000, 0)] },
        ];
        let series = decisions(&policy(), &history, at(10_004));
        assert_eq!((series.len(), series.from_ms + 89 * series.step_ms), (90, 10_000_000));
        assert_eq!([series.get(0, 88), series.get(0, 89), series.get(0, 87)], [Some(4.0), Some(0.5), None]);
        assert_eq!([series.get(1, 88), series.get(1, 89)], [Some(0.0), Some(2.0)], "the point too old is left out");
        let whole = series.shares().whole.into_iter().map(|share| crate::format::percent(share.unwrap()));
        assert_eq!(whole.collect::<Vec<_>>(), ["84 %", "16 %"]);
    }

    #[test]
    fn the_whole_span_is_a_ratio_of_sums() {
        let point = |at, watched_ms, stalled_ms| SeriesPoint {
            at,
            pathway: "a".into(),
            watched_ms,
            stalled_ms,
            ..SeriesPoint::default()
        };
        let points = vec![point(9_990, 100, 50), point(10_000, 900, 0)];
        let reported = Some(Arc::new(Reported { at: at(10_001), step_seconds: 10, points }));
        let known = Known { reported, away: None };
        let series = quality(&policy(), &known, at(10_004), SeriesPoint::stall_ratio);
        assert_eq!([series.get(0, 88), series.get(0, 89)], [Some(0.5), Some(0.0)]);
        assert_eq!(series.whole, [Some(0.05), None], "not the mean of the ratios, and nothing of whom nobody watched");
    }
}
