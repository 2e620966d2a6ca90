CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "window_columns"}}
    entered UInt64 COMMENT 'Users who entered in the window',
    reached UInt64 COMMENT 'Of those, users who have reached value so far',
    km_p50_seconds Nullable(Float64) COMMENT 'Kaplan-Meier median: seconds until half of those who entered reach value; NULL when not reached yet',
    km_p50_low Nullable(Float64) COMMENT 'Lower 95 % limit of km_p50_seconds, from log-log bounds',
    km_p50_high Nullable(Float64) COMMENT 'Upper 95 % limit of km_p50_seconds, from log-log bounds; NULL when not reached yet',
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
    entry AS
    (
        SELECT cohort, {{seg ""}} `window`, window_start, window_end, start_day, sumMap(by_end) AS entered_by_end
        FROM
        (
            SELECT name AS cohort, {{seg ""}} day, sumMap(map(toUnixTimestamp(bucket_end), n)) AS by_end
            {{template "from_entry"}}
            GROUP BY cohort, {{seg ""}} day
        ) AS d
        INNER JOIN spans AS s ON s.day = d.day
        GROUP BY cohort, {{seg ""}} `window`, window_start, window_end, start_day
        {{- if not segments}}
        UNION ALL
        SELECT name AS cohort, '1h' AS `window`, bucket AS window_start, bucket_end AS window_end, day AS start_day, {{template "entered_by_end"}}
        {{template "from_entry"}} AND has(listed_windows, '1h')
        GROUP BY cohort, bucket, bucket_end, day
        {{- end}}
    ),
    reach AS
    (
        SELECT metric, {{seg ""}} `window`, window_start, window_end, start_day,
            sumMap(d.reached_by_end) AS reached_by_end, sumMap(d.users_by_age) AS users_by_age, sumMap(d.ms_by_age) AS ms_by_age
        FROM
        (
            SELECT name AS metric, {{seg ""}} day, {{template "reached_by_end"}}, {{template "by_age"}}
            {{template "from_reach"}}
            GROUP BY metric, {{seg ""}} day
        ) AS d
        INNER JOIN spans AS s ON s.day = d.day
        GROUP BY metric, {{seg ""}} `window`, window_start, window_end, start_day
        {{- if not segments}}
        UNION ALL
        SELECT name AS metric, '1h' AS `window`, bucket AS window_start, bucket_end AS window_end, day AS start_day,
            {{template "reached_by_end"}}, {{template "by_age"}}
        {{template "from_reach"}} AND has(listed_windows, '1h')
        GROUP BY metric, bucket, bucket_end, day
        {{- end}}
    ),
    {{template "followed" "window, window_start, window_end, start_day"}},
    {{template "curve"}}
SELECT metric, cohort, {{seg ""}} `window`, window_start, window_end, entered, reached,
    km_median[1] AS km_p50_seconds, km_median[2] AS km_p50_low, km_median[3] AS km_p50_high,
    {{template "settled"}},
    start_day AS day
FROM
(
    SELECT *, toUInt64(arraySum(mapValues(entered_by_end))) AS entered, event_total AS reached,
        {{template "km_median"}} AS km_median
    FROM curve
)
WHERE entered > 0
{{template "settings"}}
COMMENT 'Time to first value of the users who entered in each window, by Kaplan-Meier{{if segments}}, by segment{{end}}'
