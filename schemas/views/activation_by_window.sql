CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    {{template "window_columns"}}
    entered UInt64 COMMENT 'Users of the cohort who had entered before window_end',
    activated_in_window UInt64 COMMENT 'Users whose activation was complete in the window',
    activated_to_date UInt64 COMMENT 'Users who had activated before window_end',
    rate_to_date Nullable(Float64) COMMENT 'activated_to_date / entered',
    {{template "settled_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    {{template "clock"}},
    {{template "catalog"}},
    {{template "calendar"}},
    {{template "chosen" "'activation'"}},
    {{template "spans"}},
    {{template "completed_by_window"}},
    entered_before AS
    (
        SELECT cohort, {{seg ""}} cohort_start, bucket_at, running
        FROM
        (
            SELECT cohort, {{seg ""}} cohort_start,
                sumMap([toUnixTimestamp(bucket)], [n]) AS users, arrayCumSum(users.2) AS totals
            FROM (SELECT name AS cohort, {{seg ""}} cohort_start, bucket, n FROM {{db}}.cells FINAL
                WHERE generation = 1 AND kind = 'entry' AND {{segmented}})
            GROUP BY cohort, {{seg ""}} cohort_start
        )
        ARRAY JOIN users.1 AS bucket_at, totals AS running
    )
SELECT w.metric, w.cohort, {{seg "w."}} w.cohort_start, w.`window`, w.window_start, w.window_end,
    toUInt64(e.running) AS entered, toUInt64(w.completed) AS activated_in_window, toUInt64(w.to_date) AS activated_to_date,
    activated_to_date / nullIf(entered, 0) AS rate_to_date,
    {{template "settled"}}
FROM windowed AS w
ASOF JOIN entered_before AS e
    ON e.cohort = w.cohort AND {{equal "e." "w." "cohort_start"}} AND toUnixTimestamp(w.window_end) > e.bucket_at
COMMENT 'Activations of each cohort through calendar time: one row for every window in which a user of the cohort activated{{if segments}}, by segment{{end}}'
