CREATE OR REPLACE VIEW `firstlight`.`adoption_by_window_segments`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    segment LowCardinality(String) COMMENT 'Name of the segment; its values come from the entry event',
    segment_value String COMMENT 'Value of the segment; (none) without a value, (other) beyond those listed or the cap',
    cohort_start Nullable(Date) COMMENT 'First local day of the day, week or month in which the users entered; never NULL here',
    `window` LowCardinality(String) COMMENT 'Kind of window as the catalog lists it: 1h, 1d, 1w, 1mo, or trailing Nd/1d',
    window_start DateTime('UTC') COMMENT 'Start of the window, inclusive',
    window_end DateTime('UTC') COMMENT 'End of the window, exclusive',
    active_users UInt64 COMMENT 'Users with an event in the window that makes them active, or a use of the feature',
    adopters UInt64 COMMENT 'Of those, users who used the feature in the window',
    new_adopters UInt64 COMMENT 'Of those, users whose first ever use of the feature lies in the window',
    events UInt64 COMMENT 'Uses of the feature in the window',
    rate Nullable(Float64) COMMENT 'adopters / active_users; NULL when the denominator is 0',
    rate_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of rate',
    rate_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of rate',
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
    assumeNotNull((SELECT maxIf(day, toUnixTimestamp(start) <= as_of_s) FROM `firstlight`.calendar WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS today,
    assumeNotNull((SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort)), max(within_seconds)) FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('adoption'))) AS metrics_in_force,
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('adoption')
    ),
    tumbling AS
    (
        SELECT name AS metric, segment, segment_value, cohort_start, `window`, bucket AS window_start, bucket_end AS window_end, day AS start_day,
            sum(active) AS active_n, sum(adopters) AS adopter_n, sum(new_adopters) AS new_n, sum(n) AS event_n
        FROM `firstlight`.cells FINAL
        WHERE (generation, name) IN metrics_in_force.1 AND kind = 'window' AND segment != ''
            AND has(listed_windows, `window`)
        GROUP BY metric, segment, segment_value, cohort_start, `window`, window_start, window_end, start_day
    ),
    trailing_windows AS
    (
        SELECT 1 AS one, listed AS `window`, toUInt16OrZero(splitByChar('d', listed)[1]) AS trailing_n
        FROM (SELECT arrayJoin(listed_windows) AS listed)
        WHERE endsWith(listed, '/1d')
    ),
    -- Of trailing windows the rows are changes by last day. First uses and events of entered users are those of their
    -- days, so they join when the day comes into the window and leave N days later.
    changes AS
    (
        SELECT name AS metric, segment, segment_value, cohort_start, `window`, day, active, adopters, new_adopters, n AS events
        FROM `firstlight`.cells FINAL
        WHERE (generation, name) IN metrics_in_force.1 AND kind = 'trailing' AND segment != ''
            AND has(listed_windows, `window`)
        UNION ALL
        SELECT metric, segment, segment_value, cohort_start, `window`, d.day + if(change = 1, 0, trailing_n) AS day,
            toInt64(0) AS active, toInt64(0) AS adopters, change * new_n AS new_adopters, change * event_n AS events
        FROM
        (
            SELECT name AS metric, segment, segment_value, cohort_start, day, sum(new_adopters) AS new_n, sum(n) AS event_n, 1 AS one
            FROM `firstlight`.cells FINAL
            WHERE (generation, name) IN metrics_in_force.1 AND kind = 'window' AND `window` = '1d' AND segment != ''
                AND cohort_start != toDate(0)
            GROUP BY metric, segment, segment_value, cohort_start, day
            HAVING new_n != 0 OR event_n != 0
        ) AS d
        INNER JOIN trailing_windows AS t ON t.one = d.one
        ARRAY JOIN [toInt64(1), toInt64(-1)] AS change
    ),
    running AS
    (
        SELECT metric, segment, segment_value, cohort_start, `window`, day AS from_day,
            sum(sum(active)) OVER until_now AS active_n, sum(sum(adopters)) OVER until_now AS adopter_n,
            sum(sum(new_adopters)) OVER until_now AS new_n, sum(sum(events)) OVER until_now AS event_n,
            leadInFrame(day, 1, today + 1) OVER (PARTITION BY metric, segment, segment_value, cohort_start, `window` ORDER BY day ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS until_day
        FROM changes
        WHERE day <= today
        GROUP BY metric, segment, segment_value, cohort_start, `window`, day
        WINDOW until_now AS (PARTITION BY metric, segment, segment_value, cohort_start, `window` ORDER BY day)
    ),
    trailing AS
    (
        SELECT metric, segment, segment_value, cohort_start, `window`, f.start AS window_start, l.start AS window_end, f.day AS start_day,
            active_n, adopter_n, new_n, event_n
        FROM
        (
            SELECT metric, segment, segment_value, cohort_start, `window`, toUInt16OrZero(splitByChar('d', `window`)[1]) AS trailing_n,
                arrayJoin(arrayMap(i -> from_day + i, range(toUInt32(until_day - from_day)))) AS last,
                active_n, adopter_n, new_n, event_n
            FROM running
            WHERE active_n != 0 OR adopter_n != 0 OR new_n != 0 OR event_n != 0
        ) AS t
        INNER JOIN (SELECT day, start FROM `firstlight`.calendar FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AS f ON f.day = t.last - t.trailing_n + 1
        INNER JOIN (SELECT day, start FROM `firstlight`.calendar FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AS l ON l.day = t.last + 1
    )
SELECT w.metric AS metric, c.cohort AS cohort, w.segment AS segment, w.segment_value AS segment_value,
    nullIf(w.cohort_start, toDate(0)) AS cohort_start,
    `window`, window_start, window_end,
    toUInt64(active_n) AS active_users, toUInt64(adopter_n) AS adopters, toUInt64(new_n) AS new_adopters,
    toUInt64(event_n) AS events,
    adopters / nullIf(active_users, 0) AS rate,
    multiIf(active_users = 0, NULL, adopters <= 0, 0., (adopters + 1.920729410347062 - 1.959963984540054 * sqrt(adopters * (active_users - adopters) / active_users + 0.960364705173531)) / (active_users + 3.841458820694124)) AS rate_low,
    multiIf(active_users = 0, NULL, adopters >= active_users, 1., (adopters + 1.920729410347062 + 1.959963984540054 * sqrt(adopters * (active_users - adopters) / active_users + 0.960364705173531)) / (active_users + 3.841458820694124)) AS rate_high,
    toBool(toUnixTimestamp(window_end) + settle_s <= as_of_s) AS is_settled,
    toBool(toUnixTimestamp(window_end) + lateness_s <= as_of_s) AS is_final,
    start_day AS day
FROM
(
    SELECT * FROM tumbling
    UNION ALL
    SELECT * FROM trailing
) AS w
INNER JOIN chosen AS c ON c.metric = w.metric
WHERE active_n != 0 OR adopter_n != 0 OR new_n != 0 OR event_n != 0
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Use of a feature by each cohort in every window of calendar time, by segment'
