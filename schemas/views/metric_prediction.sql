CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
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
    {{template "clock"}},
    split AS
    (
        SELECT metric, split, toUInt16(period) AS period, sum(activated_eligible) AS n, sum(activated_returned) AS k,
            sum(other_eligible) AS other_n, sum(other_returned) AS other_k
        FROM {{db}}.retention_by_split
        GROUP BY metric, split, period
    ),
    compared AS
    (
        SELECT m.metric AS metric, m.cohort AS cohort, m.position AS position, m.predicts_metric AS predicts, m.predicts_period AS period,
            m.predicts_least AS least, s.n AS n, s.k AS k, s.other_n AS other_n, s.other_k AS other_k, k / nullIf(n, 0) AS p, other_k / nullIf(other_n, 0) AS q,
            {{template "wilson_low" args "k" "k" "n" "n"}} AS p_low, {{template "wilson_high" args "k" "k" "n" "n"}} AS p_high,
            {{template "wilson_low" args "k" "other_k" "n" "other_n"}} AS q_low, {{template "wilson_high" args "k" "other_k" "n" "other_n"}} AS q_high
        FROM {{db}}.metrics AS m FINAL
        LEFT JOIN split AS s ON s.metric = m.predicts_metric AND s.split = m.metric AND s.period = m.predicts_period
        WHERE m.predicts_metric != '' AND m.catalog_version = {{template "catalog_version"}}
    ),
    limited AS
    (
        SELECT *, p - q AS difference, {{template "newcombe_low"}} AS low,
            {{template "newcombe_high"}} AS high
        FROM compared
    )
SELECT metric, cohort, predicts, period, n AS activated_eligible, k AS activated_returned, p AS activated_rate,
    other_n AS other_eligible, other_k AS other_returned, q AS other_rate, difference, low AS difference_low, high AS difference_high, least,
    multiIf(low > 0 AND high < least, 'predicts, but little', low > 0, 'predicts', high < least, 'does not', 'not known yet') AS verdict,
    as_of_time AS as_of
FROM limited
ORDER BY position
{{template "settings"}}
COMMENT 'Does a leading metric tell who stays? The share of users who come back, of those who reached it in time and of those who did not'
