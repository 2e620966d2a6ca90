{{define "retention_waiting"}}{{/* users who started and whose period is not over */ -}}
    SELECT metric, sum(users - old) AS waiting
    FROM
    (
        SELECT metric, cohort_start, any(started) AS users,
            sumIf(eligible, (metric, period) IN (SELECT metric, toUInt8(target_period) FROM {{view "metric_catalog"}} WHERE periods > 0)) AS old
        FROM {{view "retention_by_cohort"}}
        GROUP BY metric, cohort_start
    )
    GROUP BY metric
{{- end}}
