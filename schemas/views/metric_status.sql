CREATE OR REPLACE VIEW {{view}}
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    kind LowCardinality(String) COMMENT '{{kind_names}}',
    value Nullable(Float64) COMMENT 'Over the newest 28 entry days: the rate of the eligible users, or for ttfv the Kaplan-Meier median in seconds of all who entered; for retention the rate of the period of its target, 1 without one, by days of the start; the days end with the newest one that has such a user',
    low Nullable(Float64) COMMENT 'Lower 95 % limit of value: Wilson, or log-log for ttfv',
    high Nullable(Float64) COMMENT 'Upper 95 % limit of value',
    n UInt64 COMMENT 'Users behind value',
    {{template "as_of_column"}},
    previous_value Nullable(Float64) COMMENT 'value over the 28 entry days before',
    change Nullable(Float64) COMMENT 'value - previous_value: in shares for a rate, in seconds for ttfv',
    change_low Nullable(Float64) COMMENT 'Lower 95 % limit of change, from the limits of both values: Newcombe for rates, and the same rule for medians. An interval that holds 0 says that nothing is known to have changed',
    change_high Nullable(Float64) COMMENT 'Upper 95 % limit of change; NULL when a limit it needs is not known',
    target_value Nullable(Float64) COMMENT 'Value to reach; NULL when there is no target',
    target_by Nullable(Date) COMMENT 'When the target should be reached',
    pace Nullable(Float64) COMMENT 'How much of the target is reached: value / target_value, or target_value / value where down is good; 1 or more is on target',
    owner String COMMENT 'Who answers for the metric',
    review_by Nullable(Date) COMMENT 'When the metric should be reviewed',
    review_overdue Bool COMMENT 'review_by lies before the local day of as_of',
    open_incidents UInt64 COMMENT 'Incidents of the metric that are not resolved'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "today"}},
    {{template "sunday_weeks"}},
    assumeNotNull((
        SELECT ({{template "origins"}}, groupArrayIf((cells, metric), kind IN ({{kinds "time"}})), groupArrayIf((cells, metric), kind NOT IN ({{kinds "time"}})))
        FROM {{db}}.metrics FINAL
        WHERE catalog_version = {{template "catalog_version"}}
    )) AS metrics_in_force,
    in_force AS
    (
        SELECT metric, kind, cohort, position, kind IN ({{kinds "time"}}) AS is_time, if(is_time, 0, within_seconds) AS wait, direction, owner,
            target_value, target_by, review_by, metrics.period AS unit, target_period, counts_from
        FROM {{db}}.metrics FINAL
        WHERE catalog_version = {{template "catalog_version"}}
    ),
    entry_buckets AS
    (
        SELECT name AS cohort, day, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
        FROM {{db}}.cells FINAL
        WHERE {{template "cohort_cells"}} AND kind = 'entry' AND {{segmented}}
        GROUP BY cohort, day, ended
        HAVING users > 0
    ),
    -- Of each metric: its newest day with an eligible user, wait, cohort, whether it is a time, and from when it counts. Read once: a named
    -- query would run wherever it is named.
    (
        SELECT CAST(groupArray((metric, (newest_day, wait, cohort, is_time, counts_from))), 'Map(String, Tuple(Date, UInt64, String, Bool, UInt32))')
        FROM
        (
            SELECT metric, cohort, wait, is_time, counts_from, max(day) AS newest_day
            FROM entry_buckets AS e
            INNER JOIN in_force AS m ON m.cohort = e.cohort
            WHERE kind NOT IN ({{kinds "by_period"}}) AND (wait = 0 OR ended + wait <= as_of_s) AND ended > counts_from
            GROUP BY metric, cohort, wait, is_time, counts_from
        )
    ) AS recent,
    -- period 0 is the newest 28 days, period 1 the 28 before
    entry AS
    (
        SELECT metric, intDiv(newest_day - day, 28) AS period, any(is_time) AS is_time, sumMap(map(ended, users)) AS entered_by_end
        FROM
        (
            SELECT of.1 AS metric, of.2.1 AS newest_day, of.2.2 AS wait, of.2.4 AS is_time, day, ended, users, as_of_s AS now_s
            FROM entry_buckets
            ARRAY JOIN recent AS of
            WHERE of.2.3 = cohort AND ended > of.2.5
        )
        WHERE {{template "is_recent"}}
        GROUP BY metric, period
    ),
    -- Ages are read where they count: a rate needs none.
    reach AS
    (
        SELECT metric, intDiv(newest_day - day, 28) AS period, sumMap(map(ended, n)) AS reached_by_end,
            CAST(map(), 'Map(UInt16, UInt64)') AS users_by_age, users_by_age AS ms_by_age
        FROM
        (
            SELECT name AS metric, day, toUnixTimestamp(bucket_end) AS ended, n, {{template "of_recent"}}
            {{template "from_recent" "4"}}
        )
        WHERE {{template "is_recent"}}
        GROUP BY metric, period
        UNION ALL
        SELECT metric, intDiv(newest_day - day, 28) AS period, sumMap(map(ended, n)) AS reached_by_end, {{template "by_age"}}
        FROM
        (
            SELECT name AS metric, day, toUnixTimestamp(bucket_end) AS ended, n, ages, counts, sums, {{template "of_recent"}}
            {{template "from_recent" "3"}}
        )
        WHERE {{template "is_recent"}}
        GROUP BY metric, period
    ),
    followed AS
    (
        SELECT e.metric AS metric, e.period AS period, e.is_time AS is_time, e.entered_by_end AS entered_by_end,
            r.reached_by_end AS reached_by_end, r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM entry AS e
        LEFT JOIN reach AS r ON r.metric = e.metric AND r.period = e.period
    ),
    {{template "curve"}},
    counted AS
    (
        SELECT metric, period, is_time, arraySum(mapValues(entered_by_end)) AS n, arraySum(mapValues(reached_by_end)) AS k,
            {{template "km_median"}} AS km_median
        FROM curve
    ),
    -- Users followed in periods: those whose period of the target is over, by the days they started.
    by_period AS
    (
        SELECT metric, intDiv(newest_start - day, 28) AS period, sum(started) AS n, sum(returned) AS k
        FROM
        (
            SELECT m.metric AS metric, r.day AS day, r.started AS started, r.returned_in[m.target_period] AS returned,
                max(r.day) OVER (PARTITION BY metric) AS newest_start
            FROM
            (
                SELECT name, day, toUnixTimestamp(bucket_end) AS ended, sum(n) AS started, sumMap(mapFromArrays(ages, counts)) AS returned_in
                FROM {{db}}.cells FINAL
                WHERE {{template "metric_cells"}} AND kind = 'period' AND stage = 0 AND {{segmented}}
                GROUP BY name, day, ended
                HAVING started > 0
            ) AS r
            INNER JOIN in_force AS m ON m.metric = r.name
            WHERE {{template "periods_over" "m.unit"}} > m.target_period
        )
        WHERE day > newest_start - 56
        GROUP BY metric, period
    ),
    -- Aggregating ends the computation of a curve: what is chosen from after it would compute the curve again for each of value, low and high.
    estimated AS
    (
        SELECT metric, period, any(is_time) AS is_time, any(n) AS users, any(k) AS reached_n,
            any(km_median) AS median
        FROM counted
        GROUP BY metric, period
        UNION ALL
        SELECT metric, period, false, toInt64(n), toInt64(k), []
        FROM by_period
    ),
    valued AS
    (
        SELECT metric, period, users,
            if(is_time, median[1], reached_n / users) AS value,
            if(is_time, median[2], {{template "wilson_low" args "k" "reached_n" "n" "users"}}) AS low,
            if(is_time, median[3], {{template "wilson_high" args "k" "reached_n" "n" "users"}}) AS high
        FROM estimated
    ),
    periods AS
    (
        SELECT metric, [toUInt64(sumIf(users, period = 0))] AS n,
            groupArrayIf((value, low, high), period = 0) AS now, groupArrayIf((value, low, high), period = 1) AS before
        FROM valued
        GROUP BY metric
    ),
    unresolved AS
    (
        SELECT metric, [count()] AS incidents
        FROM (SELECT metric, argMax(state, seq) AS newest_state FROM {{db}}.incident_log FINAL GROUP BY incident_id, metric)
        WHERE newest_state != 'resolved'
        GROUP BY metric
    )
