SELECT cohort_start, age_seconds, eligible AS n, reached AS k, rate AS value, rate_low AS low, rate_high AS high,
    at_risk, km_rate, km_low, km_high, is_mature
FROM {{twin "progress_by_age"}}
{{template "cohorts" .}}{{template "group" .}}
ORDER BY cohort_start DESC, age_seconds
{{limit}}
