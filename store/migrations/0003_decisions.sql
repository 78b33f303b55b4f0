-- Recorded decisions, and the texts of the policies that made them.
--
-- `record` is the whole of a decision as the node keeps it (JSON); the columns before it are what people and plans ask
-- by, so that nothing has to be read out of it. Records of one service lie together in time, and those of one second are
-- much alike, so that most of a record costs nothing. There is no address in it, and no session id.
--
-- A row knows itself when it ends, so that a change of what the configuration says concerns new rows only, and no ALTER
-- has to rewrite the old. Partitions are of six hours of that end: they go as a whole, at most so much later.

CREATE TABLE IF NOT EXISTS decisions
(
    at          DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    id          UInt64 CODEC(Delta, ZSTD(1)),
    service     LowCardinality(String),
    occasion    LowCardinality(String),
    weight      UInt64 CODEC(T64, ZSTD(1)),
    snapshot    UInt64 CODEC(Delta, ZSTD(1)),
    policy      LowCardinality(String),
    via         LowCardinality(String),
    continent   LowCardinality(String),
    country     LowCardinality(String),
    subdivision LowCardinality(String),
    asn         UInt32 CODEC(ZSTD(1)),
    candidates  Array(LowCardinality(String)) CODEC(ZSTD(1)),
    tiers       Array(UInt8) CODEC(ZSTD(1)),
    weights     Array(UInt32) CODEC(ZSTD(1)),
    aside       Array(LowCardinality(String)) CODEC(ZSTD(1)),
    chosen      LowCardinality(String),
    step        UInt8 CODEC(ZSTD(1)),
    reason      LowCardinality(String),
    probability Float32 CODEC(ZSTD(1)),
    ttl         UInt32 CODEC(T64, ZSTD(1)),
    asker       String CODEC(ZSTD(3)),
    record      String CODEC(ZSTD(3)),
    expires     DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toStartOfInterval(expires, INTERVAL 6 HOUR)
ORDER BY (service, at)
TTL expires
SETTINGS ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 1000;

-- By the hash of the text. Written again while it is in use, with a later end.
CREATE TABLE IF NOT EXISTS policies
(
    policy  String,
    service LowCardinality(String),
    text    String CODEC(ZSTD(3)),
    expires DateTime('UTC')
)
ENGINE = ReplacingMergeTree(expires)
ORDER BY (policy, service)
TTL expires;
