SELECT cohort_start, entered, eligible AS n, adopted AS k, rate AS value, rate_low AS low, rate_high AS high,
    adopted_to_date AS k_to_date, p50_seconds, toBool(eligible < entered) AS is_provisional
FROM {{twin "adoption_by_cohort"}}
{{template "cohorts" .}}{{template "group" .}}
ORDER BY cohort_start DESC
{{limit}}
