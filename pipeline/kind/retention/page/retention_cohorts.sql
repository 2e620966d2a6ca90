SELECT cohort_start, started AS entered, eligible AS n, returned AS k, rate AS value, rate_low AS low, rate_high AS high,
    returned_since, rate_since, toBool(NOT is_mature) AS is_provisional
FROM {{twin "retention_by_cohort"}}
{{template "cohorts" .}}{{template "group" .}} AND period IN (SELECT toUInt8(target_period) FROM {{view "metric_catalog"}} WHERE metric = {{quote .Metric}})
ORDER BY cohort_start DESC
{{limit}}
