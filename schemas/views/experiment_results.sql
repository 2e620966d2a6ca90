CREATE OR REPLACE VIEW {{view}}
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
    {{template "clock"}},
    {{template "today"}},
    {{template "sunday_weeks"}},
    {{template "trial_days"}},
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
            {{template "sample_ratio_p" args "users" "dealt_to" "shares" "shares"}} AS srm_p,
            {{template "wilson_low" args "k" "k" "n" "n"}} AS once_low, {{template "wilson_high" args "k" "k" "n" "n"}} AS once_high,
            {{template "wilson_low" args "k" "other_k" "n" "other_n"}} AS q_once_low, {{template "wilson_high" args "k" "other_k" "n" "other_n"}} AS q_once_high,
            {{template "always_limits"}}
        FROM (SELECT *, {{template "always_rates"}} FROM against)
    ),
    told AS
    (
        SELECT *, p - q AS difference, {{template "newcombe_low"}} AS difference_low, {{template "newcombe_high"}} AS difference_high,
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
{{template "settings"}}
COMMENT 'Experiments: which variant is better, however often one looks. Users are compared by the variant of their first exposure'
