CREATE OR REPLACE VIEW `firstlight`.`activation_by_window_segments`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    segment LowCardinality(String) COMMENT 'Name of the segment; its values come from the entry event',
    segment_value String COMMENT 'Value of the segment; (none) without a value, (other) beyond those listed or the cap',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the users entered',
    `window` LowCardinality(String) COMMENT 'Kind of window as the catalog lists it: 1h, 1d, 1w, 1mo, or trailing Nd/1d',
    window_start DateTime('UTC') COMMENT 'Start of the window, inclusive',
    window_end DateTime('UTC') COMMENT 'End of the window, exclusive',
    entered UInt64 COMMENT 'Users of the cohort who had entered before window_end',
    activated_in_window UInt64 COMMENT 'Users whose activation was complete in the window',
    activated_to_date UInt64 COMMENT 'Users who had activated before window_end',
    rate_to_date Nullable(Float64) COMMENT 'activated_to_date / entered',
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
    assumeNotNull((SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort)), max(within_seconds)) FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation'))) AS metrics_in_force,
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation')
    ),
    spans AS
    (
        SELECT `window`, day, start_day, window_start, window_end
        FROM `firstlight`.window_days FINAL
        WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND `window` != '1h' AND toUnixTimestamp(shown_from) <= as_of_s
    ),
    happened AS
    (
        SELECT name AS metric, segment, segment_value, cohort_start, day, bucket, bucket_end, n AS done_n, toInt64(0) AS entry_n
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'done' AND stage = 0 AND segment != ''
        UNION ALL
        SELECT c.metric AS metric, e.segment AS segment, e.segment_value AS segment_value, e.cohort_start AS cohort_start, e.day AS day, e.bucket AS bucket, e.bucket_end AS bucket_end, toInt64(0) AS done_n, e.n AS entry_n
        FROM
        (
            SELECT name AS cohort, segment, segment_value, cohort_start, day, bucket, bucket_end, n
            FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment != ''
        ) AS e
        INNER JOIN chosen AS c ON c.cohort = e.cohort
        WHERE toUnixTimestamp(e.bucket_end) > c.counts_from
    ),
    done_by_window AS
    (
        SELECT metric, segment, segment_value, cohort_start, `window`, window_start, window_end, start_day, sum(d.users) AS users,
            max(d.done_to_date) AS done_to_date, max(d.entered_to_date) AS entered_to_date
        FROM
        (
            SELECT metric, segment, segment_value, cohort_start, day AS at, sum(done_n) AS users,
    sum(sum(done_n)) OVER (PARTITION BY metric, segment, segment_value, cohort_start ORDER BY at) AS done_to_date,
    sum(sum(entry_n)) OVER (PARTITION BY metric, segment, segment_value, cohort_start ORDER BY at) AS entered_to_date
            FROM happened
            GROUP BY metric, segment, segment_value, cohort_start, at
        ) AS d
        INNER JOIN spans AS s ON s.day = d.at
        GROUP BY metric, segment, segment_value, cohort_start, `window`, window_start, window_end, start_day
    )
SELECT w.metric AS metric, c.cohort AS cohort, w.segment AS segment, w.segment_value AS segment_value, w.cohort_start AS cohort_start, w.window AS window, w.window_start AS window_start, w.window_end AS window_end,
    toUInt64(entered_to_date) AS entered, toUInt64(users) AS activated_in_window, toUInt64(done_to_date) AS activated_to_date,
    activated_to_date / nullIf(entered, 0) AS rate_to_date,
    toBool(toUnixTimestamp(window_end) + settle_s <= as_of_s) AS is_settled,
    toBool(toUnixTimestamp(window_end) + lateness_s <= as_of_s) AS is_final,
    start_day AS day
FROM done_by_window AS w
INNER JOIN chosen AS c ON c.metric = w.metric
WHERE users > 0
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Activations of each cohort through calendar time: one row for every window in which a user of the cohort activated, by segment'
