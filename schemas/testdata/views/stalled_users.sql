CREATE OR REPLACE VIEW `firstlight`.`stalled_users`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    user_id String COMMENT 'The user, as the events name them',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the user entered',
    segments Map(String, String) COMMENT 'Segment values from the entry event, by segment name, in the order of names',
    entered_at DateTime64(3, 'UTC') COMMENT 'Time of the entry event',
    last_seen_at DateTime64(3, 'UTC') COMMENT 'Time of the user''s newest event',
    steps_done UInt64 COMMENT 'Steps the user has completed in time; metrics without steps count as one',
    next_step String COMMENT 'Name of the first missing step in catalog order; empty when none is missing',
    expires_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the time allowed ends; NULL when the metric has no within'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    assumeNotNull((SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort)), max(within_seconds)) FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation', 'ttfv'))) AS metrics_in_force,
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation', 'ttfv')
    ),
    slow AS
    (
        SELECT metric, p75_seconds * 1000 AS slow_ms
        FROM
        (
            SELECT metric, arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total,
                arrayMap(percent -> arrayMap(at -> multiIf(event_total = 0, NULL,
            event_cum[at] * 100 = event_total * percent, (event_age[at] + event_age[at + 1]) / 2,
            event_age[at]), [arrayFirstIndex(users -> users * 100 >= event_total * percent, event_cum)])[1], [75])[1] AS p75_seconds
            FROM
            (
                SELECT name AS metric, sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age
                FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'reach' AND stage = 0 AND segment = '' AND segment_value = ''
                GROUP BY metric
            )
        )
        WHERE event_total > 0
    )
SELECT p.metric AS metric, cohort, user_id, cohort_start, segments,
    fromUnixTimestamp64Milli(entry_ms, 'UTC') AS entered_at,
    fromUnixTimestamp64Milli(last_seen, 'UTC') AS last_seen_at,
    toUInt64(bitCount(step_bits)) AS steps_done,
    steps[bitCount(bitXor(step_bits, step_bits + 1))] AS next_step,
    if(within_seconds = 0, NULL, fromUnixTimestamp64Milli(toInt64(entry_ms + within_seconds * 1000), 'UTC')) AS expires_at
FROM
(
    SELECT c.metric AS metric, c.cohort AS cohort, c.kind AS kind, c.steps AS steps, c.within_seconds AS within_seconds,
        u.user_id AS user_id, u.last_seen AS last_seen,
        u.cohort_start[c.cohort_position] AS cohort_start, mapSort(u.segments[c.cohort_position]) AS segments,
        u.entered_at[c.cohort_position] AS entry_ms, u.reached_at[c.position] AS reach_ms, u.steps[c.position] AS step_bits
    FROM `firstlight`.users AS u FINAL
    CROSS JOIN chosen AS c
    WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND entry_ms != 0 AND entry_ms >= 1000 * toInt64(c.counts_from)
) AS p
INNER JOIN slow AS s ON s.metric = p.metric
WHERE reach_ms = 0 AND (within_seconds = 0 OR entry_ms + within_seconds * 1000 >= as_of_ms) AND as_of_ms - entry_ms > slow_ms
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw', min_joined_block_size_bytes = 1
COMMENT 'Users who can still make it but are slower than 75 % of those who did: whom to call'
