CREATE OR REPLACE VIEW {{view}}
(
    source LowCardinality(String) COMMENT 'The publishing app, from the subject',
    event String COMMENT 'Name of the event; (other) beyond 500 of the source: names that a partition met late, and the least frequent',
    {{template "window_columns"}}
    events UInt64 COMMENT 'Applied events with an event time in the window',
    is_settled Bool COMMENT 'The window ended at least settle ago: it is judged, though late events may still correct it',
    {{template "day_column"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "catalog"}},
    {{template "spans"}},
    -- Only sources with more names than are shown need a ranking.
    crowded AS
    (
        SELECT substring(scope, 8) AS source
        FROM {{db}}.names
        WHERE generation = {{template "generation"}} AND startsWith(scope, 'source:')
        GROUP BY source
        HAVING uniqExact(value) > 500
    ),
    shown AS
    (
        SELECT source, event
        FROM
        (
            SELECT name AS source, segment_value AS event, sum(n) AS total
            {{template "from_volume"}} AND name IN (SELECT source FROM crowded) AND segment_value != '(other)'
            GROUP BY source, event
        )
        ORDER BY source, total DESC, event
        LIMIT 500 BY source
    ),
    hours AS
    (
        SELECT name AS source, segment_value AS event, day, bucket, bucket_end, sum(n) AS volume
        {{template "from_volume"}} AND (name NOT IN (SELECT source FROM crowded) OR (name, segment_value) IN (SELECT source, event FROM shown))
        GROUP BY source, event, day, bucket, bucket_end
        UNION ALL
        SELECT name AS source, '(other)' AS event, day, bucket, bucket_end, sum(n) AS volume
        {{template "from_volume"}} AND name IN (SELECT source FROM crowded) AND (name, segment_value) NOT IN (SELECT source, event FROM shown)
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
{{template "settings"}}
COMMENT 'Applied events by source and name: what arrives, and what has stopped arriving'

{{- define "from_volume" -}}
    FROM {{db}}.cells FINAL
    WHERE generation = {{template "volume_cells"}} AND kind = 'volume'
{{- end}}
