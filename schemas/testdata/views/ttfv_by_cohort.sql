CREATE OR REPLACE VIEW `firstlight`.`ttfv_by_cohort`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the users entered',
    entered UInt64 COMMENT 'Users who entered the cohort in the period',
    reached UInt64 COMMENT 'Users who have reached value so far',
    mean_seconds Nullable(Float64) COMMENT 'Mean seconds from entry to first value, of those who reached it',
    p25_seconds Nullable(Float64) COMMENT '25 % of those who reached value took at most this long, within 1 %',
    p50_seconds Nullable(Float64) COMMENT 'Median of those who reached value, within 1 %',
    p75_seconds Nullable(Float64) COMMENT '75 % quantile of those who reached value, within 1 %',
    p90_seconds Nullable(Float64) COMMENT '90 % quantile of those who reached value, within 1 %',
    km_p25_seconds Nullable(Float64) COMMENT 'Kaplan-Meier: seconds until 25 % of all who entered reach value; NULL when not reached yet',
    km_p50_seconds Nullable(Float64) COMMENT 'Kaplan-Meier median: seconds until half of all who entered reach value; NULL when not reached yet',
    km_p50_low Nullable(Float64) COMMENT 'Lower 95 % limit of km_p50_seconds, from log-log bounds',
    km_p50_high Nullable(Float64) COMMENT 'Upper 95 % limit of km_p50_seconds, from log-log bounds; NULL when not reached yet',
    km_p75_seconds Nullable(Float64) COMMENT 'Kaplan-Meier: seconds until 75 % of all who entered reach value; NULL when not reached yet',
    as_of DateTime64(3, 'UTC') COMMENT 'Received time up to which every partition has applied the stream'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    named AS (SELECT metric FROM `firstlight`.metrics WHERE kind IN ('ttfv')),
    chosen AS
    (
        SELECT metric, cohort, kind, grain, position, cohort_position, within_seconds, sequence, steps
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation IN (0, (SELECT max(generation) FROM `firstlight`.generations))) AND kind IN ('ttfv')
    ),
    entry AS
    (
        SELECT name AS cohort,  cohort_start, sumMap(map(toUnixTimestamp(bucket_end), n)) AS entered_by_end
        FROM `firstlight`.cells FINAL
    WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND kind = 'entry' AND segment = '' AND segment_value = ''
        GROUP BY cohort,  cohort_start
    ),
    reach AS
    (
        SELECT name AS metric,  cohort_start, sumMap(map(toUnixTimestamp(bucket_end), n)) AS reached_by_end, sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age
        FROM `firstlight`.cells FINAL
    WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND kind = 'reach' AND stage = 0 AND segment = '' AND segment_value = '' AND name IN (SELECT metric FROM named)
        GROUP BY metric,  cohort_start
    ),
    followed AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort,  e.cohort_start AS cohort_start, c.within_seconds AS within_seconds,
            e.entered_by_end AS entered_by_end, r.reached_by_end AS reached_by_end,
            r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM chosen AS c
        INNER JOIN entry AS e ON e.cohort = c.cohort
        LEFT JOIN reach AS r ON r.metric = c.metric AND r.cohort_start = e.cohort_start
    ),
    aged AS
    (
        SELECT *, as_of_ms AS now_ms, intDiv(now_ms, 1000) AS now_s,
            arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total,
            mapFilter((bucket_end, users) -> users > 0, mapSubtract(entered_by_end, reached_by_end)) AS censored
        FROM followed
    ),
    -- (age, 0 for an event and 1 for a censoring, users)
    lined_up AS
    (
        SELECT *,
            arraySort(arrayConcat(
                arrayMap((age, users) -> (age, 0, toInt64(users)), event_age, event_n),
                arrayMap((bucket_end, users) -> (greatest(0., now_ms / 1000 - bucket_end), 1, users), mapKeys(censored), mapValues(censored)))) AS km_point
        FROM aged
    ),
    left_by AS
    (
        SELECT *,
            arrayCumSum(point -> point.3, km_point) AS km_left
        FROM lined_up
    ),
    at_risk AS
    (
        SELECT *,
            arrayFilter((risk, point) -> point.2 = 0,
                arrayMap((point, left) -> km_left[-1] - left + point.3, km_point, km_left), km_point) AS km_risk
        FROM left_by
    ),
    summed AS
    (
        SELECT *,
            arrayCumSum((users, risk) -> log(1 - users / risk), event_n, km_risk) AS km_log,
            arrayCumSum((users, risk) -> users / (risk * (risk - users)), event_n, km_risk) AS km_var
        FROM at_risk
    ),
    curve AS
    (
        SELECT *,
            arrayMap(x -> exp(x), km_log) AS km_s,
            arrayMap((x, v) -> exp(x * exp(-1.959963984540054 * sqrt(v) / x)), km_log, km_var) AS km_low,
            arrayMap((x, v) -> exp(x * exp(1.959963984540054 * sqrt(v) / x)), km_log, km_var) AS km_high
        FROM summed
    )
