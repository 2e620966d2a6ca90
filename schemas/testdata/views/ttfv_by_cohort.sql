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
    assumeNotNull((SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort)), max(within_seconds)) FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('ttfv'))) AS metrics_in_force,
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('ttfv')
    ),
    entry AS
    (
        SELECT name AS cohort,  cohort_start, sumMap(map(toUnixTimestamp(bucket_end), n)) AS entered_by_end
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment = '' AND segment_value = ''
        GROUP BY cohort,  cohort_start
    ),
    reach AS
    (
        SELECT name AS metric,  cohort_start, sumMap(map(toUnixTimestamp(bucket_end), n)) AS reached_by_end, sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'reach' AND stage = 0 AND segment = '' AND segment_value = ''
        GROUP BY metric,  cohort_start
    ),
    followed AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort,  e.cohort_start AS cohort_start, c.within_seconds AS within_seconds,
            if(c.counts_from = 0, e.entered_by_end, mapFilter((ended, users) -> ended > c.counts_from, e.entered_by_end)) AS entered_by_end, r.reached_by_end AS reached_by_end,
            r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM chosen AS c
        INNER JOIN entry AS e ON e.cohort = c.cohort
        LEFT JOIN reach AS r ON r.metric = c.metric AND r.cohort_start = e.cohort_start
        WHERE notEmpty(entered_by_end)
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
                arrayMap((bucket_end, users) -> (greatest(0., now_ms / 1000 - bucket_end), 1, users), mapKeys(censored), mapValues(censored)))) AS km_point,
            event_total + arraySum(mapValues(censored)) AS km_users
        FROM aged
    ),
    at_risk AS
    (
        SELECT *,
            arrayFilter((risk, point) -> point.2 = 0,
                arrayMap((point, gone) -> km_users - gone + point.3, km_point, arrayCumSum(point -> point.3, km_point)), km_point) AS km_risk
        FROM lined_up
    ),
    curve AS
    (
        SELECT *, km.1 AS km_s, km.2 AS km_low, km.3 AS km_high
        FROM
        (
            SELECT *,
                arrayMap((x, v) -> (exp(x), exp(x * exp(-1.959963984540054 * sqrt(v) / x)), exp(x * exp(1.959963984540054 * sqrt(v) / x))),
                    arrayCumSum((users, risk) -> log(1 - users / risk), event_n, km_risk),
                    arrayCumSum((users, risk) -> users / (risk * (risk - users)), event_n, km_risk)) AS km
            FROM at_risk
        )
    )
SELECT metric, cohort,  cohort_start, entered, reached, mean_seconds,
    quantiles[1] AS p25_seconds, quantiles[2] AS p50_seconds, quantiles[3] AS p75_seconds, quantiles[4] AS p90_seconds,
    km_quantiles[1] AS km_p25_seconds, km_quantiles[2] AS km_p50_seconds, km_quantiles[3] AS km_p50_low, km_quantiles[4] AS km_p50_high, km_quantiles[5] AS km_p75_seconds, as_of_time AS as_of
FROM
(
    SELECT *, toUInt64(arraySum(mapValues(entered_by_end))) AS entered, event_total AS reached, arraySum(mapValues(ms_by_age)) / nullIf(event_total, 0) / 1000 AS mean_seconds,
        arrayMap(percent -> arrayMap(at -> multiIf(event_total = 0, NULL,
            event_cum[at] * 100 = event_total * percent, (event_age[at] + event_age[at + 1]) / 2,
            event_age[at]), [arrayFirstIndex(users -> users * 100 >= event_total * percent, event_cum)])[1], [25, 50, 75, 90]) AS quantiles,
        arrayMap((share, curve) -> arrayMap(at -> multiIf(at = 0, NULL,
            curve[at] < share - 1e-9 OR at = length(curve), event_age[at],
            (event_age[at] + event_age[at + 1]) / 2), [arrayFirstIndex(s -> s <= share + 1e-9, curve)])[1],
        [0.75, 0.5, 0.5, 0.5, 0.25], [km_s, km_s, km_low, km_high, km_s]) AS km_quantiles
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
