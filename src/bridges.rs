//! Where two rooms meet that may not import each other: the store's cells for steering, steering's knowledge of hosts and
//! sessions for the collector.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use fairway_collector::{Attributed, Attribution};
use fairway_geo::Asn;
use fairway_steering::{Audience, Cell, CellRow, CellSource, Live, Logs, cells::CellsUnavailable};
use fairway_store::{Level, LogSums, Store, StoredCell};

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
