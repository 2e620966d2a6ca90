CREATE OR REPLACE VIEW {{view}}
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
    {{template "clock"}},
    {{template "today"}},
    {{template "sunday_weeks"}},
    {{template "trial_days"}},
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
        SELECT *, {{template "always_limits"}}
        FROM (SELECT *, {{template "always_rates"}} FROM against)
    )
SELECT experiment, metric, variant, day AS exposed_on, toBool(is_over) AS is_over, toUInt64(users) AS users, toUInt64(day_n) AS eligible, toUInt64(day_k) AS reached, toUInt64(left_out) AS left_out,
    toUInt64(n) AS eligible_to_date, toUInt64(k) AS reached_to_date, p AS value, p - q AS difference,
    {{template "newcombe_low"}} AS difference_low, {{template "newcombe_high"}} AS difference_high, as_of_time AS as_of
FROM limited
ORDER BY position, metric_position, indexOf(variants, variant) = 0, indexOf(variants, variant), day
{{template "settings"}}
COMMENT 'Experiments from day to day of the exposure: what was known of a difference with the users up to then'
