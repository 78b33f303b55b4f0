-- Beacons as they were received, and the cells made of them.
--
-- Both tables remember the last 10,000 inserts by their token, so that a batch that is sent again changes nothing; the
-- default is to remember none. A sender has one insert under way and repeats none but that, so what has to fit is what
-- all others insert while one of them is away: for a single node one would do, for ten it is over five minutes.
-- An insert is on disk before it is acknowledged: the sender then forgets it.

CREATE TABLE IF NOT EXISTS beacons
(
    received       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    ts             DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    service        LowCardinality(String),
    pathway        LowCardinality(String),
    session        String CODEC(ZSTD(1)),
    sn             UInt32 CODEC(Delta, ZSTD(1)),
    event          LowCardinality(String),
    state          LowCardinality(String),
    content        LowCardinality(String),
    continent      LowCardinality(String),
    country        LowCardinality(String),
    subdivision    LowCardinality(String),
    asn            UInt32 CODEC(ZSTD(1)),
    watched_ms     UInt32 CODEC(T64, ZSTD(1)),
    stalled_ms     UInt32 CODEC(T64, ZSTD(1)),
    startup_ms     Nullable(UInt32) CODEC(ZSTD(1)),
    starts         UInt8 CODEC(ZSTD(1)),
    start_failures UInt8 CODEC(ZSTD(1)),
    requests       UInt32 CODEC(T64, ZSTD(1)),
    request_errors UInt32 CODEC(T64, ZSTD(1)),
    ttfb_ms        Nullable(UInt32) CODEC(ZSTD(1)),
    ttlb_ms        Nullable(UInt32) CODEC(ZSTD(1)),
    bits           UInt64 CODEC(T64, ZSTD(1)),
    bitrate_kbps   UInt32 CODEC(T64, ZSTD(1)),
    buffer_ms      Nullable(UInt32) CODEC(ZSTD(1)),
    status         Nullable(UInt16) CODEC(ZSTD(1)),
    error          String CODEC(ZSTD(1)),
    source         Enum8('cmcd1' = 1, 'cmcd2' = 2, 'json' = 3)
)
ENGINE = MergeTree
PARTITION BY toDate(received)
-- A session's beacons lie together, so its id costs next to nothing after the first; an hour keeps time selective.
ORDER BY (service, toStartOfHour(received), session, sn)
TTL toDateTime(received) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Sums and mergeable states, never averages: any window and any audience is one merge away.
CREATE TABLE IF NOT EXISTS cells_10s
(
    bucket         DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    service        LowCardinality(String),
    pathway        LowCardinality(String),
    continent      LowCardinality(String),
    country        LowCardinality(String),
    asn            UInt32 CODEC(ZSTD(1)),
    sessions       AggregateFunction(uniq, String),
    watched_ms     SimpleAggregateFunction(sum, UInt64),
    stalled_ms     SimpleAggregateFunction(sum, UInt64),
    starts         SimpleAggregateFunction(sum, UInt64),
    start_failures SimpleAggregateFunction(sum, UInt64),
    startup_ms     AggregateFunction(quantilesTDigest(0.5, 0.95), Nullable(UInt32)),
    requests       SimpleAggregateFunction(sum, UInt64),
    request_errors SimpleAggregateFunction(sum, UInt64),
    ttfb_ms        AggregateFunction(quantilesTDigest(0.5, 0.95), Nullable(UInt32)),
    bits           SimpleAggregateFunction(sum, UInt64),
    newest         SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (bucket, service, pathway, continent, country, asn)
TTL bucket + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- A beacon that could not be attributed says nothing of any pathway.
CREATE MATERIALIZED VIEW IF NOT EXISTS cells_10s_from_beacons TO cells_10s AS
SELECT
    toStartOfInterval(received, INTERVAL 10 SECOND, 'UTC') AS bucket,
    service,
    pathway,
    continent,
    country,
    asn,
    uniqState(session) AS sessions,
    sum(toUInt64(beacons.watched_ms)) AS watched_ms,
    sum(toUInt64(beacons.stalled_ms)) AS stalled_ms,
    sum(toUInt64(beacons.starts)) AS starts,
    sum(toUInt64(beacons.start_failures)) AS start_failures,
    quantilesTDigestState(0.5, 0.95)(beacons.startup_ms) AS startup_ms,
    sum(toUInt64(beacons.requests)) AS requests,
    sum(toUInt64(beacons.request_errors)) AS request_errors,
    quantilesTDigestState(0.5, 0.95)(beacons.ttfb_ms) AS ttfb_ms,
    sum(beacons.bits) AS bits,
    max(received) AS newest
FROM beacons
WHERE pathway != ''
GROUP BY bucket, service, pathway, continent, country, asn;