SELECT m.metric AS metric, m.kind AS kind, p.now[1].1 AS value, p.now[1].2 AS low, p.now[1].3 AS high, p.n[1] AS n,
    as_of_time AS as_of, p.before[1].1 AS previous_value, {{template "change" args "now" "p.now[1]" "before" "p.before[1]"}},
    m.target_value AS target_value, m.target_by AS target_by,
    if(m.direction = 'down', target_value / nullIf(value, 0), value / nullIf(target_value, 0)) AS pace,
    m.owner AS owner, m.review_by AS review_by, toBool(ifNull(m.review_by < today, false)) AS review_overdue,
    u.incidents[1] AS open_incidents
FROM in_force AS m
LEFT JOIN periods AS p ON p.metric = m.metric
LEFT JOIN unresolved AS u ON u.metric = m.metric
ORDER BY m.position
{{template "settings"}}
COMMENT 'One row per metric: where it stands, where it stood, and who answers for it'

{{- define "is_recent" -}}
    day <= newest_day AND day > newest_day - 56 AND (wait = 0 OR ended + wait <= now_s)
{{- end}}

{{- define "of_recent" -}}
    recent[name] AS of, of.1 AS newest_day, of.2 AS wait, as_of_s AS now_s
{{- end}}

{{- define "from_recent"}}{{/* which of metrics_in_force; users of the 56 days have cohorts that began at most a month earlier */ -}}
    FROM {{db}}.cells FINAL
            WHERE (generation, name) IN metrics_in_force.{{.}} AND kind = 'reach' AND stage = 0 AND {{segmented}}
                AND cohort_start >= arrayMin(arrayMap(r -> r.1, mapValues(recent))) - 56 - 31
{{- end}}
