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
    {{template "calendar"}},
    {{template "chosen" "'ttfv'"}},
    {{template "spans"}},
    {{template "completed_by_window"}},
    ages_by_window AS
    (
        SELECT metric, {{seg ""}} cohort_start, `window`, window_start, sumMap(d.ages, d.counts, d.sums) AS by_age
        FROM
        (
            SELECT metric, {{seg ""}} cohort_start, day, by_age.1 AS ages, by_age.2 AS counts, by_age.3 AS sums
            FROM
            (
                SELECT name AS metric, {{seg ""}} cohort_start, day, sumMap(ages, counts, sums) AS by_age
                FROM {{db}}.cells FINAL
                WHERE generation = 1 AND kind = 'done' AND stage = 0 AND {{segmented}} AND name IN (SELECT metric FROM chosen)
                GROUP BY metric, {{seg ""}} cohort_start, day
            )
        ) AS d
        INNER JOIN spans AS s ON s.day = d.day
        GROUP BY metric, {{seg ""}} cohort_start, `window`, window_start
        {{- if not segments}}
        UNION ALL
        SELECT name AS metric, cohort_start, '1h' AS `window`, bucket AS window_start, sumMap(ages, counts, sums) AS by_age
        FROM {{db}}.cells FINAL
        WHERE generation = 1 AND kind = 'done' AND stage = 0 AND {{segmented}} AND name IN (SELECT metric FROM chosen)
            AND has(listed_windows, '1h')
        GROUP BY metric, cohort_start, window_start
        {{- end}}
    ),
    summed AS
    (
        SELECT w.metric AS metric, w.cohort AS cohort, {{seg "w."}} {{columns "w." "cohort_start, window, window_start, window_end, completed, to_date"}},
            a.by_age.1 AS ages, a.by_age.2 AS counts, a.by_age.3 AS sums
        FROM windowed AS w
        INNER JOIN ages_by_window AS a ON {{equal "a." "w." "metric, cohort_start, window, window_start"}}
    )
SELECT metric, cohort, {{seg ""}} cohort_start, `window`, window_start, window_end,
    toUInt64(completed) AS reached_in_window, toUInt64(to_date) AS reached_to_date,
    arraySum(sums) / nullIf(event_total, 0) / 1000 AS mean_seconds, p50_seconds,
    {{template "settled"}}
FROM
(
    SELECT *, {{template "events"}},
        {{template "quantile" args "50" "p50_seconds"}}
    FROM summed
)
COMMENT 'Time to first value of each cohort through calendar time: one row for every window in which a user of the cohort reached value{{if segments}}, by segment{{end}}'
