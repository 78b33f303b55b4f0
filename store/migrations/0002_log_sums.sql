-- What estimates are made of: beside the quantile states, which charts read, sums of logarithms (count, Σ ln x, Σ ln² x),
-- which add up over cells and fade over time as counts do. Cells of before this have none of them: nothing was told.
-- The view that fills them in is 0004's.

ALTER TABLE beacons
    ADD COLUMN IF NOT EXISTS throughput_kbps Nullable(UInt32) CODEC(ZSTD(1)) AFTER buffer_ms;

ALTER TABLE cells_10s
    ADD COLUMN IF NOT EXISTS startup_count    SimpleAggregateFunction(sum, UInt64) AFTER startup_ms,
    ADD COLUMN IF NOT EXISTS startup_ln       SimpleAggregateFunction(sum, Float64) AFTER startup_count,
    ADD COLUMN IF NOT EXISTS startup_ln2      SimpleAggregateFunction(sum, Float64) AFTER startup_ln,
    ADD COLUMN IF NOT EXISTS ttfb_count       SimpleAggregateFunction(sum, UInt64) AFTER ttfb_ms,
    ADD COLUMN IF NOT EXISTS ttfb_ln          SimpleAggregateFunction(sum, Float64) AFTER ttfb_count,
    ADD COLUMN IF NOT EXISTS ttfb_ln2         SimpleAggregateFunction(sum, Float64) AFTER ttfb_ln,
    ADD COLUMN IF NOT EXISTS throughput_count SimpleAggregateFunction(sum, UInt64) AFTER ttfb_ln2,
    ADD COLUMN IF NOT EXISTS throughput_ln    SimpleAggregateFunction(sum, Float64) AFTER throughput_count,
    ADD COLUMN IF NOT EXISTS throughput_ln2   SimpleAggregateFunction(sum, Float64) AFTER throughput_ln;
