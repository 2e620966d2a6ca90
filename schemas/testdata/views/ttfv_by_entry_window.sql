CREATE OR REPLACE VIEW `firstlight`.`ttfv_by_entry_window`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    `window` LowCardinality(String) COMMENT 'Kind of window as the catalog lists it: 1h, 1d, 1w, 1mo, or trailing Nd/1d',
    window_start DateTime('UTC') COMMENT 'Start of the window, inclusive',
    window_end DateTime('UTC') COMMENT 'End of the window, exclusive',
    entered UInt64 COMMENT 'Users who entered in the window',
    reached UInt64 COMMENT 'Of those, users who have reached value so far',
    km_p50_seconds Nullable(Float64) COMMENT 'Kaplan-Meier median: seconds until half of those who entered reach value; NULL when not reached yet',
    km_p50_low Nullable(Float64) COMMENT 'Lower 95 % limit of km_p50_seconds, from log-log bounds',
    km_p50_high Nullable(Float64) COMMENT 'Upper 95 % limit of km_p50_seconds, from log-log bounds; NULL when not reached yet',
    is_settled Bool COMMENT 'The window ended at least settle ago: it is judged, though late events may still correct it',
    is_final Bool COMMENT 'The window ended at least allowed_lateness ago: its counts cannot change any more',
    day Date COMMENT 'Local date of window_start: west and east of UTC toDate(window_start) is another day'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    assumeNotNull((SELECT argMax((settle_seconds, lateness_seconds, week_start = 'sunday', windows), catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS newest_catalog,
    newest_catalog.1 AS settle_s,
    newest_catalog.2 AS lateness_s,
    newest_catalog.3 AS sunday_weeks,
    newest_catalog.4 AS listed_windows,
    assumeNotNull((SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort)), max(within_seconds)) FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('ttfv'))) AS metrics_in_force,
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('ttfv')
    ),
    spans AS
    (
        SELECT `window`, day, start_day, window_start, window_end
        FROM `firstlight`.window_days FINAL
        WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND `window` != '1h' AND toUnixTimestamp(shown_from) <= as_of_s
    ),
    entry AS
    (
        SELECT cohort,  `window`, window_start, window_end, start_day, sumMap(by_end) AS entered_by_end
        FROM
        (
            SELECT name AS cohort,  day, sumMap(map(toUnixTimestamp(bucket_end), n)) AS by_end
            FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment = '' AND segment_value = ''
            GROUP BY cohort,  day
        ) AS d
        INNER JOIN spans AS s ON s.day = d.day
        GROUP BY cohort,  `window`, window_start, window_end, start_day
        UNION ALL
        SELECT name AS cohort, '1h' AS `window`, bucket AS window_start, bucket_end AS window_end, day AS start_day, sumMap(map(toUnixTimestamp(bucket_end), n)) AS entered_by_end
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment = '' AND segment_value = '' AND has(listed_windows, '1h')
        GROUP BY cohort, bucket, bucket_end, day
    ),
    reach AS
    (
        SELECT metric,  `window`, window_start, window_end, start_day,
            sumMap(d.reached_by_end) AS reached_by_end, sumMap(d.users_by_age) AS users_by_age, sumMap(d.ms_by_age) AS ms_by_age
        FROM
        (
            SELECT name AS metric,  day, sumMap(map(toUnixTimestamp(bucket_end), n)) AS reached_by_end, sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age
            FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'reach' AND stage = 0 AND segment = '' AND segment_value = ''
            GROUP BY metric,  day
        ) AS d
        INNER JOIN spans AS s ON s.day = d.day
        GROUP BY metric,  `window`, window_start, window_end, start_day
        UNION ALL
        SELECT name AS metric, '1h' AS `window`, bucket AS window_start, bucket_end AS window_end, day AS start_day,
            sumMap(map(toUnixTimestamp(bucket_end), n)) AS reached_by_end, sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'reach' AND stage = 0 AND segment = '' AND segment_value = '' AND has(listed_windows, '1h')
        GROUP BY metric, bucket, bucket_end, day
    ),
    followed AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort,  e.window AS window, e.window_start AS window_start, e.window_end AS window_end, e.start_day AS start_day, c.within_seconds AS within_seconds,
            if(c.counts_from = 0, e.entered_by_end, mapFilter((ended, users) -> ended > c.counts_from, e.entered_by_end)) AS entered_by_end, r.reached_by_end AS reached_by_end,
            r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM chosen AS c
        INNER JOIN entry AS e ON e.cohort = c.cohort
        LEFT JOIN reach AS r ON r.metric = c.metric AND r.window = e.window AND r.window_start = e.window_start AND r.window_end = e.window_end AND r.start_day = e.start_day
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
SELECT metric, cohort,  `window`, window_start, window_end, entered, reached,
    km_median[1] AS km_p50_seconds, km_median[2] AS km_p50_low, km_median[3] AS km_p50_high,
    toBool(toUnixTimestamp(window_end) + settle_s <= as_of_s) AS is_settled,
    toBool(toUnixTimestamp(window_end) + lateness_s <= as_of_s) AS is_final,
    start_day AS day
FROM
(
    SELECT *, toUInt64(arraySum(mapValues(entered_by_end))) AS entered, event_total AS reached,
        arrayMap((share, curve) -> arrayMap(at -> multiIf(at = 0, NULL,
            curve[at] < share - 1e-9 OR at = length(curve), event_age[at],
            (event_age[at] + event_age[at + 1]) / 2), [arrayFirstIndex(s -> s <= share + 1e-9, curve)])[1],
        [0.5, 0.5, 0.5], [km_s, km_low, km_high]) AS km_median
    FROM curve
)
WHERE entered > 0
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Time to first value of the users who entered in each window, by Kaplan-Meier'
