CREATE OR REPLACE VIEW `firstlight`.`experiment_results`
(
    experiment LowCardinality(String) COMMENT 'Name of the experiment in the catalog',
    metric LowCardinality(String) COMMENT 'The metric of the catalog that is asked again of the users of the experiment, from their first exposure on; the first decides, the others guard',
    variant String COMMENT 'What users saw at their first exposure; (other) for variants that split does not list',
    users UInt64 COMMENT 'Users by their first exposure',
    eligible UInt64 COMMENT 'Of those, users whose time for the metric had passed at as_of since the end of the local day of the exposure, without the left_out',
    value Nullable(Float64) COMMENT 'Share of the eligible who got there in time, or came back in the period; NULL when nobody is eligible',
    low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of value',
    high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of value',
    difference Nullable(Float64) COMMENT 'value less that of the control; NULL for the control and for (other)',
    difference_low Nullable(Float64) COMMENT 'Lower limit of a 95 % interval of difference that holds however often one looks, together with those of the other variants',
    difference_high Nullable(Float64) COMMENT 'Upper limit of that interval',
    fixed_low Nullable(Float64) COMMENT 'Lower limit of the 95 % interval of difference for who looks and decides once (Newcombe)',
    fixed_high Nullable(Float64) COMMENT 'Upper limit of that interval',
    srm_p Float64 COMMENT 'p-value, valid however often one looks, of users having been dealt to the variants as split says; below 0.01 something deals them otherwise, and no difference can be believed',
    verdict LowCardinality(String) COMMENT 'broken: sample ratio where srm_p is below 0.01; better or worse where the interval excludes 0, in the direction of the metric; no difference worth having where it lies within least_effect; else running',
    as_of DateTime64(3, 'UTC') COMMENT 'Received time up to which every partition has applied the stream',
    left_out UInt64 COMMENT 'Users whose time has passed and who count in no share, because they saw another variant by the end of it'
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
    counted AS
    (
        SELECT position, metric_position, variant, toUInt64(sum(shown)) AS users, toUInt64(sumIf(shown - crossed, is_over)) AS n,
            toUInt64(sumIf(reached, is_over)) AS k, toUInt64(sumIf(crossed, is_over)) AS left_out
        FROM days
        GROUP BY position, metric_position, variant
    ),
    beside AS
    (
        SELECT a.position AS position, a.metric_position AS metric_position, a.experiment AS experiment, a.metric AS metric, c.variant AS variant,
            a.variants AS variants, a.shares AS shares, a.control AS control, a.least_effect AS least, a.better_up AS better_up,
            c.users AS users, c.n AS n, c.k AS k, c.left_out AS left_out, length(a.variants) - 1 AS compared,
            sumIf(c.n, c.variant = a.control) OVER of_metric AS control_n, sumIf(c.k, c.variant = a.control) OVER of_metric AS control_k,
            sumMap(map(c.variant, c.users)) OVER of_metric AS dealt
        FROM asked AS a
        INNER JOIN counted AS c ON c.position = a.position AND c.metric_position = a.metric_position
        WINDOW of_metric AS (PARTITION BY a.position, a.metric_position)
    ),
    -- The control, and what is no variant, is compared with nobody.
    against AS
    (
        SELECT *, if(variant = control OR NOT has(variants, variant), 0, control_n) AS other_n, if(other_n = 0, 0, control_k) AS other_k,
            arrayMap(v -> toFloat64(dealt[v]), variants) AS dealt_to
        FROM beside
    ),
    limited AS
    (
        SELECT position, metric_position, experiment, metric, variant, variants, users, n, k, left_out, least, better_up, p, q,
            least(1., 2 / (exp(lgamma(2) - lgamma(2 + arraySum(dealt_to)) + arraySum((seen, share) -> lgamma(2 * share + seen) - lgamma(2 * share) - seen * log(share), dealt_to, shares))
        + exp(lgamma(500) - lgamma(500 + arraySum(dealt_to)) + arraySum((seen, share) -> lgamma(500 * share + seen) - lgamma(500 * share) - seen * log(share), dealt_to, shares)))) AS srm_p,
            multiIf(n = 0, NULL, k <= 0, 0., (k + 1.920729410347062 - 1.959963984540054 * sqrt(k * (n - k) / n + 0.960364705173531)) / (n + 3.841458820694124)) AS once_low, multiIf(n = 0, NULL, k >= n, 1., (k + 1.920729410347062 + 1.959963984540054 * sqrt(k * (n - k) / n + 0.960364705173531)) / (n + 3.841458820694124)) AS once_high,
            multiIf(other_n = 0, NULL, other_k <= 0, 0., (other_k + 1.920729410347062 - 1.959963984540054 * sqrt(other_k * (other_n - other_k) / other_n + 0.960364705173531)) / (other_n + 3.841458820694124)) AS q_once_low, multiIf(other_n = 0, NULL, other_k >= other_n, 1., (other_k + 1.920729410347062 + 1.959963984540054 * sqrt(other_k * (other_n - other_k) / other_n + 0.960364705173531)) / (other_n + 3.841458820694124)) AS q_once_high,
            multiIf(n = 0, NULL, k <= 0, 0., (k + z2 / 2 - sqrt(z2 * (k * (n - k) / n + z2 / 4))) / (n + z2)) AS p_low, multiIf(n = 0, NULL, k >= n, 1., (k + z2 / 2 + sqrt(z2 * (k * (n - k) / n + z2 / 4))) / (n + z2)) AS p_high,
    multiIf(other_n = 0, NULL, other_k <= 0, 0., (other_k + z2 / 2 - sqrt(z2 * (other_k * (other_n - other_k) / other_n + z2 / 4))) / (other_n + z2)) AS q_low, multiIf(other_n = 0, NULL, other_k >= other_n, 1., (other_k + z2 / 2 + sqrt(z2 * (other_k * (other_n - other_k) / other_n + z2 / 4))) / (other_n + z2)) AS q_high
        FROM (SELECT *, if(n = 0 OR other_n = 0, NULL, (1 + 126.0056097925634 * (1 / n + 1 / other_n)) * (log1p(1 / (126.0056097925634 * (1 / n + 1 / other_n))) + 2 * log(20 * compared))) AS z2,
    k / nullIf(n, 0) AS p, other_k / nullIf(other_n, 0) AS q FROM against)
    ),
    told AS
    (
        SELECT *, p - q AS difference, difference - sqrt(pow(p - p_low, 2) + pow(q_high - q, 2)) AS difference_low, difference + sqrt(pow(p_high - p, 2) + pow(q - q_low, 2)) AS difference_high,
            difference - sqrt(pow(p - once_low, 2) + pow(q_once_high - q, 2)) AS fixed_low, difference + sqrt(pow(once_high - p, 2) + pow(q - q_once_low, 2)) AS fixed_high
        FROM limited
    )
SELECT experiment, metric, variant, users, n AS eligible, p AS value, once_low AS low, once_high AS high, difference, difference_low, difference_high, fixed_low, fixed_high, srm_p,
    multiIf(srm_p < 0.01, 'broken: sample ratio', isNull(difference), 'running',
        difference_low > 0, if(better_up, 'better', 'worse'), difference_high < 0, if(better_up, 'worse', 'better'),
        difference_low >= -least AND difference_high <= least, 'no difference worth having', 'running') AS verdict,
    as_of_time AS as_of, left_out
FROM told
ORDER BY position, metric_position, indexOf(variants, variant) = 0, indexOf(variants, variant)
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Experiments: which variant is better, however often one looks. Users are compared by the variant of their first exposure'
