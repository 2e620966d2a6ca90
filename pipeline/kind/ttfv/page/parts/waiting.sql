{{define "ttfv_waiting"}}{{/* users of the newest weeks who are not there yet */ -}}
    SELECT metric, sum(entered - reached) AS waiting
    FROM {{view "ttfv_by_cohort"}}
    WHERE cohort_start > toDate(as_of) - 28
    GROUP BY metric
{{- end}}
