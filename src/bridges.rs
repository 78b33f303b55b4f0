//! Where two rooms meet that may not import each other: the store's cells for steering, steering's recorded decisions for the
//! store, steering's knowledge of hosts and sessions for the collector.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use fairway_collector::{Attributed, Attribution};
use fairway_geo::Asn;
use fairway_steering::{
    Audience, Cell, CellRow, CellSource, Live, Logs,
    cells::CellsUnavailable,
    record::{RecordSink, Recorded, RecordsRefused, known_by},
};
use fairway_store::{DecisionRow, Level, LogSums, PolicyText, Store, StoreError, StoredCell};

/// The store's cells, in steering's words.
pub struct StoreCells(pub Store);

impl CellSource for StoreCells {
    async fn cells(&self, window: Duration) -> Result<Vec<CellRow>, CellsUnavailable> {
        self.0.migrated().await;
        let stored = self.0.cells(window).await.map_err(|error| CellsUnavailable(error.to_string()))?;
        Ok(stored.into_iter().filter_map(cell_row).collect())
    }
}

/// `None` for a place that is not written as a place is: it cannot be asked for by any client.
fn cell_row(stored: StoredCell) -> Option<CellRow> {
    let audience = match &stored.level {
        Level::CountryAsn(country, asn) => Audience::CountryAsn(country.parse().ok()?, Asn(*asn)),
        Level::Country(country) => Audience::Country(country.parse().ok()?),
        Level::Continent(continent) => Audience::Continent(continent.parse().ok()?),
        Level::World => Audience::World,
    };
    let logs = |sums: LogSums| Logs { count: sums.count as f64, sum: sums.sum, squares: sums.squares };
    let cell = Cell {
        sessions: stored.sessions,
        failed_sessions: stored.failed_sessions,
        watched_ms: stored.watched_ms,
        stalled_ms: stored.stalled_ms,
        starts: stored.starts,
        start_failures: stored.start_failures,
        startup: logs(stored.startup),
        requests: stored.requests,
        request_errors: stored.request_errors,
        bits: stored.bits,
        ttfb: logs(stored.ttfb),
        throughput: logs(stored.throughput),
        newest_ms: stored.newest_ms,
    };
    Some(CellRow { service: stored.service, pathway: stored.pathway, audience, bucket: stored.bucket, cell })
}

/// A policy's text outlives the decisions made by it: it is written again each hour while it decides.
const TEXTS_LONGER: Duration = Duration::from_secs(2 * 3_600);

/// Steering's recorded decisions, into the store, where they are kept so long.
pub struct StoreRecords {
    /// Where they go.
    pub store: Store,
    /// For how long.
    pub keep: Duration,
}

impl StoreRecords {
    /// Unix seconds at which what is written now ends. ClickHouse's clock ends in 2106.
    fn expires(&self, longer: Duration) -> u32 {
        let end = Utc::now().timestamp().max(0) as u64 + (self.keep + longer).as_secs();
        end.min(u32::MAX.into()) as u32
    }
}

impl RecordSink for StoreRecords {
    async fn write(&self, token: &str, records: &[Recorded]) -> Result<(), RecordsRefused> {
        self.store.migrated().await;
        let rows: Vec<DecisionRow> = records.iter().map(decision_row).collect();
        self.store.record(token, &rows, self.expires(Duration::ZERO)).await.map_err(refused)
    }

    async fn keep(&self, policies: &[(String, Arc<str>)]) -> Result<(), RecordsRefused> {
        self.store.migrated().await;
        let text = |(service, text): &(String, Arc<str>)| PolicyText {
            policy: known_by(text),
            service: service.clone(),
            text: text.to_string(),
        };
        let texts: Vec<PolicyText> = policies.iter().map(text).collect();
        self.store.keep_policies(&texts, self.expires(TEXTS_LONGER)).await.map_err(refused)
    }
}

fn refused(error: StoreError) -> RecordsRefused {
    RecordsRefused { temporary: error.is_temporary(), why: error.to_string() }
}

fn decision_row(recorded: &Recorded) -> DecisionRow {
    let (asker, answer) = (&recorded.asker, &recorded.answer);
    let text = |code: Option<&str>| code.unwrap_or_default().to_owned();
    // Strings and numbers in structs: there is nothing in them that JSON cannot say.
    let (asker_json, record) = (serde_json::to_string(asker), serde_json::to_string(recorded));
    DecisionRow {
        at_ns: recorded.at.timestamp_nanos_opt().unwrap_or_default(),
        id: recorded.id.0,
        service: recorded.service.clone(),
        occasion: recorded.occasion.word().into(),
        weight: recorded.weight,
        snapshot: recorded.snapshot,
        policy: recorded.policy.clone(),
        via: asker.via.word().into(),
        continent: text(asker.place.continent.map(|c| c.code())),
        country: text(asker.place.country.as_ref().map(|c| c.as_str())),
        subdivision: text(asker.place.subdivision.as_ref().map(|s| s.as_str())),
        asn: asker.place.asn.map_or(0, |asn| asn.0),
        candidates: answer.candidates.iter().map(|c| c.pathway.clone()).collect(),
        tiers: answer.candidates.iter().map(|c| c.tier).collect(),
        weights: answer.candidates.iter().map(|c| c.weight).collect(),
        aside: answer.aside.clone(),
        chosen: text(answer.chosen.as_deref()),
        step: answer.why.as_ref().map_or(0, |why| why.step.min(255) as u8),
        reason: answer.why.as_ref().map_or_else(String::new, |why| why.word()),
        probability: answer.probability as f32,
        ttl: answer.ttl,
        asker: asker_json.unwrap_or_default(),
        record: record.unwrap_or_default(),
    }
}

/// What steering knows of hosts and sessions, for the collector.
pub struct LiveAttribution(pub Arc<Live>);

impl Attribution for LiveAttribution {
    fn of_host(&self, service: Option<&str>, host: &str) -> Option<Attributed> {
        let snapshot = self.0.snapshot();
        let on = match service.and_then(|id| snapshot.service(id)) {
            Some(service) => service
                .policy
                .pathways
                .iter()
                .find(|pathway| pathway.is_at(host))
                .map(|pathway| (service.policy.service.as_str().into(), Some(pathway.id.as_str().into()))),
            None => self.0.pathway_of_host(host).map(|on| (on.service().into(), Some(on.pathway().into()))),
        };
        // A name steered by DNS stands for the service as a whole.
        let on = on.or_else(|| {
            let steered = snapshot.service_of_name(host)?;
            Some((steered.policy.service.as_str().into(), None))
        });
        on.map(|(service, pathway)| Attributed { service, pathway })
    }

    fn of_session(&self, session: &str) -> Option<Attributed> {
        let on = self.0.pathway_of_session(session)?;
        Some(Attributed { service: on.service().into(), pathway: Some(on.pathway().into()) })
    }

    fn buffered(&self, session: &str, buffer_ms: u32, now_ms: i64) {
        if let Some(at) = DateTime::from_timestamp_millis(now_ms) {
            self.0.sessions.buffered(session, buffer_ms, at);
        }
    }

    fn is_service(&self, id: &str) -> bool {
        self.0.snapshot().service(id).is_some()
    }

    fn only_service(&self) -> Option<Arc<str>> {
        match self.0.snapshot().services.as_slice() {
            [only] => Some(only.policy.service.as_str().into()),
            _ => None,
        }
    }
}
