CREATE OR REPLACE VIEW {{view}}
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    kind LowCardinality(String) COMMENT 'activation, ttfv or adoption',
    value Nullable(Float64) COMMENT 'Over the newest 28 entry days: the rate of the eligible users, or for ttfv the Kaplan-Meier median in seconds of all who entered; the days end with the newest one that has such a user',
    low Nullable(Float64) COMMENT 'Lower 95 % limit of value: Wilson, or log-log for ttfv',
    high Nullable(Float64) COMMENT 'Upper 95 % limit of value',
    n UInt64 COMMENT 'Users behind value',
    {{template "as_of_column"}},
    previous_value Nullable(Float64) COMMENT 'value over the 28 entry days before',
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
WITH
    {{template "clock"}},
    {{template "today"}},
    in_force AS
    (
        SELECT metric, kind, cohort, position, if(kind = 'ttfv', 0, within_seconds) AS wait, direction, owner,
            target_value, target_by, review_by
        FROM {{db}}.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM {{db}}.catalogs)
    ),
    entry_buckets AS
    (
        SELECT name AS cohort, day, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
        FROM {{db}}.cells FINAL
        WHERE generation = 1 AND kind = 'entry' AND {{segmented}}
        GROUP BY cohort, day, ended
        HAVING users > 0
    ),
    -- Read once, by metric: a named query would run wherever it is named.
    (
        SELECT CAST(groupArray((metric, newest_day)), 'Map(String, Date)')
        FROM
        (
            SELECT metric, max(day) AS newest_day
            FROM entry_buckets AS e
            INNER JOIN in_force AS m ON m.cohort = e.cohort
            WHERE wait = 0 OR ended + wait <= as_of_s
            GROUP BY metric
        )
    ) AS newest_days,
    -- Users of the 56 days have cohorts that began at most a month earlier.
    arrayMin(mapValues(newest_days)) - 56 - 31 AS oldest_cohort,
    -- period 0 is the newest 28 days, period 1 the 28 before
    entry AS
    (
        SELECT m.metric AS metric, intDiv(newest_days[metric] - day, 28) AS period, sumMap(map(ended, users)) AS entered_by_end
        FROM entry_buckets AS e
        INNER JOIN in_force AS m ON m.cohort = e.cohort
        WHERE {{template "is_recent" "metric"}} AND (wait = 0 OR ended + wait <= as_of_s)
        GROUP BY metric, period
    ),
    -- Ages are read where they count: a rate needs none.
    reach AS
    (
        SELECT name AS metric, intDiv(newest_days[name] - day, 28) AS period, {{template "reached_by_end"}},
            CAST(map(), 'Map(UInt16, UInt64)') AS users_by_age, users_by_age AS ms_by_age
        {{template "from_recent" "kind != 'ttfv'"}}
        GROUP BY metric, period
        UNION ALL
        SELECT name AS metric, intDiv(newest_days[name] - day, 28) AS period, {{template "reached_by_end"}}, {{template "by_age"}}
        {{template "from_recent" "kind = 'ttfv'"}}
        GROUP BY metric, period
    ),
    followed AS
    (
        SELECT e.metric AS metric, e.period AS period, e.entered_by_end AS entered_by_end,
            r.reached_by_end AS reached_by_end, r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM entry AS e
        LEFT JOIN reach AS r ON r.metric = e.metric AND r.period = e.period
    ),
    {{template "curve"}},
    counted AS
    (
        SELECT metric, period, arraySum(mapValues(entered_by_end)) AS n, arraySum(mapValues(reached_by_end)) AS k,
            {{template "km_median"}}
        FROM curve
    ),
    valued AS
    (
        SELECT metric, period, n AS users, kind = 'ttfv' AS is_time,
            if(is_time, km_p50_seconds, k / n) AS value,
            if(is_time, km_p50_low, {{template "wilson_low" args "k" "n"}}) AS low,
            if(is_time, km_p50_high, {{template "wilson_high" args "k" "n"}}) AS high
        FROM counted AS c
        INNER JOIN in_force AS m ON m.metric = c.metric
    ),
    periods AS
    (
        SELECT metric, [toUInt64(sumIf(users, period = 0))] AS n,
            groupArrayIf((value, low, high), period = 0) AS now, groupArrayIf(tuple(value), period = 1) AS before
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
    as_of_time AS as_of, p.before[1].1 AS previous_value, m.target_value AS target_value, m.target_by AS target_by,
    if(m.direction = 'down', target_value / nullIf(value, 0), value / nullIf(target_value, 0)) AS pace,
    m.owner AS owner, m.review_by AS review_by, toBool(ifNull(m.review_by < today, false)) AS review_overdue,
    u.incidents[1] AS open_incidents
FROM in_force AS m
LEFT JOIN periods AS p ON p.metric = m.metric
LEFT JOIN unresolved AS u ON u.metric = m.metric
ORDER BY m.position
{{template "settings"}},
    short_circuit_function_evaluation = 'disable' -- else value, low and high would each compute the whole curve
COMMENT 'One row per metric: where it stands, where it stood, and who answers for it'

{{- define "is_recent"}}{{/* of which metric */ -}}
    mapContains(newest_days, {{.}}) AND day <= newest_days[{{.}}] AND day > newest_days[{{.}}] - 56
{{- end}}

{{- define "from_recent"}}{{/* which metrics */ -}}
    FROM {{db}}.cells AS r FINAL
        INNER JOIN in_force AS m ON m.metric = r.name
        WHERE generation = 1 AND r.kind = 'reach' AND stage = 0 AND {{segmented}} AND cohort_start >= oldest_cohort
            AND name IN (SELECT metric FROM in_force WHERE {{.}})
            AND {{template "is_recent" "name"}} AND (wait = 0 OR toUnixTimestamp(bucket_end) + wait <= as_of_s)
{{- end}}
