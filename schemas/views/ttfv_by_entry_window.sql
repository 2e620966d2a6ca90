CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "window_columns"}}
    entered UInt64 COMMENT 'Users who entered in the window',
    reached UInt64 COMMENT 'Of those, users who have reached value so far',
    km_p50_seconds Nullable(Float64) COMMENT 'Kaplan-Meier median: seconds until half of those who entered reach value; NULL when not reached yet',
    km_p50_low Nullable(Float64) COMMENT 'Lower 95 % limit of km_p50_seconds, from log-log bounds',
    km_p50_high Nullable(Float64) COMMENT 'Upper 95 % limit of km_p50_seconds, from log-log bounds; NULL when not reached yet',
    {{template "settled_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    {{template "clock"}},
    {{template "catalog"}},
    {{template "calendar"}},
    {{template "chosen" "'ttfv'"}},
    {{template "spans"}},
    entry AS
    (
        SELECT cohort, {{seg ""}} `window`, window_start, window_end, sumMap(ends, users) AS users
        FROM
        (
            SELECT cohort, {{seg ""}} day, by_end.1 AS ends, by_end.2 AS users
            FROM
            (
                SELECT name AS cohort, {{seg ""}} day, sumMap([toUnixTimestamp(bucket_end)], [n]) AS by_end
                FROM {{db}}.cells FINAL
                WHERE generation = 1 AND kind = 'entry' AND {{segmented}}
                GROUP BY cohort, {{seg ""}} day
            )
        ) AS d
        INNER JOIN spans AS s ON s.day = d.day
        GROUP BY cohort, {{seg ""}} `window`, window_start, window_end
        {{- if not segments}}
        UNION ALL
        SELECT name AS cohort, '1h' AS `window`, bucket AS window_start, c.bucket_end AS window_end,
            sumMap([toUnixTimestamp(c.bucket_end)], [n]) AS users
        FROM {{db}}.cells AS c FINAL
        WHERE generation = 1 AND kind = 'entry' AND {{segmented}} AND has(listed_windows, '1h')
        GROUP BY cohort, window_start, window_end
        {{- end}}
    ),
    reach AS
    (
        SELECT metric, {{seg ""}} `window`, window_start, window_end,
            sumMap(ends, users) AS users, sumMap(d.ages, d.counts, d.sums) AS by_age
        FROM
        (
            SELECT metric, {{seg ""}} day, by_end.1 AS ends, by_end.2 AS users,
                by_age.1 AS ages, by_age.2 AS counts, by_age.3 AS sums
            FROM
            (
                SELECT name AS metric, {{seg ""}} day,
                    sumMap([toUnixTimestamp(bucket_end)], [n]) AS by_end, sumMap(ages, counts, sums) AS by_age
                FROM {{db}}.cells FINAL
                WHERE generation = 1 AND kind = 'reach' AND stage = 0 AND {{segmented}} AND name IN (SELECT metric FROM chosen)
                GROUP BY metric, {{seg ""}} day
            )
        ) AS d
        INNER JOIN spans AS s ON s.day = d.day
        GROUP BY metric, {{seg ""}} `window`, window_start, window_end
        {{- if not segments}}
        UNION ALL
        SELECT name AS metric, '1h' AS `window`, bucket AS window_start, c.bucket_end AS window_end,
            sumMap([toUnixTimestamp(c.bucket_end)], [n]) AS users, sumMap(c.ages, c.counts, c.sums) AS by_age
        FROM {{db}}.cells AS c FINAL
        WHERE generation = 1 AND kind = 'reach' AND stage = 0 AND {{segmented}} AND name IN (SELECT metric FROM chosen)
            AND has(listed_windows, '1h')
        GROUP BY metric, window_start, window_end
        {{- end}}
    ),
    {{template "followed" "window, window_start, window_end"}},
    curve AS
    (
        SELECT *,
            {{template "events"}},
            {{template "km"}},
            toUInt64(arraySum(entry_n)) AS entered
        FROM followed
    )
SELECT metric, cohort, {{seg ""}} `window`, window_start, window_end, entered, reached,
    km_p50_seconds, km_p50_low, km_p50_high,
    {{template "settled"}}
FROM
(
    SELECT *, event_total AS reached,
        {{template "km_median"}}
    FROM curve
)
WHERE entered > 0
COMMENT 'Time to first value of the users who entered in each window, by Kaplan-Meier{{if segments}}, by segment{{end}}'
