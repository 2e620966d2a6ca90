CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "window_columns"}}
    entered UInt64 COMMENT 'Users who entered in the window',
    eligible UInt64 COMMENT 'Of those, users whose within had passed at as_of',
    activated UInt64 COMMENT 'Of the eligible, users who completed all steps within the time allowed',
    {{template "rate_columns" "activated / eligible"}},
    activated_to_date UInt64 COMMENT 'Users of all entered who have activated so far',
    {{template "settled_columns"}},
    {{template "day_column"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "catalog"}},
    {{template "chosen" "'activation'"}},
    {{template "spans_of_buckets"}},
    entry AS
    (
        SELECT name AS cohort, {{seg ""}} day, bucket, bucket_end, sum(n) AS users
        {{template "from_entry"}}
        GROUP BY cohort, {{seg ""}} day, bucket, bucket_end
    ),
    reach AS
    (
        SELECT name AS metric, {{seg ""}} day, bucket, bucket_end, sum(n) AS users
        {{template "from_reach"}}
        GROUP BY metric, {{seg ""}} day, bucket, bucket_end
    ),
    buckets AS
    (
        SELECT metric, cohort, {{seg ""}} day, bucket, bucket_end, entered, reached,
            {{template "is_eligible" args "bucket_end" "toUnixTimestamp(bucket_end)" "now" "as_of_s"}} AS is_eligible
        FROM
        (
            SELECT c.metric AS metric, {{seg "e."}} day, bucket, bucket_end, users AS entered, 0 AS reached
            FROM entry AS e INNER JOIN chosen AS c ON c.cohort = e.cohort
            WHERE toUnixTimestamp(bucket_end) > counts_from
            UNION ALL
            SELECT metric, {{seg ""}} day, bucket, bucket_end, 0 AS entered, users AS reached
            FROM reach
        ) AS b
        INNER JOIN chosen AS c ON c.metric = b.metric
    ),
    totals AS
    (
        SELECT metric, cohort, {{seg ""}} `window`, window_start, window_end, start_day,
            toUInt64(sum(entered_n)) AS entered, toUInt64(sumIf(entered_n, is_eligible)) AS eligible,
            toUInt64(sumIf(reached_n, is_eligible)) AS activated, toUInt64(sum(reached_n)) AS activated_to_date
        FROM
        (
            SELECT b.metric AS metric, b.cohort AS cohort, {{seg "b."}} {{template "span_of_bucket"}},
                b.entered AS entered_n, b.reached AS reached_n, b.is_eligible AS is_eligible
            FROM buckets AS b
            INNER JOIN spans AS s ON s.day = b.day
        )
        GROUP BY metric, cohort, {{seg ""}} `window`, window_start, window_end, start_day
    )
SELECT metric, cohort, {{seg ""}} `window`, window_start, window_end, entered, eligible, activated,
    {{template "rate" args "k" "activated" "n" "eligible"}},
    activated_to_date,
    {{template "settled"}},
    start_day AS day
FROM totals
WHERE entered > 0
{{template "settings"}}
COMMENT 'Activation of the users who entered in each window, however long ago their cohort began{{if segments}}, by segment{{end}}'
