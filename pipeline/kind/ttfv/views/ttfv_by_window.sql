CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    {{template "window_columns"}}
    reached_in_window UInt64 COMMENT 'Users whose first value came in the window',
    reached_to_date UInt64 COMMENT 'Users who had reached value before window_end',
    mean_seconds Nullable(Float64) COMMENT 'Mean seconds from entry to first value, of those reaching it in the window',
    p50_seconds Nullable(Float64) COMMENT 'Median of the same, within 1 %',
    {{template "settled_columns"}},
    {{template "day_column"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "catalog"}},
    {{template "chosen" "'ttfv'"}},
    {{template "spans"}},
    happened AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, day, bucket, bucket_end, n AS done_n, toInt64(0) AS entry_n, ages, counts, sums
        {{template "from_done"}}
    ),
    {{template "completed" args
        "rows" ", sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age"
        "days" ", sumMap(d.users_by_age) AS users_by_age, sumMap(d.ms_by_age) AS ms_by_age"}}
SELECT w.metric AS metric, c.cohort AS cohort, {{seg "w."}} cohort_start, `window`, window_start, window_end,
    toUInt64(users) AS reached_in_window, toUInt64(done_to_date) AS reached_to_date,
    arraySum(mapValues(ms_by_age)) / nullIf(event_total, 0) / 1000 AS mean_seconds, p50_seconds,
    {{template "settled"}},
    start_day AS day
FROM
(
    SELECT *, {{template "events"}},
        {{template "quantiles" "50"}}[1] AS p50_seconds
    FROM done_by_window
    WHERE users > 0
) AS w
INNER JOIN chosen AS c ON c.metric = w.metric
{{template "settings"}}
COMMENT 'Time to first value of each cohort through calendar time: one row for every window in which a user of the cohort reached value{{if segments}}, by segment{{end}}'
