CREATE OR REPLACE VIEW `firstlight`.`experiment_by_day`
(
    experiment LowCardinality(String) COMMENT 'Name of the experiment in the catalog',
    metric LowCardinality(String) COMMENT 'The metric of the catalog that is asked again of the users of the experiment',
    variant String COMMENT 'What users saw at their first exposure; (other) for variants that split does not list',
    exposed_on Date COMMENT 'Local day of the first exposure; a row for every day on which users entered the experiment in any variant',
    is_over Bool COMMENT 'The time of that day\'s users for the metric had passed at as_of; the columns below count nobody of a day of which it has not',
    users UInt64 COMMENT 'Users whose first exposure was on that day',
    eligible UInt64 COMMENT 'Of those, users whose time has passed, without the left_out',
    reached UInt64 COMMENT 'Of the eligible, users who got there in time, or came back in the period',
    left_out UInt64 COMMENT 'Users of that day who count in no share, because they saw another variant by the end of their time',
    eligible_to_date UInt64 COMMENT 'eligible of that day and all before',
    reached_to_date UInt64 COMMENT 'reached of that day and all before',
    value Nullable(Float64) COMMENT 'reached_to_date / eligible_to_date',
    difference Nullable(Float64) COMMENT 'value less that of the control; NULL for the control and for (other)',
    difference_low Nullable(Float64) COMMENT 'Lower limit of the 95 % interval of difference that holds on all days at once, together with those of the other variants',
    difference_high Nullable(Float64) COMMENT 'Upper limit of that interval',
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
    asked AS (SELECT *, cells AS origin FROM `firstlight`.experiments FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))),
    exposed AS
    (
        SELECT name, segment_value, day, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
        FROM `firstlight`.cells FINAL
        WHERE (generation, name) IN (SELECT origin, cohort FROM asked) AND kind = 'entry' AND segment = 'variant'
        GROUP BY name, segment_value, day, ended
        HAVING users > 0
    ),
    outcome AS
    (
        SELECT name, segment_value, toUnixTimestamp(bucket_end) AS ended, sumIf(n, stage = 0) AS reached, sumIf(n, stage = 1) AS left_out
        FROM `firstlight`.cells FINAL
        WHERE (generation, name) IN (SELECT origin, cell FROM asked) AND kind = 'reach' AND segment = 'variant'
        GROUP BY name, segment_value, ended
    ),
    days AS
    (
        SELECT position, metric_position, variant, day, shown, reached, crossed,
            if(unit = '', ended + within_seconds <= as_of_s, toUInt64(greatest(0, multiIf(
        unit = 'calendar_day', toInt64(today - day),
        unit = 'calendar_week', toInt64(intDiv(today - if(sunday_weeks, toStartOfWeek(day, 0), toStartOfWeek(day, 1)), 7)),
        unit = 'calendar_month', toInt64(dateDiff('month', toStartOfMonth(day), toStartOfMonth(today))),
        intDiv(toInt64(as_of_s) - toInt64(ended), if(unit = 'day', 86400, 604800))))) > period_number) AS is_over
        FROM
        (
            SELECT a.position AS position, a.metric_position AS metric_position, e.segment_value AS variant, e.users AS shown, r.reached AS reached, r.left_out AS crossed,
                a.within_seconds AS within_seconds, a.period AS unit, a.period_number AS period_number, e.day AS day, e.ended AS ended
            FROM asked AS a
            INNER JOIN exposed AS e ON e.name = a.cohort
            LEFT JOIN outcome AS r ON r.name = a.cell AND r.segment_value = e.segment_value AND r.ended = e.ended
        )
    ),
    -- Every variant on every day, also where nobody saw it: what was known then goes on.
    daily AS
    (
        SELECT g.position AS position, g.metric_position AS metric_position, g.variant AS variant, g.day AS day, g.is_over AS is_over, d.shown AS users,
            if(is_over, d.shown - d.crossed, 0) AS n, if(is_over, d.reached, 0) AS k, if(is_over, d.crossed, 0) AS left_out
        FROM
        (
            SELECT v.position AS position, v.metric_position AS metric_position, v.variant AS variant, o.day AS day, o.is_over AS is_over
            FROM (SELECT DISTINCT position, metric_position, variant FROM days) AS v
            INNER JOIN (SELECT DISTINCT position, metric_position, day, is_over FROM days) AS o ON o.position = v.position AND o.metric_position = v.metric_position
        ) AS g
        LEFT JOIN days AS d ON d.position = g.position AND d.metric_position = g.metric_position AND d.variant = g.variant AND d.day = g.day
    ),
    counted AS
    (
        SELECT *, sum(n) OVER up_to AS all_n, sum(k) OVER up_to AS all_k
        FROM daily
        WINDOW up_to AS (PARTITION BY position, metric_position, variant ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    beside AS
    (
        SELECT a.experiment AS experiment, a.metric AS metric, a.variants AS variants, a.control AS control, length(a.variants) - 1 AS compared,
            c.position AS position, c.metric_position AS metric_position, c.variant AS variant, c.day AS day, c.is_over AS is_over, c.users AS users,
            c.n AS day_n, c.k AS day_k, c.left_out AS left_out, c.all_n AS n, c.all_k AS k,
            sumIf(c.all_n, c.variant = a.control) OVER of_day AS control_n, sumIf(c.all_k, c.variant = a.control) OVER of_day AS control_k
        FROM asked AS a
        INNER JOIN counted AS c ON c.position = a.position AND c.metric_position = a.metric_position
        WINDOW of_day AS (PARTITION BY c.position, c.metric_position, c.day)
    ),
    -- The control, and what is no variant, is compared with nobody.
    against AS
    (
        SELECT *, if(variant = control OR NOT has(variants, variant), 0, control_n) AS other_n, if(other_n = 0, 0, control_k) AS other_k
        FROM beside
    ),
    limited AS
    (
        SELECT *, multiIf(n = 0, NULL, k <= 0, 0., (k + z2 / 2 - sqrt(z2 * (k * (n - k) / n + z2 / 4))) / (n + z2)) AS p_low, multiIf(n = 0, NULL, k >= n, 1., (k + z2 / 2 + sqrt(z2 * (k * (n - k) / n + z2 / 4))) / (n + z2)) AS p_high,
    multiIf(other_n = 0, NULL, other_k <= 0, 0., (other_k + z2 / 2 - sqrt(z2 * (other_k * (other_n - other_k) / other_n + z2 / 4))) / (other_n + z2)) AS q_low, multiIf(other_n = 0, NULL, other_k >= other_n, 1., (other_k + z2 / 2 + sqrt(z2 * (other_k * (other_n - other_k) / other_n + z2 / 4))) / (other_n + z2)) AS q_high
        FROM (SELECT *, if(n = 0 OR other_n = 0, NULL, (1 + 126.0056097925634 * (1 / n + 1 / other_n)) * (log1p(1 / (126.0056097925634 * (1 / n + 1 / other_n))) + 2 * log(20 * compared))) AS z2,
    k / nullIf(n, 0) AS p, other_k / nullIf(other_n, 0) AS q FROM against)
    )
SELECT experiment, metric, variant, day AS exposed_on, toBool(is_over) AS is_over, toUInt64(users) AS users, toUInt64(day_n) AS eligible, toUInt64(day_k) AS reached, toUInt64(left_out) AS left_out,
    toUInt64(n) AS eligible_to_date, toUInt64(k) AS reached_to_date, p AS value, p - q AS difference,
    difference - sqrt(pow(p - p_low, 2) + pow(q_high - q, 2)) AS difference_low, difference + sqrt(pow(p_high - p, 2) + pow(q - q_low, 2)) AS difference_high, as_of_time AS as_of
FROM limited
ORDER BY position, metric_position, indexOf(variants, variant) = 0, indexOf(variants, variant), day
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Experiments from day to day of the exposure: what was known of a difference with the users up to then'
