CREATE OR REPLACE VIEW `firstlight`.`pipeline_progress`
(
    partition UInt16 COMMENT 'Partition of the stream, from 0',
    applied_seq UInt64 COMMENT 'Stream sequence up to which the partition is applied and stored',
    stream_seq UInt64 COMMENT 'Last sequence of the stream',
    lag UInt64 COMMENT 'Messages of the partition that are stored and not yet applied',
    arrival_clock Nullable(DateTime64(3, 'UTC')) COMMENT 'Largest received time of its messages so far; NULL before the first',
    watermark Nullable(DateTime64(3, 'UTC')) COMMENT 'arrival_clock less allowed_lateness: events before it are late',
    received UInt64 COMMENT 'Messages received: applied + ignored + dead',
    applied UInt64 COMMENT 'Events applied',
    ignored UInt64 COMMENT 'Messages that count in no metric by design: identify, group, alias, anonymous users, what the catalog excludes',
    missed UInt64 COMMENT 'Messages of the whole stream that were gone before they were read (its limits, a purge); in the row of partition 0',
    clamped UInt64 COMMENT 'Events from the future whose time became the received time; they are also applied',
    dead Map(String, UInt64) COMMENT 'Dead letters by reason',
    worker String COMMENT 'The worker that holds the partition, or held it last: host and process',
    updated_at DateTime64(3, 'UTC') COMMENT 'When the worker last reported, by its own clock'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT argMax((settle_seconds, lateness_seconds, week_start = 'sunday', windows), catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS newest_catalog,
    newest_catalog.1 AS settle_s,
    newest_catalog.2 AS lateness_s,
    newest_catalog.3 AS sunday_weeks,
    newest_catalog.4 AS listed_windows
SELECT partition, max(applied_upto) AS applied_seq, max(stream_last) AS stream_seq, max(waiting) AS lag,
    if(clock = 0, NULL, fromUnixTimestamp64Milli(max(clock_ms) AS clock, 'UTC')) AS arrival_clock,
    if(clock = 0, NULL, fromUnixTimestamp64Milli(clock - toInt64(lateness_s) * 1000, 'UTC')) AS watermark,
    max(received_n) AS received, max(applied_n) AS applied, max(ignored_n) AS ignored, max(missed_n) AS missed, max(clamped_n) AS clamped,
    maxMap(dead_n) AS dead, max(holder) AS worker, max(reported) AS updated_at
FROM
(
    SELECT partition, applied_seq AS applied_upto, toUInt64(0) AS stream_last, toUInt64(0) AS waiting, arrival_clock AS clock_ms,
        received AS received_n, applied AS applied_n, ignored AS ignored_n, missed AS missed_n, clamped AS clamped_n, dead AS dead_n,
        '' AS holder, toDateTime64(0, 3, 'UTC') AS reported
    FROM `firstlight`.checkpoints FINAL
    WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)
    UNION ALL
    SELECT partition, 0, stream_seq, lag, 0, 0, 0, 0, 0, 0, CAST(map(), 'Map(String, UInt64)'), worker, updated_at
    FROM `firstlight`.progress FINAL
    WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)
)
GROUP BY partition
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'How far each partition has come, and what became of every message: received = applied + ignored + dead'
