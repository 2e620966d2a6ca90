CREATE OR REPLACE VIEW `firstlight`.`activation_by_entry_window`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    `window` LowCardinality(String) COMMENT 'Kind of window as the catalog lists it: 1h, 1d, 1w, 1mo, or trailing Nd/1d',
    window_start DateTime('UTC') COMMENT 'Start of the window, inclusive',
    window_end DateTime('UTC') COMMENT 'End of the window, exclusive',
    entered UInt64 COMMENT 'Users who entered in the window',
    eligible UInt64 COMMENT 'Of those, users whose within had passed at as_of',
    activated UInt64 COMMENT 'Of the eligible, users who completed all steps within the time allowed',
    rate Nullable(Float64) COMMENT 'activated / eligible; NULL when the denominator is 0',
    rate_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of rate',
    rate_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of rate',
    activated_to_date UInt64 COMMENT 'Users of all entered who have activated so far',
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
        WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND toUnixTimestamp(shown_from) <= as_of_s
    ),
    entry AS
    (
        SELECT name AS cohort,  day, bucket, bucket_end, sum(n) AS users
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment = '' AND segment_value = ''
        GROUP BY cohort,  day, bucket, bucket_end
    ),
    reach AS
    (
        SELECT name AS metric,  day, bucket, bucket_end, sum(n) AS users
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'reach' AND stage = 0 AND segment = '' AND segment_value = ''
        GROUP BY metric,  day, bucket, bucket_end
    ),
    buckets AS
    (
        SELECT metric, cohort,  day, bucket, bucket_end, entered, reached,
            (within_seconds = 0 OR toUnixTimestamp(bucket_end) + within_seconds <= as_of_s) AS is_eligible
        FROM
        (
            SELECT c.metric AS metric,  day, bucket, bucket_end, users AS entered, 0 AS reached
            FROM entry AS e INNER JOIN chosen AS c ON c.cohort = e.cohort
            WHERE toUnixTimestamp(bucket_end) > counts_from
            UNION ALL
            SELECT metric,  day, bucket, bucket_end, 0 AS entered, users AS reached
            FROM reach
        ) AS b
        INNER JOIN chosen AS c ON c.metric = b.metric
    ),
    totals AS
    (
        SELECT metric, cohort,  `window`, window_start, window_end, start_day,
            toUInt64(sum(entered_n)) AS entered, toUInt64(sumIf(entered_n, is_eligible)) AS eligible,
            toUInt64(sumIf(reached_n, is_eligible)) AS activated, toUInt64(sum(reached_n)) AS activated_to_date
        FROM
        (
            SELECT b.metric AS metric, b.cohort AS cohort,  s.`window` AS `window`, if(s.`window` = '1h', b.bucket, s.window_start) AS window_start,
                if(s.`window` = '1h', b.bucket_end, s.window_end) AS window_end, s.start_day AS start_day,
                b.entered AS entered_n, b.reached AS reached_n, b.is_eligible AS is_eligible
            FROM buckets AS b
            INNER JOIN spans AS s ON s.day = b.day
        )
        GROUP BY metric, cohort,  `window`, window_start, window_end, start_day
    )
SELECT metric, cohort,  `window`, window_start, window_end, entered, eligible, activated,
    activated / nullIf(eligible, 0) AS rate,
    multiIf(eligible = 0, NULL, activated <= 0, 0., (activated + 1.920729410347062 - 1.959963984540054 * sqrt(activated * (eligible - activated) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_low,
    multiIf(eligible = 0, NULL, activated >= eligible, 1., (activated + 1.920729410347062 + 1.959963984540054 * sqrt(activated * (eligible - activated) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_high,
    activated_to_date,
    toBool(toUnixTimestamp(window_end) + settle_s <= as_of_s) AS is_settled,
    toBool(toUnixTimestamp(window_end) + lateness_s <= as_of_s) AS is_final,
    start_day AS day
FROM totals
WHERE entered > 0
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Activation of the users who entered in each window, however long ago their cohort began'
