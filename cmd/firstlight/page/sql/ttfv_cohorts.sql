SELECT cohort_start, entered, entered AS n, reached AS k, km_p50_seconds AS value, km_p50_low AS low, km_p50_high AS high,
    mean_seconds, p50_seconds, p90_seconds, km_p25_seconds, km_p75_seconds, toBool(km_p50_high IS NULL) AS is_provisional
FROM {{twin "ttfv_by_cohort"}}
WHERE metric = {{quote .Metric}}
{{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
{{- if .From}} AND cohort_start >= {{quote .From}}{{end}}
{{- if .Until}} AND cohort_start < {{quote .Until}}{{end}}
{{- if .Segment}} AND segment = {{quote .Segment}} AND segment_value = {{quote .Value}}{{end}}
ORDER BY cohort_start DESC
{{limit}}
