SELECT cohort_start, age_seconds, eligible AS n, reached AS k, rate AS value, rate_low AS low, rate_high AS high,
    at_risk, km_rate, km_low, km_high, is_mature
FROM {{twin "progress_by_age"}}
WHERE metric = {{quote .Metric}}
{{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
{{- if .From}} AND cohort_start >= {{quote .From}}{{end}}
{{- if .Until}} AND cohort_start < {{quote .Until}}{{end}}
{{- if .Segment}} AND segment = {{quote .Segment}} AND segment_value = {{quote .Value}}{{end}}
ORDER BY cohort_start DESC, age_seconds
{{limit}}
