CREATE OR REPLACE VIEW `firstlight`.`metric_prediction`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    predicts LowCardinality(String) COMMENT 'The metric that this one stands for',
    period UInt16 COMMENT 'The period of it in which users come back or do not',
    activated_eligible UInt64 COMMENT 'Users who reached the metric in time and were followed through the period',
    activated_returned UInt64 COMMENT 'Of those, users who came back in it',
    activated_rate Nullable(Float64) COMMENT 'activated_returned / activated_eligible',
    other_eligible UInt64 COMMENT 'Users who did not reach the metric in time and were followed through the period',
    other_returned UInt64 COMMENT 'Of those, users who came back in it',
    other_rate Nullable(Float64) COMMENT 'other_returned / other_eligible',
    difference Nullable(Float64) COMMENT 'activated_rate - other_rate',
    difference_low Nullable(Float64) COMMENT 'Lower limit of the 95 % interval of difference (Newcombe)',
    difference_high Nullable(Float64) COMMENT 'Upper limit of the 95 % interval of difference',
    least Float64 COMMENT 'Smallest difference that is worth having, as the catalog says',
    verdict LowCardinality(String) COMMENT 'predicts: the interval is above 0; predicts, but little: and below least; does not: it is below least; else not known yet',
    as_of DateTime64(3, 'UTC') COMMENT 'The moment to which the numbers are complete'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    split AS
    (
        SELECT metric, split, toUInt16(period) AS period, sum(activated_eligible) AS n, sum(activated_returned) AS k,
            sum(other_eligible) AS other_n, sum(other_returned) AS other_k
        FROM `firstlight`.retention_by_split
        GROUP BY metric, split, period
    ),
    compared AS
    (
        SELECT m.metric AS metric, m.cohort AS cohort, m.position AS position, m.predicts_metric AS predicts, m.predicts_period AS period,
            m.predicts_least AS least, s.n AS n, s.k AS k, s.other_n AS other_n, s.other_k AS other_k, k / nullIf(n, 0) AS p, other_k / nullIf(other_n, 0) AS q,
            multiIf(n = 0, NULL, k <= 0, 0., (k + 1.920729410347062 - 1.959963984540054 * sqrt(k * (n - k) / n + 0.960364705173531)) / (n + 3.841458820694124)) AS p_low, multiIf(n = 0, NULL, k >= n, 1., (k + 1.920729410347062 + 1.959963984540054 * sqrt(k * (n - k) / n + 0.960364705173531)) / (n + 3.841458820694124)) AS p_high,
            multiIf(other_n = 0, NULL, other_k <= 0, 0., (other_k + 1.920729410347062 - 1.959963984540054 * sqrt(other_k * (other_n - other_k) / other_n + 0.960364705173531)) / (other_n + 3.841458820694124)) AS q_low, multiIf(other_n = 0, NULL, other_k >= other_n, 1., (other_k + 1.920729410347062 + 1.959963984540054 * sqrt(other_k * (other_n - other_k) / other_n + 0.960364705173531)) / (other_n + 3.841458820694124)) AS q_high
        FROM `firstlight`.metrics AS m FINAL
        LEFT JOIN split AS s ON s.metric = m.predicts_metric AND s.split = m.metric AND s.period = m.predicts_period
        WHERE m.predicts_metric != '' AND m.catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))
    ),
    limited AS
    (
        SELECT *, p - q AS difference, difference - sqrt(pow(p - p_low, 2) + pow(q_high - q, 2)) AS low,
            difference + sqrt(pow(p_high - p, 2) + pow(q - q_low, 2)) AS high
        FROM compared
    )
SELECT metric, cohort, predicts, period, n AS activated_eligible, k AS activated_returned, p AS activated_rate,
    other_n AS other_eligible, other_k AS other_returned, q AS other_rate, difference, low AS difference_low, high AS difference_high, least,
    multiIf(low > 0 AND high < least, 'predicts, but little', low > 0, 'predicts', high < least, 'does not', 'not known yet') AS verdict,
    as_of_time AS as_of
FROM limited
ORDER BY position
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Does a leading metric tell who stays? The share of users who come back, of those who reached it in time and of those who did not'
