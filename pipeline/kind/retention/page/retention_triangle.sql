SELECT cohort_start, period, started, eligible AS n, returned AS k, rate AS value, rate_low AS low, rate_high AS high,
    returned_since, rate_since, is_mature
FROM {{twin "retention_by_cohort"}}
{{template "cohorts" .}}{{template "group" .}}
ORDER BY cohort_start DESC, period
{{limit}}
