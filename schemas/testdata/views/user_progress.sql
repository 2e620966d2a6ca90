CREATE OR REPLACE VIEW `firstlight`.`user_progress`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    user_id String COMMENT 'The user, as the events name them',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the user entered',
    segments Map(String, String) COMMENT 'Segment values from the entry event, by segment name, in the order of names',
    entered_at DateTime64(3, 'UTC') COMMENT 'Time of the entry event',
    kind LowCardinality(String) COMMENT 'Kind of the metric: activation, ttfv or adoption',
    reached_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the user activated, reached value or first used the feature, within the time allowed; NULL when not yet',
    seconds Nullable(Float64) COMMENT 'Seconds from entry to reached_at',
    steps_done UInt64 COMMENT 'Steps the user has completed in time; metrics without steps count as one',
    next_step String COMMENT 'Name of the first missing step in catalog order; empty when none is missing'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation', 'ttfv', 'adoption')
    )
SELECT metric, cohort, user_id, cohort_start, segments,
    fromUnixTimestamp64Milli(entry_ms, 'UTC') AS entered_at, kind,
    if(reach_ms = 0, NULL, fromUnixTimestamp64Milli(reach_ms, 'UTC')) AS reached_at,
    if(reach_ms = 0, NULL, (reach_ms - entry_ms) / 1000) AS seconds,
    toUInt64(bitCount(step_bits)) AS steps_done,
    steps[bitCount(bitXor(step_bits, step_bits + 1))] AS next_step
FROM
(
    SELECT c.metric AS metric, c.cohort AS cohort, c.kind AS kind, c.steps AS steps, c.within_seconds AS within_seconds,
        u.user_id AS user_id, u.last_seen AS last_seen,
        u.cohort_start[c.cohort_position] AS cohort_start, mapSort(u.segments[c.cohort_position]) AS segments,
        u.entered_at[c.cohort_position] AS entry_ms, u.reached_at[c.position] AS reach_ms, u.steps[c.position] AS step_bits
    FROM `firstlight`.users AS u FINAL
    CROSS JOIN chosen AS c
    WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND entry_ms != 0 AND entry_ms >= 1000 * toInt64(c.counts_from)
)
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Every entered user and how far they are with each metric of their cohort'
