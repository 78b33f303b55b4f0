-- Of a cell's sessions, those that had a request fail. Failures of one session hang together, so it is sessions that are
-- evidence of a fault; and a player that is refused goes elsewhere, so that a share of requests tells of it late.

ALTER TABLE cells_10s
    ADD COLUMN IF NOT EXISTS failed_sessions AggregateFunction(uniq, String) AFTER sessions;

-- The view is made anew, and not changed by MODIFY QUERY: a changed one goes by another name in the deduplication of inserts
-- until the server starts again, so that a batch repeated over that start would be in the cells twice. A node inserts
-- nothing before its migrations are done; what another node of a cluster inserts between these two statements is in no cell.
DROP VIEW IF EXISTS cells_10s_from_beacons;

-- Times are in milliseconds, throughputs in bit/s; what is told as zero is taken for the smallest that can be told.
CREATE MATERIALIZED VIEW IF NOT EXISTS cells_10s_from_beacons TO cells_10s AS
WITH
    log(greatest(ifNull(beacons.startup_ms, 1), 1)) AS ln_startup,
    log(greatest(ifNull(beacons.ttfb_ms, 1), 1)) AS ln_ttfb,
    log(1000 * greatest(toUInt64(ifNull(beacons.throughput_kbps, 1)), 1)) AS ln_throughput
SELECT
    toStartOfInterval(received, INTERVAL 10 SECOND, 'UTC') AS bucket,
    service,
    pathway,
    continent,
    country,
    asn,
    uniqState(session) AS sessions,
    uniqStateIf(session, beacons.request_errors > 0) AS failed_sessions,
    sum(toUInt64(beacons.watched_ms)) AS watched_ms,
    sum(toUInt64(beacons.stalled_ms)) AS stalled_ms,
    sum(toUInt64(beacons.starts)) AS starts,
    sum(toUInt64(beacons.start_failures)) AS start_failures,
    quantilesTDigestState(0.5, 0.95)(beacons.startup_ms) AS startup_ms,
    count(beacons.startup_ms) AS startup_count,
    sumIf(ln_startup, isNotNull(beacons.startup_ms)) AS startup_ln,
    sumIf(ln_startup * ln_startup, isNotNull(beacons.startup_ms)) AS startup_ln2,
    sum(toUInt64(beacons.requests)) AS requests,
    sum(toUInt64(beacons.request_errors)) AS request_errors,
    quantilesTDigestState(0.5, 0.95)(beacons.ttfb_ms) AS ttfb_ms,
    count(beacons.ttfb_ms) AS ttfb_count,
    sumIf(ln_ttfb, isNotNull(beacons.ttfb_ms)) AS ttfb_ln,
    sumIf(ln_ttfb * ln_ttfb, isNotNull(beacons.ttfb_ms)) AS ttfb_ln2,
    count(beacons.throughput_kbps) AS throughput_count,
    sumIf(ln_throughput, isNotNull(beacons.throughput_kbps)) AS throughput_ln,
    sumIf(ln_throughput * ln_throughput, isNotNull(beacons.throughput_kbps)) AS throughput_ln2,
    sum(beacons.bits) AS bits,
    max(received) AS newest
FROM beacons
WHERE pathway != ''
GROUP BY bucket, service, pathway, continent, country, asn;
