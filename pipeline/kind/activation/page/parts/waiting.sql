{{define "activation_waiting"}}{{/* users whose time is not over */ -}}
    SELECT metric, sum(entered - eligible) AS waiting
    FROM {{view "activation_by_cohort"}}
    GROUP BY metric
{{- end}}
