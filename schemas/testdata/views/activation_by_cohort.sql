CREATE OR REPLACE VIEW `firstlight`.`activation_by_cohort`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the users entered',
    entered UInt64 COMMENT 'Users who entered the cohort in the period',
    eligible UInt64 COMMENT 'Of those, users whose within had passed at as_of',
    activated UInt64 COMMENT 'Of the eligible, users who completed all steps within the time allowed',
    rate Nullable(Float64) COMMENT 'activated / eligible: young users do not count, so a young cohort never looks like a drop; NULL when the denominator is 0',
    rate_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of rate',
    rate_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of rate',
    activated_to_date UInt64 COMMENT 'Users of all entered who have activated so far',
    rate_to_date Nullable(Float64) COMMENT 'activated_to_date / entered',
    km_rate Nullable(Float64) COMMENT 'Kaplan-Meier estimate of the share that activates within the time allowed; NULL until one user was followed that long',
    is_mature Bool COMMENT 'All entered are eligible: rate is that of the whole cohort',
    as_of DateTime64(3, 'UTC') COMMENT 'Received time up to which every partition has applied the stream'
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
    -- Where everybody is eligible the estimate is the plain rate. So ages are added up of those cohorts only that may be younger: a
    -- cohort is a month at most, and two days are more than any time zone.
    intDiv(as_of_s - toInt64(metrics_in_force.3), 86400) - 33 AS young,
    entry AS
    (
        SELECT name AS cohort,  cohort_start, sumMap(map(toUnixTimestamp(bucket_end), n)) AS entered_by_end
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment = '' AND segment_value = ''
        GROUP BY cohort,  cohort_start
    ),
    reach AS
    (
        SELECT name AS metric,  cohort_start, sumMap(map(toUnixTimestamp(bucket_end), n)) AS reached_by_end,
            sumMapIf(mapFromArrays(ages, counts), is_young) AS users_by_age, sumMapIf(mapFromArrays(ages, sums), is_young) AS ms_by_age
        FROM
        (
            SELECT name,  cohort_start, bucket_end, n, ages, counts, sums, toInt32(cohort_start) >= young AS is_young
            FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'reach' AND stage = 0 AND segment = '' AND segment_value = ''
        )
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
    totals AS
    (
        SELECT metric, cohort,  cohort_start,
            toUInt64(arraySum(mapValues(entered_by_end))) AS entered,
            toUInt64(arraySum((bucket_end, users) -> if((within_seconds = 0 OR bucket_end + within_seconds <= now_s), users, 0), mapKeys(entered_by_end), mapValues(entered_by_end))) AS eligible,
            toUInt64(arraySum((bucket_end, users) -> if((within_seconds = 0 OR bucket_end + within_seconds <= now_s), users, 0), mapKeys(reached_by_end), mapValues(reached_by_end))) AS activated,
            toUInt64(arraySum(mapValues(reached_by_end))) AS activated_to_date,
            multiIf(eligible = 0, NULL, eligible = entered, activated / entered, empty(event_n), 0., 1 - exp(arrayCumSum((users, risk) -> log(1 - users / risk), event_n, km_risk)[-1])) AS km_rate
        FROM at_risk
    )
SELECT metric, cohort,  cohort_start, entered, eligible, activated,
    activated / nullIf(eligible, 0) AS rate,
    multiIf(eligible = 0, NULL, activated <= 0, 0., (activated + 1.920729410347062 - 1.959963984540054 * sqrt(activated * (eligible - activated) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_low,
    multiIf(eligible = 0, NULL, activated >= eligible, 1., (activated + 1.920729410347062 + 1.959963984540054 * sqrt(activated * (eligible - activated) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_high,
    activated_to_date, activated_to_date / nullIf(entered, 0) AS rate_to_date, km_rate,
    toBool(eligible = entered) AS is_mature, as_of_time AS as_of
FROM totals
WHERE entered > 0
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Activation of each cohort: the share of users who completed all steps within the time allowed since they entered'
