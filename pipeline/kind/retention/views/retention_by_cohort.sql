CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    period UInt8 COMMENT 'Number of the period since the start; period 0 holds the start',
    period_days Nullable(UInt8) COMMENT 'Days of a period: 1 or 7; NULL for months',
    started UInt64 COMMENT 'Users of the cohort who started: all who entered, or those whom the metric named in after counts',
    eligible UInt64 COMMENT 'Of those, users whose period had ended at as_of',
    returned UInt64 COMMENT 'Of the eligible, users who came back in the period',
    {{template "rate_columns" "returned / eligible: young users do not count, so a young cohort never looks like a drop"}},
    returned_since UInt64 COMMENT 'Of the eligible, users who came back in the period or at any later time up to as_of',
    rate_since Nullable(Float64) COMMENT 'returned_since / eligible',
    is_mature Bool COMMENT 'Nobody who entered can still start, and all who started are eligible: rate is that of the whole cohort',
    {{template "as_of_column"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "today"}},
    {{template "sunday_weeks"}},
    {{template "metrics_in_force"}},
    in_force AS
    (
        SELECT metric, cohort, kind, period, periods, after_metric, within_seconds, counts_from
        FROM {{db}}.metrics FINAL
        WHERE catalog_version = {{template "catalog_version"}}
    ),
    chosen AS (SELECT metric, cohort, period AS unit, periods, after_metric, counts_from FROM in_force WHERE kind = 'retention'),
    buckets AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort, {{seg "r."}} r.cohort_start AS cohort_start, c.unit AS unit,
            least({{template "periods_over" "c.unit"}}, toUInt64(c.periods + 1)) AS over, users, returned_in, last_in
        FROM
        (
            SELECT name, {{seg ""}} cohort_start, day, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users,
                sumMap(mapFromArrays(ages, counts)) AS returned_in, sumMap(mapFromArrays(ages, sums)) AS last_in
            FROM {{db}}.cells FINAL
            WHERE {{template "metric_cells"}} AND kind = 'period' AND stage = 0 AND {{segmented}}
            GROUP BY name, {{seg ""}} cohort_start, day, ended
            HAVING users > 0
        ) AS r
        INNER JOIN chosen AS c ON c.metric = r.name
    ),
    -- Buckets with as many ended periods count alike.
    alike AS
    (
        SELECT metric, any(cohort) AS cohort, {{seg ""}} cohort_start, any(unit) AS unit, over, sum(users) AS users,
            sumMap(returned_in) AS returned_in, sumMap(last_in) AS last_in
        FROM buckets
        GROUP BY metric, {{seg ""}} cohort_start, over
    ),
    started AS
    (
        SELECT metric, {{seg ""}} cohort_start, sum(users) AS started
        FROM alike
        GROUP BY metric, {{seg ""}} cohort_start
    ),
    counted AS
    (
        SELECT metric, any(cohort) AS cohort, {{seg ""}} cohort_start, any(unit) AS unit, k, toUInt64(sum(users)) AS eligible,
            toUInt64(sum(returned_in[toUInt16(k)])) AS returned, toUInt64(sum({{template "returned_since" args "period" "k" "of" "last_in"}})) AS returned_since
        FROM alike
        ARRAY JOIN range(over) AS k
        GROUP BY metric, {{seg ""}} cohort_start, k
    ),
    -- Users who entered and can still get to what starts them: those too young, without those of them who did.
    waiting AS
    (
        SELECT w.metric AS metric, {{seg "r."}} r.cohort_start AS cohort_start, sum(if(r.kind = 'entry', r.users, -r.users)) AS users
        FROM
        (
            SELECT c.metric AS metric, within_seconds, c.counts_from AS counts_from, side.1 AS kind, side.2 AS name
            FROM chosen AS c
            INNER JOIN in_force AS a ON a.metric = c.after_metric
            ARRAY JOIN [('entry', toString(c.cohort)), ('reach', toString(c.after_metric))] AS side
        ) AS w
        INNER JOIN
        (
            SELECT kind, toString(name) AS name, {{seg ""}} cohort_start, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
            FROM {{db}}.cells FINAL
            WHERE (kind = 'entry' AND {{template "cohort_cells"}} OR kind = 'reach' AND {{template "metric_cells"}}) AND stage = 0 AND {{segmented}}
                AND toUnixTimestamp(bucket_end) + (SELECT max(within_seconds) FROM in_force) > as_of_s
            GROUP BY kind, name, {{seg ""}} cohort_start, ended
        ) AS r ON r.kind = w.kind AND r.name = w.name
        WHERE r.ended + w.within_seconds > as_of_s AND r.ended > w.counts_from
        GROUP BY metric, {{seg ""}} cohort_start
    )
SELECT c.metric AS metric, c.cohort AS cohort, {{seg "c."}} c.cohort_start AS cohort_start, toUInt8(c.k) AS period,
    multiIf(c.unit IN ('day', 'calendar_day'), 1, c.unit IN ('week', 'calendar_week'), 7, NULL) AS period_days,
    toUInt64(s.started) AS started, c.eligible AS eligible, c.returned AS returned,
    {{template "rate" args "k" "returned" "n" "eligible"}},
    c.returned_since AS returned_since, returned_since / nullIf(eligible, 0) AS rate_since,
    toBool(eligible = started AND w.users = 0) AS is_mature, as_of_time AS as_of
FROM counted AS c
INNER JOIN started AS s ON {{equal "s." "c." "metric, cohort_start"}}
LEFT JOIN waiting AS w ON {{equal "w." "c." "metric, cohort_start"}}
{{template "settings"}}
COMMENT 'Retention of each cohort: the share of users who came back in each period since they started{{if segments}}, by segment{{end}}'
