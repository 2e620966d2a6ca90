SELECT cohort_start, entered, eligible AS n, adopted AS k, rate AS value, rate_low AS low, rate_high AS high,
    adopted_to_date AS k_to_date, p50_seconds, toBool(eligible < entered) AS is_provisional
FROM {{twin "adoption_by_cohort"}}
WHERE metric = {{quote .Metric}}
{{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
{{- if .From}} AND cohort_start >= {{quote .From}}{{end}}
{{- if .Until}} AND cohort_start < {{quote .Until}}{{end}}
{{- if .Segment}} AND segment = {{quote .Segment}} AND segment_value = {{quote .Value}}{{end}}
ORDER BY cohort_start DESC
{{limit}}
