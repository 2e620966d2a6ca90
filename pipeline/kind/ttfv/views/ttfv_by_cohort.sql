CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    entered UInt64 COMMENT 'Users who entered the cohort in the period',
    reached UInt64 COMMENT 'Users who have reached value so far',
    mean_seconds Nullable(Float64) COMMENT 'Mean seconds from entry to first value, of those who reached it',
    p25_seconds Nullable(Float64) COMMENT '25 % of those who reached value took at most this long, within 1 %',
    p50_seconds Nullable(Float64) COMMENT 'Median of those who reached value, within 1 %',
    p75_seconds Nullable(Float64) COMMENT '75 % quantile of those who reached value, within 1 %',
    p90_seconds Nullable(Float64) COMMENT '90 % quantile of those who reached value, within 1 %',
    km_p25_seconds Nullable(Float64) COMMENT 'Kaplan-Meier: seconds until 25 % of all who entered reach value; NULL when not reached yet',
    km_p50_seconds Nullable(Float64) COMMENT 'Kaplan-Meier median: seconds until half of all who entered reach value; NULL when not reached yet',
    km_p50_low Nullable(Float64) COMMENT 'Lower 95 % limit of km_p50_seconds, from log-log bounds',
    km_p50_high Nullable(Float64) COMMENT 'Upper 95 % limit of km_p50_seconds, from log-log bounds; NULL when not reached yet',
    km_p75_seconds Nullable(Float64) COMMENT 'Kaplan-Meier: seconds until 75 % of all who entered reach value; NULL when not reached yet',
    {{template "as_of_column"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "chosen" "'ttfv'"}},
    {{template "followed_by_cohort"}},
    {{template "curve"}}
SELECT metric, cohort, {{seg ""}} cohort_start, entered, reached, mean_seconds,
    quantiles[1] AS p25_seconds, quantiles[2] AS p50_seconds, quantiles[3] AS p75_seconds, quantiles[4] AS p90_seconds,
    km_quantiles[1] AS km_p25_seconds, km_quantiles[2] AS km_p50_seconds, km_quantiles[3] AS km_p50_low, km_quantiles[4] AS km_p50_high, km_quantiles[5] AS km_p75_seconds, as_of_time AS as_of
FROM
(
    SELECT *, toUInt64(arraySum(mapValues(entered_by_end))) AS entered, event_total AS reached, arraySum(mapValues(ms_by_age)) / nullIf(event_total, 0) / 1000 AS mean_seconds,
        {{template "quantiles" "25, 50, 75, 90"}} AS quantiles,
        {{template "km_quantiles" args "left" "0.75, 0.5, 0.5, 0.5, 0.25" "curves" "km_s, km_s, km_low, km_high, km_s"}} AS km_quantiles
    FROM curve
)
WHERE entered > 0
{{template "settings"}}
COMMENT 'Time to first value of each cohort: of those who reached it, and Kaplan-Meier estimates for all who entered{{if segments}}, by segment{{end}}'
