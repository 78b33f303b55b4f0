//! The line in the table: a beacon, whose it is, where its client is, and what it adds to its session.

use std::sync::Arc;

use fairway_geo::Place;
use fairway_store::{BeaconRow, Source};

use crate::{attribution::Owner, record::Beacon, session::Account};

/// A player's clock that is further off than a day tells nothing: the receipt time is kept instead, so that no row lands
/// in a partition of its own.
const MAX_CLOCK_ERROR_MS: i64 = 24 * 3_600_000;

/// Puts the row together. What the interval before this beacon added goes to the pathway of that interval; a request goes
/// to its own. The client's address is not among the arguments: only its place is.
pub(crate) fn row(
    beacon: Beacon,
    owner: &Owner,
    account: Account,
    place: &Place,
    source: Source,
    now_ms: i64,
) -> BeaconRow {
    let is_response = beacon.is_response();
    let failed = is_response && beacon.status.is_some_and(|status| status == 0 || status >= 400);
    let pathway: Option<Arc<str>> = account.pathway.or_else(|| owner.pathway.clone());
    BeaconRow {
        received_ms: now_ms,
        ts_ms: beacon.time_ms.filter(|ts| (ts - now_ms).abs() <= MAX_CLOCK_ERROR_MS).unwrap_or(now_ms),
        service: owner.service.as_ref().to_owned(),
        pathway: pathway.as_deref().unwrap_or_default().to_owned(),
        session: beacon.session.unwrap_or_default(),
        sn: beacon.number.unwrap_or_default(),
        event: beacon.event.unwrap_or_default(),
        state: beacon.state.map(|s| s.token().to_owned()).unwrap_or_default(),
        content: beacon.content.unwrap_or_default(),
        continent: place.continent.map(|c| c.code().to_owned()).unwrap_or_default(),
        country: place.country.map(|c| c.as_str().to_owned()).unwrap_or_default(),
        subdivision: place.subdivision.map(|s| s.as_str().to_owned()).unwrap_or_default(),
        asn: place.asn.map_or(0, |asn| asn.0),
        watched_ms: account.watched_ms,
        stalled_ms: account.stalled_ms,
        startup_ms: account.startup_ms,
        starts: account.starts,
        start_failures: account.start_failures,
        requests: is_response.into(),
        request_errors: failed.into(),
        ttfb_ms: beacon.ttfb_ms.filter(|_| is_response),
        ttlb_ms: beacon.ttlb_ms.filter(|_| is_response),
        bits: account.bits,
        bitrate_kbps: beacon.bitrate_kbps.unwrap_or_default(),
        buffer_ms: beacon.buffer_ms,
        throughput_kbps: beacon.throughput_kbps,
        status: beacon.status.filter(|_| is_response),
        error: beacon.error.unwrap_or_default(),
        source,
    }
}
