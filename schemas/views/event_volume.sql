CREATE OR REPLACE VIEW {{view}}
(
    source LowCardinality(String) COMMENT 'The publishing app, from the subject',
    event String COMMENT 'Name of the event; (other) beyond the 500 most frequent of the source',
    {{template "window_columns"}}
    events UInt64 COMMENT 'Applied events with an event time in the window',
    is_settled Bool COMMENT 'The window ended at least settle ago: it is judged, though late events may still correct it'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    {{template "clock"}},
    {{template "catalog"}},
    {{template "calendar"}},
    {{template "spans"}},
    hours AS
    (
        SELECT name AS source, segment_value AS event, day, bucket, bucket_end, sum(n) AS volume
        FROM {{db}}.cells FINAL
        WHERE generation = 1 AND kind = 'volume'
        GROUP BY source, event, day, bucket, bucket_end
    ),
    shown AS
    (
        SELECT source, event
        FROM (SELECT source, event, sum(volume) AS total FROM hours WHERE event != '(other)' GROUP BY source, event)
        ORDER BY source, total DESC, event
        LIMIT 500 BY source
    ),
    named AS
    (
        SELECT source, if((source, event) IN (SELECT source, event FROM shown), event, '(other)') AS event,
            day, bucket, bucket_end, sum(volume) AS volume
        FROM hours
        GROUP BY source, event, day, bucket, bucket_end
    )
SELECT source, event, `window`, window_start, window_end, toUInt64(volume) AS events,
    toBool(toUnixTimestamp(window_end) + settle_s <= as_of_s) AS is_settled
FROM
(
    SELECT source, event, `window`, window_start, window_end, sum(volume) AS volume
    FROM (SELECT source, event, day, sum(volume) AS volume FROM named GROUP BY source, event, day) AS d
    INNER JOIN spans AS s ON s.day = d.day
    GROUP BY source, event, `window`, window_start, window_end
    UNION ALL
    SELECT source, event, '1h' AS `window`, bucket AS window_start, bucket_end AS window_end, volume
    FROM named
    WHERE has(listed_windows, '1h')
)
WHERE volume > 0
COMMENT 'Applied events by source and name: what arrives, and what has stopped arriving'
