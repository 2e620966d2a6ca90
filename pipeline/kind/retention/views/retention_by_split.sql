CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    split LowCardinality(String) COMMENT 'Name of the metric that users are told apart by',
    {{template "cohort_start_column"}}
    period UInt8 COMMENT 'Number of the period since the start; period 0 holds the start',
    activated_eligible UInt64 COMMENT 'Users who started and reached the splitting metric in time, whose period had ended at as_of',
    activated_returned UInt64 COMMENT 'Of those, users who came back in the period',
    activated_rate Nullable(Float64) COMMENT 'activated_returned / activated_eligible',
    other_eligible UInt64 COMMENT 'Users who started, whose time for the splitting metric has passed without it, and whose period had ended at as_of',
    other_returned UInt64 COMMENT 'Of those, users who came back in the period',
    other_rate Nullable(Float64) COMMENT 'other_returned / other_eligible',
    difference Nullable(Float64) COMMENT 'activated_rate - other_rate; NULL for periods that begin while users may still reach the splitting metric: who reaches it on a day was there on that day',
    difference_low Nullable(Float64) COMMENT 'Lower limit of the 95 % interval of difference (Newcombe); above 0, who reached it comes back more beyond chance',
    difference_high Nullable(Float64) COMMENT 'Upper limit of the 95 % interval of difference'
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
        SELECT metric, cohort, kind, period AS unit, periods, after_metric, split_metric, within_seconds
        FROM {{db}}.metrics FINAL
        WHERE catalog_version = {{template "catalog_version"}}
    ),
    chosen AS
    (
        SELECT m.metric AS metric, m.cohort AS cohort, m.unit AS unit, m.periods AS periods, m.split_metric AS split, s.within_seconds AS wait
        FROM in_force AS m
        INNER JOIN in_force AS s ON s.metric = m.split_metric
        WHERE m.kind = 'retention'
    ),
    -- Where users do not start with their entry, the value says when they did.
    judged AS
    (
        SELECT metric, cohort, split, cohort_start, unit, periods, wait, stage, users, returned_in,
            if(started_at = 0 OR unit NOT LIKE 'calendar%', entered_on, toDate(started_at)) AS day,
            if(started_at = 0 OR unit LIKE 'calendar%', entry_ended, 60 * started_at) AS ended
        FROM
        (
            SELECT c.metric AS metric, c.cohort AS cohort, c.split AS split, r.cohort_start AS cohort_start, c.unit AS unit, c.periods AS periods,
                c.wait AS wait, r.stage AS stage, r.users AS users, r.returned_in AS returned_in, r.entered_on AS entered_on,
                r.entry_ended AS entry_ended, r.started_at AS started_at
            FROM
            (
                SELECT name, cohort_start, stage, day AS entered_on, toUnixTimestamp(bucket_end) AS entry_ended, toUInt32OrZero(segment_value) AS started_at,
                    sum(n) AS users, sumMap(mapFromArrays(ages, counts)) AS returned_in
                FROM {{db}}.cells FINAL
                WHERE {{template "metric_cells"}} AND kind = 'period' AND stage IN (1, 2) AND segment = ''
                GROUP BY name, cohort_start, stage, entered_on, entry_ended, started_at
                HAVING users > 0
            ) AS r
            INNER JOIN chosen AS c ON c.metric = r.name
            WHERE entry_ended + wait <= as_of_s
        )
    ),
    buckets AS
    (
        SELECT metric, cohort, split, cohort_start, unit, wait, stage, users, returned_in, least({{template "periods_over" "unit"}}, toUInt64(periods + 1)) AS over
        FROM judged
    ),
    alike AS
    (
        SELECT metric, any(cohort) AS cohort, any(split) AS split, cohort_start, any(unit) AS unit, any(wait) AS wait, stage, over,
            sum(users) AS users, sumMap(returned_in) AS returned_in
        FROM buckets
        GROUP BY metric, cohort_start, stage, over
    ),
    counted AS
    (
        SELECT metric, any(cohort) AS cohort, any(split) AS split, cohort_start, k, any(unit) AS unit, any(wait) AS wait,
            toUInt64(sumIf(users, stage = 1)) AS n, toUInt64(sumIf(returned_in[toUInt16(k)], stage = 1)) AS kn,
            toUInt64(sumIf(users, stage = 2)) AS m, toUInt64(sumIf(returned_in[toUInt16(k)], stage = 2)) AS km
        FROM alike
        ARRAY JOIN range(over) AS k
        GROUP BY metric, cohort_start, k
    ),
    limited AS
    (
        SELECT *, kn / nullIf(n, 0) AS p, km / nullIf(m, 0) AS q,
            {{template "wilson_low" args "k" "kn" "n" "n"}} AS p_low, {{template "wilson_high" args "k" "kn" "n" "n"}} AS p_high,
            {{template "wilson_low" args "k" "km" "n" "m"}} AS q_low, {{template "wilson_high" args "k" "km" "n" "m"}} AS q_high,
            86400 * multiIf(unit = 'day', toInt64(k), unit = 'week', 7 * toInt64(k), unit = 'calendar_day', toInt64(k) - 1,
                unit = 'calendar_week', 7 * (toInt64(k) - 1), 28 * (toInt64(k) - 1)) AS begins_after
        FROM counted
    )
SELECT metric, cohort, split, cohort_start, toUInt8(k) AS period, n AS activated_eligible, kn AS activated_returned, p AS activated_rate,
    m AS other_eligible, km AS other_returned, q AS other_rate,
    if(begins_after >= toInt64(wait), p - q, NULL) AS difference,
    {{template "newcombe_low"}} AS difference_low,
    {{template "newcombe_high"}} AS difference_high
FROM limited
{{template "settings"}}
COMMENT 'Does it pay to reach another metric? The share of users who came back in each period, of those who reached it in time and of those who did not'
