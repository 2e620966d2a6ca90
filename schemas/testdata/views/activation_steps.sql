CREATE OR REPLACE VIEW `firstlight`.`activation_steps`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the users entered',
    step UInt8 COMMENT 'Position of the step in the catalog, from 1',
    step_name String COMMENT 'Name of the step',
    eligible UInt64 COMMENT 'Users whose within had passed at as_of',
    reached UInt64 COMMENT 'Of the eligible, users who reached the step in time; in a sequence also all steps before it',
    rate Nullable(Float64) COMMENT 'reached / eligible; NULL when the denominator is 0',
    rate_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of rate',
    rate_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of rate',
    p50_seconds Nullable(Float64) COMMENT 'Median seconds from entry to the step, of the users in reached, within 1 %',
    from_previous_rate Nullable(Float64) COMMENT 'Of a sequence: reached / reached of the step before, and for the first step of eligible; NULL for steps in any order',
    from_previous_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of from_previous_rate',
    from_previous_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of from_previous_rate',
    p50_from_previous_seconds Nullable(Float64) COMMENT 'Of a sequence: median seconds from the step before, and for the first step from entry, of the users in reached, within 1 %'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    assumeNotNull((SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort)), max(within_seconds)) FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation'))) AS metrics_in_force,
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation')
    ),
    eligible_users AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort,  cohort_start, any(c.steps) AS steps, any(c.sequence) AS in_sequence, sum(users) AS eligible
        FROM
        (
            SELECT name AS cohort,  cohort_start, bucket_end, sum(n) AS users
            FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment = '' AND segment_value = ''
            GROUP BY cohort,  cohort_start, bucket_end
        ) AS e
        INNER JOIN chosen AS c ON c.cohort = e.cohort
        WHERE (within_seconds = 0 OR toUnixTimestamp(bucket_end) + within_seconds <= as_of_s) AND toUnixTimestamp(bucket_end) > counts_from
        GROUP BY metric, cohort,  cohort_start
        HAVING eligible > 0
    ),
    reach AS
    (
        SELECT name AS metric,  cohort_start, stage AS step,
            sumMapIf(mapFromArrays(ages, counts), r.kind = 'reach') AS users_by_age,
            sumMapIf(mapFromArrays(ages, sums), r.kind = 'reach') AS ms_by_age, sumMapIf(mapFromArrays(ages, counts), r.kind = 'between') AS users_by_age_between,
            sumMapIf(mapFromArrays(ages, sums), r.kind = 'between') AS ms_by_age_between
        FROM `firstlight`.cells AS r FINAL
        INNER JOIN chosen AS c ON c.metric = r.name
        WHERE (generation, name) IN metrics_in_force.1 AND r.kind IN ('reach', 'between') AND stage > 0 AND segment = '' AND segment_value = ''
            AND (within_seconds = 0 OR toUnixTimestamp(bucket_end) + within_seconds <= as_of_s)
        GROUP BY metric,  cohort_start, step
    ),
    steps AS
    (
        SELECT e.metric AS metric, e.cohort AS cohort,  e.cohort_start AS cohort_start, e.step AS step,
            step_name, in_sequence, toUInt64(e.eligible) AS eligible, r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age,
            if(step = 1, users_by_age, r.users_by_age_between) AS users_by_wait, if(step = 1, ms_by_age, r.ms_by_age_between) AS ms_by_wait
        FROM
        (
            SELECT metric, cohort,  cohort_start, in_sequence, eligible, step, step_name
            FROM eligible_users
            ARRAY JOIN steps AS step_name, arrayMap(i -> toUInt8(i), arrayEnumerate(steps)) AS step
        ) AS e
        LEFT JOIN reach AS r ON r.metric = e.metric AND r.cohort_start = e.cohort_start AND r.step = e.step
    ),
    reached_steps AS
    (
        SELECT metric, cohort,  cohort_start, step, step_name, in_sequence, eligible, event_total AS reached, p50_seconds,
            lagInFrame(reached, 1, eligible) OVER (PARTITION BY metric, cohort,  cohort_start ORDER BY step) AS previous,
            users_by_wait AS users_by_age, ms_by_wait AS ms_by_age
        FROM
        (
            SELECT *, arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total,
                arrayMap(percent -> arrayMap(at -> multiIf(event_total = 0, NULL,
            event_cum[at] * 100 = event_total * percent, (event_age[at] + event_age[at + 1]) / 2,
            event_age[at]), [arrayFirstIndex(users -> users * 100 >= event_total * percent, event_cum)])[1], [50])[1] AS p50_seconds
            FROM steps
        )
    )
SELECT metric, cohort,  cohort_start, step, step_name, eligible, reached,
    reached / nullIf(eligible, 0) AS rate,
    multiIf(eligible = 0, NULL, reached <= 0, 0., (reached + 1.920729410347062 - 1.959963984540054 * sqrt(reached * (eligible - reached) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_low,
    multiIf(eligible = 0, NULL, reached >= eligible, 1., (reached + 1.920729410347062 + 1.959963984540054 * sqrt(reached * (eligible - reached) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_high,
    p50_seconds,
    if(in_sequence, reached / nullIf(previous, 0), NULL) AS from_previous_rate,
    if(in_sequence, multiIf(previous = 0, NULL, reached <= 0, 0., (reached + 1.920729410347062 - 1.959963984540054 * sqrt(reached * (previous - reached) / previous + 0.960364705173531)) / (previous + 3.841458820694124)), NULL) AS from_previous_low,
    if(in_sequence, multiIf(previous = 0, NULL, reached >= previous, 1., (reached + 1.920729410347062 + 1.959963984540054 * sqrt(reached * (previous - reached) / previous + 0.960364705173531)) / (previous + 3.841458820694124)), NULL) AS from_previous_high,
    if(in_sequence, p50_wait, NULL) AS p50_from_previous_seconds
FROM
(
    SELECT *, arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total,
        arrayMap(percent -> arrayMap(at -> multiIf(event_total = 0, NULL,
            event_cum[at] * 100 = event_total * percent, (event_age[at] + event_age[at + 1]) / 2,
            event_age[at]), [arrayFirstIndex(users -> users * 100 >= event_total * percent, event_cum)])[1], [50])[1] AS p50_wait
    FROM reached_steps
)
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'The funnel of each activation: how many of the eligible users of a cohort reached each step in time'
