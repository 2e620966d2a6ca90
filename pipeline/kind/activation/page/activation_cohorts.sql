SELECT cohort_start, entered, eligible AS n, activated AS k, rate AS value, rate_low AS low, rate_high AS high,
    activated_to_date AS k_to_date, toBool(NOT is_mature) AS is_provisional
FROM {{twin "activation_by_cohort"}}
{{template "cohorts" .}}{{template "group" .}}
ORDER BY cohort_start DESC
{{limit}}
