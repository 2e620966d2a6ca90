CREATE OR REPLACE VIEW `firstlight`.`metric_status`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    kind LowCardinality(String) COMMENT 'activation, ttfv, adoption or retention',
    value Nullable(Float64) COMMENT 'Over the newest 28 entry days: the rate of the eligible users, or for ttfv the Kaplan-Meier median in seconds of all who entered; for retention the rate of the period of its target, 1 without one, by days of the start; the days end with the newest one that has such a user',
    low Nullable(Float64) COMMENT 'Lower 95 % limit of value: Wilson, or log-log for ttfv',
    high Nullable(Float64) COMMENT 'Upper 95 % limit of value',
    n UInt64 COMMENT 'Users behind value',
    as_of DateTime64(3, 'UTC') COMMENT 'Received time up to which every partition has applied the stream',
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
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    assumeNotNull((SELECT maxIf(day, toUnixTimestamp(start) <= as_of_s) FROM `firstlight`.calendar WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS today,
    assumeNotNull((SELECT argMax(week_start = 'sunday', catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS sunday_weeks,
    assumeNotNull((
        SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort)), groupArrayIf((cells, metric), kind IN ('ttfv')), groupArrayIf((cells, metric), kind NOT IN ('ttfv')))
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))
    )) AS metrics_in_force,
    in_force AS
    (
        SELECT metric, kind, cohort, position, kind IN ('ttfv') AS is_time, if(is_time, 0, within_seconds) AS wait, direction, owner,
            target_value, target_by, review_by, metrics.period AS unit, target_period, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))
    ),
    entry_buckets AS
    (
        SELECT name AS cohort, day, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
        FROM `firstlight`.cells FINAL
        WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment = '' AND segment_value = ''
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
            WHERE kind NOT IN ('retention') AND (wait = 0 OR ended + wait <= as_of_s) AND ended > counts_from
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
        WHERE day <= newest_day AND day > newest_day - 56 AND (wait = 0 OR ended + wait <= now_s)
        GROUP BY metric, period
    ),
    -- Ages are read where they count: a rate needs none.
    reach AS
    (
        SELECT metric, intDiv(newest_day - day, 28) AS period, sumMap(map(ended, n)) AS reached_by_end,
            CAST(map(), 'Map(UInt16, UInt64)') AS users_by_age, users_by_age AS ms_by_age
        FROM
        (
            SELECT name AS metric, day, toUnixTimestamp(bucket_end) AS ended, n, recent[name] AS of, of.1 AS newest_day, of.2 AS wait, as_of_s AS now_s
            FROM `firstlight`.cells FINAL
            WHERE (generation, name) IN metrics_in_force.4 AND kind = 'reach' AND stage = 0 AND segment = '' AND segment_value = ''
                AND cohort_start >= arrayMin(arrayMap(r -> r.1, mapValues(recent))) - 56 - 31
        )
        WHERE day <= newest_day AND day > newest_day - 56 AND (wait = 0 OR ended + wait <= now_s)
        GROUP BY metric, period
        UNION ALL
        SELECT metric, intDiv(newest_day - day, 28) AS period, sumMap(map(ended, n)) AS reached_by_end, sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age
        FROM
        (
            SELECT name AS metric, day, toUnixTimestamp(bucket_end) AS ended, n, ages, counts, sums, recent[name] AS of, of.1 AS newest_day, of.2 AS wait, as_of_s AS now_s
            FROM `firstlight`.cells FINAL
            WHERE (generation, name) IN metrics_in_force.3 AND kind = 'reach' AND stage = 0 AND segment = '' AND segment_value = ''
                AND cohort_start >= arrayMin(arrayMap(r -> r.1, mapValues(recent))) - 56 - 31
        )
        WHERE day <= newest_day AND day > newest_day - 56 AND (wait = 0 OR ended + wait <= now_s)
        GROUP BY metric, period
    ),
    followed AS
    (
        SELECT e.metric AS metric, e.period AS period, e.is_time AS is_time, e.entered_by_end AS entered_by_end,
            r.reached_by_end AS reached_by_end, r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM entry AS e
        LEFT JOIN reach AS r ON r.metric = e.metric AND r.period = e.period
    ),
    aged AS
    (
        SELECT *, as_of_ms AS now_ms, intDiv(now_ms, 1000) AS now_s,
            arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total,
            mapFilter((bucket_end, users) -> users > 0, mapSubtract(entered_by_end, reached_by_end)) AS censored
        FROM followed
    ),
    -- (age, 0 for an event and 1 for a censoring, users)
    lined_up AS
    (
        SELECT *,
            arraySort(arrayConcat(
                arrayMap((age, users) -> (age, 0, toInt64(users)), event_age, event_n),
                arrayMap((bucket_end, users) -> (greatest(0., now_ms / 1000 - bucket_end), 1, users), mapKeys(censored), mapValues(censored)))) AS km_point,
            event_total + arraySum(mapValues(censored)) AS km_users
        FROM aged
    ),
    at_risk AS
    (
        SELECT *,
            arrayFilter((risk, point) -> point.2 = 0,
                arrayMap((point, gone) -> km_users - gone + point.3, km_point, arrayCumSum(point -> point.3, km_point)), km_point) AS km_risk
        FROM lined_up
    ),
    curve AS
    (
        SELECT *, km.1 AS km_s, km.2 AS km_low, km.3 AS km_high
        FROM
        (
            SELECT *,
                arrayMap((x, v) -> (exp(x), exp(x * exp(-1.959963984540054 * sqrt(v) / x)), exp(x * exp(1.959963984540054 * sqrt(v) / x))),
                    arrayCumSum((users, risk) -> log(1 - users / risk), event_n, km_risk),
                    arrayCumSum((users, risk) -> users / (risk * (risk - users)), event_n, km_risk)) AS km
            FROM at_risk
        )
    ),
    counted AS
    (
        SELECT metric, period, is_time, arraySum(mapValues(entered_by_end)) AS n, arraySum(mapValues(reached_by_end)) AS k,
            arrayMap((share, curve) -> arrayMap(at -> multiIf(at = 0, NULL,
            curve[at] < share - 1e-9 OR at = length(curve), event_age[at],
            (event_age[at] + event_age[at + 1]) / 2), [arrayFirstIndex(s -> s <= share + 1e-9, curve)])[1],
        [0.5, 0.5, 0.5], [km_s, km_low, km_high]) AS km_median
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
                FROM `firstlight`.cells FINAL
                WHERE (generation, name) IN metrics_in_force.1 AND kind = 'period' AND stage = 0 AND segment = '' AND segment_value = ''
                GROUP BY name, day, ended
                HAVING started > 0
            ) AS r
            INNER JOIN in_force AS m ON m.metric = r.name
            WHERE toUInt64(greatest(0, multiIf(
        m.unit = 'calendar_day', toInt64(today - day),
        m.unit = 'calendar_week', toInt64(intDiv(today - if(sunday_weeks, toStartOfWeek(day, 0), toStartOfWeek(day, 1)), 7)),
        m.unit = 'calendar_month', toInt64(dateDiff('month', toStartOfMonth(day), toStartOfMonth(today))),
        intDiv(toInt64(as_of_s) - toInt64(ended), if(m.unit = 'day', 86400, 604800))))) > m.target_period
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
            if(is_time, median[2], multiIf(users = 0, NULL, reached_n <= 0, 0., (reached_n + 1.920729410347062 - 1.959963984540054 * sqrt(reached_n * (users - reached_n) / users + 0.960364705173531)) / (users + 3.841458820694124))) AS low,
            if(is_time, median[3], multiIf(users = 0, NULL, reached_n >= users, 1., (reached_n + 1.920729410347062 + 1.959963984540054 * sqrt(reached_n * (users - reached_n) / users + 0.960364705173531)) / (users + 3.841458820694124))) AS high
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
        FROM (SELECT metric, argMax(state, seq) AS newest_state FROM `firstlight`.incident_log FINAL GROUP BY incident_id, metric)
        WHERE newest_state != 'resolved'
        GROUP BY metric
    )
SELECT m.metric AS metric, m.kind AS kind, p.now[1].1 AS value, p.now[1].2 AS low, p.now[1].3 AS high, p.n[1] AS n,
    as_of_time AS as_of, p.before[1].1 AS previous_value, p.now[1].1 - p.before[1].1 AS change,
    change - sqrt(pow(p.now[1].1 - p.now[1].2, 2) + pow(p.before[1].3 - p.before[1].1, 2)) AS change_low,
    change + sqrt(pow(p.now[1].3 - p.now[1].1, 2) + pow(p.before[1].1 - p.before[1].2, 2)) AS change_high,
    m.target_value AS target_value, m.target_by AS target_by,
    if(m.direction = 'down', target_value / nullIf(value, 0), value / nullIf(target_value, 0)) AS pace,
    m.owner AS owner, m.review_by AS review_by, toBool(ifNull(m.review_by < today, false)) AS review_overdue,
    u.incidents[1] AS open_incidents
FROM in_force AS m
LEFT JOIN periods AS p ON p.metric = m.metric
LEFT JOIN unresolved AS u ON u.metric = m.metric
ORDER BY m.position
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'One row per metric: where it stands, where it stood, and who answers for it'
