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
    {{template "settled_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    {{template "clock"}},
    {{template "catalog"}},
    {{template "today"}},
    {{template "chosen" "'adoption'"}},
    tumbling AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, `window`, bucket AS window_start, bucket_end AS window_end,
            sum(active) AS active_n, sum(adopters) AS adopter_n, sum(new_adopters) AS new_n, sum(n) AS event_n
        FROM {{db}}.cells FINAL
        WHERE generation = 1 AND kind = 'window' AND {{segmented}} AND name IN (SELECT metric FROM chosen)
            AND has(listed_windows, `window`)
        GROUP BY metric, {{seg ""}} cohort_start, `window`, window_start, window_end
    ),
    -- Of trailing windows the rows are changes by last day. First uses and events of entered users are those of their
    -- days, so they join when the day comes into the window and leave N days later.
    changes AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, `window`, day, active, adopters, new_adopters, n AS events
        FROM {{db}}.cells FINAL
        WHERE generation = 1 AND kind = 'trailing' AND {{segmented}} AND name IN (SELECT metric FROM chosen)
            AND has(listed_windows, `window`)
        UNION ALL
        SELECT metric, {{seg ""}} cohort_start, trailing_window AS `window`, day + change.1 AS day,
            toInt64(0) AS active, toInt64(0) AS adopters, change.2 * new_n AS new_adopters, change.2 * event_n AS events
        FROM
        (
            SELECT name AS metric, {{seg ""}} cohort_start, day, sum(new_adopters) AS new_n, sum(n) AS event_n
            FROM {{db}}.cells FINAL
            WHERE generation = 1 AND kind = 'window' AND `window` = '1d' AND {{segmented}} AND name IN (SELECT metric FROM chosen)
                AND cohort_start != toDate(0)
            GROUP BY metric, {{seg ""}} cohort_start, day
            HAVING new_n != 0 OR event_n != 0
        )
        ARRAY JOIN arrayFilter(w -> endsWith(w, '/1d'), listed_windows) AS trailing_window
        ARRAY JOIN [(toUInt16(0), toInt64(1)), ({{template "trailing_days" "trailing_window"}}, toInt64(-1))] AS change
    ),
    running AS
    (
        SELECT metric, {{seg ""}} cohort_start, `window`,
            sumMap(map(day, active)) AS active_changes, mapKeys(active_changes) AS from_days,
            arrayPushBack(arrayPopFront(from_days), today + 1) AS until_days,
            arrayCumSum(mapValues(active_changes)) AS active_by, arrayCumSum(mapValues(sumMap(map(day, adopters)))) AS adopters_by,
            arrayCumSum(mapValues(sumMap(map(day, new_adopters)))) AS new_by, arrayCumSum(mapValues(sumMap(map(day, events)))) AS events_by
        FROM changes
        WHERE day <= today
        GROUP BY metric, {{seg ""}} cohort_start, `window`
    ),
    trailing AS
    (
        SELECT metric, {{seg ""}} cohort_start, `window`, f.start AS window_start, l.start AS window_end,
            active_n, adopter_n, new_n, event_n
        FROM
        (
            SELECT metric, {{seg ""}} cohort_start, `window`, {{template "trailing_days" "`window`"}} AS trailing_n,
                arrayJoin(arrayMap(i -> from_day + i, range(toUInt32(until_day - from_day)))) AS last,
                active_n, adopter_n, new_n, event_n
            FROM running
            ARRAY JOIN from_days AS from_day, until_days AS until_day, active_by AS active_n, adopters_by AS adopter_n,
                new_by AS new_n, events_by AS event_n
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
    {{template "rate" args "adopters" "active_users"}},
    {{template "settled"}}
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
