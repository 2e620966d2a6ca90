CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "window_columns"}}
    entered UInt64 COMMENT 'Users who entered in the window',
    eligible UInt64 COMMENT 'Of those, users whose within had passed at as_of',
    activated UInt64 COMMENT 'Of the eligible, users who completed all steps within the time allowed',
    {{template "rate_columns" "activated / eligible"}},
    activated_to_date UInt64 COMMENT 'Users of all entered who have activated so far',
    {{template "settled_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    {{template "clock"}},
    {{template "catalog"}},
    {{template "today"}},
    {{template "chosen" "'activation'"}},
    {{template "spans"}},
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
            {{template "is_eligible" "toUnixTimestamp(bucket_end)"}} AS is_eligible
        FROM
        (
            SELECT c.metric AS metric, {{seg "e."}} day, bucket, bucket_end, users AS entered, 0 AS reached
            FROM entry AS e INNER JOIN chosen AS c ON c.cohort = e.cohort
            UNION ALL
            SELECT metric, {{seg ""}} day, bucket, bucket_end, 0 AS entered, users AS reached
            FROM reach
        ) AS b
        INNER JOIN chosen AS c ON c.metric = b.metric
    ),
    days AS
    (
        SELECT metric, cohort, {{seg ""}} day,
            sum(entered) AS entered_n, sumIf(entered, is_eligible) AS eligible_n,
            sumIf(reached, is_eligible) AS activated_n, sum(reached) AS to_date_n
        FROM buckets
        GROUP BY metric, cohort, {{seg ""}} day
    ),
    totals AS
    (
        SELECT metric, cohort, {{seg ""}} `window`, window_start, window_end,
            toUInt64(sum(entered_n)) AS entered, toUInt64(sum(eligible_n)) AS eligible,
            toUInt64(sum(activated_n)) AS activated, toUInt64(sum(to_date_n)) AS activated_to_date
        FROM days AS d INNER JOIN spans AS s ON s.day = d.day
        GROUP BY metric, cohort, {{seg ""}} `window`, window_start, window_end
        {{- if not segments}}
        UNION ALL
        SELECT metric, cohort, '1h' AS `window`, bucket AS window_start, bucket_end AS window_end,
            toUInt64(sum(b.entered)) AS entered, toUInt64(sumIf(b.entered, is_eligible)) AS eligible,
            toUInt64(sumIf(reached, is_eligible)) AS activated, toUInt64(sum(reached)) AS activated_to_date
        FROM buckets AS b
        WHERE has(listed_windows, '1h')
        GROUP BY metric, cohort, bucket, bucket_end
        {{- end}}
    )
SELECT metric, cohort, {{seg ""}} `window`, window_start, window_end, entered, eligible, activated,
    {{template "rate" args "activated" "eligible"}},
    activated_to_date,
    {{template "settled"}}
FROM totals
WHERE entered > 0
{{template "settings"}}
COMMENT 'Activation of the users who entered in each window, however long ago their cohort began{{if segments}}, by segment{{end}}'
