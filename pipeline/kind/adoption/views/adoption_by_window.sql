CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    cohort_start Nullable(Date) COMMENT 'First local day of the day, week or month in which the users entered; {{if segments}}never NULL here{{else}}NULL for users who had not entered before window_end{{end}}',
    {{template "window_columns"}}
    active_users UInt64 COMMENT 'Users with an event in the window that makes them active, or a use of the feature',
    adopters UInt64 COMMENT 'Of those, users who used the feature in the window',
    new_adopters UInt64 COMMENT 'Of those, users whose first ever use of the feature lies in the window',
    events UInt64 COMMENT 'Uses of the feature in the window',
    {{template "rate_columns" "adopters / active_users"}},
    {{template "settled_columns"}},
    {{template "day_column"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "catalog"}},
    {{template "today"}},
    {{template "chosen" "'adoption'"}},
    tumbling AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, `window`, bucket AS window_start, bucket_end AS window_end, day AS start_day,
            sum(active) AS active_n, sum(adopters) AS adopter_n, sum(new_adopters) AS new_n, sum(n) AS event_n
        FROM {{db}}.cells FINAL
        WHERE {{template "metric_cells"}} AND kind = 'window' AND {{segmented}}
            AND has(listed_windows, `window`)
        GROUP BY metric, {{seg ""}} cohort_start, `window`, window_start, window_end, start_day
    ),
    trailing_windows AS
    (
        SELECT 1 AS one, listed AS `window`, {{template "trailing_days" "listed"}} AS trailing_n
        FROM (SELECT arrayJoin(listed_windows) AS listed)
        WHERE endsWith(listed, '/1d')
    ),
    -- Of trailing windows the rows are changes by last day. First uses and events of entered users are those of their
    -- days, so they join when the day comes into the window and leave N days later.
    changes AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, `window`, day, active, adopters, new_adopters, n AS events
        FROM {{db}}.cells FINAL
        WHERE {{template "metric_cells"}} AND kind = 'trailing' AND {{segmented}}
            AND has(listed_windows, `window`)
        UNION ALL
        SELECT metric, {{seg ""}} cohort_start, `window`, d.day + if(change = 1, 0, trailing_n) AS day,
            toInt64(0) AS active, toInt64(0) AS adopters, change * new_n AS new_adopters, change * event_n AS events
        FROM
        (
            SELECT name AS metric, {{seg ""}} cohort_start, day, sum(new_adopters) AS new_n, sum(n) AS event_n, 1 AS one
            FROM {{db}}.cells FINAL
            WHERE {{template "metric_cells"}} AND kind = 'window' AND `window` = '1d' AND {{segmented}}
                AND cohort_start != toDate(0)
            GROUP BY metric, {{seg ""}} cohort_start, day
            HAVING new_n != 0 OR event_n != 0
        ) AS d
        INNER JOIN trailing_windows AS t ON t.one = d.one
        ARRAY JOIN [toInt64(1), toInt64(-1)] AS change
    ),
    running AS
    (
        SELECT metric, {{seg ""}} cohort_start, `window`, day AS from_day,
            sum(sum(active)) OVER until_now AS active_n, sum(sum(adopters)) OVER until_now AS adopter_n,
            sum(sum(new_adopters)) OVER until_now AS new_n, sum(sum(events)) OVER until_now AS event_n,
            leadInFrame(day, 1, today + 1) OVER (PARTITION BY metric, {{seg ""}} cohort_start, `window` ORDER BY day ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS until_day
        FROM changes
        WHERE day <= today
        GROUP BY metric, {{seg ""}} cohort_start, `window`, day
        WINDOW until_now AS (PARTITION BY metric, {{seg ""}} cohort_start, `window` ORDER BY day)
    ),
    trailing AS
    (
        SELECT metric, {{seg ""}} cohort_start, `window`, f.start AS window_start, l.start AS window_end, f.day AS start_day,
            active_n, adopter_n, new_n, event_n
        FROM
        (
            SELECT metric, {{seg ""}} cohort_start, `window`, {{template "trailing_days" "`window`"}} AS trailing_n,
                arrayJoin(arrayMap(i -> from_day + i, range(toUInt32(until_day - from_day)))) AS last,
                active_n, adopter_n, new_n, event_n
            FROM running
            WHERE active_n != 0 OR adopter_n != 0 OR new_n != 0 OR event_n != 0
        ) AS t
        INNER JOIN {{template "calendar"}} AS f ON f.day = t.last - t.trailing_n + 1
        INNER JOIN {{template "calendar"}} AS l ON l.day = t.last + 1
    )
SELECT w.metric AS metric, c.cohort AS cohort, {{seg "w."}}
    nullIf(w.cohort_start, toDate(0)) AS cohort_start,
    `window`, window_start, window_end,
    toUInt64(active_n) AS active_users, toUInt64(adopter_n) AS adopters, toUInt64(new_n) AS new_adopters,
    toUInt64(event_n) AS events,
    {{template "rate" args "k" "adopters" "n" "active_users"}},
    {{template "settled"}},
    start_day AS day
FROM
(
    SELECT * FROM tumbling
    UNION ALL
    SELECT * FROM trailing
) AS w
INNER JOIN chosen AS c ON c.metric = w.metric
WHERE active_n != 0 OR adopter_n != 0 OR new_n != 0 OR event_n != 0
{{template "settings"}}
COMMENT 'Use of a feature by each cohort in every window of calendar time{{if segments}}, by segment{{end}}'
