{{- /* A point for each cohort, at noon of its first day: that is the same date in nearly every time zone. */ -}}
SELECT metric, toDateTime(cohort_start, 'UTC') + 43200 AS window_start, window_start + 86400 AS window_end, started AS entered, eligible AS n, returned AS k,
    rate AS value, rate_low AS low, rate_high AS high, toBool(true) AS is_settled, is_mature AS is_final, toBool(NOT is_mature) AS is_provisional
FROM {{twin "retention_by_cohort"}} AS r
{{template "retention_period"}}
{{- if .Metric}} AND metric = {{quote .Metric}}{{end}}
{{- template "group" .}}
{{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
{{- if .From}} AND cohort_start >= {{quote .From}}{{end}}
{{- if .Until}} AND cohort_start < {{quote .Until}}{{end}}
ORDER BY metric, window_start DESC
{{limit}}
