CREATE OR REPLACE VIEW `firstlight`.`ttfv_by_window_segments`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    segment LowCardinality(String) COMMENT 'Name of the segment; its values come from the entry event',
    segment_value String COMMENT 'Value of the segment; (none) without a value, (other) beyond those listed or the cap',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the users entered',
    `window` LowCardinality(String) COMMENT 'Kind of window as the catalog lists it: 1h, 1d, 1w, 1mo, or trailing Nd/1d',
    window_start DateTime('UTC') COMMENT 'Start of the window, inclusive',
    window_end DateTime('UTC') COMMENT 'End of the window, exclusive',
    reached_in_window UInt64 COMMENT 'Users whose first value came in the window',
    reached_to_date UInt64 COMMENT 'Users who had reached value before window_end',
    mean_seconds Nullable(Float64) COMMENT 'Mean seconds from entry to first value, of those reaching it in the window',
    p50_seconds Nullable(Float64) COMMENT 'Median of the same, within 1 %',
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
    happened AS
    (
        SELECT name AS metric, segment, segment_value, cohort_start, day, bucket, bucket_end, n AS done_n, toInt64(0) AS entry_n, ages, counts, sums
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'done' AND stage = 0 AND segment != ''
    ),
    done_by_window AS
    (
        SELECT metric, segment, segment_value, cohort_start, `window`, window_start, window_end, start_day, sum(d.users) AS users,
            max(d.done_to_date) AS done_to_date, max(d.entered_to_date) AS entered_to_date, sumMap(d.users_by_age) AS users_by_age, sumMap(d.ms_by_age) AS ms_by_age
        FROM
        (
            SELECT metric, segment, segment_value, cohort_start, day AS at, sum(done_n) AS users,
    sum(sum(done_n)) OVER (PARTITION BY metric, segment, segment_value, cohort_start ORDER BY at) AS done_to_date,
    sum(sum(entry_n)) OVER (PARTITION BY metric, segment, segment_value, cohort_start ORDER BY at) AS entered_to_date, sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age
            FROM happened
            GROUP BY metric, segment, segment_value, cohort_start, at
        ) AS d
        INNER JOIN spans AS s ON s.day = d.at
        GROUP BY metric, segment, segment_value, cohort_start, `window`, window_start, window_end, start_day
    )
SELECT w.metric AS metric, c.cohort AS cohort, w.segment AS segment, w.segment_value AS segment_value, cohort_start, `window`, window_start, window_end,
    toUInt64(users) AS reached_in_window, toUInt64(done_to_date) AS reached_to_date,
    arraySum(mapValues(ms_by_age)) / nullIf(event_total, 0) / 1000 AS mean_seconds, p50_seconds,
    toBool(toUnixTimestamp(window_end) + settle_s <= as_of_s) AS is_settled,
    toBool(toUnixTimestamp(window_end) + lateness_s <= as_of_s) AS is_final,
    start_day AS day
FROM
(
    SELECT *, arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total,
        arrayMap(percent -> arrayMap(at -> multiIf(event_total = 0, NULL,
            event_cum[at] * 100 = event_total * percent, (event_age[at] + event_age[at + 1]) / 2,
            event_age[at]), [arrayFirstIndex(users -> users * 100 >= event_total * percent, event_cum)])[1], [50])[1] AS p50_seconds
    FROM done_by_window
    WHERE users > 0
) AS w
INNER JOIN chosen AS c ON c.metric = w.metric
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Time to first value of each cohort through calendar time: one row for every window in which a user of the cohort reached value, by segment'
