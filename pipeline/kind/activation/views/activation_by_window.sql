CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    {{template "window_columns"}}
    entered UInt64 COMMENT 'Users of the cohort who had entered before window_end',
    activated_in_window UInt64 COMMENT 'Users whose activation was complete in the window',
    activated_to_date UInt64 COMMENT 'Users who had activated before window_end',
    rate_to_date Nullable(Float64) COMMENT 'activated_to_date / entered',
    {{template "settled_columns"}},
    {{template "day_column"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "catalog"}},
    {{template "chosen" "'activation'"}},
    {{template "spans"}},
    happened AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, day, bucket, bucket_end, n AS done_n, toInt64(0) AS entry_n
        {{template "from_done"}}
        UNION ALL
        SELECT c.metric AS metric, {{seg "e."}} {{columns "e." "cohort_start, day, bucket, bucket_end"}}, toInt64(0) AS done_n, e.n AS entry_n
        FROM
        (
            SELECT name AS cohort, {{seg ""}} cohort_start, day, bucket, bucket_end, n
            {{template "from_entry"}}
        ) AS e
        INNER JOIN chosen AS c ON c.cohort = e.cohort
        WHERE toUnixTimestamp(e.bucket_end) > c.counts_from
    ),
    {{template "completed" args "rows" "" "days" ""}}
SELECT w.metric AS metric, c.cohort AS cohort, {{seg "w."}} w.cohort_start AS cohort_start, {{columns "w." "window, window_start, window_end"}},
    toUInt64(entered_to_date) AS entered, toUInt64(users) AS activated_in_window, toUInt64(done_to_date) AS activated_to_date,
    activated_to_date / nullIf(entered, 0) AS rate_to_date,
    {{template "settled"}},
    start_day AS day
FROM done_by_window AS w
INNER JOIN chosen AS c ON c.metric = w.metric
WHERE users > 0
{{template "settings"}}
COMMENT 'Activations of each cohort through calendar time: one row for every window in which a user of the cohort activated{{if segments}}, by segment{{end}}'