SELECT metric, cohort,  cohort_start, entered, reached, mean_seconds, p25_seconds, p50_seconds, p75_seconds,
    p90_seconds, km_p25_seconds, km_p50_seconds, km_p50_low, km_p50_high, km_p75_seconds, as_of_time AS as_of
FROM
(
    SELECT *, toUInt64(arraySum(mapValues(entered_by_end))) AS entered, event_total AS reached, arraySum(mapValues(ms_by_age)) / nullIf(event_total, 0) / 1000 AS mean_seconds,
        arrayFirstIndex(users -> users * 100 >= event_total * 25, event_cum) AS p25_seconds_at,
    multiIf(event_total = 0, NULL,
        event_cum[p25_seconds_at] * 100 = event_total * 25, (event_age[p25_seconds_at] + event_age[p25_seconds_at + 1]) / 2,
        event_age[p25_seconds_at]) AS p25_seconds,
        arrayFirstIndex(users -> users * 100 >= event_total * 50, event_cum) AS p50_seconds_at,
    multiIf(event_total = 0, NULL,
        event_cum[p50_seconds_at] * 100 = event_total * 50, (event_age[p50_seconds_at] + event_age[p50_seconds_at + 1]) / 2,
        event_age[p50_seconds_at]) AS p50_seconds,
        arrayFirstIndex(users -> users * 100 >= event_total * 75, event_cum) AS p75_seconds_at,
    multiIf(event_total = 0, NULL,
        event_cum[p75_seconds_at] * 100 = event_total * 75, (event_age[p75_seconds_at] + event_age[p75_seconds_at + 1]) / 2,
        event_age[p75_seconds_at]) AS p75_seconds,
        arrayFirstIndex(users -> users * 100 >= event_total * 90, event_cum) AS p90_seconds_at,
    multiIf(event_total = 0, NULL,
        event_cum[p90_seconds_at] * 100 = event_total * 90, (event_age[p90_seconds_at] + event_age[p90_seconds_at + 1]) / 2,
        event_age[p90_seconds_at]) AS p90_seconds,
        arrayFirstIndex(s -> s <= 0.75 + 1e-9, km_s) AS km_p25_seconds_at,
    multiIf(km_p25_seconds_at = 0, NULL,
        km_s[km_p25_seconds_at] < 0.75 - 1e-9 OR km_p25_seconds_at = length(km_s), event_age[km_p25_seconds_at],
        (event_age[km_p25_seconds_at] + event_age[km_p25_seconds_at + 1]) / 2) AS km_p25_seconds,
        arrayFirstIndex(s -> s <= 0.5 + 1e-9, km_s) AS km_p50_seconds_at,
    multiIf(km_p50_seconds_at = 0, NULL,
        km_s[km_p50_seconds_at] < 0.5 - 1e-9 OR km_p50_seconds_at = length(km_s), event_age[km_p50_seconds_at],
        (event_age[km_p50_seconds_at] + event_age[km_p50_seconds_at + 1]) / 2) AS km_p50_seconds,
    arrayFirstIndex(s -> s <= 0.5 + 1e-9, km_low) AS km_p50_low_at,
    multiIf(km_p50_low_at = 0, NULL,
        km_low[km_p50_low_at] < 0.5 - 1e-9 OR km_p50_low_at = length(km_low), event_age[km_p50_low_at],
        (event_age[km_p50_low_at] + event_age[km_p50_low_at + 1]) / 2) AS km_p50_low,
    arrayFirstIndex(s -> s <= 0.5 + 1e-9, km_high) AS km_p50_high_at,
    multiIf(km_p50_high_at = 0, NULL,
        km_high[km_p50_high_at] < 0.5 - 1e-9 OR km_p50_high_at = length(km_high), event_age[km_p50_high_at],
        (event_age[km_p50_high_at] + event_age[km_p50_high_at + 1]) / 2) AS km_p50_high,
        arrayFirstIndex(s -> s <= 0.25 + 1e-9, km_s) AS km_p75_seconds_at,
    multiIf(km_p75_seconds_at = 0, NULL,
        km_s[km_p75_seconds_at] < 0.25 - 1e-9 OR km_p75_seconds_at = length(km_s), event_age[km_p75_seconds_at],
        (event_age[km_p75_seconds_at] + event_age[km_p75_seconds_at + 1]) / 2) AS km_p75_seconds
    FROM curve
)
WHERE entered > 0
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Time to first value of each cohort: of those who reached it, and Kaplan-Meier estimates for all who entered'
