{{define "retention_period"}}{{/* the period that a metric's one number is of */ -}}
WHERE (metric, period) IN (SELECT metric, toUInt8(target_period) FROM {{view "metric_catalog"}} WHERE periods > 0)
{{- end}}
