CREATE OR REPLACE VIEW `firstlight`.`retention_by_cohort`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the users entered',
    period UInt8 COMMENT 'Number of the period since the start; period 0 holds the start',
    period_days Nullable(UInt8) COMMENT 'Days of a period: 1 or 7; NULL for months',
    started UInt64 COMMENT 'Users of the cohort who started: all who entered, or those whom the metric named in after counts',
    eligible UInt64 COMMENT 'Of those, users whose period had ended at as_of',
    returned UInt64 COMMENT 'Of the eligible, users who came back in the period',
    rate Nullable(Float64) COMMENT 'returned / eligible: young users do not count, so a young cohort never looks like a drop; NULL when the denominator is 0',
    rate_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of rate',
    rate_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of rate',
    returned_since UInt64 COMMENT 'Of the eligible, users who came back in the period or at any later time up to as_of',
    rate_since Nullable(Float64) COMMENT 'returned_since / eligible',
    is_mature Bool COMMENT 'Nobody who entered can still start, and all who started are eligible: rate is that of the whole cohort',
    as_of DateTime64(3, 'UTC') COMMENT 'Received time up to which every partition has applied the stream'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    assumeNotNull((SELECT maxIf(day, toUnixTimestamp(start) <= as_of_s) FROM `firstlight`.calendar WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS today,
    assumeNotNull((SELECT argMax(week_start = 'sunday', catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS sunday_weeks,
    assumeNotNull((SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort))) FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)))) AS metrics_in_force,
    in_force AS
    (
        SELECT metric, cohort, kind, period, periods, after_metric, within_seconds, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))
    ),
    chosen AS (SELECT metric, cohort, period AS unit, periods, after_metric, counts_from FROM in_force WHERE kind = 'retention'),
    buckets AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort,  r.cohort_start AS cohort_start, c.unit AS unit,
            least(toUInt64(greatest(0, multiIf(
        c.unit = 'calendar_day', toInt64(today - day),
        c.unit = 'calendar_week', toInt64(intDiv(today - if(sunday_weeks, toStartOfWeek(day, 0), toStartOfWeek(day, 1)), 7)),
        c.unit = 'calendar_month', toInt64(dateDiff('month', toStartOfMonth(day), toStartOfMonth(today))),
        intDiv(toInt64(as_of_s) - toInt64(ended), if(c.unit = 'day', 86400, 604800))))), toUInt64(c.periods + 1)) AS over, users, returned_in, last_in
        FROM
        (
            SELECT name,  cohort_start, day, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users,
                sumMap(mapFromArrays(ages, counts)) AS returned_in, sumMap(mapFromArrays(ages, sums)) AS last_in
            FROM `firstlight`.cells FINAL
            WHERE (generation, name) IN metrics_in_force.1 AND kind = 'period' AND stage = 0 AND segment = '' AND segment_value = ''
            GROUP BY name,  cohort_start, day, ended
            HAVING users > 0
        ) AS r
        INNER JOIN chosen AS c ON c.metric = r.name
    ),
    -- Buckets with as many ended periods count alike.
    alike AS
    (
        SELECT metric, any(cohort) AS cohort,  cohort_start, any(unit) AS unit, over, sum(users) AS users,
            sumMap(returned_in) AS returned_in, sumMap(last_in) AS last_in
        FROM buckets
        GROUP BY metric,  cohort_start, over
    ),
    started AS
    (
        SELECT metric,  cohort_start, sum(users) AS started
        FROM alike
        GROUP BY metric,  cohort_start
    ),
    counted AS
    (
        SELECT metric, any(cohort) AS cohort,  cohort_start, any(unit) AS unit, k, toUInt64(sum(users)) AS eligible,
            toUInt64(sum(returned_in[toUInt16(k)])) AS returned, toUInt64(sum(arraySum((last, users) -> if(last >= k, users, 0), mapKeys(last_in), mapValues(last_in)))) AS returned_since
        FROM alike
        ARRAY JOIN range(over) AS k
        GROUP BY metric,  cohort_start, k
    ),
    -- Users who entered and can still get to what starts them: those too young, without those of them who did.
    waiting AS
    (
        SELECT w.metric AS metric,  r.cohort_start AS cohort_start, sum(if(r.kind = 'entry', r.users, -r.users)) AS users
        FROM
        (
            SELECT c.metric AS metric, within_seconds, c.counts_from AS counts_from, side.1 AS kind, side.2 AS name
            FROM chosen AS c
            INNER JOIN in_force AS a ON a.metric = c.after_metric
            ARRAY JOIN [('entry', toString(c.cohort)), ('reach', toString(c.after_metric))] AS side
        ) AS w
        INNER JOIN
        (
            SELECT kind, toString(name) AS name,  cohort_start, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
            FROM `firstlight`.cells FINAL
            WHERE (kind = 'entry' AND (generation, name) IN metrics_in_force.2 OR kind = 'reach' AND (generation, name) IN metrics_in_force.1) AND stage = 0 AND segment = '' AND segment_value = ''
                AND toUnixTimestamp(bucket_end) + (SELECT max(within_seconds) FROM in_force) > as_of_s
            GROUP BY kind, name,  cohort_start, ended
        ) AS r ON r.kind = w.kind AND r.name = w.name
        WHERE r.ended + w.within_seconds > as_of_s AND r.ended > w.counts_from
        GROUP BY metric,  cohort_start
    )
SELECT c.metric AS metric, c.cohort AS cohort,  c.cohort_start AS cohort_start, toUInt8(c.k) AS period,
    multiIf(c.unit IN ('day', 'calendar_day'), 1, c.unit IN ('week', 'calendar_week'), 7, NULL) AS period_days,
    toUInt64(s.started) AS started, c.eligible AS eligible, c.returned AS returned,
    returned / nullIf(eligible, 0) AS rate,
    multiIf(eligible = 0, NULL, returned <= 0, 0., (returned + 1.920729410347062 - 1.959963984540054 * sqrt(returned * (eligible - returned) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_low,
    multiIf(eligible = 0, NULL, returned >= eligible, 1., (returned + 1.920729410347062 + 1.959963984540054 * sqrt(returned * (eligible - returned) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_high,
    c.returned_since AS returned_since, returned_since / nullIf(eligible, 0) AS rate_since,
    toBool(eligible = started AND w.users = 0) AS is_mature, as_of_time AS as_of
FROM counted AS c
INNER JOIN started AS s ON s.metric = c.metric AND s.cohort_start = c.cohort_start
LEFT JOIN waiting AS w ON w.metric = c.metric AND w.cohort_start = c.cohort_start
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Retention of each cohort: the share of users who came back in each period since they started'
