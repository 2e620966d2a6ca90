CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    {{template "window_columns"}}
    reached_in_window UInt64 COMMENT 'Users whose first value came in the window',
    reached_to_date UInt64 COMMENT 'Users who had reached value before window_end',
    mean_seconds Nullable(Float64) COMMENT 'Mean seconds from entry to first value, of those reaching it in the window',
    p50_seconds Nullable(Float64) COMMENT 'Median of the same, within 1 %',
    {{template "settled_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    {{template "clock"}},
    {{template "catalog"}},
    {{template "today"}},
    {{template "chosen" "'ttfv'"}},
    {{template "spans"}},
    {{template "completed" args
        "sum(n) AS users, sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age"
        "sum(d.users) AS users, sumMap(d.users_by_age) AS users_by_age, sumMap(d.ms_by_age) AS ms_by_age"}},
    windowed AS
    (
        SELECT w.metric AS metric, {{seg "w."}} {{columns "w." "cohort_start, window, window_start, window_end, users, users_by_age, ms_by_age"}},
            d.running AS to_date
        FROM done_by_window AS w
        ASOF JOIN done_before AS d
            ON d.metric = w.metric AND {{equal "d." "w." "cohort_start"}} AND toUnixTimestamp(w.window_end) > d.bucket_at
        WHERE w.users > 0
    )
SELECT w.metric AS metric, c.cohort AS cohort, {{seg "w."}} cohort_start, `window`, window_start, window_end,
    toUInt64(users) AS reached_in_window, toUInt64(to_date) AS reached_to_date,
    arraySum(mapValues(ms_by_age)) / nullIf(event_total, 0) / 1000 AS mean_seconds, p50_seconds,
    {{template "settled"}}
FROM
(
    SELECT *, {{template "events"}},
        {{template "quantile" args "50" "p50_seconds"}}
    FROM windowed
) AS w
INNER JOIN chosen AS c ON c.metric = w.metric
{{template "settings"}}
COMMENT 'Time to first value of each cohort through calendar time: one row for every window in which a user of the cohort reached value{{if segments}}, by segment{{end}}'
