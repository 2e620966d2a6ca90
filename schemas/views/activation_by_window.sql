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
    {{template "today"}},
    {{template "chosen" "'activation'"}},
    {{template "spans"}},
    {{template "completed" args "sum(n) AS users" "sum(d.users) AS users"}},
    entered_before AS
    (
        SELECT cohort, {{seg ""}} cohort_start, bucket_at, running
        FROM
        (
            SELECT name AS cohort, {{seg ""}} cohort_start, sumMap(map(toUnixTimestamp(bucket), n)) AS users
            {{template "from_entry"}}
            GROUP BY cohort, {{seg ""}} cohort_start
        )
        ARRAY JOIN mapKeys(users) AS bucket_at, arrayCumSum(mapValues(users)) AS running
    )
SELECT w.metric AS metric, c.cohort AS cohort, {{seg "w."}} w.cohort_start AS cohort_start, {{columns "w." "window, window_start, window_end"}},
    toUInt64(e.running) AS entered, toUInt64(w.users) AS activated_in_window, toUInt64(d.running) AS activated_to_date,
    activated_to_date / nullIf(entered, 0) AS rate_to_date,
    {{template "settled"}}
FROM done_by_window AS w
INNER JOIN chosen AS c ON c.metric = w.metric
ASOF JOIN done_before AS d
    ON d.metric = w.metric AND {{equal "d." "w." "cohort_start"}} AND toUnixTimestamp(w.window_end) > d.bucket_at
ASOF JOIN entered_before AS e
    ON e.cohort = c.cohort AND {{equal "e." "w." "cohort_start"}} AND toUnixTimestamp(w.window_end) > e.bucket_at
WHERE activated_in_window > 0
{{template "settings"}}
COMMENT 'Activations of each cohort through calendar time: one row for every window in which a user of the cohort activated{{if segments}}, by segment{{end}}'
