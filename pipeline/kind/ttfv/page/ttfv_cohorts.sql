SELECT cohort_start, entered, entered AS n, reached AS k, km_p50_seconds AS value, km_p50_low AS low, km_p50_high AS high,
    mean_seconds, p50_seconds, p90_seconds, km_p25_seconds, km_p75_seconds, toBool(km_p50_high IS NULL) AS is_provisional
FROM {{twin "ttfv_by_cohort"}}
{{template "cohorts" .}}{{template "group" .}}
ORDER BY cohort_start DESC
{{limit}}
