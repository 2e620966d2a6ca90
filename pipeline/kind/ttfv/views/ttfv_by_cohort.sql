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
SELECT metric, cohort, {{seg ""}} cohort_start, entered, reached, mean_seconds, p25_seconds, p50_seconds, p75_seconds,
    p90_seconds, km_p25_seconds, km_p50_seconds, km_p50_low, km_p50_high, km_p75_seconds, as_of_time AS as_of
FROM
(
    SELECT *, toUInt64(arraySum(mapValues(entered_by_end))) AS entered, event_total AS reached, arraySum(mapValues(ms_by_age)) / nullIf(event_total, 0) / 1000 AS mean_seconds,
        {{template "quantile" args "percent" "25" "as" "p25_seconds"}},
        {{template "quantile" args "percent" "50" "as" "p50_seconds"}},
        {{template "quantile" args "percent" "75" "as" "p75_seconds"}},
        {{template "quantile" args "percent" "90" "as" "p90_seconds"}},
        {{template "km_quantile" args "left" "0.75" "curve" "km_s" "as" "km_p25_seconds"}},
        {{template "km_median"}},
        {{template "km_quantile" args "left" "0.25" "curve" "km_s" "as" "km_p75_seconds"}}
    FROM curve
)
WHERE entered > 0
{{template "settings"}}
COMMENT 'Time to first value of each cohort: of those who reached it, and Kaplan-Meier estimates for all who entered{{if segments}}, by segment{{end}}'
