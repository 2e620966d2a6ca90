CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "user_columns"}}
    last_seen_at DateTime64(3, 'UTC') COMMENT 'Time of the user''s newest event',
    {{template "step_columns"}},
    expires_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the time allowed ends; NULL when the metric has no within'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "chosen" kinds "by_age"}},
    slow AS
    (
        SELECT metric, p75_seconds * 1000 AS slow_ms
        FROM
        (
            SELECT metric, {{template "events"}},
                {{template "quantiles" "75"}}[1] AS p75_seconds
            FROM
            (
                SELECT name AS metric, {{template "by_age"}}
                {{template "from_reach"}}
                GROUP BY metric
            )
        )
        WHERE event_total > 0
    )
SELECT p.metric AS metric, cohort, user_id, cohort_start, segments,
    fromUnixTimestamp64Milli(entry_ms, 'UTC') AS entered_at,
    fromUnixTimestamp64Milli(last_seen, 'UTC') AS last_seen_at,
    {{template "steps"}},
    if(within_seconds = 0, NULL, fromUnixTimestamp64Milli(toInt64(entry_ms + within_seconds * 1000), 'UTC')) AS expires_at
FROM
(
    {{template "progress"}}
) AS p
INNER JOIN slow AS s ON s.metric = p.metric
WHERE reach_ms = 0 AND (within_seconds = 0 OR entry_ms + within_seconds * 1000 >= as_of_ms) AND as_of_ms - entry_ms > slow_ms
{{- /* A join gathers tens of thousands of rows before it hands any on. Few users are slow, so a reader with a LIMIT would wait for all users. */}}
{{template "settings"}}, min_joined_block_size_bytes = 1
COMMENT 'Users who can still make it but are slower than 75 % of those who did: whom to call'
