CREATE OR REPLACE VIEW `firstlight`.`event_volume`
(
    source LowCardinality(String) COMMENT 'The publishing app, from the subject',
    event String COMMENT 'Name of the event; (other) beyond 500 of the source: names that a partition met late, and the least frequent',
    `window` LowCardinality(String) COMMENT 'Kind of window as the catalog lists it: 1h, 1d, 1w, 1mo, or trailing Nd/1d',
    window_start DateTime('UTC') COMMENT 'Start of the window, inclusive',
    window_end DateTime('UTC') COMMENT 'End of the window, exclusive',
    events UInt64 COMMENT 'Applied events with an event time in the window',
    is_settled Bool COMMENT 'The window ended at least settle ago: it is judged, though late events may still correct it',
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
    spans AS
    (
        SELECT `window`, day, start_day, window_start, window_end
        FROM `firstlight`.window_days FINAL
        WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND `window` != '1h' AND toUnixTimestamp(shown_from) <= as_of_s
    ),
    -- Only sources with more names than are shown need a ranking.
    crowded AS
    (
        SELECT substring(scope, 8) AS source
        FROM `firstlight`.names
        WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND startsWith(scope, 'source:')
        GROUP BY source
        HAVING uniqExact(value) > 500
    ),
    shown AS
    (
        SELECT source, event
        FROM
        (
            SELECT name AS source, segment_value AS event, sum(n) AS total
            FROM `firstlight`.cells FINAL
    WHERE generation = (SELECT argMax(volumes, catalog_version) FROM `firstlight`.catalogs FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind = 'volume' AND name IN (SELECT source FROM crowded) AND segment_value != '(other)'
            GROUP BY source, event
        )
        ORDER BY source, total DESC, event
        LIMIT 500 BY source
    ),
    hours AS
    (
        SELECT name AS source, segment_value AS event, day, bucket, bucket_end, sum(n) AS volume
        FROM `firstlight`.cells FINAL
    WHERE generation = (SELECT argMax(volumes, catalog_version) FROM `firstlight`.catalogs FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind = 'volume' AND (name NOT IN (SELECT source FROM crowded) OR (name, segment_value) IN (SELECT source, event FROM shown))
        GROUP BY source, event, day, bucket, bucket_end
        UNION ALL
        SELECT name AS source, '(other)' AS event, day, bucket, bucket_end, sum(n) AS volume
        FROM `firstlight`.cells FINAL
    WHERE generation = (SELECT argMax(volumes, catalog_version) FROM `firstlight`.catalogs FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind = 'volume' AND name IN (SELECT source FROM crowded) AND (name, segment_value) NOT IN (SELECT source, event FROM shown)
        GROUP BY source, day, bucket, bucket_end
    )
SELECT source, event, `window`, window_start, window_end, toUInt64(volume) AS events,
    toBool(toUnixTimestamp(window_end) + settle_s <= as_of_s) AS is_settled, start_day AS day
FROM
(
    SELECT source, event, `window`, window_start, window_end, start_day, sum(volume) AS volume
    FROM (SELECT source, event, day, sum(volume) AS volume FROM hours GROUP BY source, event, day) AS d
    INNER JOIN spans AS s ON s.day = d.day
    GROUP BY source, event, `window`, window_start, window_end, start_day
    UNION ALL
    SELECT source, event, '1h' AS `window`, bucket AS window_start, bucket_end AS window_end, day AS start_day, volume
    FROM hours
    WHERE has(listed_windows, '1h')
)
WHERE volume > 0
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Applied events by source and name: what arrives, and what has stopped arriving'
